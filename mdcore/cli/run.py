"""``mdcore run``: from an input file to results."""

import math
import os
import shlex
import sys
from contextlib import ExitStack, nullcontext

from mdcore.base import console
from mdcore.base.comm import on_root
from mdcore.base.errors import (
    BrokenBondError,
    DisagreementError,
    ExtrapolationError,
    InputError,
    Interrupted,
    OutputError,
    SimulationError,
)
from mdcore.base.signals import Deadline, StopSignals
from mdcore.cli import assemble, networks, summary
from mdcore.cli.assemble import Stage
from mdcore.cli.files import BROKEN, CHECKPOINT, forget, output_files, protect
from mdcore.cli.outputs import Outputs, changes, differs, tell_differences
from mdcore.config import Settings, load, validate_species
from mdcore.doors._kernels import cpu_name
from mdcore.dynamics.loading import check_state
from mdcore.dynamics.simulation import Simulation
from mdcore.engine import faults
from mdcore.output import checkpoint
from mdcore.output.lock import RunLock, lock_path
from mdcore.output.progress import Meter, Progress, banner
from mdcore.potentials.base import leaves
from mdcore.structure.columns import checked
from mdcore.watch.broken_bonds import BrokenBonds


def command(arguments, comm) -> None:
    settings = on_root(comm, lambda: load(arguments.input, arguments.set), share=True)
    run(settings, comm, restart=arguments.restart, overwrite=arguments.overwrite, quiet=arguments.quiet)


def run(settings: Settings, comm, stop=None, *, restart=None, overwrite=False, quiet=False) -> None:
    """Run all stages of `settings`; Interrupted after a checkpoint if asked to stop.

    stop : function that says whether to stop; None: signals do
    restart : None, a checkpoint file, or True for the checkpoint this input writes
    """
    say = console.say if comm.rank == 0 and not quiet else lambda text="": None
    on_root(comm, lambda: protect(settings, overwrite, restart is not None))
    assemble.check_grid(settings, comm.size)
    reference = on_root(comm, lambda: assemble.make_reference(settings))
    stages = assemble.make_stages(settings)
    with ExitStack() as held:
        on_root(comm, lambda: held.enter_context(RunLock(lock_path(settings.output.directory, settings.output.name))))
        path = settings.output_path(CHECKPOINT) if restart in (True, "") else restart
        state = None if path is None else on_root(comm, lambda: read_state(settings, path, stages))
        if path is not None and comm.bcast(comm.rank == 0 and state["step"] == stages[-1].last):
            return finished(settings, stages, path, reference, comm, say)
        sim, lengths = begin(settings, comm, stages, path, state)
        if overwrite:
            on_root(comm, lambda: forget(settings))
        resume_step = None if path is None else sim.step
        outputs = Outputs(settings, sim, stages, cpu_name(), resume_step=resume_step, overwrite=overwrite, quiet=quiet)
        progress = Progress(stages[-1].last, style="off" if quiet else settings.output.progress)
        held.enter_context(outputs.closing(comm))
        held.callback(progress.close)
        for observer in (*outputs.observers, progress):
            sim.add_observer(observer)
        restarted = summary.of_restart(path, sim) if path is not None and comm.rank == 0 else ""
        say(banner(sim, outputs.provenance, settings.source, restarted, lengths[0]) + "\n")
        for text in lengths[1]:
            console.tell("warning", text)
        meter = Meter(sim)
        # signals are caught only now: before and after the steps they end the process at once
        with StopSignals() if stop is None else nullcontext(stop) as asked:
            minutes = settings.limits.wall_minutes
            sim.stop_requested = asked if minutes is None else Deadline(asked, minutes)
            run_stages(settings, sim, assemble.remaining(stages, sim, path is not None), outputs, say)
        progress.close()
        timing = meter.report(sim)
        say("\n" + "\n".join([timing, *prose(sim.summary()), *written(settings)]))
    if settings.analysis is not None:
        lines = on_root(comm, lambda: analyse(settings, stages, reference))
        say("\n" + "\n".join(prose(lines or ())))
    conclude(sim, say, quiet)


def conclude(sim: Simulation, say, quiet: bool) -> None:
    """The last word is whether to trust what the networks said; that they can't be trusted is told in any case."""
    if lines := networks.verdicts(sim):
        say("\n" + "\n".join(prose(lines)))
    for text in networks.verdicts(sim, doubtful=True) if quiet and sim.comm.rank == 0 else ():
        networks.tell(text)


def finished(settings: Settings, stages, path: str, reference, comm, say) -> None:
    """There are no steps left: say so, and touch nothing but an analysis that is missing or wanted otherwise."""
    text = (
        f"{settings.source}: this run is finished: {path} is of its last step, {stages[-1].last}. To go on, give the "
        f"last stage more steps, e.g. --set stage.{stages[-1].name}.steps={2 * max(stages[-1].steps, 500)}; to run "
        "anew, --overwrite"
    )
    say(console.folded(text, sys.stdout))

    def missing():
        old = checkpoint.read_provenance(path).get("input", "")
        return not os.path.exists(settings.output_path(".analysis.json")) or differs(old, settings, "analysis")

    if settings.analysis is not None and on_root(comm, missing, share=True):
        lines = on_root(comm, lambda: analyse(settings, stages, reference))
        say("\n" + "\n".join(prose(lines or ())))


def prose(lines) -> list[str]:
    """Long lines, folded on a terminal."""
    return [console.folded(line, sys.stdout) for line in lines]


def written(settings: Settings) -> list[str]:
    """The files that are there at the end, but for those of the analysis, which is still to come."""
    files = {path: what for path, what in output_files(settings).items() if os.path.exists(path)}
    return ["", *(f"wrote {path} ({what})" for path, what in files.items() if ".analysis." not in path)]


def run_stages(settings: Settings, sim: Simulation, stages, outputs: Outputs, say) -> None:
    """Run the stages, given as (stage, had it begun before the restart?)."""
    try:
        outputs.checkpoint.observe(sim)  # nothing is new at the first step
        for stage, begun in stages:
            say(summary.of_stage(stage, len(settings.stage), sim.units))
            advance(settings, sim, stage, begun, outputs, say)
            if sim.comm.rank == 0 and (told := outputs.averages(stage)):
                say("\n".join([*told, ""]))
        outputs.finish(sim)
    except Interrupted:
        outputs.write_checkpoint(sim)
        raise stopped(settings, sim) from None
    except ExtrapolationError as error:
        outputs.write_checkpoint(sim)
        raise halted(settings, error) from None
    except SimulationError as error:
        told = [*sim.summary(), *networks.verdicts(sim, doubtful=True)]  # nobody trusts it
        say("\n".join(["", *prose(told)]))
        raise with_last_checkpoint(error, outputs) from None


def advance(settings: Settings, sim: Simulation, stage: Stage, begun: bool, outputs: Outputs, say) -> None:
    """Run one stage, or what is left of it if it had begun before a restart."""
    first_step = stage.first if begun else None
    sim.remove_drift_every = stage.settings.remove_drift_every
    sim.begin_stage(stage.steps, stage.integrator(), zero_momentum=stage.zero_momentum, first_step=first_step)
    outputs.begin_stage(stage)
    if math.isinf(sim.max_temperature):
        sim.max_temperature = assemble.max_temperature(settings, sim.thermo().temperature)
    if stage.index and not begun:
        outputs.observe(sim)  # the step before saw the intervals of the stage before
    sim.run_until(stage.last)
    if minimiser := getattr(sim.integrator, "outcome", None):
        say(minimiser(sim.units))
        end_minimisation(sim, stage, outputs)


def end_minimisation(sim: Simulation, stage: Stage, outputs: Outputs) -> None:
    """Steps that are left have nothing to do; SimulationError or a warning if there were too few."""
    if sim.integrator.converged:
        if sim.step < stage.last:
            sim.skip_to(stage.last)
        return
    text = (
        f"stage {stage.name}: forces or stress are still larger than wanted after {stage.steps} steps: more steps, or "
        "a larger max_force or max_stress"
    )
    if stage.settings.until == "converged":
        outputs.write_checkpoint(sim)
        faults.fail(sim.comm, text)
    if sim.comm.rank == 0:
        console.tell("warning", text)


def analyse(settings: Settings, stages, reference: dict) -> list[str]:
    """Analyse the trajectory of the stage that [analysis] names; returns what to print."""
    from mdcore.analysis import analyse

    wanted = settings.analysis
    stage = next(stage for stage in stages if stage.name == wanted.stage)
    report = analyse(
        settings.output_path(".h5md"),
        wanted,
        first_step=stage.first,
        last_step=stage.last,
        output=settings.output_path(".analysis"),
        reference=reference,
        bath=stage.settings.temperatures,
    )
    return report.lines()


def begin(settings: Settings, comm, stages, path: str | None, state: dict | None) -> tuple[Simulation, tuple]:
    """The simulation at its first step, or at the `state` of the checkpoint at `path`, which rank 0 has read; and what
    there is to tell of distances and density (sanity.py), at the first step on rank 0."""
    system = None if path is not None else on_root(comm, lambda: assemble.make_system(settings))
    step = comm.bcast(state["step"] if state else 0)
    symbols = state["symbols"] if state else () if system is None else system.symbols  # known to rank 0
    read = on_root(comm, lambda: assemble.read_potentials(settings, symbols), share=True)
    if path is not None:
        on_root(comm, lambda: networks.compare(read, path, checkpoint.read_provenance(path)))
    potential = assemble.make_potential(settings, read)
    on_root(comm, lambda: assemble.check_potential(settings, potential))
    with assemble.naming_structure(settings):
        sim = Simulation(
            system,
            potential,
            assemble.stage_at(stages, step).integrator(),
            seed=settings.seed,
            skin=settings.neighbors.skin,
            comm=comm,
            processor_grid=None if settings.parallel.grid == "auto" else settings.parallel.grid,
            state=state,
        )
    if settings.limits.bonds is not None:
        start = on_root(comm, lambda: assemble.bonds_at_start(settings, system), share=True)
        watcher = BrokenBonds(*start, settings.limits.bonds, hopping=settings.limits.hopping)
        sim.add_watcher(watcher, leaves(sim.work.bound)[0])
    return sim, ({}, []) if system is None else assemble.describe(settings, system, potential)


def read_state(settings: Settings, path: str, stages) -> dict:
    """The checkpoint, if it is of this input; InputError or OutputError."""
    if not os.path.exists(path) and not os.path.exists(checkpoint.previous_path(path)):
        off = not settings.output.checkpoint_every and settings.output.checkpoint_minutes == 0
        cure = ", with checkpoint_minutes in [output] to have one later" if off else ""
        raise OutputError(f"{path}: no such checkpoint, nothing to go on from; start without --restart{cure}")
    state = checkpoint.read(path)
    try:
        check_state(state)
    except (ValueError, TypeError, KeyError) as error:
        raise OutputError(f"{path}: damaged checkpoint ({error})") from None
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
    old = checkpoint.read_provenance(path).get("input", "")
    check_same_groups(settings, path, old)
    n = len(state["species"])
    assemble.check_groups(settings, checked(state.get("columns", {}), n), n, tuple(state["symbols"]))
    tell_differences(path, old, settings, "the run")
    return state


def check_same_groups(settings: Settings, path: str, text: str) -> None:
    """InputError if the groups are others than in `text`, the input of the checkpoint at `path`."""
    try:
        changed = [line for line in changes(text, settings, "group") if ".measure " not in line]
    except InputError:
        return  # of another version: the checkpoint's groups count
    if changed:
        raise InputError(
            f"{settings.source}: [[group]]: {changed[0]} in the input of {path}; groups, and what is held, are those "
            "of the start of a run: restore it, or start anew without --restart"
        )


def stopped(settings: Settings, sim) -> Interrupted:
    """What the user hears after a signal."""
    signal = getattr(sim.stop_requested, "received", None) or "a request to stop"
    words = ["mdcore", "run", settings.source, "--restart"]
    for item in settings.origin.overrides.values():
        words += ["--set", item]
    return Interrupted(
        f"{signal} came: stopped at step {sim.step}, checkpoint "
        f"written to {settings.output_path(CHECKPOINT)}; continue with: {shlex.join(words)}"
    ).everywhere()


def halted(settings: Settings, error: ExtrapolationError) -> ExtrapolationError:
    """`error`, and what can be done now."""
    file, cure = {
        DisagreementError: (networks.DISPUTED, "a larger disagreement_stop"),
        BrokenBondError: (BROKEN, "a larger bonds in [limits]"),
    }.get(type(error), (networks.SAVED, 'extrapolation = "warn" or a larger extrapolation_limit'))
    saved = settings.output_path(file)
    return type(error)(
        f"{error}. Stopped; the structure is in {saved}, the checkpoint in "
        f"{settings.output_path(CHECKPOINT)}. Train the potential on such structures, or go on with --restart "
        f"and {cure}"
    ).everywhere()


def with_last_checkpoint(error: SimulationError, outputs: Outputs) -> SimulationError:
    """`error`, and where the run could be taken up again."""
    path = outputs.checkpoint.path
    if os.path.exists(path):
        text = f"{error}. The last checkpoint is intact: {path}; continue from it with --restart"
        told = SimulationError(text)
        told.collective = getattr(error, "collective", False)
        return told
    return error
