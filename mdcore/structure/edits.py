"""How does one structure become another: alloys, vacancies, slabs, random displacements, molecules packed into a cell?

Every method of `Edits` gives a new System. What is random follows from `seed` alone.
"""

import numpy as np

from mdcore.base.arguments import listed, of_kind, table
from mdcore.base.errors import InputError
from mdcore.base.memory import check_count
from mdcore.base.ranges import number
from mdcore.structure.bonds import among, nearest
from mdcore.structure.box import Box
from mdcore.structure.packing import packed

SUBSTITUTE, VACANCIES, DISPLACE, INSERT = range(4)  # streams of the random numbers
ON_A_FACE = 1e-6  # of a cell vector; an atom so near to a face belongs to the other one
MOST_INDEX = 50  # of an orientation


def generator(seed, stream: int):
    """Random numbers of a seed; InputError."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or not 0 <= seed < 2**64:
        raise InputError(f"seed = {seed!r}: expected an integer from 0 to 2^64 - 1")
    return np.random.Generator(np.random.PCG64([int(seed), stream]))


class Edits:
    """What a System can be made into; a mixin of it."""

    def substitute(self, species: str, by: str, fraction: float, seed: int = 1, masses=None):
        """An alloy: this share of the atoms of `species`, chosen at random, becomes `by`; its mass is that of `by`.

        Charges and other columns stay. InputError if no atom would change.
        """
        there = self._of(species)
        share = number("fraction", fraction)
        count = round(share * len(there)) if 0.0 <= share <= 1.0 else -1
        if count < 1:
            raise InputError(
                f"substitute: fraction = {fraction!r} of {len(there)} {species} atoms: expected at most 1, and at "
                "least one atom"
            )
        chosen = generator(seed, SUBSTITUTE).permutation(there)[:count]
        names, heavy = np.array(self.names, dtype=object), self.masses.copy()
        names[chosen] = of_kind("substitute: by", by, str, "a species")
        heavy[chosen] = type(self)(Box.cubic(1.0), np.zeros((1, 3)), by, masses=masses, units=self.units).masses[0]
        return self._with(names=names.tolist(), masses=heavy)

    def vacancies(self, counts: dict[str, int], seed: int = 1):
        """Without so many atoms of each species, {name: count}, chosen at random."""
        keep, rng = np.ones(self.n_atoms, dtype=bool), generator(seed, VACANCIES)
        for name, count in table("vacancies: counts", counts).items():
            there = self._of(name)
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or not 0 <= count <= len(there):
                raise InputError(f"{count!r} of {name} vacancies: expected an integer, at most {len(there)}")
            keep[rng.permutation(there)[:count]] = False
        if not keep.any():
            raise InputError("vacancies: no atom would be left")
        return self.take(keep)

    def take(self, atoms):
        """Some of the atoms: bool [n], or their numbers."""
        try:
            rows = np.atleast_1d(np.arange(self.n_atoms)[np.array(atoms) if np.ndim(atoms) else atoms])
        except (IndexError, TypeError, ValueError):
            last = self.n_atoms - 1
            raise InputError(f"take: expected bool [{last + 1}], or numbers of atoms, 0 to {last}") from None
        if rows.ndim != 1:
            raise InputError("take: expected a plain list of atoms")

        def some(column):
            return None if column is None else column[rows]

        return self._with(
            positions=self.positions[rows], names=[self.names[k] for k in rows.tolist()], masses=self.masses[rows],
            velocities=some(self.velocities), columns={name: values[rows] for name, values in self.columns.items()},
            bonds=among(self.bonds, rows, self.n_atoms),
        )  # fmt: skip

    def displace(self, width: float, seed: int = 1):
        """Every coordinate moved at random, with the standard deviation `width`."""
        width = number("displace", width, "length", zero=True)
        noise = generator(seed, DISPLACE).normal(size=self.positions.shape)
        return self._with(positions=self.positions + width * noise)

    def add_vacuum(self, lengths):
        """Empty space between each pair of faces, three lengths: the cell grows, atoms stay together in the middle."""
        lengths = [number("vacuum", each, "length", zero=True) for each in listed("vacuum", lengths, "15.0")]
        if len(lengths) != 3:
            raise InputError(f"vacuum = {lengths}: expected three lengths, e.g. [0, 0, 15]")
        box = self.box
        growth = np.array(lengths) / box.widths
        inside, _ = box.wrap(self.positions)
        if (nearest(box, inside, self.bonds)[:, growth > 0.0] != 0).any():
            raise InputError("vacuum: bonds cross the face where it is to be; shift all atoms, so that none does")
        shift = 0.5 * growth @ box.matrix
        return self._with(
            positions=inside + shift, box=Box(box.matrix * (1.0 + growth)[:, None], box.periodic, box.origin)
        )

    def orient(self, rows):
        """The same crystal in a cell whose vectors are these combinations of its own: three rows of three integers.

        [[1, -1, 0], [1, 1, -2], [1, 1, 1]] makes (111) of a cubic cell the face between a and b. The first vector lies
        along x, the second in the plane of x and y. For fully periodic systems; velocities are dropped.
        """
        turn = np.array(rows)
        if turn.shape != (3, 3) or turn.dtype.kind not in "iu" or np.abs(turn).max() > MOST_INDEX:
            raise InputError(f"orientation = {rows}: expected three rows of three integers, e.g. [[1, -1, 0], ...]")
        copies = round(float(np.linalg.det(turn)))
        if copies < 1:
            raise InputError(f"orientation = {rows}: expected three vectors that are right-handed, not in one plane")
        if len(self.bonds):
            raise InputError("orientation: for structures without bonds")
        if self.fixed is not None:
            raise InputError("orientation: atoms are held along axes that would turn; hold them afterwards")
        if not all(self.box.periodic):
            raise InputError("orientation: for fully periodic structures only")
        check_count(copies * self.n_atoms, f"orientation = {rows}")
        corners = np.array(np.meshgrid([0, 1], [0, 1], [0, 1])).reshape(3, -1).T @ turn
        extent = zip(corners.min(axis=0), corners.max(axis=0), strict=True)
        ranges = [np.arange(low - 1, high + 2) for low, high in extent]
        cells = np.array(np.meshgrid(*ranges, indexing="ij")).reshape(3, -1).T
        scaled = self.box.fractional(self.box.wrap(self.positions)[0])
        places = (cells[None] + scaled[:, None]) @ np.linalg.inv(turn)  # [n, cells, 3] in the new cell
        inside = ((places >= -ON_A_FACE) & (places < 1.0 - ON_A_FACE)).all(axis=2)
        atom, cell = np.nonzero(inside)
        if len(atom) != copies * self.n_atoms:
            raise InputError(f"orientation = {rows}: atoms on faces of the cell can't be counted; move all a bit")
        matrix = turn @ self.box.matrix
        if np.linalg.det(matrix) < 0.0:
            raise InputError("orientation: the vectors of this cell are left-handed; swap two of them")
        upright = np.linalg.qr(matrix.T)[1].T  # lower triangular: rotated, or mirrored
        upright = upright * np.sign(np.diag(upright))[None]
        return self._with(
            box=Box(upright), positions=places[atom, cell] @ upright, names=[self.names[k] for k in atom.tolist()],
            masses=self.masses[atom], velocities=None,
            columns={name: values[atom] for name, values in self.columns.items()},
        )  # fmt: skip

    def insert(self, molecule, count: int, distance: float, seed: int = 1):
        """With `count` copies of a molecule (a System) at random places and turns, no two atoms of different molecules,
        old atoms among them, closer than `distance`. InputError if there is no room; see packing.py."""
        of_kind("insert: molecule", molecule, Edits, "a System")
        rng = generator(seed, INSERT)
        return self._joined(molecule, packed(self.box, self.positions, molecule.positions, count, distance, rng))

    @classmethod
    def pack(cls, box, molecules, distance: float, seed: int = 1):
        """A cell filled with molecules, [(System, count), ...], as by `insert`."""
        rng, system = generator(seed, INSERT), None
        of_kind("pack: box", box, Box, "a Box, e.g. Box.cubic(20.0)")
        for each in listed("pack: molecules", molecules, "(System, 10)"):
            if not isinstance(each, tuple | list) or len(each) != 2:
                raise InputError(f"pack: molecules: {each!r}: expected (System, count)")
            molecule, count = of_kind("pack: molecule", each[0], Edits, "a System"), each[1]
            old = np.zeros((0, 3)) if system is None else system.positions
            places = packed(box, old, molecule.positions, count, distance, rng)
            if system is None:
                system = cls(
                    box, places[0], molecule.names, masses=molecule.masses, columns=dict(molecule.columns),
                    units=molecule.units,
                )  # fmt: skip
                system.bonds, places = molecule.bonds, places[1:]
            system = system._joined(molecule, places)
        if system is None:
            raise InputError("pack: no molecules; name one or more")
        return system

    def _joined(self, molecule, places):
        """With copies of a molecule at places [copies, atoms, 3]; they are at rest if the system moves."""
        many, size = len(places), len(molecule.positions)
        if molecule.units.name != self.units.name:
            raise InputError(f"insert: the molecule has units {molecule.units.name}, the system {self.units.name}")
        if self.columns.keys() != molecule.columns.keys():
            both = sorted(self.columns.keys() ^ molecule.columns.keys())
            raise InputError(f"insert: {', '.join(both)}: columns of the one, and not of the other; give both or none")
        first = self.n_atoms + size * np.arange(many)
        more = [molecule.bonds + np.array([at, at, 0]) for at in first.tolist()]
        rest = None if self.velocities is None else np.concatenate([self.velocities, np.zeros((many * size, 3))])
        return self._with(
            positions=np.concatenate([self.positions, places.reshape(-1, 3)]),
            names=self.names + molecule.names * many,
            masses=np.concatenate([self.masses, np.tile(molecule.masses, many)]),
            velocities=rest,
            columns={
                name: np.concatenate([values, np.tile(molecule.columns[name], (many,) + (1,) * (values.ndim - 1))])
                for name, values in self.columns.items()
            },
            bonds=np.concatenate([self.bonds, *more]),
        )

    def _of(self, species: str) -> np.ndarray:
        """The atoms of a species; InputError if there are none."""
        if species not in self.symbols:
            raise InputError(f"no atom is {species!r}; there are {', '.join(self.symbols)}")
        return np.flatnonzero(self.species == self.symbols.index(species))

    def _with(self, names=None, **changes):
        """A new System with some columns changed; results of a file (energy, forces, stress) are dropped."""
        now = {
            "box": self.box, "positions": self.positions, "masses": self.masses, "velocities": self.velocities,
            "columns": dict(self.columns),
        } | changes  # fmt: skip
        info = {key: value for key, value in self.info.items() if key not in ("energy", "forces", "stress")}
        box, positions, bonds = now.pop("box"), now.pop("positions"), now.pop("bonds", self.bonds)
        new = type(self)(box, positions, self.names if names is None else names, units=self.units, info=info, **now)
        new.bonds, new.constraints = bonds, self.constraints
        return new
