"""Tersoff's bond order: silicon, carbon, germanium and their compounds, from files of LAMMPS.

    E = 1/2 sum_i sum_{j != i} f_C(r_ij) [A e^{-lambda_1 r_ij} - b_ij B e^{-lambda_2 r_ij}]
    b_ij = (1 + (beta zeta_ij)^n)^{-1/(2n)},  zeta_ij = sum_k f_C(r_ik) g(theta_ijk) e^{(lambda_3 (r_ij - r_ik))^m}
    g = gamma (1 + c^2/d^2 - c^2 / (d^2 + (cos theta_0 - cos theta)^2))

f_C falls from 1 at R - D to 0 at R + D as half a sine. J. Tersoff, Phys. Rev. B 37, 6991 (1988), eqs. 1 to 3; of
several elements, Phys. Rev. B 39, 5566 (1989). An entry i j j has A, B, lambda_1, lambda_2, beta, n, R and D of the
bond i-j; m, gamma, lambda_3, c, d, cos theta_0, R and D of i j k are those of zeta_ij, as in LAMMPS.
"""

import numpy as np

from mdcore.doors._kernels import Tersoff as Kernels
from mdcore.potentials.manybody.threebody import MOST_CUTOFF, BoundThreeBody, ThreeBody, of_pairs

LEAST_N, MOST_N = 0.05, 1e3  # exponents of the bond order
SIGNED = ("costheta0", "lambda3")


class Tersoff(ThreeBody):
    """Tersoff's bond order between all atoms closer than the cutoff.

    path : of a file (.tersoff), or {(element, element, element): (m, gamma, lambda3, c, d, costheta0, n, beta, lambda2,
    B, R, D, lambda1, A)}; eV, Angstrom
    elements : those of the file that are used, None: all

    InputError for a file that is none, and from `bind` for a triple that is not in it.
    """

    title = "Tersoff"
    names = (
        "m", "gamma", "lambda3", "c", "d", "costheta0", "n", "beta", "lambda2", "B", "R", "D", "lambda1", "A",
    )  # fmt: skip

    @property
    def truncated(self) -> bool:
        return any(it.values["R"] > it.values["D"] == 0.0 for it in self.entries.values())

    def complaint(self, values, pair):
        for name, value in values.items():
            if value < 0.0 and name not in SIGNED:
                return f"{name} = {value:g}: expected a number >= 0"
        if values["m"] not in (1.0, 3.0):
            return f"m = {values['m']:g}: expected 1 or 3"
        if values["R"] + values["D"] > MOST_CUTOFF:
            return f"a cutoff of {values['R'] + values['D']:g}: expected at most {MOST_CUTOFF:g}"
        if values["D"] > values["R"]:
            return f"R = {values['R']:g}, D = {values['D']:g}: expected D of at most R"
        if values["gamma"] * values["c"] and not values["c"] <= 1e9 * values["d"]:
            return f"c = {values['c']:g}, d = {values['d']:g}: expected c / d of at most 1e9"
        if pair and values["B"] and not LEAST_N <= values["n"] <= MOST_N:
            return f"n = {values['n']:g}: expected {LEAST_N:g} to {MOST_N:g}"
        return None

    def reach(self, values, pair):
        return values["R"] + values["D"]

    def sizes(self):
        return {a: 0.8 * it.values["R"] for (a, b, c), it in self.entries.items() if a == b == c and it.values["R"]}

    def bind(self, symbols) -> BoundThreeBody:
        of = self.triples(symbols)
        pair = {name: of_pairs(values) for name, values in of.items()}
        n = np.where(pair["n"] < LEAST_N, 1.0, pair["n"])  # where B = 0
        middle, sharpness = _cutoff(pair)
        bond = [0.5 * pair["A"], pair["lambda1"], -0.5 * pair["B"], pair["lambda2"], pair["beta"], n]
        pairs = np.stack([middle, sharpness, *bond], axis=-1)
        self.check_pairs(symbols, np.stack([pair["A"], pair["lambda1"], middle, sharpness], axis=-1), pair["A"] != 0.0)
        middle, sharpness = _cutoff(of)
        square = np.where(of["d"] > 0.0, of["d"] ** 2, 1.0)
        linear, cubic = np.where(of["m"] == 1.0, of["lambda3"], 0.0), np.where(of["m"] == 3.0, of["lambda3"] ** 3, 0.0)
        ratio = of["gamma"] * of["c"] ** 2 / square
        triples = [middle, sharpness, of["gamma"], ratio, square, of["costheta0"], linear, cubic]
        exponential = bool(of["lambda3"].any())
        return BoundThreeBody(self, Kernels(pairs, np.stack(triples, axis=-1), self.cutoff, exponential))


def _cutoff(of) -> tuple[np.ndarray, np.ndarray]:
    """R and 1 / D: infinite where a bond ends at once."""
    with np.errstate(divide="ignore"):
        return of["R"], 1.0 / of["D"]
