"""What is one user unit worth inside the engine?

Inside, ``metal`` quantities are eV, Angstrom, amu, kelvin, and the time unit that
follows from them, Angstrom * sqrt(amu / eV) = 10.18 fs, so that no kernel carries
a conversion factor (force / mass is an acceleration as it stands). At the border
users see fs, Angstrom/fs, GPa and g/cm3. In ``lj`` everything is reduced and
inside equals outside.

Constants: the SI of 2019 (BIPM, The International System of Units, 9th edition,
2019: e, k_B and N_A are exact) and CODATA 2018 (Tiesinga et al., Rev. Mod. Phys.
93, 025010 (2021)) for the rest.
"""

import math
from dataclasses import dataclass, field

from mdcore.base.errors import InputError

ELEMENTARY_CHARGE = 1.602176634e-19  # C, exact; also joule per eV
BOLTZMANN = 1.380649e-23  # J/K, exact
PLANCK = 6.62607015e-34  # J s, exact
AVOGADRO = 6.02214076e23  # 1/mol, exact
ATOMIC_MASS = 1.66053906660e-27  # kg, CODATA 2018
BOHR = 0.529177210903  # Angstrom, CODATA 2018
HARTREE = 27.211386245988  # eV, CODATA 2018

BOLTZMANN_EV = BOLTZMANN / ELEMENTARY_CHARGE  # eV/K, exact
HBAR = PLANCK / (2.0 * math.pi) / ELEMENTARY_CHARGE * 1e15  # eV fs, exact
KJ_PER_MOL = 1e3 / (ELEMENTARY_CHARGE * AVOGADRO)  # one kJ/mol in eV
KCAL_PER_MOL = 4.184 * KJ_PER_MOL  # one (thermochemical) kcal/mol in eV
COULOMB = HARTREE * BOHR  # e^2 / (4 pi epsilon_0), eV Angstrom
FEMTOSECOND = 1e-15 / (1e-10 * (ATOMIC_MASS / ELEMENTARY_CHARGE) ** 0.5)  # in Angstrom sqrt(amu/eV)
GIGAPASCAL = 1e9 * 1e-30 / ELEMENTARY_CHARGE  # in eV/Angstrom^3
GRAM_PER_CM3 = 1e3 * 1e-30 / ATOMIC_MASS  # in amu/Angstrom^3


@dataclass(frozen=True)
class UnitSystem:
    """One system of user units; each number is the value of one user unit in internal units.

    ``dt = dt_user * units.time``, ``v = v_user * units.velocity``,
    ``p_user = p / units.pressure``, ``rho_user = rho / units.density``.
    Length, energy, mass and temperature have the same unit on both sides.
    """

    name: str
    boltzmann: float  # internal energy per unit of temperature
    time: float
    velocity: float
    pressure: float
    density: float
    default_mass: float | None  # mass of a species that is no chemical element; None: it must be given
    labels: dict[str, str] = field(compare=False, repr=False)  # quantity -> name of its user unit

    def __reduce__(self):
        return get, (self.name,)


METAL = UnitSystem(
    name="metal",
    boltzmann=BOLTZMANN_EV,
    time=FEMTOSECOND,
    velocity=1.0 / FEMTOSECOND,
    pressure=GIGAPASCAL,
    density=GRAM_PER_CM3,
    default_mass=None,
    labels={
        "length": "Angstrom",
        "time": "fs",
        "energy": "eV",
        "mass": "amu",
        "temperature": "K",
        "velocity": "Angstrom/fs",
        "force": "eV/Angstrom",
        "pressure": "GPa",
        "density": "g/cm3",
        "charge": "e",
        "inverse length": "1/Angstrom",
        "dispersion": "eV Angstrom^6",
        "friction": "1/fs",
        "rate": "1/fs",
        "stiffness": "eV/Angstrom^2",
        "field": "V/Angstrom",
        "electric potential": "V",
        "compressibility": "1/GPa",
        "diffusion": "Angstrom^2/fs",
        "volume": "Angstrom^3",
        "angle": "degrees",
        "heat current": "eV Angstrom/fs",
        "dipole": "e Angstrom",
        "polarizability": "Angstrom^3",
    },
)

LJ = UnitSystem(
    name="lj",
    boltzmann=1.0,
    time=1.0,
    velocity=1.0,
    pressure=1.0,
    density=1.0,
    default_mass=1.0,
    labels={
        "length": "sigma",
        "time": "tau",
        "energy": "epsilon",
        "mass": "m",
        "temperature": "epsilon/kB",
        "velocity": "sigma/tau",
        "force": "epsilon/sigma",
        "pressure": "epsilon/sigma3",
        "density": "m/sigma3",
        "charge": "q",
        "inverse length": "1/sigma",
        "dispersion": "epsilon sigma^6",
        "friction": "1/tau",
        "rate": "1/tau",
        "stiffness": "epsilon/sigma^2",
        "field": "epsilon/(sigma q)",
        "electric potential": "epsilon/q",
        "compressibility": "sigma3/epsilon",
        "diffusion": "sigma^2/tau",
        "volume": "sigma^3",
        "angle": "degrees",
        "heat current": "epsilon sigma/tau",
        "dipole": "q sigma",
        "polarizability": "sigma^3",
    },
)

SYSTEMS = {system.name: system for system in (METAL, LJ)}


def get(name: str | UnitSystem) -> UnitSystem:
    """The unit system called ``name``, "metal" or "lj"; raises InputError for another name."""
    if isinstance(name, UnitSystem):
        return name
    try:
        return SYSTEMS[name]
    except (KeyError, TypeError):
        raise InputError(f'units = {name!r}: expected "metal" or "lj"') from None
