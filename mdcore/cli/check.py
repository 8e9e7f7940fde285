"""``mdcore check``: is the input right, and what would it do?"""

from importlib import import_module

from mdcore.base.comm import SelfComm, on_root
from mdcore.base.errors import InputError
from mdcore.base.memory import check_neighbours
from mdcore.cli import assemble, summary
from mdcore.cli.files import check_names, output_files
from mdcore.config import load
from mdcore.config.load import kind_of_input
from mdcore.config.problems import at
from mdcore.dynamics.simulation import Simulation
from mdcore.engine import sanity
from mdcore.engine.domain import on_grid


def command(arguments, comm) -> None:
    on_root(comm, lambda: print(of_any(arguments.input, arguments.set)))


def of_any(path: str, overrides=()) -> str:
    """`check`, or that of a training or a campaign."""
    kind = kind_of_input(path)
    return check(path, overrides) if kind == "run" else import_module(f"mdcore.cli.{kind}").check(path, overrides)


def check(path: str, overrides=()) -> str:
    """Validate an input with its structure; returns what it would do, raises InputError."""
    settings = load(path, overrides)
    system = assemble.make_system(settings)
    potential = assemble.make_potential(settings, assemble.read_potentials(settings, system.symbols))
    potential.bind(tuple(system.symbols))
    assemble.check_potential(settings, potential)
    units = settings.unit_system
    potential = potential.suited(system.n_atoms, system.box, units)
    reach = potential.cutoff + 1.5 * settings.neighbors.skin
    check_neighbours(system.n_atoms, on_grid(system.box, reach)[1], reach, units)
    with assemble.naming_structure(settings):
        sanity.refuse(system.box, system.positions, system.species, tuple(system.symbols), units, potential)
    lines = [f"{path}: the input is right"]
    if settings.title:
        lines.append(f"title       {settings.title}")
    lines += summary.of_system(system.symbols, summary.counts(system), system.box, units)
    told, warnings = assemble.describe(settings, system, potential)
    lines += [f"{name:<11} {text}" for name, text in told.items() if text]
    lines += [f"warning     {text}" for text in warnings]
    lines += summary.of_settings(settings, potential)
    stages = assemble.make_stages(settings)
    assemble.make_reference(settings)
    check_names(settings)
    rehearse(settings, system, potential, stages)
    for stage in stages:
        lines += [summary.of_stage(stage, len(stages), units), *summary.details(stage, units)]
    lines += [f"writes      {file} ({what})" for file, what in output_files(settings).items()]
    return "\n".join(lines)


def rehearse(settings, system, potential, stages) -> None:
    """InputError for what only the beginning of a stage finds out: atoms at rest that have to be rescaled, a pressure
    that functions of Python do not tell. Others are known without computing forces."""
    rests = system.velocities is None or not system.velocities.any()
    foreign = any(s.type in ("python", "ase") for s in settings.potential)
    moving = next((stage for stage in stages if stage.settings.ensemble != "minimise"), None)  # the first that does
    asked = [moving] if rests and hasattr(moving and moving.settings, "thermostat") else []
    asked += [stage for stage in stages if foreign and stage.settings.moves_cell not in ("", "strain_rate")]
    if not asked:
        return
    sim = Simulation(system, potential, seed=settings.seed, skin=settings.neighbors.skin, comm=SelfComm())
    for stage in asked:
        try:
            sim.begin_stage(stage.steps, stage.integrator(), zero_momentum=False)
        except InputError as error:
            raise at(settings, ("stage", stage.index, "ensemble"), str(error)) from None
