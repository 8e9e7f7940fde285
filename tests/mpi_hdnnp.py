"""Simulations with network potentials, for mpi_trajectory.py: cell-ensemble or cell-ensemble-mixed."""

from dataclasses import replace

import numpy as np

from mdcore import Langevin, VelocityVerlet
from mdcore.base.comm import connect, on_root
from mdcore.doors import _kernels
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.base import Sum
from mdcore.potentials.charges import equilibration
from mdcore.potentials.charges.equilibration import DENSE
from mdcore.potentials.dispersion.d3 import D3
from mdcore.potentials.networks.charge_model import Screening
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.committee import committee
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.pair.zbl import ZBL
from tests.density_twin import density
from tests.reference.hdnnp_models import charged_model, chebyshev_model, random_model
from tests.systems import SKEW, TRICLINIC, scattered

SPECIES = {"symbols": ("O", "H"), "closest": 0.9}
CELLS = {
    "cubic": lambda: scattered(150, 8.0 * np.eye(3), seed=21, **SPECIES),
    "triclinic": lambda: scattered(120, 7.7 * TRICLINIC, seed=22, **SPECIES),
    "slab": lambda: scattered(60, np.diag([6.0, 6.0, 12.0]) @ SKEW, (True, True, False), seed=23, **SPECIES),
    "cluster": lambda: scattered(40, 5.0 * np.eye(3), (False, False, False), seed=24, **SPECIES),
    "wall": lambda: scattered(120, 7.7 * TRICLINIC, seed=26, **SPECIES),
    "chebyshev": lambda: scattered(120, 7.7 * TRICLINIC, seed=27, **SPECIES),
    "density": lambda: scattered(60, 5.2 * TRICLINIC, seed=28, **SPECIES),
    "densities": lambda: scattered(40, np.diag([5.0, 5.0, 9.0]) @ SKEW, (True, True, False), seed=29, **SPECIES),
    "speck": lambda: scattered(3, 1.9 * np.eye(3), seed=30, **SPECIES),  # messages to and from domains without atoms
    "ions": lambda: scattered(70, 6.5 * TRICLINIC, seed=31, **SPECIES),  # charges, equilibrated, on a mesh
    "layer": lambda: scattered(40, np.diag([5.5, 5.5, 12.0]) @ SKEW, (True, True, False), seed=32, **SPECIES),
    "drop": lambda: scattered(30, 5.0 * np.eye(3), (False, False, False), seed=33, **SPECIES),  # solved directly
    "cloud": lambda: scattered(40, 5.0 * np.eye(3), (False, False, False), seed=34, **SPECIES),
    "predicted": lambda: scattered(60, 6.2 * np.eye(3), seed=35, **SPECIES),
    "members": lambda: scattered(60, 6.2 * TRICLINIC, seed=36, **SPECIES),  # each with charges; D3 was subtracted
    "tiny": lambda: scattered(4, 1.9 * np.eye(3), seed=25, **SPECIES),
}


def build(case: str, comm=None, state=None):
    cell, ensemble, *precision = case.split("-")
    system = on_root(connect(), CELLS[cell], share=True)
    noise = _kernels.normals(7, 0, 1, np.arange(system.n_atoms))
    system.velocities = 0.5 * noise / np.sqrt(system.masses)[:, None]
    model = random_model(types=[2, 3, 9, 13, 21], cutoff=2.5)
    if cell == "chebyshev":
        model = chebyshev_model(("O", "H"), cutoff=2.5)
    charges = None
    if cell == "members":
        models = [charged_model(("O", "H"), types=[2, 3], cutoff=2.5, seed=k) for k in (3, 4)]
        model = replace(committee(models), subtracted=(D3("pbe0", cutoff=6.0, width=1.5),))
        charges = ChargeSettings(accuracy=1e-5, cutoff=3.0, method="ewald", residual=1e-7)
    if cell in ("ions", "layer", "drop", "cloud", "predicted"):
        options = {"kind": "predicted", "own": True} if cell == "predicted" else {"screening": Screening(0.5, 2.0)}
        model = charged_model(("O", "H"), types=[2, 3], cutoff=2.5, **options)
        method = "mesh" if cell == "ions" else "ewald"
        charges = ChargeSettings(accuracy=1e-5, cutoff=3.0, method=method, residual=1e-7, total=0.5 * (cell == "cloud"))
    equilibration.DENSE = 0 if cell in ("cloud", "members") else DENSE
    precision = (precision or ["double"])[0]
    potential = HDNNPotential(model, precision=precision, charges=charges)
    if cell in ("density", "densities", "speck"):
        unlike = [{"layers": 1, "channels": 32}] if cell == "densities" else ()
        potential = density(("H", "O"), layers=2 + (cell == "density"), message_l=int(cell == "density"), unlike=unlike,
                            settings={"precision": precision})  # fmt: skip
    if cell == "wall":  # full and half lists side by side
        potential = Sum(potential, ZBL(0.5, 1.3))
    integrator = VelocityVerlet(0.01) if ensemble == "nve" else Langevin(0.01, (1.0, 0.7), 1.0)
    return Simulation(system, potential, integrator, seed=3, comm=comm, state=state, skin=0.3)
