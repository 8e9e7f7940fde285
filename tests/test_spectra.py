"""Do dielectric constant, infrared and Raman spectra of known motions come out as they must?"""

import numpy as np
import pytest

from mdcore import InputError
from mdcore.analysis.dielectric import dielectric
from mdcore.analysis.spectra import LIGHT, WAVENUMBER, infrared, raman
from mdcore.base.units import BOLTZMANN_EV, COULOMB, HBAR, METAL
from tests.test_analyse import ornstein_uhlenbeck

AXES = ("xx", "yy", "zz", "yz", "xz", "xy")


def log(n, interval=1.0, dipole=None, polarizability=None, temperature=300.0):
    found = {"step": np.arange(n), "time": interval * np.arange(n), "temperature": np.full(n, temperature)}
    for k, axis in enumerate("xyz" if dipole is not None else ""):
        found[f"dipole_{axis}"] = dipole[:, k]
    for k, axis in enumerate(AXES if polarizability is not None else ""):
        found[f"polarizability_{axis}"] = polarizability[:, k]
    return found


def vibration(wavenumber, n, interval):
    return np.cos(2.0 * np.pi * wavenumber / WAVENUMBER * interval * np.arange(n) + 0.3)


@pytest.mark.parametrize("wavenumber", [400.0, 1700.0, 6000.0])
def test_an_oscillating_dipole_absorbs_at_its_frequency(wavenumber):
    """One line, whose area is that of c(0) = A^2 w^2 / 2, however coarse the rows are."""
    n, interval, amplitude, volume = 40_000, 2.0, 0.3, 1000.0
    dipole = np.zeros((n, 3))
    dipole[:, 1] = 5.0 + amplitude * vibration(wavenumber, n, interval)
    found = infrared(log(n, interval, dipole), volume, METAL)
    assert found.peak == pytest.approx(wavenumber, abs=found.resolution) and found.resolution < 5.0
    w = 2.0 * np.pi * wavenumber / WAVENUMBER
    right = np.pi * COULOMB / (3.0 * LIGHT * volume * 300.0 * BOLTZMANN_EV) * 1e8 * (amplitude * w) ** 2 / 2.0
    area = np.trapezoid(found.curves["infrared"], found.frequencies) / WAVENUMBER
    assert area == pytest.approx(right, rel=1e-3)


def test_breathing_is_isotropic_and_turning_is_not():
    n, interval = 40_000, 2.0
    breathes, turns = vibration(1000.0, n, interval), vibration(300.0, n, interval)
    alpha = np.zeros((n, 6))
    alpha[:, :3] = 10.0 + 0.2 * breathes[:, None]
    alpha[:, 5] = 0.5 * turns
    found = raman(log(n, interval, polarizability=alpha), METAL)
    where = {name: found.frequencies[np.argmax(curve)] for name, curve in found.curves.items()}
    assert where == {"isotropic": pytest.approx(1000.0, abs=5.0), "anisotropic": pytest.approx(300.0, abs=5.0)}
    for name, wavenumber, square in (("isotropic", 1000.0, 0.2**2), ("anisotropic", 300.0, 2 / 15 * 2 * 0.5**2)):
        area = np.trapezoid(found.curves[name], found.frequencies) / WAVENUMBER
        w = 2.0 * np.pi * wavenumber / WAVENUMBER  # of twice the integral of c(0) cos w t over f: c(0) / 2
        assert area == pytest.approx(HBAR * w / (BOLTZMANN_EV * 300.0) * square / 4.0, rel=0.01)


def test_fluctuations_of_known_size_are_a_dielectric_constant():
    """Independent of the unit's origin, with the electrons' share; the error is what the process makes it, about twice
    the correlation time over the length, and covers what is off."""
    n, tau, variance, volume = 60_000, 30.0, 1.5, 2000.0
    dipole = ornstein_uhlenbeck(n, 3, tau, variance, 7) + np.array([3.0, 0.0, -100.0])
    own = log(n, 2.0, dipole)
    found = dielectric(own, volume, METAL, blocks=10)
    share = 4.0 * np.pi * COULOMB / (3.0 * volume * BOLTZMANN_EV * 300.0) * 3.0 * variance
    assert found.constant == pytest.approx(1.0 + share, abs=3.0 * found.error)
    usual = share * np.sqrt(2.0 / 3.0 * tau / n)  # of the square of three numbers with <x(0) x(t)>^2 ~ exp(-2 t / tau)
    assert usual / 2.0 < found.error < 2.0 * usual
    assert found.correlation_time == pytest.approx(2.0 * tau, rel=0.2)
    assert found.running[-1] == pytest.approx(found.constant, rel=1e-9) and found.running[0] == 1.0
    alpha = np.tile([120.0, 140.0, 130.0, 0.0, 0.0, 0.0], (n, 1))
    electrons = 1.0 + 4.0 * np.pi * 130.0 / volume
    with_electrons = dielectric(log(n, 2.0, dipole, alpha), volume, METAL)
    assert with_electrons.high_frequency == pytest.approx(electrons)
    assert with_electrons.constant - electrons == pytest.approx(found.constant - 1.0)


def test_correlation_time_up_to_the_first_zero():
    """Of a dipole moment that turns over once, c(t) = (200 - 3 t) / (200 - t); of one that stays there is none."""
    once = np.repeat([[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0]], 100, axis=0)
    right = 200.0 - 400.0 * np.log(1.5)
    assert dielectric(log(200, dipole=once), 1000.0, METAL).correlation_time == pytest.approx(right, rel=1e-3)
    assert np.isnan(dielectric(log(200, dipole=np.ones((200, 3))), 1000.0, METAL).correlation_time)


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match=r'no dipole moment; a \[\[potential\]\] with type = "tensors"'):
        infrared(log(1000), 1.0, METAL)
    with pytest.raises(InputError, match="no polarizability"):
        raman(log(1000, dipole=np.zeros((1000, 3))), METAL)
    with pytest.raises(InputError, match="10 rows are too few for 5 blocks"):
        dielectric(log(10, dipole=np.zeros((10, 3))), 1.0, METAL)
    with pytest.raises(InputError, match="rows are too few for 5 blocks of 16 or more"):
        infrared(log(60, dipole=np.zeros((60, 3))), 1.0, METAL)
    holes = np.zeros((1000, 3))
    holes[7] = np.nan
    with pytest.raises(InputError, match="dipole moment is not known in all rows"):
        dielectric(log(1000, dipole=holes), 1.0, METAL)
