"""What do charges of atoms feel of each other, while the atoms stay where they are?

Charges that follow from each other (equilibration.py) are found by many products with one matrix, C K with

    K_ij = erf(r_ij / sqrt(2 (s_i^2 + s_j^2))) / r_ij,    with all images in a periodic cell (electrostatics.py)

and without what each Gaussian has in its own field. Elements of near pairs are computed once (ext/charges/gaussians.c),
what is farther goes through waves or a mesh. In a cluster all pairs are near.
"""

import math

import numpy as np

from mdcore.base import exact
from mdcore.base.voigt import PAIRS
from mdcore.doors._kernels import Gaussians, NearRows
from mdcore.potentials.charges.bound import WIRE
from mdcore.potentials.charges.electrostatics import Electrostatics
from mdcore.potentials.charges.kept import KeptPlan
from mdcore.potentials.charges.slab import Slab, refuse

POINT = 1e9  # gamma of points, 1 / length
TRIAL = "charge_trial"  # column of charges that ghosts shall know


class Interaction:
    """How charges of some species feel each other.

    widths : s of each species, unit of length; 0: points; constant : C, eV times length / e^2
    screening : (inner, outer, core), or None
    sums : of all images, an Electrostatics; plans : its waves, of the cell at hand
    """

    def __init__(self, widths, constant: float, sums: Electrostatics, screening=None):
        self.widths = np.array(widths, dtype=float)
        s2 = self.widths**2
        spread = s2[:, None] + s2[None]
        self.gamma = np.where(spread > 0.0, 1.0 / np.sqrt(2.0 * np.where(spread > 0.0, spread, 1.0)), POINT)
        self.constant, self.sums, self.screening = constant, sums, screening
        self.plans = KeptPlan(sums.plan)
        # of each species in its own field, C / (s sqrt(pi))
        self.own = np.where(s2 > 0.0, constant * 2.0 * np.diag(self.gamma) / math.sqrt(math.pi), 0.0)
        shift, slope = sums.shifts
        self.images = Gaussians(self.gamma, constant, sums.alpha, sums.cutoff, shift, slope, screening)
        self.pairs = Gaussians(self.gamma, constant, 0.0, math.inf, 0.0, 0.0, screening)

    def field(self, atoms, full, domain) -> "Field":
        """Of atoms that are where they are now (collective); full : the list up to `reach`."""
        if sum(domain.box.periodic) == 1:
            refuse(WIRE)
        return Images(self, atoms, full, domain) if any(domain.box.periodic) else Cluster(self, atoms, domain)

    @property
    def reach(self) -> float:
        """Of the lists of a periodic cell."""
        return max(self.sums.cutoff, self.screening[1] if self.screening else 0.0)


class Field:
    """Products with the matrix for atoms that stay (collective, all of it); n : owned atoms; n_atoms : of all ranks;
    small : can the whole matrix be had for little?"""

    small = False

    def __init__(self, interaction: Interaction, atoms, domain):
        self.it, self.atoms, self.domain, self.comm = interaction, atoms, domain, domain.comm
        self.n = atoms.n_owned
        self.n_atoms = int(self.comm.sum(np.array([self.n]))[0])

    def whole(self, v: np.ndarray) -> np.ndarray:
        """Of numbers [n] of owned atoms, those of all that the rows are of."""
        raise NotImplementedError

    def product(self, v: np.ndarray) -> np.ndarray:
        """C K v [n]."""
        peak = float(self.comm.maximum(np.array([np.abs(v).max(initial=0.0)]))[0])
        if not 0.0 < peak < math.inf:
            return 0.0 * v
        scale = 2.0 ** -math.frexp(peak)[1]  # sums on grids lose nothing
        return self._product(scale * v) / scale

    def screened(self, q: np.ndarray) -> np.ndarray:
        """C S q [n]: what a screening takes away."""
        return 0.0 * q if self._screens is None else self.rows.product(self._screens, self.whole(q))

    def dense(self) -> np.ndarray:
        """C K [n_atoms, n_atoms] of all atoms by their tags, on every rank."""
        n, tags = self.n, self.comm.join(self.atoms.tags[: self.n])
        columns = np.empty((n, self.n_atoms))
        order = np.sort(tags)
        for k, tag in enumerate(order):
            columns[:, k] = self.product((self.atoms.tags[:n] == tag).astype(float))
        whole = np.empty((self.n_atoms, self.n_atoms))
        whole[np.searchsorted(order, tags)] = self.comm.join(columns)
        return 0.5 * (whole + whole.T)

    def everywhere(self, v: np.ndarray) -> np.ndarray:
        """Of numbers [n] of owned atoms, those of all, by their tags."""
        tags = self.comm.join(self.atoms.tags[: self.n])
        return self.comm.join(v)[np.argsort(tags)]

    def mine(self, v: np.ndarray) -> np.ndarray:
        """The reverse."""
        tags = np.sort(self.comm.join(self.atoms.tags[: self.n]))
        return v[np.searchsorted(tags, self.atoms.tags[: self.n])]

    def act(self, q: np.ndarray, l: np.ndarray | None, total: float, out) -> np.ndarray:
        """Add the forces of q K q / 2 + l K q + q S q / 2, times C, l None: 0, and where wanted the virial;
        total : sum of q. Returns C K q."""
        raise NotImplementedError


class Cluster(Field):
    """Of a cluster: all pairs."""

    small = True

    def __init__(self, interaction, atoms, domain):
        super().__init__(interaction, atoms, domain)
        n, own = self.n, atoms.x[: atoms.n_owned]
        tags = self.comm.join(atoms.tags[:n])
        self._order = np.argsort(tags)
        self.all = np.ascontiguousarray(self.comm.join(own)[self._order])
        index = np.tile(np.arange(len(tags), dtype=np.int32), n)
        self.gaussians = interaction.pairs
        self.rows = NearRows(atoms.x, self.all, np.arange(n + 1) * len(tags), index, math.inf)
        self.values, self._screens = self.rows.matrix(self.gaussians)

    def whole(self, v):
        return self.comm.join(v)[self._order]

    def _product(self, v):
        return self.rows.product(self.values, self.whole(v))

    def dense(self):
        rows = self.comm.join(self.rows.dense(self.values))
        return rows[self._order]

    def act(self, q, l, total, out):
        others = np.zeros(self.n) if l is None else l
        self.rows.forces(self.gaussians, q, others, self.whole(q), self.whole(others), False, self.atoms.f)
        return self.product(q)


class Images(Field):
    """Of a crystal, a liquid or a slab: near pairs, and waves."""

    def __init__(self, interaction, atoms, full, domain):
        super().__init__(interaction, atoms, domain)
        sums, self._bulk = interaction.sums, all(domain.box.periodic)
        matrix = np.array(domain.box.matrix) if self._bulk else self._slab(np.zeros(self.n)).matrix
        self.gaussians = interaction.images
        self.rows = NearRows(atoms.x, atoms.x[: atoms.n_total + 1], full.first, full.index, interaction.reach)
        self.values, self._screens = self.rows.matrix(self.gaussians)
        self.plan = interaction.plans.of(matrix)
        # of each charge in the field of its own smooth part, and in that of the background
        self._self = interaction.constant * (sums.shifts[0] - 2.0 * sums.alpha / math.sqrt(math.pi))
        self._background = -interaction.constant * sums.mean / self.plan.volume

    def _slab(self, v):
        """What a cell that is periodic along two axes adds, of charges v; None of one that is along three."""
        if self._bulk:
            return None
        total = float(exact.sums(self.comm, v[:, None], exact.ENERGY_BITS)[0])
        return Slab(self.atoms, self.domain, self.it.sums, v, total)

    def whole(self, v):
        column = getattr(self.atoms, TRIAL)
        column[: self.n] = v
        self.domain.forward(self.atoms, TRIAL)
        return column

    def _charges(self, v):
        charges = np.zeros(self.n + 1)
        charges[: self.n] = v
        return charges

    def _product(self, v):
        potentials, slab = np.zeros(self.n + 1), self._slab(v)
        self.plan.act(self.atoms, self._charges(v), self.domain, potentials, forces=False, energy=False)
        far = potentials[: self.n] + (slab.potentials if slab else 0.0)
        return self.rows.product(self.values, self.whole(v)) + far + self._self * v

    def _waves(self, v, energy: bool):
        """Adds forces; (potentials [n], virial where wanted, energy of what a slab adds) of charges v."""
        potentials, slab = np.zeros(self.n + 1), self._slab(v)
        found = self.plan.act(self.atoms, self._charges(v), self.domain, potentials, energy=energy)
        virial, far = found[1] if energy else 0.0, potentials[: self.n]
        if slab is None:
            return far, virial, 0.0
        slab.act(self.atoms)
        return far + slab.potentials, virial, slab.energy

    def act(self, q, l, total, out):
        atoms = self.atoms
        whole = self.whole(q).copy()
        others = np.zeros(len(whole)) if l is None else self.whole(l).copy()
        self.rows.forces(self.gaussians, whole, others, whole, others, True, atoms.f)
        before = atoms.forces.copy()
        far, virial, more = self._waves(q if l is None else q + l, out.want_energy)
        if l is not None:  # q K q / 2 + l K q = (q + l) K (q + l) / 2 - l K l / 2
            middle = atoms.forces.copy()
            less, less_virial, less_more = self._waves(l, out.want_energy)
            atoms.forces[:] = 2.0 * middle - atoms.forces  # exact: multiples of the grid
            far, more, virial = far - less, more - less_more, virial - less_virial
        if out.want_energy:
            forces = atoms.forces - before
            virial += (0.5 * self._background * total**2 + more) * np.eye(3)  # both go as 1 / area
            if slab := self._slab(q):
                virial = slab.virial(virial, forces, self.comm)
            share = [virial[pair] * (self.comm.rank == 0) for pair in PAIRS]
            out.replace_virial(out.sums_of(atoms, forces), share)
        return self.rows.product(self.values, whole) + far + self._self * q + self._background * total
