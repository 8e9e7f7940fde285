"""Which crystal is this, and which of its elastic constants are alike? By spglib (an extra)."""

import warnings
from dataclasses import dataclass, field

import numpy as np

from mdcore.base.voigt import PAIRS, PLACE

SAME = 5e-3  # of the shortest distance of cells that are alike: how far atoms may be from where a symmetry wants them
MISSING = 'spglib, which tells the crystal system, is not installed: pip install "mdcore[symmetry]"'
ROOT = np.array([1.0] * 3 + [2.0**0.5] * 3)  # makes Voigt's six numbers a vector whose length is that of the tensor
SYSTEMS = {2: "triclinic", 15: "monoclinic", 74: "orthorhombic", 142: "tetragonal", 167: "trigonal", 194: "hexagonal",
           230: "cubic"}  # the last space group of each  # fmt: skip


@dataclass(frozen=True, eq=False)
class Symmetry:
    """system : cubic, hexagonal, ...; group : space group, Hermann and Mauguin's symbol; number : of it
    turns : float64 [k, 6, 6], what each rotation of the crystal does to Voigt's six numbers (times ROOT) of a tensor
    """

    system: str
    group: str
    number: int
    turns: np.ndarray = field(repr=False)

    def mean(self, constants: np.ndarray) -> np.ndarray:
        """Elastic constants [6, 6] that are alike by symmetry, averaged."""
        own = constants * np.outer(ROOT, ROOT)
        return sum(turn @ own @ turn.T for turn in self.turns) / len(self.turns) / np.outer(ROOT, ROOT)

    @property
    def independent(self) -> int:
        """How many constants are left: of symmetric matrices [6, 6] those that no rotation changes."""
        traces = np.array([(np.trace(t) ** 2 + np.trace(t @ t)) / 2.0 for t in self.turns])
        return round(float(traces.mean()))


def symmetry(system) -> Symmetry | None:
    """Of a crystal, as it lies; None without spglib, or where it finds none."""
    try:
        import spglib
    except ImportError:
        return None
    box = system.box
    hand = np.sign(np.linalg.det(box.matrix))  # spglib wants a right-handed cell: the vectors turned round
    inside = hand * (system.positions - box.origin) @ box.inverse
    near = SAME * float((box.volume / system.n_atoms) ** (1.0 / 3.0))
    cell = (hand * box.matrix, inside, system.species)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # of how it tells errors
            least = spglib.standardize_cell(cell, to_primitive=True, no_idealize=True, symprec=near)
            found = spglib.get_symmetry_dataset(least or cell, symprec=near)
    except Exception:  # spglib's own, of several kinds
        return None
    if least is None or found is None:
        return None
    vectors = np.asarray(least[0])
    turns = {turn.tobytes(): turn for turn in found.rotations}.values()  # in fractions of the vectors
    turns = [vectors.T @ turn @ np.linalg.inv(vectors.T) for turn in turns]
    name = next(name for last, name in SYSTEMS.items() if found.number <= last)
    return Symmetry(name, str(found.international), int(found.number), np.array([_of_six(turn) for turn in turns]))


def _of_six(turn: np.ndarray) -> np.ndarray:
    """float64 [6, 6]: x -> turn x turn^T of a symmetric tensor by its six numbers (times ROOT)."""
    columns = []
    for k in range(6):
        tensor = turn @ (np.eye(6)[k] / ROOT)[PLACE] @ turn.T
        columns.append([tensor[pair] for pair in PAIRS] * ROOT)
    return np.array(columns).T
