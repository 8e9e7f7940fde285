"""What are dipole moment and polarizability of the whole, wherever findings are asked for?

To the engine a potential without forces that finds something (potentials/base.py): a term beside the one that moves
the atoms, whose neighbours it reads. It computes where somebody asks: at rows of the thermo log.
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import as_path
from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.potentials.base import Bound, Finding, Potential
from mdcore.potentials.networks.vectors import environments
from mdcore.potentials.tensors.h5 import read_tensors
from mdcore.potentials.tensors.local_field import enhancement, in_field
from mdcore.potentials.tensors.model import COMPONENTS, DIPOLE, POLARIZABILITY, TensorNetwork, TestVector, ionic
from mdcore.potentials.tensors.moments import moments

BITS, MOST = 36, 2.0**26  # of the grid that tensors of atoms are rounded to before they are summed
AXES = {3: ("x", "y", "z"), 6: ("xx", "yy", "zz", "yz", "xz", "xy")}
FINDINGS = {
    quantity: tuple(Finding(f"{quantity}_{axis}", quantity, shown=False) for axis in AXES[n])
    for quantity, n in COMPONENTS.items()
}
VOLUME = Finding("volume", "volume", shown=False)  # what follows from tensors is mostly over the volume
TOLERANCE = 1e-9  # of test vectors, relative to the largest of their numbers, or to 1


class TensorPotential(Potential):
    """Dipole moment and polarizability of the whole, from a network that was trained for them.

    source : the path of its file, or a TensorNetwork

    It adds no energy and no forces: put it beside a potential, `Sum(potential, TensorPotential("tensors.h5"))`. In user
    units of "metal": e Angstrom, Angstrom^3. InputError for a file that is none, or that answers otherwise than it did.
    """

    list_kinds = ("full",)
    ghost_columns = ("tags",)

    def __init__(self, source):
        if not isinstance(source, TensorNetwork):
            source = read_tensors(as_path(source, "a network of tensors"))
        self.model = source
        self.cutoff = self.model.design.cutoff
        check_test_vectors(self.model)

    def __repr__(self):
        return f"TensorPotential({self.describe()})"

    @property
    def findings(self):
        own = tuple(finding for quantity in self.model.design.quantities for finding in FINDINGS[quantity])
        return (*own, VOLUME)

    def describe(self, unit="Angstrom"):
        design = self.model.design
        what = " and ".join(f"{q} ({design.dipole})" if q == DIPOLE else q for q in design.quantities)
        return f"{self.model.name or 'tensors'}: {what} at {', '.join(design.centers)}, cutoff {self.cutoff:g} {unit}"

    def sizes(self):
        return dict.fromkeys(self.model.design.elements, self.cutoff / 2.2)

    def bind(self, symbols) -> "BoundTensors":
        return BoundTensors(self, symbols)


class BoundTensors(Bound):
    """Tensors in a system of these species."""

    virial_of_forces = True

    def __init__(self, potential: TensorPotential, symbols):
        design, self.potential, self.symbols = potential.model.design, potential, tuple(symbols)
        for symbol in self.symbols:
            if element_of(symbol) not in design.elements:
                raise InputError(
                    f"tensors {potential.model.name}: no network knows species {symbol}; it knows "
                    f"{', '.join(design.elements)}"
                )
        self.element = np.array([design.elements.index(element_of(s)) for s in self.symbols])

    def compute(self, atoms, neighbors, domain, out) -> None:
        """No energy, no forces."""

    def find(self, work, wanted=None):
        wanted = self.potential.outputs if wanted is None else wanted
        if not any(finding in wanted for finding in self.potential.findings):
            return {}
        box, design = work.box, self.potential.model.design
        if design.has_charges and any(box.periodic):
            raise InputError(
                f"{self.potential.model.name or 'tensors'}: charges times positions are a dipole moment of clusters "
                'alone, and this system is periodic: train with dipole = "vectors"'
            ).everywhere()
        atomic = self.atomic(work)
        found = {VOLUME: box.volume if all(box.periodic) else float("nan")}
        for quantity in design.quantities:
            total = exact.sums(work.comm, np.clip(np.nan_to_num(atomic[quantity]), -MOST, MOST), BITS)
            if quantity == POLARIZABILITY and design.local_field and all(box.periodic):
                total = whole(total, box.volume)
            found |= dict(zip(FINDINGS[quantity], map(float, total), strict=True))
        return {finding: value for finding, value in found.items() if finding in wanted}

    def atomic(self, work) -> dict[str, np.ndarray]:
        """{quantity: float64 [n_owned, components]} of this rank's atoms, of their neighbours alone; zero of those that
        carry none (collective where there are charges)."""
        atoms, model, n = work.atoms, self.potential.model, work.atoms.n_owned
        elements = self.element[atoms.x[: atoms.n_total, 3].astype(int)]
        full = work.neighbors.of(self.potential).full
        found = {quantity: np.zeros((n, COMPONENTS[quantity])) for quantity in model.design.quantities}
        centers = [model.design.elements.index(center) for center in model.design.centers]
        places = None
        if model.design.has_charges:
            places = atoms.positions - _mean(work.comm, atoms.positions[np.isin(elements[:n], centers)])
        for k, center in enumerate(centers):
            mine = np.flatnonzero(elements[:n] == center)
            counts, other, r = pairs(atoms, full, mine, self.potential.cutoff)
            own = moments(counts, r, elements[other], len(model.design.elements), self.potential.cutoff,
                          model.design.radial)  # fmt: skip
            for quantity, values in model.atomic(k, own, None if places is None else places[mine]).items():
                found[quantity][mine] = values
        if model.design.ions:
            charges = model.design.charges[elements[:n]]
            mine = np.flatnonzero(charges)
            counts, other, r = pairs(atoms, full, mine, self.potential.cutoff)
            entry, place = ionic(counts, r, model.design.is_center[elements[other]])
            if work.comm.maximum(np.array([float((entry < 0).any())]))[0]:
                raise InputError(alone(model)).everywhere()
            found[DIPOLE][mine] = charges[mine, None] * place
        return found


def whole(local: np.ndarray, volume: float) -> np.ndarray:
    """The polarizability [6] of a cell whose atoms have `local` [6] together."""
    return in_field(local[None], enhancement(local, volume))[0]


def alone(model: TensorNetwork) -> str:
    """What is told of an ion without a center."""
    return (
        f"{model.name or 'tensors'}: an ion ({', '.join(e for e, _ in model.design.ions)}) has no atom of "
        f"{', '.join(model.design.centers)} within {model.design.cutoff:g} Angstrom that it could belong to"
    )


def pairs(atoms, full, mine: np.ndarray, cutoff: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of some owned atoms: how many neighbours are closer than the cutoff [n], their rows [m] and r_ij [m, 3], in the
    order of the list: by species, tag and displacement, whoever owns an atom."""
    counts = full.first[mine + 1] - full.first[mine]
    row, other = np.repeat(np.arange(len(mine)), counts), full.index[entries_of(full.first[mine], counts)]
    there = other < atoms.n_total
    row, other = row[there], other[there]
    r = atoms.x[other, :3] - atoms.x[mine[row], :3]
    near = r[:, 0] * r[:, 0] + r[:, 1] * r[:, 1] + r[:, 2] * r[:, 2] < cutoff * cutoff
    return np.bincount(row[near], minlength=len(mine)), other[near], r[near]


def entries_of(first: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The places of runs that begin at `first` and are so long."""
    ends = np.cumsum(counts)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(first - (ends - counts), counts)


def _mean(comm, positions: np.ndarray) -> np.ndarray:
    """Of all ranks' positions, the same bits on any number of them (collective)."""
    n = comm.sum(np.array([float(len(positions))]))[0]
    return exact.sums(comm, positions, BITS) / max(n, 1.0)


# --- test vectors ------------------------------------------------------------------------------------------


def tensors_of(model: TensorNetwork, symbols, positions, cell=None) -> np.ndarray:
    """float64 [n_components]: what a model says of the whole of a small structure, one quantity after the other."""
    design, positions = model.design, np.asarray(positions, dtype=np.float64)
    elements = np.array([design.elements.index(s) for s in symbols])
    first, other, r = environments(positions, elements, cell, design.cutoff, len(design.elements))
    total = {quantity: np.zeros(COMPONENTS[quantity]) for quantity in design.quantities}
    carrying = np.isin(elements, [design.elements.index(center) for center in design.centers])
    places = positions - positions[carrying].mean(axis=0) if carrying.any() else positions
    for k, center in enumerate(design.centers):
        mine = np.flatnonzero(elements == design.elements.index(center))
        counts = first[mine, -1] - first[mine, 0]
        entries = entries_of(first[mine, 0], counts)
        own = moments(counts, r.T[entries], elements[other[entries]], len(design.elements), design.cutoff,
                      design.radial)  # fmt: skip
        for quantity, values in model.atomic(k, own, places[mine] if design.has_charges else None).items():
            total[quantity] += values.sum(axis=0)
    mine = np.flatnonzero(design.charges[elements])
    counts = first[mine, -1] - first[mine, 0]
    entries = entries_of(first[mine, 0], counts)
    entry, place = ionic(counts, r.T[entries], design.is_center[elements[other[entries]]])
    if (entry < 0).any():
        raise InputError(alone(model))
    if len(mine):
        total[DIPOLE] += design.charges[elements[mine]] @ place
    if cell is not None and design.local_field:
        total[POLARIZABILITY] = whole(total[POLARIZABILITY], abs(np.linalg.det(cell)))
    return np.concatenate([total[quantity] for quantity in design.quantities])


def check_test_vectors(model: TensorNetwork) -> None:
    """InputError with the numbers if a model answers otherwise than its test vectors say."""
    names = [f"{quantity}_{axis}" for quantity in model.design.quantities for axis in AXES[COMPONENTS[quantity]]]
    for number, vector in enumerate(model.test_vectors):
        values = tensors_of(model, vector.symbols, vector.positions, vector.cell)
        far = np.abs(values - vector.values)
        if not far.max() <= TOLERANCE * max(1.0, np.abs(vector.values).max()):
            k = int(np.argmax(np.where(np.isnan(far), np.inf, far)))
            raise InputError(
                f"{model.name or 'tensors'}: test vector {number} ({''.join(vector.symbols)}): {names[k]} is "
                f"{float(values[k])!r}, expected {float(vector.values[k])!r}; the file is damaged or was changed: get "
                "it anew"
            )


def make_test_vectors(model: TensorNetwork, seed: int = 1) -> tuple[TestVector, ...]:
    """Two clusters of all elements, and a cell of them where there may be one, with the model's answers."""
    rng, elements, found = np.random.default_rng(seed), model.design.elements, []
    for sites, periodic in ((2, False), (3, False), (2, True)):
        if periodic and model.design.has_charges:
            continue
        length = 0.4 * model.design.cutoff
        grid = np.stack(np.meshgrid(*(np.arange(sites),) * 3, indexing="ij"), axis=-1).reshape(-1, 3)
        grid = grid[rng.permutation(len(grid))][: 4 * sites]
        positions = length * (grid + rng.uniform(-0.2, 0.2, grid.shape))
        cell = length * (sites * np.eye(3) + rng.uniform(-0.2, 0.2, (3, 3))) if periodic else None
        symbols = tuple(elements[k % len(elements)] for k in range(len(grid)))
        values = tensors_of(model, symbols, positions, cell)
        if np.isfinite(values).all():  # so dense a cell may polarise itself without end (local_field.py)
            found.append(TestVector(symbols, positions, cell, values))
    return tuple(found)
