"""What does a trajectory file tell, in a few lines, a table of all numbers, and a picture?"""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mdcore.analysis import state
from mdcore.analysis.diffusion import TRACK_BYTES, Diffusion, diffusion, unbounded_axes, unwrapped
from mdcore.analysis.more import TIMELESS, Result, further_results, reader
from mdcore.analysis.rdf import RDF, RDFAccumulator, first_peak
from mdcore.analysis.table import of_pair
from mdcore.analysis.text import TextTrajectory
from mdcore.base.elements import formula
from mdcore.base.errors import InputError
from mdcore.base.units import UnitSystem
from mdcore.base.writing import writing_text
from mdcore.figures import MissingMatplotlib
from mdcore.output.averages import uncertain, write_csv
from mdcore.output.trajectory import Trajectory

CM2_PER_S = 0.1  # one Angstrom^2/fs in cm2/s
STAYED = {"metal": 1.0, "lj": 0.3}  # length: who has moved less rattles among its neighbours, and does not diffuse
PAIRS = 3e7  # neighbours evaluated for g(r), at most (seconds); more frames are sampled evenly


@dataclass
class Report:
    """Results of `analyse`; ``lines()`` are for the screen."""

    source: str
    units: UnitSystem
    steps: tuple[int, int]  # first and last step analysed
    times: tuple[float, float]
    provenance: dict[str, str]
    rdf: RDF | None = None
    diffusion: dict[str, Diffusion] = field(default_factory=dict)  # by species
    further: dict[str, Result] = field(default_factory=dict)
    reference: dict = field(default_factory=dict)  # see `analyse`
    conditions: dict = field(default_factory=dict)  # composition, atoms, temperature, density; user units
    notes: list[str] = field(default_factory=list)
    files: list[str] = field(default_factory=list)  # written

    @property
    def diffusion_unit(self) -> tuple[float, str]:
        """(value of one length^2/time in the unit shown, its name)."""
        if self.units.name == "metal":
            return CM2_PER_S, "cm2/s"
        return 1.0, self.units.labels["diffusion"]

    def lines(self) -> list[str]:
        """What to print."""
        length, time = self.units.labels["length"], self.units.labels["time"]
        out = []
        if self.rdf is not None and np.isfinite(self.rdf.peak):
            out.append(
                f"g(r): first peak at {uncertain(self.rdf.peak, self.rdf.peak_error)} {length}, "
                f"height {self.rdf.peak_height:.2f} ({self.rdf.n_frames} frames)"
            )
        elif self.rdf is not None:
            out.append(f"g(r): no peak ({self.rdf.n_frames} frames)")
        scale, unit = self.diffusion_unit
        for name, d in self.diffusion.items():
            out.append(
                f"diffusion of {name}: {uncertain(d.coefficient * scale, d.error * scale)} {unit} "
                f"(Einstein fit over {d.window[0]:g} to {d.window[1]:g} {time}, {d.n_frames} frames)"
            )
            moved = float(np.sqrt(d.msd[np.searchsorted(d.lags, d.window[1] * (1.0 - 1e-9))]))
            if moved < STAYED[self.units.name]:
                out.append(
                    f"note: by the end of that fit {name} has moved by {moved:.2g} {length}, less than from one "
                    "neighbour to the next: the run is too short to tell diffusion, or this is a solid"
                )
        out += [line for result in self.further.values() for line in result.lines]
        out += self._pairs()
        if "rdf_peak" in self.reference:
            out.append(f"reference: first peak at {self.reference['rdf_peak']:g} {length}{self._origin()}")
        if "diffusion" in self.reference and self.diffusion:
            out.append(f"reference: diffusion {self.reference['diffusion']:g} {unit}{self._origin()}")
        return out + self.notes + [f"wrote {path}" for path in self.files]

    def _pairs(self) -> list[str]:
        """The first peak of each pair of species, beside the reference's."""
        table, out = self.reference.get("rdf", {}), []
        if self.rdf is None:
            return out
        for name, g in (self.rdf.by_pair if table else self.rdf.pairs).items():
            peak, height = first_peak(self.rdf.r, g)
            other = of_pair(table, name)
            told = "" if other is None else "; reference {:.3g}, {:.2f}".format(*first_peak(table["r"], other))
            if np.isfinite(peak):
                out.append(f"g(r) {name}: first peak at {peak:.3g}, height {height:.2f}{told}")
        if out and table:
            out[-1] += self._origin()
        if table and all(of_pair(table, name) is None for name in self.rdf.by_pair):
            theirs, own = (", ".join(name for name in names if name != "r") for names in (table, self.rdf.by_pair))
            out.append(f"reference: its g(r) is of {theirs}, and those of this run are of {own}: not compared")
        return out

    def _origin(self) -> str:
        return f", {self.reference['label']}" if "label" in self.reference else ""

    def to_dict(self) -> dict:
        """All numbers, as JSON can hold them; what is not finite becomes null."""
        scale, unit = self.diffusion_unit
        out = {
            "source": self.source,
            "units": dict(self.units.labels),
            "first_step": self.steps[0],
            "last_step": self.steps[1],
            "first_time": self.times[0],
            "last_time": self.times[1],
            "conditions": self.conditions,
            "provenance": self.provenance,
            "reference": self.reference,
            "notes": self.notes,
        }
        if self.rdf is not None:
            out["rdf"] = dict(vars(self.rdf))
        for name, d in self.diffusion.items():
            values = {**vars(d), "unit": unit, "msd_unit": f"{self.units.labels['length']}^2"}
            values.update(coefficient=d.coefficient * scale, error=d.error * scale, blocks=d.blocks * scale)
            out.setdefault("diffusion", {})[name] = values
        out |= {name: result.numbers for name, result in self.further.items()}
        return _plain(out)


def analyse(
    path, settings=None, *, first_step=None, last_step=None, output=None, window=None, blocks=5,
    reference=None, bath=(), integral_end=None, tensors=None,
) -> Report:  # fmt: skip
    """Analyse a trajectory and write ``<output>.json`` and ``<output>.png``.

    path : ``.h5md`` of a run, extended xyz, any format of ASE; or a `TextTrajectory`
    settings : anything with ``rdf, rdf_max, rdf_bins, diffusion, vibrations, viscosity, conductivity, dielectric,
        infrared, raman, means, plot``
        (`config.AnalysisSettings`); None: g(r) up to half the box with 200 bins, and diffusion
    first_step, last_step : the steps to use, both included; default all
    output : path without suffix; default: that of the trajectory, with ``.analysis``
    window, blocks : see `diffusion`; integral_end : of Green and Kubo, see correlation.py
    reference : to compare with, {"rdf": table as `table.read_table` tells, "rdf_peak": length, "diffusion": cm2/s
        (lj: reduced), "label": source, "temperature", "density": the state it is of}; left out, with a note, if the
        run was in another state (see state.py)
    bath : the temperatures of the thermostat
    tensors : `Tensors`, that find dipole moments and polarizabilities in the frames: dielectric constant and spectra
        are made of them, and ``<output>.tensors.csv`` has them

    What can't be computed is left out, with a note in the report: too few frames, no plot without
    Matplotlib. Raises InputError for an unreadable trajectory or one without positions, OutputError if
    results can't be written.
    """
    with open_frames(path) as trajectory:
        path = trajectory.path
        paths = getattr(settings, "rdf", True) or getattr(settings, "diffusion", True)
        frames = _select(trajectory, first_step, last_step, paths or tensors is not None)
        log = _rows(trajectory, first_step, last_step)
        whose = len(frames) > 0
        steps, times = (trajectory.steps[frames], trajectory.times[frames]) if whose else (log["step"], log["time"])
        report = Report(
            source=str(path),
            units=trajectory.units,
            steps=(int(steps[0]), int(steps[-1])),
            times=(float(times[0]), float(times[-1])),
            provenance=dict(trajectory.provenance),
            reference=dict(reference or {}),
        )
        begin = report.steps[0] if first_step is None else first_step  # of the log, which has other steps than frames
        end = report.steps[1] if last_step is None else last_step
        if note := state.mismatch(trajectory, begin, end, report.reference, bath):
            report.reference = {}
            report.notes.append(note)
        report.conditions = _conditions(trajectory, frames, (begin, end))
        if paths:
            _compute(trajectory, frames, settings, report, window, blocks)
        read = reader(trajectory, frames, _steady)
        found = None if tensors is None else tensors.log(trajectory, frames)
        report.further = further_results(
            trajectory, _even(log), read, settings, blocks, integral_end, report.notes, found and _even(found)
        )
    base = path.with_suffix(".analysis") if output is None else Path(output)
    if found is not None:
        write_csv(table := base.with_name(base.name + ".tensors.csv"), found)
        report.files.append(str(table))
    _write_json(base.with_name(base.name + ".json"), report)
    if getattr(settings, "plot", True) and _to_draw(report):
        from mdcore.analysis import plot

        try:
            plot.draw(report, picture := base.with_name(base.name + ".png"))
            report.files.append(str(picture))
        except MissingMatplotlib as error:
            report.notes.append(f"no plot: {error}")
    return report


def open_frames(path):
    """The frames of a file, in a ``with`` block; InputError."""
    if isinstance(path, TextTrajectory):
        return path
    return Trajectory(path) if Path(path).suffix.lower() in (".h5md", ".h5") else TextTrajectory(path)


def _to_draw(report: Report) -> bool:
    return report.rdf is not None or bool(report.diffusion) or any(result.panels for result in report.further.values())


def _rows(trajectory: Trajectory, first_step, last_step) -> dict[str, np.ndarray]:
    """The rows of the thermo log between two steps; {} without a log."""
    log = trajectory.thermo()
    if not log:
        return {}
    low = 0 if first_step is None else np.searchsorted(log["step"], first_step, side="left")
    high = len(log["step"]) if last_step is None else np.searchsorted(log["step"], last_step, side="right")
    return {name: values[low:high] for name, values in log.items()}


def _even(log: dict) -> dict:
    """The longest run of rows at equal intervals: the last step of a stage has a row whatever its interval is."""
    return {name: values[_steady(log["time"])] for name, values in log.items()}


def _select(trajectory: Trajectory, first_step, last_step, needed: bool = True) -> np.ndarray:
    """Indices of the frames between two steps; needed : InputError if there are none, with positions."""
    if not needed:
        low = 0 if first_step is None else np.searchsorted(trajectory.steps, first_step, side="left")
        high = None if last_step is None else np.searchsorted(trajectory.steps, last_step, side="right")
        found = np.arange(len(trajectory.steps))[low:high]
        if not len(found) and not len(_rows(trajectory, first_step, last_step).get("step", ())):
            raise InputError(f"{trajectory.path}: no frames, no rows of the log {_told(first_step, last_step)}")
        return found
    if "position" not in trajectory.fields:
        raise InputError(f"{trajectory.path}: holds no positions to analyse; write a trajectory with them")
    steps = trajectory.steps
    low = 0 if first_step is None else np.searchsorted(steps, first_step, side="left")
    high = len(steps) if last_step is None else np.searchsorted(steps, last_step, side="right")
    if high <= low:
        held = f"steps {steps[0]} to {steps[-1]}" if len(steps) else "none"
        raise InputError(
            f"{trajectory.path}: no frames {_told(first_step, last_step)}; it holds {held}"
        )
    return np.arange(low, high)


def _told(first_step, last_step) -> str:
    """from step 3 to 9"""
    words = [f"from step {first_step} on" if last_step is None else f"from step {first_step}"] if first_step else []
    return " ".join([*words, *([] if last_step is None else [f"to step {last_step}"])]) or "at all"


def _conditions(trajectory, frames, steps) -> dict:
    """Of what, how hot and how dense: means over the steps of the thermo log, and over the frames' cells."""
    found = {}
    if trajectory.n_atoms:
        counts = np.bincount(trajectory.species, minlength=len(trajectory.symbols))
        found = {"composition": formula(trajectory.symbols, counts), "atoms": trajectory.n_atoms}
    log = trajectory.thermo()
    if len(log.get("step", ())):
        during = (log["step"] >= steps[0]) & (log["step"] <= steps[1])
        if during.any():
            found["temperature"] = float(log["temperature"][during].mean())
    if len(frames) and all(trajectory.periodic) and trajectory.whole:
        volume = float(np.abs(np.linalg.det(trajectory.edges(slice(frames[0], frames[-1] + 1)))).mean())
        found["density"] = float(trajectory.masses.sum()) / volume / trajectory.units.density
    return found


def _compute(trajectory, frames, settings, report, window, blocks) -> None:
    """One pass over the frames fills ``report.rdf`` and ``report.diffusion``."""
    first = next(trajectory.paths(frames[0], frames[0], images=False))[2]
    counter, sampled = None, set()
    if getattr(settings, "rdf", True):
        if all(trajectory.periodic):
            counter = _rdf_counter(trajectory, first, settings, report)
            around = 4.0 / 3.0 * np.pi * counter.r_max**3 * trajectory.n_atoms / first.volume
            n_frames = min(len(frames), max(blocks, int(PAIRS / (trajectory.n_atoms * (around + 10.0)))))
            sampled = set(np.linspace(0, len(frames) - 1, n_frames).round().astype(int).tolist())
        else:
            report.notes.append("no g(r): it is defined for fully periodic systems only")
    tracks = None
    moving = getattr(settings, "diffusion", True)
    if moving and not any(trajectory.periodic):
        report.notes.append("no diffusion: a cluster has no direction in which atoms can get away")
    elif moving and len(frames) > 1 and not np.isfinite(trajectory.times).all():
        report.notes.append(f"no diffusion: {TIMELESS}")
    elif moving:
        steady = _steady(trajectory.times[frames])
        if len(steady) < len(frames):
            report.notes.append(f"diffusion: frames are unevenly spaced; {len(steady)} of them are used")
        axes = unbounded_axes(first)
        stride = max(1, int(np.ceil(len(steady) * trajectory.n_atoms * len(axes) * 8 / TRACK_BYTES)))
        chosen = np.arange(0, trajectory.n_atoms, stride)
        if stride > 1:
            report.notes.append(f"diffusion: every {stride}th atom stands for all")
        masses = trajectory.masses if trajectory.whole else None
        if masses is None:
            report.notes.append("diffusion: of some atoms, so a drift of the whole is not taken off")
        tracks = np.empty((len(steady), len(chosen), len(axes)))
        mean = _mean_cell(trajectory, frames, report)
    for k, (positions, images, box) in enumerate(trajectory.paths(frames[0], frames[-1], tracks is not None)):
        if k in sampled:
            counter.add(positions, box.reduced())
        if tracks is not None and steady[0] <= k <= steady[-1]:
            true = unwrapped(positions, images, box.matrix, masses, mean)
            tracks[k - steady[0]] = true[chosen] @ axes.T
    if counter is not None:
        report.rdf = counter.result(blocks)
    if tracks is not None and trajectory.lost:
        report.notes.append(f"no diffusion: {trajectory.lost}")
    elif tracks is not None:
        times = trajectory.times[frames][steady]
        interval = (times[-1] - times[0]) / max(len(times) - 1, 1)
        _diffuse(trajectory, tracks, trajectory.species[chosen], interval, window, blocks, report)


def _mean_cell(trajectory, frames, report) -> np.ndarray | None:
    """The mean cell of frames in which it moves; None if it stays."""
    edges = trajectory.edges(slice(frames[0], frames[-1] + 1))
    if (edges == edges[0]).all():
        return None
    report.notes.append("diffusion: the cell moves; paths are those of scaled coordinates in the mean cell")
    return edges.mean(axis=0)


def _rdf_counter(trajectory, box, settings, report) -> RDFAccumulator:
    half = 0.5 * float(box.reduced().widths.min())
    wanted = getattr(settings, "rdf_max", None)
    if wanted is not None and wanted > half:
        report.notes.append(f"g(r) ends at {half:g} {report.units.labels['length']}, half the box")
    r_max = half if wanted is None else min(wanted, half)
    bins = getattr(settings, "rdf_bins", 200)
    return RDFAccumulator(trajectory.species, trajectory.symbols, r_max, bins)


def _diffuse(trajectory, tracks, species, interval, window, blocks, report) -> None:
    for k, name in enumerate(trajectory.symbols):
        mine = species == k
        if not mine.any():
            continue
        try:
            part = tracks if mine.all() else tracks[:, mine]
            report.diffusion[name] = diffusion(part, interval, window, blocks, report.units.labels["time"])
        except InputError as error:
            report.notes.append(f"no {error}")
            return


def _steady(times: np.ndarray) -> np.ndarray:
    """Indices of the longest run of frames at equal intervals."""
    if len(times) < 3:
        return np.arange(len(times))
    intervals = np.diff(times)
    change = np.flatnonzero(~np.isclose(intervals[1:], intervals[:-1], rtol=1e-6, atol=0.0)) + 1
    edges = np.concatenate([[0], change, [len(intervals)]])
    longest = int(np.argmax(np.diff(edges)))
    return np.arange(edges[longest], edges[longest + 1] + 1)


def _plain(value):
    """Arrays to lists, what is not finite to None."""
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in (value.tolist() if isinstance(value, np.ndarray) else value)]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def _write_json(path: Path, report: Report) -> None:
    with writing_text(path) as stream:
        json.dump(report.to_dict(), stream, allow_nan=False)
        stream.write("\n")
    report.files.append(str(path))
