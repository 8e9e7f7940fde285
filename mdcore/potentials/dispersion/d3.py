"""DFT-D3: dispersion of pairs and triples, whose coefficients follow the numbers of neighbours.

    E = - sum_{i<j} [s6 C6 f6(r) / r^6 + s8 C8 f8(r) / r^8]
        + s9 sum_{i<j<k} C9 (1 + 3 cos cos cos) f9 / (r_ij r_ik r_jk)^3

C6_ij(N_i, N_j) is an average over reference systems of both elements, weighted by how near their numbers of neighbours
are to N_i and N_j; C8 = 3 C6 q_i q_j, C9 = sqrt(C6_ij C6_ik C6_jk). As N_i follows the places of all atoms around i, a
step has five parts, with ghosts' numbers going home or out between them (ext/dispersion/dispersion.h).

S. Grimme, J. Antony, S. Ehrlich, H. Krieg, J. Chem. Phys. 132, 154104 (2010); rational damping after A. D. Becke and E.
R. Johnson: S. Grimme, S. Ehrlich, L. Goerigk, J. Comput. Chem. 32, 1456 (2011). Numbers agree with s-dftd3
(tests/test_d3.py).
"""

import math
from typing import ClassVar

import numpy as np

from mdcore.base import exact
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number, signed
from mdcore.base.units import BOHR, HARTREE
from mdcore.doors._kernels import D3Kernels
from mdcore.potentials.base import Bound, Potential
from mdcore.potentials.counted import DISPERSION, PURPOSE
from mdcore.potentials.dispersion.damping import DAMPINGS, LARGEST, faults, parameters
from mdcore.potentials.dispersion.reference import Tables
from mdcore.structure.atoms import Column

CUTOFF, NEAR_CUTOFF = 60.0 * BOHR, 40.0 * BOHR  # of pairs; of numbers of neighbours and triples: those of s-dftd3
STEEPNESS = 16.0  # of the function that counts neighbours
TRIPLE_RADII = 4.0 / 3.0  # times R0 in the damping of triples
BITS, NUMBER_BITS = 48, 46  # of its grids: of forces, pulls and energies, of numbers of neighbours (dispersion.h)
FINER = BITS - exact.FORCE_BITS
LIMIT, MOST = 2.0**4, 2.0**6  # sums of an atom below these are exact


class D3(Potential):
    """DFT-D3 dispersion between all atoms closer than its cutoffs.

    functional : its name, such as "pbe0" (damping.functionals()), or None: all that the damping needs is given
    damping : "bj", rational, needs s8, a1, a2 (bohr); "zero" needs s8, sr6
    s6, s8, a1, a2, sr6, sr8 : instead of the functional's; alpha6 : exponent of zero damping; s9 : of triples, 0: none
    cutoff : of pairs; cn_cutoff : of numbers of neighbours; triple_cutoff : of each side of a triple; Angstrom. None:
        21.17 (40 bohr), or `cutoff` if that is less
    width : over this distance before its cutoff each goes to 0 smoothly; 0: they end there, as in s-dftd3

    InputError for a functional that has no parameters, for values out of range, and from `bind` for an element that has
    none.
    """

    def __init__(
        self, functional: str | None = None, *, damping: str = "bj", s6: float | None = None, s8: float | None = None,
        a1: float | None = None, a2: float | None = None, sr6: float | None = None, sr8: float | None = None,
        alpha6: float = 14.0, s9: float = 0.0, cutoff: float = CUTOFF, cn_cutoff: float | None = None,
        triple_cutoff: float | None = None, width: float = 0.0,
    ):  # fmt: skip
        choice("D3: damping", damping, DAMPINGS)
        if not isinstance(functional, str | None):
            raise InputError(f'D3: functional = {functional!r}: expected a name, e.g. "pbe0"')
        given = {"s6": s6, "s8": s8, "a1": a1, "a2": a2, "sr6": sr6, "sr8": sr8}
        given = {name: signed(f"D3: {name}", value) for name, value in given.items() if value is not None}
        for name, complaint in faults(functional, damping, given):
            raise InputError(f"D3: {name} = {given.get(name, functional)!r}: {complaint}")
        self.functional, self.damping = functional, damping
        self.parameters = parameters(functional, damping, given)
        self.alpha, self.s9 = number("D3: alpha6", alpha6), number("D3: s9", s9, zero=True)
        if max(self.alpha, self.s9) > LARGEST:
            raise InputError(f"D3: alpha6 = {alpha6}, s9 = {s9}: expected at most {LARGEST:g}")
        self.pair_cutoff = number("D3: cutoff", cutoff, "length")
        near = min(NEAR_CUTOFF, self.pair_cutoff)
        self.cn_cutoff = near if cn_cutoff is None else number("D3: cn_cutoff", cn_cutoff, "length")
        self.triple_cutoff = near if triple_cutoff is None else number("D3: triple_cutoff", triple_cutoff, "length")
        self.width = number("D3: width", width, "length", zero=True)
        shortest = min(cutoff for _, cutoff in self.lists)
        if not self.width < shortest:
            raise InputError(f"D3: width = {width:g}: expected less than the cutoffs, {shortest:.4g}")

    @property
    def arguments(self) -> dict[str, float | str]:
        """By which it can be made again, whatever tables say of its functional then."""
        named = {} if self.functional is None else {"functional": self.functional}
        cutoffs = {"cutoff": self.pair_cutoff, "cn_cutoff": self.cn_cutoff, "triple_cutoff": self.triple_cutoff}
        more = {"damping": self.damping, "alpha6": self.alpha, "s9": self.s9, "width": self.width}
        return {**named, **self.parameters, **cutoffs, **more}

    def __repr__(self):
        kind = "D3(BJ)" if self.damping == "bj" else "D3(0)"
        numbers = ", ".join(f"{name}={value:g}" for name, value in self.parameters.items())
        return f"{kind}({self.functional or 'own'}: {numbers}, s9={self.s9:g}, cutoff={self.pair_cutoff:.4g})"

    has: ClassVar = {DISPERSION: PURPOSE}
    smoother = "give it a width, e.g. width = 2.0, over which it ends"

    @property
    def truncated(self) -> bool:
        """Does it jump at its cutoffs?"""
        return self.width == 0.0

    @property
    def cutoff(self) -> float:
        """The largest of its cutoffs, unit of length."""
        return max(cutoff for _, cutoff in self.lists)

    @property
    def lists(self):
        triples = (("half", self.triple_cutoff),) if self.s9 else ()
        return (("half", self.pair_cutoff), ("half", self.cn_cutoff), *triples)

    def describe(self, unit="Angstrom"):
        kind = {"bj": "Becke-Johnson", "zero": "zero"}[self.damping]
        triples = f", triples {self.triple_cutoff:.4g} {unit}" if self.s9 else ""
        parameters = self.functional or "own parameters"
        counted = f"neighbours counted to {self.cn_cutoff:.4g} {unit}"
        return f"cutoff {self.pair_cutoff:g} {unit}, {parameters}, {kind} damping, {counted}{triples}"

    def bind(self, symbols) -> "BoundD3":
        return BoundD3(self, symbols)


class BoundD3(Bound):
    """DFT-D3 in a system of these species."""

    columns: ClassVar = {
        "d3_number": Column("f8", adds=True, grid=NUMBER_BITS),
        "d3_pull": Column("f8", adds=True, grid=BITS),
        "d3_energy": Column("f8", adds=True, grid=BITS),
        "d3_sums": Column("f8", (4,), adds=True, grid=BITS),
    }

    def __init__(self, potential: D3, symbols):
        self.potential, it = potential, Tables(symbols)
        p, n, refs = potential.parameters, len(it.covalent), it.reference.shape[1]
        pairs = np.zeros((n, n, 4))
        if potential.damping == "bj":
            radii = p["a1"] * np.sqrt(it.ratios) + p["a2"] * BOHR
            pairs[..., 0], pairs[..., 1] = radii**6, radii**8
        else:
            pairs[..., 0], pairs[..., 1] = (p["sr6"] * it.radii) ** 2, (p["sr8"] * it.radii) ** 2
        pairs[..., 2] = p["s8"] * it.ratios
        half = 0.5 * potential.alpha
        half = int(half) if half.is_integer() else -1  # powers of whole numbers are fewer multiplications
        numbers = {
            "s6": p["s6"], "zero": potential.damping == "zero", "alpha": potential.alpha, "half_alpha": half,
            "cutoff": potential.pair_cutoff, "number_cutoff": potential.cn_cutoff,
            "triple_cutoff": potential.triple_cutoff, "width": potential.width, "steepness": STEEPNESS,
            "s9": potential.s9 / math.sqrt(HARTREE),  # C9 = sqrt(C6 C6 C6) in atomic units
            "beta": (potential.alpha + 2.0) / 6.0,
        }  # fmt: skip
        radii2 = (TRIPLE_RADII * it.radii) ** 2
        self.kernels = D3Kernels(it.covalent, it.reference, pairs, it.factors, it.signs, radii2, numbers)
        own = {"d3_weights": Column("f8", (2 * refs,)), "d3_projected": Column("f8", (n, 2 * refs))}
        self.columns = self.columns | own

    def compute(self, atoms, neighbors, domain, out) -> None:
        it, kernels, n, total = self.potential, self.kernels, atoms.n_owned, atoms.n_total + 1
        near, energies, virial = neighbors.half(it.cn_cutoff), None, None
        counts, weights, pulls, sums = atoms.d3_number, atoms.d3_weights, atoms.d3_pull, atoms.d3_sums
        projected = atoms.d3_projected
        counts[:total], sums[:total] = 0.0, 0.0
        if out.want_energy:
            energies = atoms.d3_energy
            energies[:total] = 0.0

        kernels.numbers(atoms, near, counts)
        domain.reverse_add(atoms, "d3_number")
        kernels.weights(atoms, counts, weights)
        domain.forward(atoms, "d3_weights")
        weights[total - 1] = 0.0
        kernels.project(atoms, weights, projected)

        kernels.pairs(atoms, neighbors.half(it.pair_cutoff), projected, sums, energies)
        if it.s9:
            kernels.triples(atoms, neighbors.half(it.triple_cutoff), projected, sums, energies)

        pulls[:total] = sums[:total, 3]
        domain.reverse_add(atoms, "d3_pull")
        domain.forward(atoms, "d3_pull")
        pulls[total - 1] = 0.0
        kernels.number_forces(atoms, near, pulls, sums)
        if out.want_energy:
            virial = out.sums_of(atoms, sums[: total - 1, :3], BITS)
        domain.reverse_add(atoms, "d3_sums")
        self._hand_over(atoms, domain, out, sums[:n, :3], virial)

    def _hand_over(self, atoms, domain, out, forces, virial) -> None:
        """Forces on owned atoms, energies and the virial, from the grid of dispersion to those of the engine."""
        n = len(forces)
        largest = np.maximum(np.abs(atoms.d3_sums[:n]).max(axis=1, initial=0.0), atoms.d3_number[:n] * (LIMIT / MOST))
        if out.want_energy:
            domain.reverse_add(atoms, "d3_energy")
            largest = np.maximum(largest, np.abs(atoms.d3_energy[:n]))
        if not (largest < LIMIT).all():
            out.bad_row = int(np.argmax(~(largest < LIMIT)))
            out.complaint = (
                f"atom {atoms.tags[out.bad_row]} (counting from 0): its dispersion is beyond {LIMIT:g} eV or "
                f"eV/Angstrom, or it has more than {MOST:g} neighbours; are atoms too close, "
                "are parameters of D3 wrong?"
            )
        forces = np.rint(np.ldexp(forces, exact.FORCE_BITS)) * 2.0**-exact.FORCE_BITS
        atoms.forces[:] += forces
        if out.want_energy:
            out.add_shares(atoms.d3_energy[:n])
            virial = domain.comm.sum(np.array([exact.limbs(own) for own in virial]))  # whole before it is rounded
            for k, (row, own) in enumerate(zip(virial, out.sums_of(atoms, forces), strict=True)):
                whole = exact.integer(row) + (1 << FINER - 1) >> FINER
                out.virial[k] += whole * (domain.comm.rank == 0) - own
