"""Under which names does a file hold energies, forces and stress, and what does its stress mean?"""

from dataclasses import dataclass

import numpy as np

from mdcore.errors import InputError
from mdcore.units import GIGAPASCAL

# what ASE and others write; two of a row in one file contradict each other
ENERGY = ("energy", "Energy", "REF_energy", "ref_energy", "dft_energy", "DFT_energy", "TotEnergy", "config_energy")
FORCES = ("forces", "force", "Forces", "REF_forces", "ref_forces", "dft_forces", "dft_force", "DFT_forces")
STRESS = ("stress", "REF_stress", "ref_stress", "dft_stress", "DFT_stress")
VIRIAL = ("virial", "REF_virial", "ref_virial", "dft_virial", "DFT_virial", "virials")
TAGS = ("tag", "config_type", "group", "set", "label")

AXES = {"xx": (0, 0), "yy": (1, 1), "zz": (2, 2), "yz": (1, 2), "xz": (0, 2), "xy": (0, 1)}
VOIGT = "xx yy zz yz xz xy"
STRESS_UNITS = {"eV/Angstrom3": 1.0, "GPa": GIGAPASCAL, "kbar": 0.1 * GIGAPASCAL}
VIRIALS = "virial"  # stress times volume, in the file's unit of energy
SIGNS = ("tension", "pressure")
AGREE = 1e-3  # a stress and a virial of one structure may differ by so much of the larger


@dataclass(frozen=True)
class Labels:
    """Names in a file. None: any of the usual ones (above), and two of them in one structure are an error.

    energy, stress : keys of the comment line (ASE: of `info`, or of the calculator); forces : a column
    stress_unit : "eV/Angstrom3", "GPa", "kbar", or "virial": stress times volume, in the file's unit of energy
    stress_order : of six numbers, e.g. "xx yy zz yz xz xy"; nine are a matrix
    stress_sign : "tension": positive when stretched (ASE); "pressure": positive when compressed (VASP's, a virial's)
    These three hold for a `stress` that is named; what is called stress or virial means what extxyz means by it.
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    stress_unit: str = "eV/Angstrom3"
    stress_order: str = VOIGT
    stress_sign: str = "tension"
    tag: str | None = None

    def __post_init__(self):
        if self.stress_unit not in (*STRESS_UNITS, VIRIALS):
            raise InputError(
                f"stress_unit = {self.stress_unit!r}: expected one of {', '.join((*STRESS_UNITS, VIRIALS))}"
            )
        words = self.stress_order.split()
        if sorted(words) != sorted(AXES):
            raise InputError(
                f"stress_order = {self.stress_order!r}: expected each of {VOIGT} once, e.g. {VOIGT!r}"
            )
        if self.stress_sign not in SIGNS:
            raise InputError(f"stress_sign = {self.stress_sign!r}: expected one of {', '.join(SIGNS)}")

    @property
    def force_names(self) -> tuple[str, ...]:
        return (self.forces,) if self.forces else FORCES

    def energy_in(self, info: dict, where: str) -> float | None:
        """The energy among the entries of a structure, as the file has it."""
        key, value = pick(info, (self.energy,) if self.energy else ENERGY, "energy", where)
        if value is None:
            return None
        return float(_numbers(value, (1,), f"{where}: {key}")[0])

    def forces_in(self, columns: dict, where: str) -> np.ndarray | None:
        key, value = pick(columns, self.force_names, "forces", where)
        if value is not None and np.shape(value)[1:] != (3,):
            raise InputError(f"{where}: {key}: expected three columns, found {np.shape(value)[1:]}")
        return value

    def stress_in(self, info: dict, volume: float | None, where: str) -> np.ndarray | None:
        """float64 [3, 3], in the file's units of energy and volume; in eV/Angstrom^3 if it `has_units` of its own.

        volume : in the file's unit of length cubed; None, or not periodic: there is no stress
        """
        if volume is None:
            return None
        if self.stress:
            if self.stress not in info:
                return None
            sign = 1.0 if self.stress_sign == "tension" else -1.0
            unit = 1.0 / volume if self.stress_unit == VIRIALS else STRESS_UNITS[self.stress_unit]
            return sign * unit * _matrix(info[self.stress], self.stress_order, f"{where}: {self.stress}")
        key, stress = pick(info, STRESS, "stress", where)
        stress = None if stress is None else _matrix(stress, VOIGT, f"{where}: {key}")
        name, virial = pick(info, VIRIAL, "virial", where)
        if virial is None:
            return stress
        virial = -_matrix(virial, VOIGT, f"{where}: {name}") / volume
        if stress is not None and np.abs(stress - virial).max() > AGREE * np.abs(virial).max() + 1e-9:
            raise InputError(
                f"{where}: {key} and {name} contradict each other (a virial is -volume times the stress): their "
                'units or signs differ; say which one counts, e.g. stress = "stress"'
            )
        return virial

    def tag_in(self, info: dict) -> str:
        key = next((k for k in ((self.tag,) if self.tag else TAGS) if k in info), None)
        return "" if key is None else str(info[key])

    @property
    def has_units(self) -> bool:
        """Does the named stress have a unit of its own?"""
        return self.stress is not None and self.stress_unit != VIRIALS


def pick(entries: dict, names, what: str, where: str):
    """(name, value) of the one of `names` that is there, (None, None) without; InputError if several are."""
    found = [name for name in names if entries.get(name) is not None]
    if len(found) > 1:
        raise InputError(
            f"{where}: {' and '.join(found)} are there; say which one to train on, e.g. {what} = \"{found[0]}\""
        )
    return (found[0], entries[found[0]]) if found else (None, None)


def _numbers(value, sizes: tuple[int, ...], where: str) -> np.ndarray:
    try:
        numbers = np.asarray(value, dtype=np.float64).ravel()
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.size not in sizes:
        expected = " or ".join(map(str, sizes))
        raise InputError(f"{where} = {value!r}: expected {expected} number{'s' if sizes != (1,) else ''}")
    if not np.isfinite(numbers).all():
        raise InputError(f"{where} = {value!r}: not a finite number; repair or drop the structure")
    return numbers


def _matrix(value, order: str, where: str) -> np.ndarray:
    numbers = _numbers(value, (9, 6), where)
    if numbers.size == 9:
        return 0.5 * (numbers.reshape(3, 3) + numbers.reshape(3, 3).T)
    matrix = np.empty((3, 3))
    for word, number in zip(order.split(), numbers, strict=True):
        a, b = AXES[word]
        matrix[a, b] = matrix[b, a] = number
    return matrix
