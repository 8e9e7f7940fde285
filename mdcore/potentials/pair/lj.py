"""Lennard-Jones: u(r) = 4 epsilon [(sigma/r)^12 - (sigma/r)^6] up to a cutoff.

Truncations (Allen & Tildesley, Computer Simulation of Liquids, 2nd ed., 2017, sec. 5.2 and
p. 193): ``cut`` as it stands; ``shifted`` by u(rc), continuous energy; ``force-shifted`` by
u(rc) + (r - rc) u'(rc), continuous force.
Mixing: ``lorentz-berthelot`` sigma = (s1 + s2)/2, ``geometric`` sigma = sqrt(s1 s2), both with
epsilon = sqrt(e1 e2).
Tail corrections (ibid. sec. 2.8, eqs 2.144 and 2.145, g(r) = 1 past the cutoff).
"""

import math

from mdcore.base.arguments import by_pair, table
from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number
from mdcore.potentials.pair.base import TRUNCATIONS, PairPotential, shifts

MIXINGS = ("lorentz-berthelot", "geometric", "none")


class LennardJones(PairPotential):
    """Lennard-Jones between all pairs closer than the cutoff.

    cutoff : unit of length
    epsilon, sigma : for all species alike, unit of energy and of length; or
    species : {name: (epsilon, sigma)}, combined by `mixing`
    pairs : {(name, name): (epsilon, sigma) or (epsilon, sigma, cutoff)}; these win over mixing
    truncation : "cut" (default), "shifted", "force-shifted"
    mixing : "lorentz-berthelot" (default), "geometric", "none" (every pair must be given)
    tail_corrections : add the mean-field energy and pressure past the cutoff; only with "cut", in
        fully periodic cells

    InputError for values out of range, and from `bind` for species or pairs without parameters.
    """

    formula = "lj"

    def __init__(
        self,
        cutoff: float,
        epsilon: float | None = None,
        sigma: float | None = None,
        *,
        species: dict | None = None,
        pairs: dict | None = None,
        truncation: str = "cut",
        mixing: str = "lorentz-berthelot",
        tail_corrections: bool = False,
    ):
        choice("LennardJones: truncation", truncation, TRUNCATIONS)
        choice("LennardJones: mixing", mixing, MIXINGS)
        if (epsilon is None) != (sigma is None):
            raise InputError(
                "LennardJones: epsilon and sigma go together; give both or per-species parameters"
            )
        if epsilon is None and not species and not pairs:
            raise InputError(
                "LennardJones: no parameters; give epsilon and sigma, or species = {'Ar': (eps, sigma)}"
            )
        if tail_corrections and truncation != "cut":
            raise InputError(
                f'LennardJones: tail_corrections with truncation = "{truncation}": '
                'the correction is for a plain cutoff; use truncation = "cut" or no tail corrections'
            )
        self.default = None if epsilon is None else _parameters("epsilon, sigma", (epsilon, sigma))
        each = table("LennardJones: species", species)
        self.species = {name: _parameters(name, value) for name, value in each.items()}
        self.pairs = {}
        for (a, b), given in by_pair("LennardJones: pairs", pairs).items():
            own = given[2] if len(given) > 2 else None
            rc = cutoff if own is None else _length(f"cutoff of the pair {a}-{b}", own)
            self.pairs[frozenset((a, b))] = (*_parameters(f"{a}-{b}", given[:2]), rc)
        self.base_cutoff = _length("cutoff", cutoff)
        self.cutoff = max([self.base_cutoff, *(pair[2] for pair in self.pairs.values())])
        self.truncation, self.mixing, self.tail_corrections = truncation, mixing, tail_corrections
        self.linear = truncation == "force-shifted"

    def __repr__(self):
        given = {} if self.default is None else dict(zip(("epsilon", "sigma"), self.default, strict=True))
        given["species"] = self.species
        given["pairs"] = {"-".join(sorted((*pair, *pair)[:2])): own for pair, own in self.pairs.items()}
        if self.truncation != "cut":
            given["truncation"] = self.truncation
        if self.tail_corrections:
            given["tail_corrections"] = True
        words = [f"cutoff={self.base_cutoff:g}", *(f"{name}={value!r}" for name, value in given.items() if value)]
        return f"LennardJones({', '.join(words)})"

    @property
    def weighable(self) -> bool:
        """What is past the cutoff is of the whole."""
        return not self.tail_corrections

    def sizes(self):
        pairs = {name: own[1] for pair, own in self.pairs.items() for name in sorted(pair)}
        one = {} if self.default is None else {"A": self.default[1]}
        return one | pairs | {name: sigma for name, (_, sigma) in self.species.items()}

    def _pair(self, a: str, b: str) -> tuple[float, float, float]:
        """(epsilon, sigma, cutoff) of a pair of species."""
        explicit = self.pairs.get(frozenset((a, b)))
        if explicit is not None:
            return explicit
        if self.mixing == "none" and a != b:
            raise InputError(
                f'potential "lj": no parameters for the pair {a}-{b}; '
                f"give the pair [{a}, {b}] explicitly or a mixing rule"
            )
        for name in (a, b):
            if self.default is None and name not in self.species:
                raise InputError(
                    f'potential "lj": no parameters for species {name}; give epsilon and sigma for {name}'
                )
        (ea, sa), (eb, sb) = (self.species.get(name, self.default) for name in (a, b))
        sigma = math.sqrt(sa * sb) if self.mixing == "geometric" else 0.5 * (sa + sb)
        return (ea if ea == eb else math.sqrt(ea * eb)), sigma, self.base_cutoff

    def row(self, a, b):
        epsilon, sigma, cutoff = self._pair(a, b)
        e12, e6 = 4.0 * epsilon * sigma**12, -4.0 * epsilon * sigma**6
        energy = e12 / cutoff**12 + e6 / cutoff**6
        slope = -12.0 * e12 / cutoff**13 - 6.0 * e6 / cutoff**7
        shift, linear = shifts(self.truncation, cutoff, energy, slope)
        return [cutoff**2, -12.0 * e12, -6.0 * e6, linear, shift, linear, e12, e6]

    def tail(self, symbols, counts, box) -> tuple[float, float]:
        energy = virial = 0.0
        if not self.tail_corrections:
            return energy, virial
        if not all(box.periodic):
            raise InputError(
                'potential "lj": tail_corrections = true, but the cell is not periodic in all directions; '
                "there is no uniform liquid past the cutoff: use tail_corrections = false"
            )
        for name, a in zip(symbols, counts, strict=True):
            for other, b in zip(symbols, counts, strict=True):
                epsilon, sigma, rc = self._pair(name, other)
                u_r2 = 4.0 * epsilon * (sigma**12 / (9.0 * rc**9) - sigma**6 / (3.0 * rc**3))
                u_rc = 4.0 * epsilon * ((sigma / rc) ** 12 - (sigma / rc) ** 6)
                pairs = 2.0 * math.pi * float(a) * float(b) / box.volume
                energy += pairs * u_r2
                virial += pairs * (rc**3 * u_rc + 3.0 * u_r2)
        return energy, virial


def _length(name: str, value) -> float:
    return number(f"LennardJones: {name}", value, "length")


def _parameters(name: str, value) -> tuple[float, float]:
    try:
        epsilon, sigma = value
    except (TypeError, ValueError):
        raise InputError(f"LennardJones: {name} = {value!r}: expected (epsilon, sigma)") from None
    epsilon = number(f"LennardJones: epsilon of {name}", epsilon, "energy", zero=True)  # zero: they do not interact
    return epsilon, _length(f"sigma of {name}", sigma)
