"""A campaign in pictures: error and uncertainty over calls, the structures it chose, energies over a coordinate."""

from pathlib import Path

import numpy as np

from mdcore.base.errors import MdcoreError
from mdcore.figures import COLORS, GREY, INK, RED, MissingMatplotlib, figure, logarithmic, plain, save, small
from mdcore.learn.history import History
from mdcore.learn.looks import Looks, looks_at
from mdcore.learn.record import Record
from mdcore.learn.structures import read_found
from mdcore.properties.neb import shortest
from mdcore.structure.system import System
from mdcore.training.data.labels import CUT

MILLI = 1000.0
MARKS = "o^Dv"  # once more through the colours
HIGH = 10.0  # times the top of a path: what is higher is left out, or the path would be a flat line
IMAGES = "end, image"  # how the places begin of the last images of a band (explorers/neb.py)


def report(folder: Path, record: Record, history: History, potential: Path, settings) -> list[Path | str]:
    """Draw all there is to draw into the campaign's folder; the paths, or what could not be drawn. Without Matplotlib
    nothing is."""
    if not settings.report.plot:
        return []
    looks, made = looks_at(potential), []
    told = evaluated(looks, history)
    try:
        for name, draw in (
            ("progress.png", lambda path: draw_progress(record, history, path, settings)),
            ("map.png", lambda path: draw_map(told, path, settings.title)),
            ("profile.png", lambda path: draw_profile(looks, told, record, path, settings)),
        ):
            if draw(folder / name):
                made.append(folder / name)
            elif name == "profile.png" and (pairs := settings.report.coordinate):
                made.append(f"no {name}: no labelled structure has all atoms of [report] coordinate, {_named(pairs)}")
    except MissingMatplotlib:
        return []
    return made


def evaluated(looks: Looks, history: History) -> list[tuple]:
    """(generation, System, Labels, energy, mean descriptors) of each labelled structure in which no atoms overlap."""
    rows = []
    for generation in sorted({0, *history.chosen}):
        for entry, labels in history.labelled(generation):
            try:
                seen = looks.about(entry.system, spread=False)
            except MdcoreError:
                continue
            rows.append((generation, entry.system, labels, seen.energy, seen.means))
    return rows


def draw_progress(record: Record, history: History, path, settings) -> bool:
    """Errors and uncertainty of each generation's potential over the calls it took; False: nothing to draw."""
    events = [e for e in record.of("judged") if any(own["structures"] for own in e["explorers"].values())]
    if not events:
        return False
    names = list(dict.fromkeys(name for e in events for name in e["explorers"]))
    many = len(names) > len(COLORS)  # for a legend beside the curves
    picture = figure(10.4 + 1.6 * many, 3.9, layout=None)
    picture.subplots_adjust(left=0.08, right=0.84 if many else 0.98, bottom=0.14, top=0.9, wspace=0.22)
    forces, energies = picture.subplots(1, 2)
    before = [history.calls(e["generation"]) for e in events]
    for axes, key, target, unit in (
        (forces, "forces", settings.judge.forces, "forces, meV/Å"),
        (energies, "energy", settings.judge.energy, "energies, meV/atom"),
    ):
        for k, name in enumerate(names):
            own = [_milli(e["explorers"].get(name, {}).get(key)) for e in events]
            mark = MARKS[k // len(COLORS) % len(MARKS)]
            axes.plot(before, own, f"{mark}-", color=COLORS[k % len(COLORS)], ms=4, lw=1.2, label=name)
        if key == "forces":
            own = [_milli(e["uncertainty"]) for e in events]
            axes.plot(before, own, "s--", color=INK, ms=4, lw=1.0, label="uncertainty")
        axes.axhline(MILLI * target, color=GREY, lw=0.8, ls=":", label="target")
        axes.set(xlabel="calls of the oracle before", ylabel=f"error of {unit}", yscale="log")
        logarithmic(axes.yaxis)
        axes.locator_params(axis="x", integer=True)
        if not many:
            axes.legend(frameon=False, fontsize=8)
        plain(axes)
    if many:
        energies.legend(*forces.get_legend_handles_labels(), frameon=False, fontsize=8, loc="upper left",
                        bbox_to_anchor=(1.0, 1.0))  # fmt: skip
    save(path, picture, settings.title)
    return True


def draw_map(labelled, path, title: str = "") -> bool:
    """All labelled structures, of `evaluated`, on the first two principal components of their mean descriptors."""
    if len(labelled) < 3:
        return False
    generations = [row[0] for row in labelled]
    places, shares = components(np.array([row[4] for row in labelled]))
    picture, axes = small(5.6, 4.4)
    drawn = axes.scatter(*places.T, c=generations, cmap="viridis", s=14, lw=0)
    picture.colorbar(drawn, ax=axes, label="generation", ticks=sorted(set(generations)))
    axes.set(**{f"{a}label": f"component {k + 1}, {100 * shares[k]:.0f} %" for k, a in enumerate("xy")})
    plain(axes)
    save(path, picture, title)
    return True


def components(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(float64 [n, 2] on the first two principal components, their shares of the variance); columns of points [n, d]
    are standardised first."""
    width = points.std(axis=0)
    moves = width > 1e-12 * np.maximum(1.0, np.abs(points).max(axis=0))
    z = (points - points.mean(axis=0))[:, moves] / width[moves]
    u, s, _ = np.linalg.svd(np.column_stack([z, np.zeros((len(z), 2))]), full_matrices=False)
    return u[:, :2] * s[:2], (s**2 / max((s**2).sum(), 1e-300))[:2]


def bands(folder: Path, record: Record) -> dict[str, list[System]]:
    """The last paths of least energy, image by image, of the explorers that found some."""
    last = {event["explorer"]: event for event in record.of("explored")}
    found = {}
    for name, event in last.items():
        if not (folder / event["file"]).exists():
            continue
        met = read_found(folder / event["file"], name, event["ended"], event["lost"]).candidates
        images = [own.system for own in met if own.place.startswith(IMAGES)]
        if images:
            found[name] = images
    return found


def draw_profile(looks: Looks, labelled, record: Record, path, settings) -> bool:
    """Energies over the reaction coordinate: the oracle's and the potential's, of structures of `evaluated`; along
    paths, how members differ."""
    pairs = settings.report.coordinate
    if not pairs:
        return False
    rows = [
        (tuple(sorted(system.names)), coordinate(system, pairs), labels.energy, energy)
        for _, system, labels, energy, _ in labelled
        if max(map(max, pairs)) < system.n_atoms and CUT not in system.columns
    ]
    if not rows:
        return False
    sizes = [row[0] for row in rows]
    usual = max(set(sizes), key=sizes.count)
    x, true, found = np.array([row[1:] for row in rows if row[0] == usual]).T
    zero, paths = true.min(), {}
    for name, images in bands(Path(path).parent, record).items():
        if tuple(sorted(images[0].names)) == usual:
            told = [looks.about(image) for image in images]
            along = np.array([coordinate(image, pairs) for image in images])
            spread = np.array([(own.energy_disagreement or 0.0) * len(own.forces) for own in told])
            paths[name] = along, np.array([own.energy for own in told]) - zero, spread
    top = max((float((own + spread).max()) for _, own, spread in paths.values()), default=np.inf)
    shown = true - zero <= HIGH * top
    out = f", {np.count_nonzero(~shown)} above {HIGH * top:.2g} eV left out" if not shown.all() else ""
    picture, axes = small(5.6, 4.0)
    axes.plot(x[shown], true[shown] - zero, ".", color=INK, ms=5, label=f"oracle{out}")
    axes.plot(x[shown], found[shown] - zero, ".", color=RED, ms=3, label="potential")
    for k, (name, (along, energies, spread)) in enumerate(paths.items()):
        color = COLORS[k % len(COLORS)]
        axes.fill_between(along, energies - spread, energies + spread, color=color, alpha=0.25, lw=0)
        axes.plot(along, energies, "-", color=color, lw=1.2, label=f"potential, {name}")
    axes.set(xlabel=_named(pairs), ylabel="energy, eV")
    axes.legend(frameon=False, fontsize=8)
    plain(axes)
    save(path, picture, settings.title)
    return True


def coordinate(system: System, pairs) -> float:
    """A distance, or the difference of two, of nearest images, Angstrom."""
    a, b = np.array(pairs).T
    lengths = np.linalg.norm(shortest(system.box, system.positions[b] - system.positions[a]), axis=1).tolist()
    return lengths[0] - sum(lengths[1:])


def _named(pairs) -> str:
    return " - ".join(f"d({a}, {b})" for a, b in pairs) + ", Å"


def _milli(number: float | None) -> float:
    return float("nan") if number is None else MILLI * number
