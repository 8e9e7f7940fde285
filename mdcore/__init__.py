"""mdcore: a standalone molecular-dynamics engine with a built-in neural network potential.

    from mdcore import System, Simulation, LennardJones, VelocityVerlet

    system = System.build("fcc", density=0.8442, species="A", units="lj").replicate((5, 5, 5))
    maxwell_boltzmann(system, temperature=1.44, seed=1)
    sim = Simulation(system, LennardJones(cutoff=2.5, epsilon=1.0, sigma=1.0), VelocityVerlet(0.005))
    sim.run(1000)

Importing starts no MPI, prints nothing and changes no global state; names are loaded when used.
"""

import importlib
import os

__version__ = "0.1.0"

_doors = os.path.join(__path__[0], "doors")
_there = os.listdir(_doors) if os.path.isdir(_doors) else ()
if not any(name.startswith("_kernels.") and name.endswith(".so") for name in _there):
    raise ImportError(
        f"{__path__[0]} holds the sources of mdcore without its compiled kernels, and hides an installed mdcore: start "
        "Python in another folder, or build here: pip install --editable ."
    )

_HOME = {
    "Box": "structure.box",
    "System": "structure.system",
    "maxwell_boltzmann": "structure.velocities",
    "select": "structure.groups",
    "Simulation": "dynamics.simulation",
    "evaluate": "engine.evaluation",
    "relax": "properties.relaxation",
    "elastic": "properties.elastic",
    "eos": "properties.eos",
    "neb": "properties.neb",
    "saddle": "properties.saddle",
    "phonons": "properties.phonons",
    "rerun": "recompute",
    "train": "trainer",
    "Evaluation": "engine.single",
    "Thermo": "dynamics.thermo",
    "Snapshot": "dynamics.thermo",
    "LennardJones": "potentials.pair.lj",
    "LongLennardJones": "potentials.dispersion.images",
    "ZBL": "potentials.pair.zbl",
    "Morse": "potentials.pair.morse",
    "Bonds": "potentials.bonds",
    "Buckingham": "potentials.pair.buckingham",
    "SoftCore": "potentials.pair.soft_core",
    "Coulomb": "potentials.pair.coulomb",
    "Electrostatics": "potentials.charges.electrostatics",
    "D3": "potentials.dispersion.d3",
    "TensorPotential": "potentials.tensors.potential",
    "Tabulated": "potentials.pair.tabulated",
    "EAM": "potentials.manybody.eam",
    "StillingerWeber": "potentials.manybody.stillinger_weber",
    "Tersoff": "potentials.manybody.tersoff",
    "ExternalForce": "potentials.external.force",
    "Piston": "potentials.external.force",
    "ElectricField": "potentials.external.force",
    "HarmonicWall": "potentials.external.wall",
    "LJWall": "potentials.external.wall",
    "PositionRestraint": "potentials.external.restraint",
    "DistanceRestraint": "potentials.external.restraint",
    "AngleRestraint": "potentials.external.restraint",
    "HDNNPotential": "potentials.networks.hdnnp",
    "ChargeSettings": "potentials.networks.charge_settings",
    "DensityPotential": "potentials.density.potential",
    "BiasedPotential": "potentials.committees.bias",
    "FallbackPotential": "potentials.committees.fallback",
    "fitted_shifts": "engine.zeros",
    "member_zeros": "engine.zeros",
    "Extrapolation": "watch.extrapolation",
    "Disagreement": "watch.disagreement",
    "committee": "potentials.families",
    "read_model": "potentials.networks.files",
    "Sum": "potentials.base",
    "PythonPotential": "potentials.python",
    "ASEPotential": "potentials.python",
    "VelocityVerlet": "dynamics.motion.verlet",
    "Langevin": "dynamics.motion.langevin",
    "Bath": "dynamics.motion.langevin",
    "Baths": "dynamics.motion.baths",
    "FIRE": "dynamics.motion.fire",
    "LBFGS": "dynamics.motion.lbfgs",
    "VelocityRescaling": "dynamics.motion.velocity_rescaling",
    "NoseHoover": "dynamics.motion.nose_hoover",
    "Andersen": "dynamics.motion.andersen",
    "Berendsen": "dynamics.motion.berendsen",
    "CellRescaling": "dynamics.motion.cell_rescaling",
    "MartynaTobiasKlein": "dynamics.motion.martyna_tobias_klein",
    "StrainRate": "dynamics.motion.strain_rate",
    "H5MDWriter": "output.trajectory_writer",
    "Trajectory": "output.trajectory",
    "ExtxyzDump": "output.dump",
    "ThermoLog": "output.thermo_log",
    "Checkpointer": "output.checkpoint",
    "MdcoreError": "base.errors",
    "InputError": "base.errors",
    "SimulationError": "base.errors",
    "ExtrapolationError": "base.errors",
    "DisagreementError": "base.errors",
    "OutputError": "base.errors",
    "Interrupted": "base.errors",
}
__all__ = ["__version__", *_HOME]


def __getattr__(name):
    if name not in _HOME:
        raise AttributeError(f"module 'mdcore' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"mdcore.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__():
    return sorted({*globals(), *__all__})
