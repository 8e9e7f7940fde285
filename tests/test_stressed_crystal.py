"""A crystal under stress: do minimisers and barostats strain it as its elastic constants say?"""

import numpy as np
import pytest

from mdcore import (
    FIRE,
    LBFGS,
    Andersen,
    CellRescaling,
    Langevin,
    LennardJones,
    MartynaTobiasKlein,
    Simulation,
    System,
    VelocityVerlet,
    elastic,
    maxwell_boltzmann,
    relax,
)

STRAIN = np.array([0.002, -0.001, 0.0005, 0.003, -0.002, 0.004])  # xx yy zz yz xz xy, shear twice
ARGON = LennardJones(7.0, 0.01034, 3.4, truncation="force-shifted")
T, DT = 0.03, 5.0  # K, fs: so cold that constants at rest hold


@pytest.fixture(scope="module")
def crystal():
    found = elastic(
        ARGON, System.build("fcc", 5.25, "Ar", repeat=(2, 2, 2)), strain=0.001, max_force=1e-6, max_stress=1e-5
    )
    return found.system, found.constants


def six(cells, base) -> np.ndarray:
    """Strains of cells that were `base`, [..., 6]."""
    whole = np.linalg.inv(base) @ cells - np.eye(3)
    whole = whole + np.swapaxes(whole, -1, -2)
    places = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))
    return np.stack([whole[..., j, k] * (0.5 if j == k else 1.0) for j, k in places], axis=-1)


@pytest.mark.parametrize("method", [FIRE, LBFGS])
def test_minimisers(crystal, method):
    """Half the difference of what opposite stresses do: third order is left, (0.004)^2 times some 20."""
    system, constants = crystal
    cells = []
    for sign in (1.0, -1.0):
        stress = sign * constants @ STRAIN
        found = relax(ARGON, system, method(1e-6, 1e-5, cell="flexible", stress=stress))
        assert found.converged
        cells.append(six(found.system.box.matrix, system.box.matrix))
    np.testing.assert_allclose(0.5 * (cells[0] - cells[1]), STRAIN, atol=1e-5)


def integrator(name, system, stress):
    if name == "cell rescaling":
        return Langevin(DT, T, 0.002, CellRescaling(None, 500.0, 0.3, coupling="flexible", stress=stress))
    # its inertia goes by the temperature, its spring is that of the crystal, sqrt(modulus V / (N k T)) stiffer
    relaxation = 500.0 * np.sqrt(3.0 / 160.2 * system.box.volume / system.n_atoms / (8.617e-5 * T))
    return VelocityVerlet(
        DT, Andersen(T, 500.0), MartynaTobiasKlein(None, relaxation, coupling="flexible", stress=stress)
    )


@pytest.mark.parametrize("name", ["cell rescaling", "inertia"])
def test_barostats(crystal, name):
    """Within 4.5 errors of blocks, and those are small."""
    system, constants = crystal
    means, errors = [], []
    for sign, seed in ((1.0, 1), (-1.0, 2)):
        maxwell_boltzmann(system, T, seed)
        sim = Simulation(system, ARGON, integrator(name, system, sign * constants @ STRAIN), seed=seed)
        sim.run(2000)
        cells = []
        sim.every(20, lambda s, cells=cells: cells.append(s.cell.matrix))
        sim.run(8000)
        blocks = six(np.array(cells), system.box.matrix).reshape(20, -1, 6).mean(axis=1)
        means.append(blocks.mean(axis=0))
        errors.append(blocks.std(axis=0, ddof=1) / np.sqrt(20))
    error = 0.5 * np.hypot(*errors)
    assert error.max() < 3e-4
    np.testing.assert_array_less(np.abs(0.5 * (means[0] - means[1]) - STRAIN), 4.5 * error + 1e-5)
