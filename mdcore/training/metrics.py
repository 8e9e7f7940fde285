"""How far is a potential from the reference? RMSE and MAE of each property, element and tag.

Energies in meV an atom, forces in meV/Angstrom (of components, the field's custom), stress in GPa (of its six
components), charges in thousandths of e. The worst structure or atom of each row is named.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mdcore.base.units import GIGAPASCAL
from mdcore.structure.columns import CHARGES
from mdcore.training.data.labelled import Labelled, composition, elements_of

UNITS = {
    "energy": "meV/atom", "force": "meV/Angstrom", "stress": "GPa", "charge": "me",
    "dipole": "e Angstrom", "cell-dipole": "e Angstrom/atom",
    "polarizability": "Angstrom^3", "cell-polarizability": "Angstrom^3/atom",
}  # fmt: skip
SHIFTED = "all, shifted"  # energies after the best constant of each element is taken off
APART = 2.0  # shown where it is so many times better
UPPER = np.triu_indices(3)  # of a stress: its six components


@dataclass(frozen=True, eq=False)
class Predictions:
    """What a potential says of structures, in their order: energies float64 [n] (eV), forces [n_atoms, 3] each
    (eV/Angstrom), stresses float64 [n, 3, 3] (eV/Angstrom^3; nan where there is none), charges [n_atoms] each (e), of a
    potential that has some."""

    energies: np.ndarray
    forces: Sequence[np.ndarray]
    stresses: np.ndarray
    charges: Sequence[np.ndarray] | None = None

    @classmethod
    def of(cls, evaluations) -> "Predictions":
        """From the results of mdcore.evaluate."""
        stresses = np.array([e.stress for e in evaluations]).reshape(-1, 3, 3) * GIGAPASCAL
        charges = [e.findings[CHARGES] for e in evaluations if CHARGES in (e.findings or ())]
        energies, forces = np.array([e.energy for e in evaluations]), [e.forces for e in evaluations]
        return cls(energies, forces, stresses, charges if len(charges) == len(forces) > 0 else None)


@dataclass(frozen=True)
class Row:
    """Errors of one property in one group: n numbers, their root mean square, mean absolute and largest error.

    worst : where the largest is; subset : "train", "validation", "test", or ""
    """

    quantity: str
    group: str
    n: int
    rmse: float
    mae: float
    largest: float
    worst: str
    subset: str = ""

    @property
    def unit(self) -> str:
        return UNITS[self.quantity]


def rows(data: Sequence[Labelled], found: Predictions, subset: str = "") -> list[Row]:
    """The rows of structures: each property that is labelled; all, then by element (forces), then by tag. Atoms near a
    cut do not count."""
    several = len({s.file for s in data}) > 1
    name = [s.where if several else f"structure {s.index}" for s in data]
    tag = np.array([s.tag for s in data])
    out = []

    def row(quantity, group, errors, place):
        """Of errors [k, ...]; place(i) says where the i-th is."""
        size = np.abs(errors)
        worst = place(int(np.argmax(size.reshape(len(size), -1).max(axis=1))))
        rmse = float(np.sqrt((size**2).mean()))
        return Row(quantity, group, size.size, rmse, float(size.mean()), float(size.max()), worst, subset)

    def add(quantity, errors, place, owner, groups):
        """errors [k, ...] of structures `owner` [k]"""
        tags = sorted(set(tag)) if len(set(tag)) > 1 else []
        groups = {"all": np.ones(len(errors), bool), **groups}
        groups |= {f"tag {t}" if t else "without a tag": tag[owner] == t for t in tags}
        for group, keep in groups.items():
            if errors[keep].size:
                own = np.flatnonzero(keep)
                out.append(row(quantity, group, errors[keep], lambda i, own=own: place(int(own[i]))))

    k = [i for i, s in enumerate(data) if s.energy is not None]
    if k:
        errors = energy_errors([data[i] for i in k], found.energies[k])
        add("energy", 1e3 * errors, lambda i: name[k[i]], k, {})
        rest = shifted([data[i] for i in k], errors)
        if len(k) > len(elements_of(data)) and np.sqrt((errors**2).mean()) > APART * np.sqrt((rest**2).mean()):
            out.insert(1, row("energy", SHIFTED, 1e3 * rest, lambda i: name[k[i]]))

    def add_atoms(quantity, label, found):
        """What each atom has, structure by structure."""
        k = [i for i, s in enumerate(data) if getattr(s, label) is not None and found is not None]
        if not k:
            return
        kept = [np.flatnonzero(np.ones(s.n) if s.cut is None else ~s.cut) for s in map(data.__getitem__, k)]
        off = [(found[i] - getattr(data[i], label))[own] for i, own in zip(k, kept, strict=True)]
        errors = 1e3 * np.concatenate(off)
        owner, atom = np.repeat(k, list(map(len, kept))), np.concatenate(kept)
        symbols = np.array([data[i].symbols[j] for i, j in zip(owner, atom, strict=True)])
        elements = elements_of(data)
        groups = {f"element {e}": symbols == e for e in elements} if len(elements) > 1 else {}
        add(quantity, errors, lambda i: f"{name[owner[i]]}, atom {atom[i]} ({symbols[i]})", owner, groups)

    add_atoms("force", "forces", found.forces)
    k = [i for i, s in enumerate(data) if s.stress is not None and np.isfinite(found.stresses[i]).all()]
    if k:
        errors = np.array([(found.stresses[i] - data[i].stress)[UPPER] for i in k]) / GIGAPASCAL
        add("stress", errors, lambda i: name[k[i]], k, {})
    add_atoms("charge", "charges", found.charges)
    return out


def notes(all_rows: Sequence[Row]) -> dict[str, float]:
    """What a potential keeps of its errors: "test force RMSE, meV/Angstrom" and the like, of whole sets."""
    found = {}
    for row in all_rows:
        if row.group == "all":
            found[f"{row.subset} {row.quantity} RMSE, {row.unit}"] = row.rmse
            found[f"{row.subset} {row.quantity} MAE, {row.unit}"] = row.mae
    return found


def energy_errors(data: Sequence[Labelled], energies: np.ndarray) -> np.ndarray:
    """float64 [n], eV an atom, predicted - reference."""
    return np.array([(e - s.energy) / s.n for e, s in zip(energies, data, strict=True)])


def shifted(data: Sequence[Labelled], errors: np.ndarray) -> np.ndarray:
    """Errors an atom after the best constant of each element: potentials differ in where they put zero."""
    counts = composition(data, elements_of(data))
    shares = counts / counts.sum(axis=1, keepdims=True)
    return errors - shares @ np.linalg.lstsq(shares, errors, rcond=None)[0]


def table(all_rows: Sequence[Row]) -> str:
    """The rows as text: of one subset with the worst places, of several side by side."""
    subsets = list(dict.fromkeys(row.subset for row in all_rows))
    keys = list(dict.fromkeys((row.quantity, row.group) for row in all_rows))
    keys.sort(key=lambda key: list(UNITS).index(key[0]))  # stable: groups stay in order
    width = max((len(group) for _, group in keys), default=0)
    width = max(width, max(len(q) + len(u) for q, u in UNITS.items()))
    lines, before = [], None
    for quantity, group in keys:
        if quantity != before:
            title = f"{quantity}, {UNITS[quantity]}"
            if len(subsets) == 1:
                lines.append(f"{title:<{width + 2}} {'numbers':>9} {'RMSE':>9} {'MAE':>9} {'largest':>9}")
            else:
                heads = " ".join(f"{name + ' RMSE':>16} {'MAE':>9}" for name in subsets)
                lines.append(f"{title:<{width + 2}} {heads}")
            before = quantity
        found = {row.subset: row for row in all_rows if (row.quantity, row.group) == (quantity, group)}
        if len(subsets) == 1:
            row = found[subsets[0]]
            numbers = " ".join(_short(x) for x in (row.rmse, row.mae, row.largest))
            lines.append(f"  {group:<{width}} {row.n:>9} {numbers}  {row.worst}")
        else:
            cells = (
                f"{_short(found[s].rmse):>16} {_short(found[s].mae)}" if s in found else f"{'-':>16} {'-':>9}"
                for s in subsets
            )
            lines.append(f"  {group:<{width}} {' '.join(cells)}")
    return "\n".join(line.rstrip() for line in lines)


def _short(number: float) -> str:
    return f"{number:>9.4g}"
