"""What does a network of tensors see of labelled structures, and what is it to say of them?"""

from collections.abc import Sequence

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.tensors import moments as m
from mdcore.potentials.tensors.local_field import enhancement_of, without_field
from mdcore.potentials.tensors.model import COMPONENTS, DIPOLE, POLARIZABILITY, Design, ionic
from mdcore.training.share import Share
from mdcore.training.tensors.data import TensorLabelled


class TensorSet:
    """Labelled structures, and the moments of their atoms' neighbours.

    structures : as they are; n : atoms of each that carry tensors; owner : of center k, the structure of each atom
    rows : of center k, the number of each atom in its structure; places : positions from their mean, of clusters
    ions : of center k, what ions that belong to each atom are to its dipole moment [n, 3]
    volumes : of structures whose polarizability has what dipoles far away add; None: of others
    """

    def __init__(self, design: Design, structures: Sequence[TensorLabelled], threads: int = 1):
        self.design, self.structures = design, list(structures)
        share = Share(design.elements, self.structures, threads)
        self.weights = share.weights
        parts = [[] for _ in design.centers]
        n = np.zeros(len(self.structures), dtype=int)
        for k, (elements, row, other, r) in enumerate(share.neighbours_of(design.cutoff)):
            first = np.searchsorted(row, np.arange(len(elements) + 1))
            s, carrying = self.structures[k], np.isin(elements, [design.elements.index(c) for c in design.centers])
            n[k] = np.count_nonzero(carrying)
            if design.has_charges and any(s.periodic):
                raise InputError(
                    f"{s.where}: is periodic, and charges times positions are a dipole moment of clusters alone; "
                    'take dipole = "vectors"'
                )
            places = s.positions - s.positions[carrying].mean(axis=0) if n[k] else s.positions
            ions = self._ions(s, elements, first, other, r)
            for c, center in enumerate(design.centers):
                mine = np.flatnonzero(elements == design.elements.index(center))
                counts = np.diff(first)[mine]
                entries = np.concatenate([np.arange(first[i], first[i + 1]) for i in mine] or [np.empty(0, int)])
                own = m.moments(counts, r[entries], elements[other[entries]], len(design.elements), design.cutoff,
                                design.radial)  # fmt: skip
                parts[c].append((own, np.full(len(mine), k), mine, places[mine], ions[mine]))
        self.n, self.moments, self.owner, self.rows, self.places, self.ions = n, [], [], [], [], []
        self.volumes = [
            abs(np.linalg.det(s.cell)) if design.local_field and all(s.periodic) else None for s in self.structures
        ]
        for own in parts:
            moments = [each for each, *_ in own]
            self.moments.append(m.Moments(*(np.concatenate([getattr(each, name) for each in moments])
                                            for name in ("zeroth", "first", "second"))))  # fmt: skip
            for k, found in enumerate((self.owner, self.rows, self.places, self.ions), start=1):
                found.append(np.concatenate([each[k] for each in own]))

    def _ions(self, s: TensorLabelled, elements, first, other, r) -> np.ndarray:
        """float64 [n, 3], of each atom of a structure."""
        found, charges = np.zeros((len(elements), 3)), self.design.charges[elements]
        mine = np.flatnonzero(charges)
        if len(mine):
            entries = np.concatenate([np.arange(first[i], first[i + 1]) for i in mine])
            entry, place = ionic(np.diff(first)[mine], r[entries], self.design.is_center[elements[other[entries]]])
            if (entry < 0).any():
                raise InputError(
                    f"{s.where}: atom {mine[np.argmax(entry < 0)]} is an ion, and no atom that carries tensors is "
                    f"within {self.design.cutoff:g} Angstrom of it; take ions away from [model], or such structures"
                )
            np.add.at(found, other[entries[entry]], charges[mine, None] * place)
        return found

    def labels(self, quantity: str, center: int, far: bool = False) -> np.ndarray:
        """Of the atoms of a center, what the network is to say: float64 [n, components], nan where there are none.

        far : with what dipoles far away add, as they are in the files
        """
        found = np.full((len(self.owner[center]), COMPONENTS[quantity]), np.nan)
        for k in np.unique(self.owner[center]):
            own = self.structures[k].atomic(quantity)
            if own is not None:
                mine = self.owner[center] == k
                found[mine] = own[self.rows[center][mine]]
                if quantity == POLARIZABILITY and self.volumes[k] and not far:
                    found[mine] = without_field(found[mine], self._enhancement(k))
        return found - self.ions[center] if quantity == DIPOLE else found

    def wholes(self, quantity: str, far: bool = False) -> np.ndarray:
        """The same of the whole [n_structures, components]."""
        nothing = np.full(COMPONENTS[quantity], np.nan)
        found = np.array([nothing if (own := s.whole(quantity)) is None else own for s in self.structures])
        if quantity == DIPOLE:
            for owner, ions in zip(self.owner, self.ions, strict=True):
                np.subtract.at(found, owner, ions)
        for k in range(len(found)) if quantity == POLARIZABILITY and not far else ():
            if self.volumes[k] and np.isfinite(found[k]).all():
                found[k] = without_field(found[k : k + 1], self._enhancement(k))[0]
        return found

    def _enhancement(self, k: int) -> np.ndarray:
        """F [3, 3] of a structure, by its labels."""
        s = self.structures[k]
        whole = s.whole(POLARIZABILITY)
        if whole is None:
            whole = s.atomic(POLARIZABILITY)[np.isin(s.symbols, self.design.centers)].sum(axis=0)
        if not np.isfinite(whole).all():
            raise InputError(
                f"{s.where}: polarizabilities of some atoms that carry tensors are not known, nor that of the cell, so "
                "nobody can tell what dipoles far away add; give it, or local_field = false in [model]"
            )
        return enhancement_of(whole, self.volumes[k])
