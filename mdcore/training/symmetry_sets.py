"""Which symmetry functions could describe these surroundings? Given ones, or a generated set. Angstrom.

The generated set has, for each central element, Gaussians at the centre and Gaussian shells on geometric grids, and
angular functions for each two neighbour elements. The grids are those of Imbalzano et al., J. Chem. Phys. 148, 241730
(2018), section II.A,

    centred:  eta_m = (n^(m/n) / rc)^2
    shells:   rs_m = rc / n^(m/n),   eta_m = (distance to the next shell outwards)^-2

except that they end at the shortest distance of the data, not at rc/n: n is replaced by rc / shortest. Angular
functions are centred, or look at two neighbours in one shell, of the same grid (as those of ANI do: J. S. Smith,
O. Isayev, A. E. Roitberg, Chem. Sci. 8, 3192 (2017)).
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations_with_replacement
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.networks.model import SymmetryFunction
from mdcore.potentials.networks.n2p2.settings import element_list, read_settings, settings_text, symmetry_functions
from mdcore.potentials.networks.native_units import Units
from mdcore.training.settings import CUTOFF_FUNCTIONS
from mdcore.training.settings import DescriptorSettings as Default

LAMBDAS = (-1.0, 1.0)
NEAR = 1.5  # of a shell, in units of its width 1/sqrt(eta): where it has 0.1 of its height
DIGITS = 6  # significant ones of the parameters: what is written is what is used


def generate(
    elements: Sequence[str], shortest: dict[tuple[str, str], float], cutoff: float, *,
    radial: int = Default.radial, angular: int = Default.angular, zetas: Sequence[float] = Default.zetas,
    angular_cutoff: float | None = Default.angular_cutoff, angular_shells: int = Default.angular_shells,
    wide: bool = Default.wide, cutoff_type: int = CUTOFF_FUNCTIONS[Default.cutoff_function],
    seen: dict[tuple[str, str], np.ndarray] | None = None,
) -> dict[str, list[SymmetryFunction]]:  # fmt: skip
    """{element: candidates}

    shortest : distance of each two elements in the data, inf where they never come closer than the cutoff
    radial : steps of the grid, of centred Gaussians and of shells each; angular : widths of angular functions;
    angular_shells : shells of those that see angles between two neighbours as far away as each other (type 9)
    wide : centred angular functions without factors of r_jk (type 9 instead of 3)
    seen : distances that occur between each two elements; shells where none is near are no candidates: the data would
        only know their tails, tiny numbers that scaling blows up, and that leave their range at once in other data
    """
    inner = angular_cutoff or cutoff
    known = {pair: r for pair, r in shortest.items() if r < cutoff}
    out = {}
    for centre in elements:
        neighbours = [e for e in elements if _of(known, centre, e) is not None]
        if not neighbours:
            raise InputError(
                f"descriptors: no atom ever comes closer to {centre} than the cutoff, {cutoff:g} Angstrom; "
                "choose a larger one"
            )
        functions = []
        for e in neighbours:
            pairs = _grid(_of(known, centre, e), cutoff, radial)
            if seen is not None:
                pairs = [(eta, rs) for eta, rs in pairs if _reached(eta, rs, _of(seen, centre, e))]
            functions += [
                SymmetryFunction(type=2, center=centre, neighbors=(e,), cutoff=cutoff, eta=eta, rs=rs,
                                 cutoff_type=cutoff_type)
                for eta, rs in pairs
            ]  # fmt: skip
        near = [e for e in neighbours if _of(known, centre, e) < inner]
        for a, b in combinations_with_replacement(near, 2):
            start = min(_of(known, centre, a), _of(known, centre, b))
            around = [(9 if wide else 3, eta, 0.0) for eta in _widths(start, inner, angular)]
            around += [
                (9, eta, rs)
                for eta, rs in _shells(start, inner, angular_shells)
                if seen is None or all(_reached(eta, rs, _of(seen, centre, e)) for e in (a, b))
            ]
            functions += [
                SymmetryFunction(type=kind, center=centre, neighbors=(a, b), cutoff=inner, eta=eta, rs=rs,
                                 lambda_=lambda_, zeta=zeta, cutoff_type=cutoff_type)
                for kind, eta, rs in around for lambda_ in LAMBDAS for zeta in zetas
            ]  # fmt: skip
        out[centre] = functions
    return out


def _of(known, a: str, b: str):
    """What is known of two elements in either order, or None."""
    return known.get((a, b), known.get((b, a)))


def _reached(eta: float, rs: float, distances: np.ndarray) -> bool:
    """Does any of the distances lie near this shell? Gaussians at the centre have no place of their own."""
    return rs == 0.0 or bool(np.any(np.abs(distances - rs) <= NEAR / np.sqrt(eta)))


def _grid(start: float, cutoff: float, n: int) -> list[tuple[float, float]]:
    """(eta, rs) of centred Gaussians and of shells."""
    return [(eta, 0.0) for eta in _widths(start, cutoff, n)] + _shells(start, cutoff, n)


def _shells(start: float, cutoff: float, n: int) -> list[tuple[float, float]]:
    """(eta, rs) of n shells, the last one at the shortest distance."""
    shells = cutoff / (cutoff / start) ** (np.arange(n + 1) / max(n, 1))  # from the cutoff to the shortest distance
    etas = 1.0 / (shells[:-1] - shells[1:]) ** 2
    return [(_round(eta), _round(rs)) for eta, rs in zip(etas, shells[1:], strict=True)]


def _widths(start: float, cutoff: float, n: int) -> list[float]:
    """n exponents of Gaussians at the centre: as wide as the cutoff ... as the shortest distance."""
    ratio = cutoff / start
    return [_round((ratio ** (m / n) / cutoff) ** 2) for m in range(n)]


def _round(number: float) -> float:
    return float(f"{number:.{DIGITS}g}")


# --- given ones ------------------------------------------------------------------------------------------


def from_lines(
    lines: Sequence[str], elements: Sequence[str], cutoff_type: int = CUTOFF_FUNCTIONS[Default.cutoff_function]
) -> dict[str, list[SymmetryFunction]]:
    """Functions as in `symfunction_short` of input.nn, without the keyword: "H 2 O eta rs rc", in Angstrom."""
    head = [f"elements {' '.join(elements)}", f"cutoff_type {cutoff_type} 0.0"]
    text = "\n".join([*(f"symfunction_short {line}" for line in lines), *head])
    settings = read_settings(Path("descriptors: functions"), text)
    return _by_element(symmetry_functions(settings, tuple(elements)), elements)


def from_input_nn(path, elements: Sequence[str], units=None) -> dict[str, list[SymmetryFunction]]:
    """The symmetry functions of an input.nn (or the folder with it), converted to Angstrom; units must be stated."""
    path = Path(path)
    path = path / "input.nn" if path.is_dir() else path
    units = Units.parse(units)
    if units is None:
        raise InputError(f'{path}: state its unit of length, e.g. units = {{length = "bohr", energy = "hartree"}}')
    settings = read_settings(path, settings_text(path))
    known = element_list(settings)
    missing = [e for e in elements if e not in known]
    if missing:
        raise InputError(f"{path}: no symmetry functions for {', '.join(missing)}, which the data contain")
    found = [in_angstrom(f, units.angstrom) for f in symmetry_functions(settings, known) if f.center in elements]
    strangers = sorted({e for f in found for e in f.neighbors} - set(elements))
    if strangers:
        raise InputError(
            f"{path}: symmetry functions of {', '.join(elements)} name {', '.join(strangers)}, which the data lack"
        )
    return _by_element(found, elements)


def in_angstrom(function: SymmetryFunction, length: float) -> SymmetryFunction:
    """The same function with lengths in Angstrom, `length` of which are one native unit."""
    return replace(
        function, cutoff=function.cutoff * length, rs=function.rs * length, rl=function.rl * length,
        eta=function.eta / length**2,
    )  # fmt: skip


def _by_element(functions: Sequence[SymmetryFunction], elements: Sequence[str]) -> dict[str, list[SymmetryFunction]]:
    out = {e: [f for f in functions if f.center == e] for e in sorted(elements, key=ATOMIC_NUMBERS.__getitem__)}
    for element, own in out.items():
        if not own:
            raise InputError(f"descriptors: none for {element}; every element of the data needs some")
    return out
