"""``mdcore run``: from an input file to results."""

import math
import os

from mdcore import checkpoint
from mdcore._kernels import cpu_name
from mdcore.cli import assemble, summary
from mdcore.cli.files import CHECKPOINT, forget_checkpoints, protect
from mdcore.cli.outputs import Outputs, tell
from mdcore.config import Settings, load, validate_species
from mdcore.errors import InputError, Interrupted, MdcoreError, SimulationError
from mdcore.signals import StopSignals
from mdcore.simulation import Simulation


def command(arguments, comm) -> None:
    settings = on_root(comm, lambda: load(arguments.input, arguments.set), share=True)
    with StopSignals() as stop:
        run(
            settings,
            comm,
            stop,
            restart=arguments.restart,
            overwrite=arguments.overwrite,
            quiet=arguments.quiet,
        )


def run(settings: Settings, comm, stop, *, restart=None, overwrite=False, quiet=False) -> None:
    """Run all stages of `settings`; Interrupted after a checkpoint if `stop()` says so.

    restart : None, a checkpoint file, or True for the checkpoint this input writes
    """
    say = print if comm.rank == 0 and not quiet else lambda *_: None
    on_root(comm, lambda: protect(settings, overwrite, restart is not None))
    assemble.check_grid(settings, comm.size)
    stages = assemble.make_stages(settings)
    sim = begin(settings, comm, stages, restart)
    sim.stop_requested = stop
    if overwrite:
        on_root(comm, lambda: forget_checkpoints(settings))
    resume_step = None if restart is None else sim.step
    outputs = Outputs(settings, comm, cpu_name(), resume_step=resume_step, overwrite=overwrite, quiet=quiet)
    for observer in outputs.observers:
        sim.add_observer(observer)
    say(summary.of_run(settings, sim, cpu_name()))
    with outputs.closing(comm):
        try:
            for stage, begun in assemble.remaining(stages, sim, resumed=restart is not None):
                say(summary.of_stage(stage, len(stages), sim.units))
                advance(sim, stage, begun, outputs, settings)
            outputs.finish(sim)
        except Interrupted:
            outputs.checkpoint.write(sim)
            raise stopped(settings, sim, stop) from None
        except SimulationError as error:
            raise with_last_checkpoint(error, outputs) from None


def begin(settings: Settings, comm, stages, restart) -> Simulation:
    """The simulation at its first step, or at the step of a checkpoint."""
    system = state = None
    if restart is None:
        system = on_root(comm, lambda: assemble.make_system(settings))
    else:
        path = settings.output_path(CHECKPOINT) if restart in (True, "") else restart
        state = on_root(comm, lambda: read_state(settings, path, stages))
    return Simulation(
        system,
        assemble.make_potential(settings),
        seed=settings.seed,
        skin=settings.neighbors.skin,
        comm=comm,
        processor_grid=None if settings.parallel.grid == "auto" else settings.parallel.grid,
        state=state,
    )


def advance(sim: Simulation, stage: assemble.Stage, begun: bool, outputs: Outputs, settings) -> None:
    """Run one stage, or what is left of it if it had begun before a restart."""
    sim.integrator = stage.integrator()
    sim.begin_stage(stage.steps, stage.zero_momentum, stage.first if begun else None)
    outputs.begin_stage(stage.settings)
    if math.isinf(sim.max_temperature):
        sim.max_temperature = assemble.max_temperature(settings, sim.thermo().temperature)
    if stage.index and not begun:
        outputs.observe(sim)  # the step before saw the intervals of the stage before
    sim.run_until(stage.last)


def read_state(settings: Settings, path: str, stages) -> dict:
    """The checkpoint, if it is of this input; InputError or OutputError."""
    state = checkpoint.read(path)
    for key, value in (("units", settings.units), ("seed", str(settings.seed))):
        if state[key] != value:
            raise assemble.at(
                settings,
                (key,),
                f"the checkpoint {path} is of a run with {key} = {state[key]}; restore it, or start anew "
                "without --restart",
            )
    if state["step"] > stages[-1].last:
        raise InputError(
            f"{path}: the checkpoint is of step {state['step']}, the stages of {settings.source} end at step "
            f"{stages[-1].last}; give a stage more steps"
        )
    validate_species(settings, tuple(state["symbols"]))
    if checkpoint.read_provenance(path).get("input") != settings.text:
        tell(f"{path} was written with other settings; the run continues with those of {settings.source}")
    return state


def stopped(settings: Settings, sim, stop) -> Interrupted:
    """What the user hears after a signal."""
    error = Interrupted(
        f"{getattr(stop, 'received', None) or 'a request to stop'} came: stopped at step {sim.step}, "
        f"checkpoint written to {settings.output_path(CHECKPOINT)}; continue with --restart"
    )
    error.collective = True
    return error


def with_last_checkpoint(error: SimulationError, outputs: Outputs) -> SimulationError:
    """`error`, and where the run could be taken up again."""
    path = outputs.checkpoint.path
    if os.path.exists(path):
        text = f"{error}. The checkpoint before is intact: {path}; continue from there with --restart"
        told = SimulationError(text)
        told.collective = getattr(error, "collective", False)
        return told
    return error


def on_root(comm, function, share: bool = False):
    """``function()`` on rank 0; its error is raised on all ranks, its value returned on all if `share`."""
    value = error = None
    if comm.rank == 0:
        try:
            value = function()
        except MdcoreError as raised:
            error = raised
    error, shared = comm.bcast((error, value if share else None))
    if error is not None:
        error.collective = True
        raise error
    return shared if share else value
