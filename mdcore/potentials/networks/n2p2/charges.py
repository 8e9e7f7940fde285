"""What does an n2p2 / RuNNer folder of the fourth generation say of charges?

Keywords of ``input.nn`` and ``hardness.ZZZ.data``, ``weightse.ZZZ.data``; where charges have descriptors of their own
(``symfunction_elec``), ``scalinge.data``.
"""

import math
from pathlib import Path

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.potentials.charges.truncated import METHODS as TRUNCATIONS
from mdcore.potentials.charges.truncated import Truncation
from mdcore.potentials.networks.charge_model import EQUILIBRATED, ChargeModel, Screening
from mdcore.potentials.networks.n2p2.scaling import ordered_functions, read_scaling
from mdcore.potentials.networks.n2p2.settings import Settings
from mdcore.potentials.networks.n2p2.weights import column_of, read_networks

SCREENING_CORES = {"c": "cosine", "p1": "p1", "p2": "p2", "p3": "p3", "p4": "p4", "e": "exp"}  # as n2p2 names them


def read_charges(folder: Path, settings: Settings, elements, ordered, scaling, normalisation) -> ChargeModel:
    """Electronegativities, hardness, widths and screening of the fourth generation.

    What n2p2 calls normalised are energies times conv_energy, lengths times conv_length, charges times conv_charge; the
    files have hardness, widths and radii as they are, and networks see and give what is normalised. As n2p2 has it, the
    energy of a charge in its own field does not count.
    """
    if any(f"{form}symfunction_electrostatic" in settings for form in ("", "element_", "global_")):
        ordered = ordered_functions(settings, elements, "electrostatic")
        beside = folder / "scalinge.data"
        scaling = read_scaling(beside, settings, elements, ordered, ("scale_min_elec", "scale_max_elec"))
    energy = normalisation.conv_energy if normalisation else 1.0
    charge = settings.number("conv_charge", 1.0)
    if not charge > 0:
        raise settings.one("conv_charge").fail(f"{charge:g}: it must be positive")
    if charge != 1.0 and not normalisation:
        raise settings.one("conv_charge").fail("goes together with mean_energy, conv_energy and conv_length")
    permittivity = settings.number("four_pi_epsilon", 1.0)
    if not permittivity > 0:
        raise settings.one("four_pi_epsilon").fail(f"{permittivity:g}: it must be positive")
    try:
        return ChargeModel(
            kind=EQUILIBRATED,
            symmetry_functions=ordered,
            scaling=scaling,
            networks=read_networks(folder, settings, elements, list(map(len, ordered)), "electrostatic"),
            widths=_widths(settings, elements),
            hardness=tuple(_hardness(folder, element) for element in elements),
            as_input=True,
            screening=_screening(settings),
            truncation=_truncation(settings),
            constant=1.0 / permittivity,
            output_scale=charge / energy,
            input_scale=charge,
        )
    except InputError as error:
        told = str(error)
        raise InputError(told if told.startswith(str(folder)) else f"{settings.path}: {told}") from None


def _widths(settings: Settings, elements) -> tuple[float, ...]:
    found = {}
    for line in settings.all("fixed_gausswidth"):
        element = line.element_at(0, elements)
        if element in found:
            raise line.fail(f"{element} given twice")
        found[element] = line.number_at(1, "the width")
        if not 0 < found[element] < math.inf:
            raise line.fail(f"{found[element]:g}: a width must be positive")
    for element in elements:
        if element not in found:
            raise InputError(f"{settings.path}: fixed_gausswidth {element}, the width of its charges, is missing")
    return tuple(found[element] for element in elements)


def _hardness(folder: Path, element: str) -> float:
    path = folder / f"hardness.{ATOMIC_NUMBERS[element]:03d}.data"
    values = column_of(path, 1)
    if len(values) != 1:
        raise InputError(f"{path}: {len(values)} numbers, expected one, the hardness of {element}")
    return values[0]


def _truncation(settings: Settings) -> Truncation | None:
    line, method = settings.one("ewald_prec"), settings.one("ewald_truncation_error_method")
    number = 0 if method is None else method.integer_at(0, "the method")
    if number not in (0, 1):
        raise method.fail(f"{number}: expected 0 or 1")
    if line is None:
        return None
    names = ("the precision", "the largest charge", "the cutoff")[: len(line.arguments)]
    if not names or len(line.arguments) > (3 if number else 1):
        raise line.fail(f"expected {'a precision, a charge and perhaps a cutoff' if number else 'a precision'}")
    numbers = [line.number_at(k, name) for k, name in enumerate(names)]
    try:
        return Truncation(TRUNCATIONS[number], *numbers)
    except InputError as error:
        raise line.fail(str(error)) from None


def _screening(settings: Settings) -> Screening | None:
    line = settings.one("screen_electrostatics")
    if line is None:
        return None
    core = line.argument(2, "its form") if len(line.arguments) > 2 else "c"
    if core not in SCREENING_CORES or len(line.arguments) > 3:
        found = " ".join(line.arguments)
        raise line.fail(f"expected two radii and one of {', '.join(SCREENING_CORES)}, found {found!r}")
    radii = line.number_at(0, "the inner radius"), line.number_at(1, "the outer radius")
    try:
        return Screening(*radii, SCREENING_CORES[core])
    except InputError as error:
        raise line.fail(str(error)) from None
