"""Are the constants and unit conversions right?"""

import math
import pickle

import pytest

from mdcore.base import elements, units
from mdcore.base.errors import InputError


def test_internal_time_unit():
    # Angstrom * sqrt(amu/eV) from its definition, in fs
    assert math.isclose(1 / units.METAL.time, 10.180505, rel_tol=1e-7)
    assert math.isclose(units.METAL.time * units.METAL.velocity, 1.0)


def test_kinetic_energy_of_one_amu_at_one_angstrom_per_fs():
    v = 1.0 * units.METAL.velocity
    joule = 0.5 * units.ATOMIC_MASS * (1e-10 / 1e-15) ** 2
    assert math.isclose(0.5 * v * v, joule / units.ELEMENTARY_CHARGE, rel_tol=1e-14)


def test_pressure_of_an_ideal_gas_at_ambient_conditions():
    # one mole at 273.15 K in 22.71095464 litres is 1 bar (CODATA 2018 molar volume)
    volume = 22.71095464e-3 * 1e30 / units.AVOGADRO
    pressure = units.METAL.boltzmann * 273.15 / volume
    assert math.isclose(pressure / units.METAL.pressure, 1e-4, rel_tol=1e-9)


def test_density_of_rahmans_argon():
    # 1.374 g/cm3 is 0.02071 atoms per cubic Angstrom
    number = 1.374 * units.METAL.density / elements.ATOMIC_MASSES["Ar"]
    assert math.isclose(number, 0.02071, rel_tol=1e-3)


def test_constants_against_published_values():
    # CODATA 2018: k = 8.617333262e-5 eV/K; hartree = 27.211386245988 eV; e^2/(4 pi eps0) = 14.3996454785 eV A
    assert math.isclose(units.BOLTZMANN_EV, 8.617333262e-5, rel_tol=1e-10)
    assert math.isclose(units.COULOMB, 14.3996454785, rel_tol=1e-10)
    assert math.isclose(1 / units.KJ_PER_MOL, 96.4853321233, rel_tol=1e-11)
    assert math.isclose(1 / units.KCAL_PER_MOL, 23.060547830, rel_tol=1e-9)


def test_constants_against_scipy():
    constants = pytest.importorskip("scipy.constants")
    assert constants.k == units.BOLTZMANN
    assert constants.e == units.ELEMENTARY_CHARGE
    assert constants.N_A == units.AVOGADRO
    # SciPy may hold a later CODATA adjustment than ours (2018): 2022 moved it by 1.4e-9
    assert math.isclose(constants.atomic_mass, units.ATOMIC_MASS, rel_tol=3e-9)


def test_reduced_units_convert_nothing():
    lj = units.get("lj")
    assert (lj.boltzmann, lj.time, lj.velocity, lj.pressure, lj.density, lj.default_mass) == (1.0,) * 6


def test_unit_systems_are_singletons_and_label_the_same_quantities():
    assert units.get("metal") is units.METAL
    assert units.get(units.LJ) is units.LJ
    assert pickle.loads(pickle.dumps(units.LJ)) is units.LJ
    assert units.METAL.labels.keys() == units.LJ.labels.keys()


def test_unknown_unit_system():
    with pytest.raises(InputError, match="'real': expected"):
        units.get("real")


def test_elements():
    assert len(elements.SYMBOLS) == 119
    assert len(elements.ATOMIC_NUMBERS) == 118
    assert set(elements.ATOMIC_MASSES) == {*elements.ATOMIC_NUMBERS, *elements.ISOTOPES}
    for symbol, z in {"H": 1, "O": 8, "Ar": 18, "Cu": 29, "Xe": 54, "Pb": 82, "Og": 118}.items():
        assert elements.ATOMIC_NUMBERS[symbol] == z
        assert elements.SYMBOLS[z] == symbol
    assert elements.ATOMIC_MASSES["Ar"] == 39.948
    assert elements.ATOMIC_MASSES["H"] == 1.008


def test_atomic_masses_against_ase():
    data = pytest.importorskip("ase.data")
    for symbol, z in elements.ATOMIC_NUMBERS.items():
        assert data.chemical_symbols[z] == symbol
        # the tables differ by their year; where there is no standard weight, by the isotope chosen
        tolerance = 1e-4 if data.atomic_masses_iupac2016[z] % 1 and z not in (43, 61) and z < 84 else 0.02
        assert math.isclose(
            elements.ATOMIC_MASSES[symbol], data.atomic_masses_iupac2016[z], rel_tol=tolerance
        )
