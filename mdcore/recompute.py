"""What would another potential say of this trajectory? Energies, forces and stress of every frame, written as
extended xyz, H5MD or CSV.

Ranks share the frames; each evaluates its own alone, rank 0 reads and writes. The results are the same bits.
"""

import itertools
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdcore.base.arguments import as_path, listed, of_kind
from mdcore.base.comm import connect, on_root
from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.voigt import PAIRS
from mdcore.base.writing import replacing, writing_text
from mdcore.dynamics.snapshots import holds_some, snapshots
from mdcore.dynamics.thermo import Snapshot, Thermo
from mdcore.engine.evaluation import Worker, open_potential
from mdcore.output.h5md import H5MDFile
from mdcore.output.provenance import collect
from mdcore.output.thermo_log import ThermoLog
from mdcore.output.trajectory import Trajectory, unwrapped
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.structure.extxyz import SUFFIXES, write_frame

SOME = "holds some of the atoms, which have another energy than all together"
COLUMNS = ("step", "time", "energy", "pressure", *(f"stress_{name}" for name in ("xx", "yy", "zz", "yz", "xz", "xy")))


@dataclass
class Rerun:
    """What was found: of each frame, user units; pressure and stress are the potential's, without kinetic part.

    steps int64 [frames]; times float64 [frames]; n_atoms int64 [frames]
    energy float64 [frames]; pressure [frames]; stress [frames, 6] xx yy zz yz xz xy, nan unless fully periodic
    largest_force float64 [frames]
    """

    steps: np.ndarray
    times: np.ndarray
    n_atoms: np.ndarray
    energy: np.ndarray
    pressure: np.ndarray
    stress: np.ndarray
    largest_force: np.ndarray
    units: object


def rerun(
    potential, trajectory, output=(), *, frames: slice | None = None, threads: int | None = None,
    overwrite: bool = False, units=None, comm=None,
) -> Rerun:  # fmt: skip
    """Evaluate every frame of a trajectory with another potential (collective).

    potential : as for `evaluate`; trajectory : path of .h5md, extended xyz, or any format of ASE
    output : files to write, one or a list: .extxyz or .xyz (positions, energy, forces, stress), .h5md (a trajectory
        with forces and a thermo log), .csv (a line a frame); each is there when all frames are done, or not at all
    frames : which, e.g. slice(0, None, 10); threads : of each rank
    units : "metal" or "lj", those of the potential; None: metal for structures, those of a .h5md trajectory

    Walls, places and lengths that move are where they are at the time of the frame; atoms are at the positions that go
    on beyond the faces of the cell, where the file tells them.
    Raises InputError for a frame that is not right, SimulationError if its atoms overlap; both say which.
    """
    comm = connect(comm)
    potential = open_potential(potential)
    work, rows = Worker(potential, threads=threads), []
    with ExitStack() as held:  # on rank 0; a file that is not whole is not left behind
        source = on_root(comm, lambda: Source(trajectory, frames, units, held))
        writers = on_root(comm, lambda: [held.enter_context(writer(path, overwrite)) for path in _listed(output)])
        while found := on_root(comm, lambda: source.take(comm.size), share=True):
            mine = found[comm.rank] if comm.rank < len(found) else None
            answers = _gathered(comm, None if mine is None else _answer(work, *mine))
            rows += on_root(comm, lambda found=found, answers=answers: _write(writers, found, answers)) or []
        on_root(comm, held.close)
    rows, units = comm.bcast((rows, source.units) if comm.rank == 0 else None)
    return Rerun(*(np.array(column) for column in zip(*rows, strict=True)), units=units)


def _listed(output) -> list:
    return [output] if isinstance(output, str | Path) else list(listed("rerun: output", output, "'new.extxyz'"))


class Source:
    """Frames of a file as snapshots, a few at a time."""

    def __init__(self, path, chosen: slice | None, units: str | None, held: ExitStack):
        chosen, path = slice(None) if chosen is None else chosen, as_path(path, "a trajectory")
        of_kind("frames", chosen, slice, "a slice, e.g. slice(0, None, 10)")
        bounds = (chosen.start, chosen.stop, chosen.step)
        if any(value is not None and value < 0 for value in bounds) or chosen.step == 0:
            raise InputError(f"frames = {chosen}: expected first, end, stride, none negative, e.g. slice(0, 9, 2)")
        self.path, self.units = path, None
        if path.suffix.lower() in (".h5md", ".h5"):
            frames = held.enter_context(Trajectory(path))
            if not frames.whole:
                raise InputError(f"{path}: {SOME}")
            if units not in (None, frames.units.name):
                raise InputError(f"{path}: has units {frames.units.name}, the potential {units}; they must agree")
        else:
            frames = _whole(path, units or "metal")
        self.frames = itertools.islice(enumerate(frames), *bounds)
        self.any = False

    def take(self, most: int) -> list[tuple[int, Snapshot]]:
        """The next (number, frame), `most` at most; none at the end. InputError for none at all."""
        found = list(itertools.islice(self.frames, most))
        if not found and not self.any:
            raise InputError(f"{self.path}: no frames to evaluate")
        for number, frame in found:
            if frame.positions is None:
                raise InputError(f"{self.path}: frame {number}: the trajectory holds no positions")
            self.units = frame.units
        self.any = True
        return found


def _whole(path, units: str) -> Iterator[Snapshot]:
    for frame, info in snapshots(path, units):
        if holds_some(info, frame.n_atoms):
            raise InputError(f"{path}: {SOME}")
        yield frame


@dataclass(frozen=True)
class Answer:
    """What is kept of an Evaluation: energy; stress [6], xx yy zz yz xz xy; forces [n, 3]."""

    energy: float
    stress: np.ndarray
    forces: np.ndarray

    @property
    def pressure(self) -> float:
        return -float(self.stress[:3].sum()) / 3.0


def _answer(work: Worker, number: int, frame: Snapshot) -> Answer | MdcoreError:
    try:
        system = frame.to_system()
        system.positions = unwrapped(frame)  # for what knows on which side of a face of the cell an atom is
        found = work(number, system, frame.time)
    except MdcoreError as error:
        return error
    return Answer(found.energy, np.array([found.stress[pair] for pair in PAIRS]), found.forces)


def _gathered(comm, answer) -> list[Answer]:
    """The answers of all ranks that have one, on rank 0; the first error is raised by all."""
    failed = answer if isinstance(answer, MdcoreError) else None
    for error in comm.allgather(failed):
        if error is not None:
            error.collective = True
            raise error
    there = [] if answer is None else [answer]
    counts = [n for n in comm.allgather(sum(len(one.forces) for one in there)) if n]
    forces = comm.gather(np.concatenate([np.zeros((0, 3)), *(one.forces for one in there)]))
    rows = comm.gather(np.array([[one.energy, *one.stress] for one in there]).reshape(-1, 7))
    if comm.rank:
        return []
    parts = np.split(forces, np.cumsum(counts)[:-1])
    return [Answer(float(row[0]), row[1:], part) for row, part in zip(rows, parts, strict=True)]


def _row(frame: Snapshot, answer: Answer) -> tuple:
    largest = float(np.sqrt((answer.forces**2).sum(axis=1).max()))
    return frame.step, frame.time, frame.n_atoms, answer.energy, answer.pressure, answer.stress, largest


# --- files -------------------------------------------------------------------------------------------------------


def writer(path, overwrite: bool):
    """A context with a function that writes a frame and its answer; InputError for a name of no kind."""
    suffix = as_path(path, "a file to write").suffix.lower()
    if suffix == ".h5md":
        return _h5md(path, overwrite)
    if suffix == ".csv" or suffix in SUFFIXES:
        return _text(path, overwrite, _csv if suffix == ".csv" else _extxyz)
    raise InputError(f"{path}: expected a name that ends with .extxyz, .h5md or .csv")


def _write(writers, found, answers) -> list[tuple]:
    """Write frames; their rows of `Rerun`."""
    for (_, frame), answer in zip(found, answers, strict=True):
        for write in writers:
            write(frame, answer)
    return [_row(frame, answer) for (_, frame), answer in zip(found, answers, strict=True)]


@contextmanager
def _text(path, overwrite: bool, form):
    """A text file that is there, whole, at the end only."""
    with writing_text(path, overwrite=overwrite) as stream:
        if form is _csv:
            stream.write(",".join((*COLUMNS, "largest_force")) + "\n")
        yield lambda frame, answer: form(stream, frame, answer)


def _csv(stream, frame: Snapshot, answer: Answer) -> None:
    step, time, _, energy, pressure, stress, largest = _row(frame, answer)
    stream.write(",".join(map(repr, [step, time, energy, pressure, *stress.tolist(), largest])) + "\n")


def _extxyz(stream, frame: Snapshot, answer: Answer) -> None:
    stress = answer.stress if all(frame.box.periodic) else None
    info = {"Step": frame.step} | ({"Time": frame.time} if np.isfinite(frame.time) else {})
    write_frame(stream, frame, forces=answer.forces, energy=answer.energy, stress=stress, info=info)


@contextmanager
def _h5md(path, overwrite: bool):
    """A trajectory with the new forces, and a thermo log; there, whole, at the end only."""
    atoms = frames = None
    with replacing(path, overwrite=overwrite) as temporary:
        file = H5MDFile(temporary, collect(), overwrite=True)
        thermo = ThermoLog(1, None, file)

        def write(frame, answer):
            nonlocal atoms, frames
            if frames is None:
                fields = ["position", *(["velocity"] if frame.velocities is not None else []), "force"]
                atoms, frames = frame.names, H5MDWriter(file, 1, fields)
            if frame.names != atoms:
                raise InputError(f"{path}: frames of different atoms have no room in a .h5md file; write .extxyz")
            thermo.write(_thermo(frame, answer), frame.units)
            frames.write(replace(frame, forces=answer.forces), frame.units)

        try:
            yield write
            thermo.close()
        finally:
            file.close()


def _thermo(frame: Snapshot, answer: Answer) -> Thermo:
    """The state of a frame; what needs velocities is nan without them."""
    nan, units, stress = float("nan"), frame.units, answer.stress
    kinetic = temperature = nan
    if frame.velocities is None:
        stress = np.full(6, nan)
    else:
        v = frame.velocities * units.velocity
        mvv = (v * np.asarray(frame.masses)[:, None]).T @ v
        kinetic = 0.5 * float(np.trace(mvv))
        temperature = 2.0 * kinetic / (3.0 * frame.n_atoms * units.boltzmann)
        if all(frame.box.periodic):
            stress = stress - np.array([mvv[pair] for pair in PAIRS]) / (frame.box.volume * units.pressure)
    density = frame.to_system().density
    return Thermo(
        frame.step, frame.time, temperature, kinetic, answer.energy, kinetic + answer.energy, nan,
        -float(stress[:3].sum()) / 3.0, density, stress,
    )  # fmt: skip
