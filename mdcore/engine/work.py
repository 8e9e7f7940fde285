"""From positions to forces: what happens in which order, on one rank or many?

owners -> order in memory -> ghosts -> lists -> potential -> virial -> forces go home. A step of a simulation, the
evaluation of a single structure and the tests of potentials share this chain.
"""

import numpy as np

from mdcore.base import exact
from mdcore.base.comm import SelfComm
from mdcore.base.memory import check_neighbours
from mdcore.base.timers import Timers
from mdcore.base.units import METAL
from mdcore.base.voigt import PLACE
from mdcore.doors import _kernels
from mdcore.engine import faults, sanity
from mdcore.engine.domain import Domain, extent_of, on_grid
from mdcore.engine.neighbors import Neighbors
from mdcore.potentials.base import Results, leaves
from mdcore.structure.atoms import Atoms, Column, declared
from mdcore.structure.box import Box
from mdcore.structure.columns import FIXED


class Work:
    """The atoms of this rank, and what it takes to get the forces on them.

    potential : keeps the protocol of potentials/base.py; symbols : names of the species; bound : the potential for them
    skin : the lists hold pairs up to cutoff + skin; comm : communicator; timers : where the time goes

    holds : components of atoms are held in place: the structure says which ("fixed"), forces on them are 0; those that
    they would feel are in `unheld` float64 [n_owned, 3] after forces with energy

    atoms, neighbors, results : always the same objects; box, domain, bits (of the grid of positions), tail : of the
    cell as it is now
    virial : limbs int64 [6, 3], this rank's share, of the last forces with energy or virial; has_virial : are the
        forces of now such?
    """

    def __init__(
        self, potential, symbols, skin: float, *, comm=None, units=METAL, timers: Timers | None = None,
        holds: bool = False,
    ):  # fmt: skip
        self.holds, self.unheld = holds, None
        self.potential, self.symbols, self.units = potential, tuple(symbols), units
        self.comm = SelfComm() if comm is None else comm
        self.bound = potential.bind(self.symbols)
        self.has_virial, self._cell, self._times = False, None, None
        self.neighbors = Neighbors(potential.lists, skin, len(self.symbols))
        columns = declared(leaves(self.bound)) | ({FIXED: Column("?", (3,), "structure")} if holds else {})
        self.atoms, self.results = Atoms(columns=columns), Results()
        sent = (name for name, column in columns.items() if column.ghosts)
        self._ghost_columns = (*potential.ghost_columns, *sent)
        self._lap = (timers or Timers()).lap

    def take_cell(self, box, counts, farthest: float = 0.0, processor_grid=None, strained=None) -> None:
        """Atoms will be in this cell. counts : of each species; farthest : coordinates outside of the cell, as for
        `on_grid`; strained : `lattice` of a run that goes on. InputError if it is too narrow, or would fill the memory
        with images."""
        reach = self.neighbors.ghost_reach
        cell = box.matrix.tobytes(), box.origin.tobytes(), box.periodic, tuple(counts), farthest, processor_grid
        if strained is None and cell == self._cell and self._times is None:  # as of most structures of a list
            self._given, self._outdated = box, False
            for term in leaves(self.bound):
                term.restore({})
            return
        self._cell = None
        if strained is None:
            self.bits, self.box = on_grid(box, reach, farthest)
        else:
            self.bits, self.box = strained["bits"], Box(strained["matrix"], box.periodic, strained["origin"])
        check_neighbours(sum(counts), self.box, reach, self.units, self.comm.size)
        self.counts, self._given, self._times = counts, box, None
        for term in leaves(self.bound):
            term.restore({})
        if strained is not None:
            self._times = np.rint(box.matrix @ self.box.inverse)  # the cell that was given = times @ box
        half = self.potential.list_kinds == ("half",)
        self.domain = Domain(self.comm, self.box, reach, processor_grid, half_halo=half)
        self._outdated = False  # do ghosts belong to other cell vectors?
        self._take()
        self._cell = cell

    def _take(self) -> None:
        self.tail = self.bound.tail(self.counts, self.box)  # (energy, trace of the virial)
        self.results.position_bits = self.bits

    @property
    def limit(self) -> float:
        """Coordinates below this are exact."""
        return 2.0 ** (52 - self.bits)

    @property
    def big(self) -> float:
        """x + big - big is the multiple of the grid of positions nearest to x."""
        return 1.5 * self.limit

    @property
    def cell(self) -> Box:
        """The cell as it is now, by the vectors that were given."""
        if self._times is None:
            return self._given
        return Box(self._times @ self.box.matrix, self.box.periodic, self.box.origin)

    @property
    def lattice(self) -> dict | None:
        """What another `Work` must be told of a cell that was strained; None if it was not."""
        if self._times is None:
            return None
        return {"bits": self.bits, "matrix": np.array(self.box.matrix), "origin": np.array(self.box.origin)}

    def strain(self, map_, turn) -> None:
        """The cell vectors become `matrix @ map_`, float64 [3, 3], and everything in the cell goes along (collective).

        turn : float64 [3, 3], rows of velocities and forces times this. Ghosts and forces are up to date after `follow`
        and `forces`. Where the cell outgrows the grid of positions, the grid becomes coarser.
        """
        before, origin = self.box, self.box.origin
        if self._times is None:
            self._times = np.rint(self._given.matrix @ before.inverse)
        extent = extent_of(before.matrix @ map_, origin, self.neighbors.ghost_reach)
        self.bits = min(self.bits, exact.position_bits(extent))
        self.box = Box(self.rounded(before.matrix @ map_), before.periodic, self.rounded(origin))
        _kernels.strain(self.atoms, before, self.box, turn, self.big)
        if self.holds:  # `turn` may mix components
            for rows in (self.atoms.velocities, self.atoms.forces):
                np.copyto(rows, 0.0, where=self.atoms.fixed[: self.atoms.n_owned])
        self.neighbors.stretch *= np.linalg.svd(before.inverse @ self.box.matrix, compute_uv=False).min()
        self.domain.deform(self.box)
        self._shorten()
        self._take()

    def _shorten(self) -> None:
        """The same lattice by shorter vectors, as soon as strain has made the cell lean over by many others: the bits
        of the next strain are those of the vectors, which must not depend on when lists are made."""
        box = self.box.reduced()
        if box is self.box:
            return
        images, old = self.atoms.images[: self.atoms.n_owned], self.box.matrix @ box.inverse  # whole numbers
        images[:], self._times = np.rint(images @ old), np.rint(self._times @ old)
        domain, self.box = self.domain, box
        self.domain = Domain(self.comm, box, domain.reach, domain.grid, half_halo=domain.half_halo)
        self._outdated = True

    def rounded(self, positions) -> np.ndarray:
        """Positions on the grid."""
        return exact.rounded(positions, self.bits)

    def neighbourhood(self, look: bool = False) -> None:
        """Owners, order in memory, ghosts and the lists, anew (collective). look : at whether atoms are too close."""
        atoms, lap = self.atoms, self._lap
        self._outdated = False
        self.domain.migrate(atoms)
        lap("communicate")
        self.neighbors.sort(atoms)
        lap("neighbours")
        self.domain.make_ghosts(atoms, self._ghost_columns)
        lap("communicate")
        if look:
            sanity.look(self)
        widths = self.box.widths[np.array(self.box.periodic)]
        self.neighbors.nearest = 0.5 * widths.min(initial=np.inf)
        self.neighbors.build(atoms)
        lap("neighbours")

    def follow(self, moved2: float) -> bool:
        """Ghosts follow their owners; may a pair be missing in the lists by now (collective)?

        moved2 : squared, how far any atom of any rank has moved since they were built
        """
        if self._outdated:
            return True
        self.domain.forward_positions(self.atoms)
        self._lap("communicate")
        stale = self.neighbors.is_stale(self.atoms, moved2, self.comm)
        self._lap("neighbours")
        return stale

    def forces(
        self, want_energy: bool, shares: np.ndarray | None = None, virials: np.ndarray | None = None, *,
        want_virial: bool = False,
    ) -> None:  # fmt: skip
        """Forces, and where wanted energy and virial (collective).

        want_virial : without the energy, if the potential can
        shares : zeros float64 [n_total + 1], get the energy of each owned atom; virials : zeros [n_total + 1, 9], get
        the virial of each, of a potential that `tells_virials`
        """
        atoms, out, lap = self.atoms, self.results, self._lap
        want_energy = want_energy or (want_virial and not self.bound.virial_of_forces)
        self.has_virial = want_energy or want_virial
        atoms.clear_forces()
        out.reset(want_energy, shares, virials)
        self.bound.compute(atoms, self.neighbors, self.domain, out)
        if self.has_virial:
            self.virial = out.whole_virial(_kernels.virial_sums(atoms, 2.0**self.bits))
        lap("forces")
        self.domain.reverse_forces(atoms)
        if wanted := [rows for rows in (shares, virials) if rows is not None]:
            self.domain.reverse_add_rows(*wanted)
        if self.holds:
            self.unheld = atoms.forces.copy() if want_energy else None
            np.copyto(atoms.forces, 0.0, where=atoms.fixed[: atoms.n_owned])
        lap("communicate")

    def shares(self) -> tuple[np.ndarray, np.ndarray | None]:
        """The energy of each owned atom float64 [n_owned], and the virial [n_owned, 3, 3] of a potential that tells it;
        of the tails each atom has the same (collective)."""
        rows, total, n = self.atoms.n_total + 1, sum(self.counts), self.atoms.n_owned
        virials = np.zeros((rows, 9)) if self.potential.tells_virials else None
        energies = np.zeros(rows)
        self.forces(True, energies, virials)
        if virials is not None:
            virials = virials[:n].reshape(n, 3, 3) + np.eye(3) * (self.tail[1] / (3.0 * total))
        return energies[:n] + self.tail[0] / total, virials

    def bad_row(self) -> int:
        """Row of an owned atom with an impossible force, or -1."""
        return max(faults.bad_row(self.atoms), self.results.bad_row)

    def virial_tensor(self, sums) -> np.ndarray:
        """float64 [3, 3] in user units of energy: limbs [6, 3] of all ranks together, and the tail; nan where the
        potential does not know."""
        if not self.results.virial_known:
            return np.full((3, 3), np.nan)
        voigt = np.array([exact.value(exact.integer(row), exact.FORCE_BITS + self.bits) for row in sums])
        voigt[:3] += self.tail[1] / 3.0
        return voigt[PLACE]
