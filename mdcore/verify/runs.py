"""What happens in dynamics: is energy conserved, and do ranks and threads change a bit?"""

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from mdcore.base.comm import SelfComm
from mdcore.base.errors import MdcoreError, SimulationError
from mdcore.doors._hdnnp import most_threads
from mdcore.dynamics.motion.verlet import VelocityVerlet
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.base import leaves
from mdcore.structure.system import System
from mdcore.structure.velocities import maxwell_boltzmann
from mdcore.verify.report import Row, at_most, skipped
from mdcore.verify.subject import Subject, networks_in

STEPS = 60
MIXED_LIMIT = 1e-4  # of the size of the forces
DRIFT_LIMIT = 1e-2  # of the kinetic energy
QUARTERED = 3  # times at most
ROUNDING = 1e-10  # energy an atom
ORDER_LIMIT = 2.5  # the error of half the time step is a quarter
RANKS = 2
RANK_STEPS = 10
UNLOADABLE = 77  # exit code
PATIENCE = 600.0  # seconds
# MPICH: sleep while waiting, there may be fewer cores than ranks
PATIENT = {"MPIR_CVAR_POLLS_BEFORE_YIELD": "10", "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1"}


def energy_conservation(it: Subject):
    """Constant energy: how far the total strays, and by how much less with half the time step.

    The step is one for the lightest atom at room temperature. A strained structure may need a shorter one, so it is
    quartered while a row fails: where forces are the gradient of an energy, both hold as soon as it is short enough.
    """
    dt = 0.25 * float(moving(it).masses.min()) ** 0.5 if it.units.name == "metal" else 0.002
    for quartered in range(QUARTERED + 1):
        try:
            coarse, kinetic = _stray(it, dt, 1)
            fine, _ = _stray(it, dt, 2)
        except SimulationError:  # it flies apart at such a step
            if quartered == QUARTERED:
                raise
            dt /= 4.0
            continue
        ratio, limit = coarse / max(fine, 1e-300), DRIFT_LIMIT * kinetic
        rounding = coarse < ROUNDING and not quartered
        if coarse <= limit and (rounding or ratio >= ORDER_LIMIT):
            break
        dt /= 4.0 if quartered < QUARTERED else 1.0
    yield at_most(
        f"NVE, {STEPS} steps of {dt:.3g} {it.units.labels['time']}: error an atom", coarse, limit, it.energy_unit
    )
    note = "too small to tell" if rounding else ("4 is exact" if ratio >= ORDER_LIMIT else WHY)
    yield Row("NVE: times less at half the step", ratio, ORDER_LIMIT, rounding or ratio >= ORDER_LIMIT, "", note, True)


def _stray(it: Subject, dt: float, divisor: int) -> tuple[float, float]:
    """Of STEPS steps, each in so many parts: how far the total energy strays, and the mean kinetic energy, an atom."""
    sim = Simulation(moving(it), it.potential, VelocityVerlet(dt / divisor), comm=SelfComm())
    totals, kinetic = [], []

    def note(sim):
        thermo = sim.thermo()
        totals.append(thermo.total)
        kinetic.append(thermo.kinetic)

    sim.every(divisor, note)
    sim.run(STEPS * divisor)
    return float(np.abs(np.array(totals) - totals[0]).max()) / it.n, float(np.mean(kinetic)) / it.n


WHY = "the error should fall as the square of the step: forces are not the gradient of the energy, or it jumps"


def moving(it: Subject) -> System:
    """The structure as a System, at room temperature (lj: at 1)."""
    system = System(
        it.box, it.positions, it.species, it.symbols, masses=getattr(it.structure, "masses", None), units=it.units,
        columns=it.columns,
    )  # fmt: skip
    system.bonds = it.bonds
    if it.n > 1:
        maxwell_boltzmann(system, 300.0 if it.units.name == "metal" else 1.0, seed=it.seed)
    return system


def precision(it: Subject):
    """Networks in mixed precision against double."""
    what, limit = "mixed - double precision", MIXED_LIMIT * max(1.0, it.scale)  # forces of a perfect crystal vanish
    if not any(term.trained for term in leaves(it.potential)):
        yield skipped(what, "no network potential")
        return
    found = evaluate(networks_in(it.potential, "mixed"), it.structure)
    off = found.forces - it.base.forces
    yield at_most(f"{what}: force, largest", np.abs(off).max(), 10.0 * limit, it.force_unit)
    yield at_most(f"{what}: force, rms", np.sqrt((off**2).mean()), limit, it.force_unit)
    yield at_most(f"{what}: energy an atom", abs(found.energy - it.base.energy) / it.n, limit, it.energy_unit)


def threads(it: Subject):
    """Threads within the kernels of networks; and structures side by side on two threads."""
    what = "1 and 2 threads of a network: the same bits"
    if not any(term.trained for term in leaves(it.potential)):
        yield skipped(what, "no network potential")
    elif most_threads() == 1:
        yield skipped(what, "mdcore was built without OpenMP")
    else:
        one, two = (evaluate(networks_in(it.potential, "double", k), it.structure) for k in (1, 2))
        yield Row(what, ok=_bits(one) == _bits(two))
    several = [moving(it) for _ in range(4)]
    for k, system in enumerate(several):
        system.positions[0] += 0.01 * k
    one = evaluate(it.potential, several)
    two = evaluate(it.potential, several, threads=2)
    same = all(_bits(a) == _bits(b) for a, b in zip(one, two, strict=True))
    yield Row("structures on 1 and 2 threads: the same bits", ok=same)


def _bits(found) -> bytes:
    return np.float64(found.energy).tobytes() + found.forces.tobytes() + found.virial.tobytes()


# --- ranks -----------------------------------------------------------------------------------------


def ranks(it: Subject):
    """The same run here and on two ranks."""
    what = f"1 and {RANKS} ranks: the same bits"
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = beside if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None or importlib.util.find_spec("mpi4py") is None:
        yield skipped(what, 'no MPI here; pip install "mdcore[mpi]"')
        return
    try:
        own = tempfile.TemporaryDirectory(prefix="mdcore-verify-", ignore_cleanup_errors=True)
    except OSError as error:
        yield skipped(what, f"no folder for temporary files (TMPDIR): {error.strerror}")
        return
    with own as folder:
        job, answer = Path(folder) / "job", Path(folder) / "answer.npz"
        try:
            job.write_bytes(pickle.dumps((it.potential, moving(it))))
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            yield skipped(what, f"this potential can't be handed to other processes: {error}")
            return
        except OSError as error:
            yield skipped(what, f"{job}: {error.strerror}")
            return
        command = [str(mpiexec), "-n", str(RANKS), sys.executable, "-m", "mdcore.verify.runs", str(job), str(answer)]
        environment = {**os.environ, **PATIENT, "OMP_NUM_THREADS": "1"}
        text = {"encoding": "utf-8", "errors": "backslashreplace"}
        try:
            done = subprocess.run(command, capture_output=True, timeout=PATIENCE, env=environment, **text)
        except (OSError, subprocess.TimeoutExpired) as error:
            yield skipped(what, f"{mpiexec}: {error}")
            return
        if done.returncode == UNLOADABLE:
            yield skipped(what, f"other processes can't load this potential: {done.stderr.strip().splitlines()[-1]}")
            return
        if done.returncode or not answer.exists():
            lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
            yield Row(what, ok=False, note=f"the run on {RANKS} ranks failed: {lines[-1]}")
            return
        with np.load(answer) as saved:
            many = {name: saved[name] for name in saved}
    one = trajectory(it.potential, moving(it), SelfComm())
    wrong = [name for name in one if one[name].tobytes() != many[name].tobytes()]
    yield Row(what, ok=not wrong, note=f"they differ in {', '.join(wrong)} after {RANK_STEPS} steps" if wrong else "")


def trajectory(potential, system, comm) -> dict[str, np.ndarray] | None:
    """Where a few steps lead; on rank 0."""
    dt = 0.1 if system.units.name == "metal" else 0.001
    sim = Simulation(system, potential, VelocityVerlet(dt), comm=comm)
    sim.run(RANK_STEPS)
    thermo, frame = sim.thermo(), sim.snapshot()
    if frame is None:
        return None
    found = {name: getattr(frame, name) for name in ("positions", "velocities", "forces")}
    return found | {"energy": np.array(thermo.potential), "stress": np.array(thermo.stress)}


def main() -> None:
    """On each rank: python -m mdcore.verify.runs JOB ANSWER"""
    from mdcore.base.comm import connect

    job, answer = sys.argv[1:]
    try:
        potential, system = pickle.loads(Path(job).read_bytes())
    except (AttributeError, ImportError) as error:  # functions of a script or a notebook
        print(error, file=sys.stderr, flush=True)
        sys.exit(UNLOADABLE)
    found = trajectory(potential, system, connect())
    if found is not None:
        np.savez(answer, **found)


if __name__ == "__main__":
    try:
        main()
    except MdcoreError as error:
        sys.exit(f"mdcore: error: {error}")
