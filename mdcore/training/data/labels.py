"""Under which names does a file hold energies, forces and stress, and what does its stress mean?"""

import warnings
from dataclasses import dataclass, field

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.units import GIGAPASCAL
from mdcore.structure.extxyz_header import JSON
from mdcore.structure.extxyz_header import value as decode
from mdcore.structure.quantities import (
    ASYMMETRIC,
    AXES,
    TOTALS,
    VOIGT,
    asymmetric,
    asymmetry,
    numbers,
    pick,
    symmetric,
    tensor,
)
from mdcore.training.settings import TOTAL, USUAL, Source

# what ASE and others write; two of a row in one file contradict each other
ENERGY = ("energy", "Energy", "REF_energy", "ref_energy", "dft_energy", "DFT_energy", "TotEnergy", "config_energy")
FORCES = ("forces", "force", "Forces", "REF_forces", "ref_forces", "dft_forces", "dft_force", "DFT_forces")
STRESS = ("stress", "REF_stress", "ref_stress", "dft_stress", "DFT_stress")
VIRIAL = ("virial", "REF_virial", "ref_virial", "dft_virial", "DFT_virial", "virials")
CHARGES = ("charges", "charge", "initial_charges", "REF_charges", "ref_charges", "dft_charges", "DFT_charges")
CUT = "near_cut"  # a column, 1 of atoms near to where a structure was cut out of a larger one, else 0
TAGS = ("tag", "config_type", "group", "set", "label")

STRESS_UNITS = {"eV/Angstrom3": 1.0, "GPa": GIGAPASCAL, "kbar": 0.1 * GIGAPASCAL}
VIRIALS = "virial"  # stress times volume, in the file's unit of energy
SIGNS = ("tension", "pressure")
AGREE = 1e-3  # a stress and a virial of one structure may differ by so much of the larger


class AnyCase(frozenset):
    """Names, in capitals or not."""

    def __contains__(self, name: str) -> bool:
        return super().__contains__(name.lower())


class AnyOf(tuple):
    """Names that are in one of several containers."""

    def __contains__(self, name: str) -> bool:
        return any(name in own for own in self)


_FORCES, _CHARGES = (AnyCase(name.lower() for name in own) for own in (FORCES, CHARGES))


@dataclass(frozen=True)
class Labels:
    """Names in a file, as spelt there. None: any of the usual ones (above), in capitals or not; two of them in one
    structure that differ are an error.

    energy, stress : keys of the comment line (ASE: of `info`, or of the calculator); forces : a column
    stress_unit : "eV/Angstrom3", "GPa", "kbar", or "virial": stress times volume, in the file's unit of energy
    stress_order : of six numbers, e.g. "xx yy zz yz xz xy"; nine are a matrix
    stress_sign : "tension": positive when stretched (ASE); "pressure": positive when compressed (VASP's, a virial's)
    charges : a column, e; total_charge : a key of the comment line, e; without one it is 0
    needed : of energy, forces, stress, charges and total_charge, the last two of which are looked for only if they are
        named here; what another one says that can't be understood counts as missing
    The stress_* hold for a `stress` that is named; what is called stress or virial means what extxyz means by it.
    """

    energy: str | None = None
    forces: str | None = None
    stress: str | None = None
    stress_unit: str = Source.stress_unit
    stress_order: str = " ".join(Source.stress_order)
    stress_sign: str = Source.stress_sign
    tag: str | None = None
    needed: tuple[str, ...] = USUAL
    charges: str | None = None
    total_charge: str | None = None
    skewed: list = field(default_factory=list, repr=False, compare=False)  # tensors that were not symmetric

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
    def force_names(self):
        """Those of columns that hold forces."""
        return (self.forces,) if self.forces else _FORCES

    def energy_in(self, info: dict, where: str) -> float | None:
        """The energy among the entries of a structure, as the file has it."""
        names = (self.energy,) if self.energy else ENERGY
        try:
            key, value = pick(info, names, "energy", where, exact=bool(self.energy))
            return None if value is None else float(numbers(value, (1,), f"{where}: {key}")[0])
        except InputError:
            if "energy" in self.needed:
                raise
            return None

    def forces_in(self, columns: dict, where: str) -> np.ndarray | None:
        key, value = pick(columns, [name for name in columns if name in self.force_names], "forces", where, exact=True)
        if value is not None and np.shape(value)[1:] != (3,):
            raise InputError(f"{where}: {key}: expected three columns, found {np.shape(value)[1:]}")
        return value

    @property
    def charge_names(self):
        """Those of columns that hold charges."""
        if "charges" not in self.needed:
            return ()
        return (self.charges,) if self.charges else _CHARGES

    @property
    def column_names(self):
        """Of all that is looked for in columns."""
        return AnyOf((self.force_names, self.charge_names, (CUT,)))

    def charges_in(self, columns: dict, where: str) -> np.ndarray | None:
        names = [name for name in columns if name in self.charge_names]
        key, value = pick(columns, names, "charges", where, exact=True)
        if value is not None and np.shape(value)[1:] not in ((), (1,)):
            raise InputError(f"{where}: {key}: expected one column, found {np.shape(value)[1:]}")
        return None if value is None else np.ravel(value)

    def total_charge_in(self, info: dict, where: str) -> float:
        """The total charge among the entries of a structure, where it is looked for; 0 without one."""
        if TOTAL not in self.needed:
            return 0.0
        if self.total_charge and self.total_charge not in info:
            raise InputError(f"{where}: no {self.total_charge}, the key of the total charge; name another one, or none")
        names = (self.total_charge,) if self.total_charge else TOTALS
        key, value = pick(info, names, TOTAL, where, exact=bool(self.total_charge))
        return 0.0 if value is None else float(numbers(value, (1,), f"{where}: {key}")[0])

    def stress_in(self, info: dict, volume: float | None, where: str) -> np.ndarray | None:
        """float64 [3, 3], in the file's units of energy and volume; in eV/Angstrom^3 if it `has_units` of its own.

        volume : in the file's unit of length cubed; None, or not periodic: there is no stress
        """
        try:
            return None if volume is None else self._stress_in(info, volume, where)
        except InputError:
            if "stress" in self.needed:
                raise
            return None

    def _stress_in(self, info: dict, volume: float, where: str) -> np.ndarray | None:
        if self.stress:
            if self.stress not in info:
                return None
            sign = 1.0 if self.stress_sign == "tension" else -1.0
            unit = 1.0 / volume if self.stress_unit == VIRIALS else STRESS_UNITS[self.stress_unit]
            return sign * unit * self._tensor(info[self.stress], self.stress_order, where, self.stress)
        key, stress = pick(info, STRESS, "stress", where)
        stress = None if stress is None else self._tensor(stress, VOIGT, where, key)
        name, virial = pick(info, VIRIAL, "virial", where)
        if virial is None:
            return stress
        virial = -self._tensor(virial, VOIGT, where, name) / volume
        if stress is not None and np.abs(stress - virial).max() > AGREE * np.abs(virial).max() + 1e-9:
            raise InputError(
                f"{where}: {key} and {name} contradict each other (a virial is -volume times the stress): their "
                'units or signs differ; say which one counts, e.g. stress = "stress"'
            )
        return virial

    def _tensor(self, value, order: str, where: str, key: str) -> np.ndarray:
        matrix = tensor(numbers(value, (9, 6), f"{where}: {key}"), order)
        if asymmetry(matrix) > ASYMMETRIC:
            self.skewed.append((where, key, asymmetry(matrix)))
        return symmetric(matrix)

    def warn(self) -> None:
        """Warn of tensors that were not symmetric, once for each key."""
        for key in dict.fromkeys(key for _, key, _ in self.skewed):
            where = [where for where, name, _ in self.skewed if name == key]
            share = max(share for _, name, share in self.skewed if name == key)
            warnings.warn(asymmetric(where[0], key, share, len(where) - 1), stacklevel=3)
        self.skewed.clear()

    def tag_in(self, texts: dict) -> str:
        """The tag among the entries of a structure, as the text stands."""
        key = next((k for k in ((self.tag,) if self.tag else TAGS) if texts.get(k) is not None), None)
        return "" if key is None else tag(texts[key])

    @property
    def has_units(self) -> bool:
        """Does the named stress have a unit of its own?"""
        return self.stress is not None and self.stress_unit != VIRIALS


def tag(value) -> str:
    """A tag as the text stands; of what a reader has made something else of, as extended xyz writes it."""
    if isinstance(value, bool | np.bool_):
        return "T" if value else "F"
    found = decode(value) if isinstance(value, str) and value.startswith(JSON) else value
    return found if isinstance(found, str) else str(value).removeprefix(JSON)
