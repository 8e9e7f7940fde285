"""How do predictions lie beside labels, how are errors distributed, how did training go?
"""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.units import GIGAPASCAL
from mdcore.figures import COLORS, GREY, INK, figure, plain, save
from mdcore.training.data.labelled import composition, elements_of
from mdcore.training.metrics import APART, UPPER

MOST_POINTS = 40000  # of a cloud; more are thinned evenly


def draw_parity(subsets: dict, path, title: str = "") -> None:
    """Write one row of pictures for each property: prediction against label, and the distribution of errors.

    Energies are drawn from the zero that `from_elements` finds, which the panel states.

    subsets : {name: (data, Predictions)}. MissingMatplotlib; OutputError if the file can't be written.
    """
    columns = {name: pairs(data, found) for name, (data, found) in subsets.items()}
    stated = ""
    if any("energy" in own for own in columns.values()):
        labelled = {name: [s for s in data if s.energy is not None] for name, (data, _) in subsets.items()}
        energies, stated = from_elements(labelled, {name: own.get("energy") for name, own in columns.items()})
        for name, both in energies.items():
            columns[name]["energy"] = both
    draw_pairs(columns, path, title, stated)


def draw_pairs(columns: dict, path, title: str = "", stated: str = "") -> None:
    """The same of {name of a subset: {property: (label, prediction)}}; stated : what energies are counted from."""
    quantities = [q for q in UNITS if any(q in own for own in columns.values())]
    if not quantities:
        raise InputError(f"{path}: nothing to draw: the structures have no labels")
    picture = figure(2 * 5.2, 4.2 * len(quantities))
    axes = picture.subplots(len(quantities), 2, squeeze=False)
    for row, quantity in zip(axes, quantities, strict=True):
        found = {name: own[quantity] for name, own in columns.items() if quantity in own}
        _parity(row[0], quantity, found, stated if quantity == "energy" else "")
        _distribution(row[1], quantity, found)
    save(path, picture, title)


def pairs(data, found) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """{property: (label, prediction)}: energies eV an atom, force components eV/Angstrom, components of stress
    (six) GPa, charges e."""
    out = {}
    k = [i for i, s in enumerate(data) if s.energy is not None]
    if k:
        n = np.array([data[i].n for i in k], dtype=float)
        out["energy"] = np.array([data[i].energy for i in k]) / n, np.asarray(found.energies)[k] / n
    k = [i for i, s in enumerate(data) if s.forces is not None]
    if k:
        both = [s.forces for s in data], found.forces
        out["force"] = tuple(np.concatenate([column[i].ravel() for i in k]) for column in both)
    k = [i for i, s in enumerate(data) if s.charges is not None and found.charges is not None]
    if k:
        both = [s.charges for s in data], found.charges
        out["charge"] = tuple(np.concatenate([column[i] for i in k]) for column in both)
    k = [i for i, s in enumerate(data) if s.stress is not None and np.isfinite(found.stresses[i]).all()]
    if k:
        both = [s.stress for s in data], found.stresses
        out["stress"] = tuple(np.concatenate([column[i][UPPER] for i in k]) / GIGAPASCAL for column in both)
    return out


def from_elements(subsets: dict, columns: dict) -> tuple[dict, str]:
    """({name: (label, prediction)} eV an atom from a common zero, what that is in words).

    subsets : {name: structures with energies}; columns : {name: (label, prediction) or None}, eV an atom
    The zero of the labels is the best constant of each element (least squares), so that what is left are differences
    between structures. Predictions have the same zero, or where a potential puts its own elsewhere, one that fits them.
    """
    subsets = {name: data for name, data in subsets.items() if data and columns.get(name) is not None}
    everything = [s for data in subsets.values() for s in data]
    elements = elements_of(everything)
    counts = {name: composition(data, elements) for name, data in subsets.items()}
    shares = {name: n / n.sum(axis=1, keepdims=True) for name, n in counts.items()}
    x = np.concatenate(list(shares.values()))
    label, predicted = (np.concatenate([columns[name][k] for name in subsets]) for k in (0, 1))

    def fitted(energies):
        return np.linalg.lstsq(x, energies, rcond=None)[0]

    def told(constants):
        if np.linalg.matrix_rank(x) < len(elements):  # the elements can't be told apart
            return f"{float((x @ constants).mean()):.6g} eV/atom"
        return ", ".join(f"{e} {c:.6g}" for e, c in zip(elements, constants, strict=True)) + " eV"

    zero, off = fitted(label), fitted(predicted - label)
    errors = predicted - label
    rest = errors - x @ off
    words = f"zero of energy (best constant of each element): {told(zero)}"
    if len(label) > len(elements) and np.sqrt((errors**2).mean()) > APART * np.sqrt((rest**2).mean()):
        words += f"\npredictions have another, shifted by {told(-off)}"
    else:
        off = np.zeros_like(off)
    out = {}
    for name in subsets:
        own = shares[name]
        out[name] = columns[name][0] - own @ zero, columns[name][1] - own @ (zero + off)
    return out, words


def draw_learning(history: dict, path, title: str = "", chosen: int | None = None) -> None:
    """Write the learning curves. history : {"epoch": [n], "train force": [n], "validation energy": [n], ...}

    chosen : the epoch whose potential is kept
    Names end with the property; energies in meV an atom, forces in meV/Angstrom, stress in GPa, charges in thousandths
    of e. Nan: not measured.
    """
    epochs = np.asarray(history["epoch"], dtype=float)
    measured = [name for name, values in history.items() if np.isfinite(np.asarray(values, dtype=float)).any()]
    quantities = [q for q in UNITS if any(name.endswith(f" {q}") for name in measured)]
    if not quantities:
        raise InputError(f"{path}: nothing to draw: no property was measured")
    picture = figure(5.2 * len(quantities), 3.9)
    for axes, quantity in zip(picture.subplots(1, len(quantities), squeeze=False)[0], quantities, strict=True):
        named = [name for name in measured if name.endswith(f" {quantity}")]
        exact = not any((np.asarray(history[name], dtype=float) > 0).any() for name in named)  # forces on lone atoms
        for color, name in zip(COLORS * len(named), named, strict=False):
            values = np.asarray(history[name], dtype=float)
            there = np.isfinite(values) & ((values > 0) | exact)
            axes.plot(epochs[there], values[there], color=color, linewidth=1.5, label=name.removesuffix(f" {quantity}"))
        if chosen is not None:
            axes.axvline(chosen, color=INK, linewidth=0.9, linestyle=(0, (4, 3)), label=f"chosen: epoch {chosen}")
        if not exact:
            axes.set_yscale("log")
            for axis in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
                axis(_short)
        axes.locator_params(axis="x", integer=True)
        axes.set_xlabel("epoch", color=INK)
        axes.set_ylabel(f"RMSE, {ERROR_UNITS[quantity]}", color=INK)
        axes.set_title(quantity, fontsize=11, color=INK, loc="left")
        axes.legend(frameon=False, fontsize=9)
        plain(axes)
    save(path, picture, title)


TENSOR_UNITS = {
    "dipole": "e Å", "cell-dipole": "e Å/atom", "polarizability": "Å³", "cell-polarizability": "Å³/atom"
}  # fmt: skip
UNITS = {"energy": "eV/atom", "force": "eV/Å", "stress": "GPa", "charge": "e", **TENSOR_UNITS}
SMALL = 0.5  # eV/atom: energies that differ by less are in meV/atom
ERROR_UNITS = {"energy": "meV/atom", "force": "meV/Å", "stress": "GPa", "charge": "me", **TENSOR_UNITS}
MILLI = ("energy", "force", "charge")  # whose errors are shown in thousandths


def _parity(axes, quantity, found, stated: str = "") -> None:
    wide = max(max(np.ptp(label), np.ptp(value)) for label, value in found.values())
    milli = quantity == "energy" and wide < SMALL
    unit, scale = ("meV/atom", 1e3) if milli else (UNITS[quantity], 1.0)
    found = {name: (scale * label, scale * value) for name, (label, value) in found.items()}
    low = min(min(label.min(), value.min()) for label, value in found.values())
    high = max(max(label.max(), value.max()) for label, value in found.values())
    axes.plot([low, high], [low, high], color=GREY, linewidth=0.8)
    for color, (name, (label, value)) in zip(COLORS, found.items(), strict=False):
        step = 1 + len(label) // MOST_POINTS
        rmse = np.sqrt(((value - label) ** 2).mean()) / scale * (1e3 if quantity in MILLI else 1.0)
        text = f"{name} RMSE {rmse:.3g} {ERROR_UNITS[quantity]}".strip()
        dots = {"color": color, "markersize": 2.5, "alpha": 0.5, "rasterized": True}
        axes.plot(label[::step], value[::step], ".", label=text, **dots)
    axes.set_aspect("equal", adjustable="datalim")
    axes.locator_params(nbins=5)
    axes.ticklabel_format(useOffset=False)
    axes.set_xlabel(f"reference {quantity}, {unit}", color=INK)
    axes.set_ylabel(f"predicted {quantity}, {unit}", color=INK)
    axes.legend(frameon=False, fontsize=9, markerscale=3, loc="upper left")
    if stated:
        axes.set_title(stated, fontsize=8, color=INK, loc="left")
    plain(axes)


def _distribution(axes, quantity, found) -> None:
    scale = 1e3 if quantity in MILLI else 1.0
    errors = {name: (value - label) * scale for name, (label, value) in found.items()}
    width = max(np.percentile(np.abs(e), 99.5) for e in errors.values()) or 1.0
    bins = np.linspace(-width, width, 2 + 2 * int(np.clip(0.5 * np.sqrt(max(map(len, errors.values()))), 5, 40)))
    axes.axvline(0.0, color=GREY, linewidth=0.8)
    for color, (name, e) in zip(COLORS, errors.items(), strict=False):
        heights, edges = np.histogram(e, bins)
        heights = heights / (len(e) * np.diff(edges))
        axes.stairs(heights, edges, color=color, linewidth=1.4, label=name or None)
    axes.set_xlabel(f"error of the {quantity}, {ERROR_UNITS[quantity]}", color=INK)
    axes.set_ylabel(f"share of errors, 1/({ERROR_UNITS[quantity]})", color=INK)
    axes.set_yscale("log")  # tails are few atoms, and those that matter
    low = min(1.0 / (len(e) * (bins[1] - bins[0])) for e in errors.values())
    axes.set_ylim(bottom=0.5 * low)  # half of what one number makes
    if len(errors) > 1:
        axes.legend(frameon=False, fontsize=9)
    plain(axes)


def _short(value: float, _place) -> str:
    """A tick of a logarithmic axis: 0.2, 5, 20; those that would crowd have no number."""
    first = f"{value:e}"[0]
    return f"{value:g}" if first in "125" else ""
