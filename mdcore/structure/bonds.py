"""Which atoms are joined by bonds?

int64 [m, 3]: two atoms, counted from 0, the lower first, and the type of their bond, counted from 1; sorted. A bond is
with the nearest image of the other atom.
"""

import itertools
import math

import numpy as np

from mdcore.base.errors import InputError

NONE = np.zeros((0, 3), dtype=np.int64)
NONE.flags.writeable = False


MOST_TYPES = 10**9


class WithBonds:
    """The bonds of a System; `n_atoms` : how many atoms there are."""

    _bonds = NONE

    @property
    def bonds(self) -> np.ndarray:
        """int64 [m, 3], two atoms and the type of their bond (bonds.py). Assign [m, 3], or [m, 2]: all of type 1."""
        return self._bonds

    @bonds.setter
    def bonds(self, bonds) -> None:
        self._bonds = checked(bonds, self.n_atoms)


def checked(bonds, n: int) -> np.ndarray:
    """Bonds among n atoms, as this module has them; InputError."""
    if bonds is None or np.size(bonds) == 0:
        return NONE
    rows = np.array(bonds)
    if rows.ndim != 2 or rows.shape[1] not in (2, 3) or rows.dtype.kind not in "iu":
        raise InputError(f"bonds: expected rows of two atoms and a type, whole numbers, got shape {rows.shape}")
    rows = rows.astype(np.int64)
    if rows.shape[1] == 2:
        rows = np.column_stack([rows, np.ones(len(rows), dtype=np.int64)])
    rows = np.column_stack([rows[:, :2].min(axis=1), rows[:, :2].max(axis=1), rows[:, 2]])
    rows = rows[np.lexsort(rows.T[::-1])]
    for wrong, why in (
        ((rows[:, 0] < 0) | (rows[:, 1] >= n), f"there are {n} atoms, counted from 0"),
        (rows[:, 0] == rows[:, 1], "an atom has no bond with itself"),
        ((rows[:, 2] < 1) | (rows[:, 2] > MOST_TYPES), f"types are counted from 1 to {MOST_TYPES}"),
        (np.append(False, (rows[1:, :2] == rows[:-1, :2]).all(axis=1)), "these two atoms have a bond already"),
    ):
        if wrong.any():
            a, b, kind = rows[int(np.argmax(wrong))].tolist()
            raise InputError(f"bonds: {a}-{b}, type {kind}: {why}")
    rows.flags.writeable = False
    return rows


def among(bonds: np.ndarray, rows, n: int) -> np.ndarray:
    """The bonds of the atoms `rows` of n, which are counted anew."""
    place = np.full(n, -1)
    place[rows] = np.arange(len(rows))
    bonds = np.column_stack([place[bonds[:, :2]], bonds[:, 2]])
    return bonds[(bonds >= 0).all(axis=1)]


def replicated(bonds: np.ndarray, box, positions, repeat) -> np.ndarray:
    """The bonds of copies along the cell vectors (`System.replicate`)."""
    k, n = math.prod(repeat), len(positions)
    if not len(bonds) or k == 1:
        return bonds
    copies = np.stack(np.unravel_index(np.arange(k), repeat), axis=1)  # [k, 3]
    over = copies[:, None] + nearest(box, positions, bonds)[None]  # [k, m, 3], the cell of the second atom
    there = np.ravel_multi_index((over % np.array(repeat)).reshape(-1, 3).T, repeat)
    here = np.repeat(np.arange(k), len(bonds))
    a, b, kind = np.tile(bonds, (k, 1)).T
    return np.column_stack([a + n * here, b + n * there, kind])


def nearest(box, positions, bonds) -> np.ndarray:
    """So many cell vectors on, int [m, 3], is the image of the second atom that is nearest to the first."""
    apart = positions[bonds[:, 1]] - positions[bonds[:, 0]]
    periodic = np.array(box.periodic)
    middle = np.where(periodic, -np.rint(apart @ box.inverse), 0.0)
    best, found = np.full(len(bonds), np.inf), middle.copy()
    reach = [(-2, -1, 0, 1, 2) if flag else (0,) for flag in periodic]
    for step in itertools.product(*reach):
        shift = middle + step
        r2 = ((apart + shift @ box.matrix) ** 2).sum(axis=1)
        nearer = r2 < best * (1.0 - 1e-12)
        best[nearer], found[nearer] = r2[nearer], shift[nearer]
    return found.astype(np.int64)


def lengths_of(box, positions, bonds) -> np.ndarray:
    """float64 [m], unit of length: from the first atom to the nearest image of the second."""
    apart = positions[bonds[:, 1]] - positions[bonds[:, 0]] + nearest(box, positions, bonds) @ box.matrix
    return np.sqrt((apart**2).sum(axis=1))


def within(bonds: np.ndarray, n: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """(first int64 [n + 1], others int64 [first[-1]]): of each of n atoms those that up to `most` bonds join to it."""
    near = np.concatenate([bonds[:, :2], bonds[:, 1::-1]])
    near = near[np.lexsort(near.T[::-1])]
    first = np.searchsorted(near[:, 0], np.arange(n + 1))
    found, last = near, near
    for _ in range(most - 1):
        counts = first[last[:, 1] + 1] - first[last[:, 1]]
        ends = np.cumsum(counts)
        place = np.arange(counts.sum()) + np.repeat(first[last[:, 1]] - ends + counts, counts)
        last = np.column_stack([np.repeat(last[:, 0], counts), near[place, 1]])
        last = np.unique(last[last[:, 0] != last[:, 1]], axis=0)
        found = np.concatenate([found, last])
    found = np.unique(found, axis=0)
    return np.searchsorted(found[:, 0], np.arange(n + 1)).astype(np.int64), np.ascontiguousarray(found[:, 1])


def pairs_within(bonds: np.ndarray, most: int) -> np.ndarray:
    """int64 [m, 2]: pairs that up to `most` bonds join, the lower atom first."""
    n = int(bonds[:, 1].max(initial=-1)) + 1
    first, others = within(bonds, n, most)
    pairs = np.column_stack([np.repeat(np.arange(n), np.diff(first)), others])
    return pairs[pairs[:, 0] < pairs[:, 1]]


def store(file, group, bonds, tags) -> None:
    """Into an H5MD file, beside a group of particles with these ids."""
    if bonds is None or not len(bonds):
        return
    place = file.require_group("connectivity").create_dataset("bonds", data=np.asarray(tags)[bonds[:, :2]])
    place.attrs["particles_group"] = group.ref
    file.require_group("parameters").create_dataset("bond_types", data=bonds[:, 2])


def load(file, tags) -> np.ndarray:
    """The reverse; ValueError for what is none."""
    if "connectivity/bonds" not in file:
        return NONE
    pairs, types = file["connectivity/bonds"][:], file["parameters/bond_types"][:]
    order = np.argsort(tags)
    place = order[np.minimum(np.searchsorted(tags, pairs, sorter=order), len(tags) - 1)]
    if not np.array_equal(tags[place], pairs):
        raise ValueError("bonds: of atoms that are not there")
    try:
        return checked(np.column_stack([place, types]), len(tags))
    except InputError as error:
        raise ValueError(str(error)) from None


def size(bonds) -> int:
    """Bytes in a file, or more."""
    return 0 if bonds is None or not len(bonds) else 32 * len(bonds) + 8192
