"""Does everything public say in one sentence what is wrong with an argument of the wrong kind?"""

import inspect

import numpy as np
import pytest

import mdcore
from mdcore import MdcoreError, System

WRONG = [None, "x", 1.5, -1, 0, [], {}, object(), float("nan"), [1, 2], b"x", True, (None, None), {"a": None}, int]
LJ = {"cutoff": 6.0, "epsilon": 0.01, "sigma": 3.4}
MADE = {"Evaluation", "Thermo", "Snapshot"}  # results: nobody makes them but mdcore


def crystal():
    system = System.build("fcc", 5.3, "Ar", repeat=(2, 2, 2))
    system.columns["some"] = np.arange(32) < 4
    system.velocities = np.full((32, 3), 1e-4)
    return system


def lj(**more):
    return mdcore.LennardJones(**LJ | more)


def members():
    return mdcore.HDNNPotential(mdcore.committee([mdcore.read_model("potentials/silicon.h5")] * 2))


def good() -> dict:
    """{what is called: arguments that are right}."""
    matrix = np.eye(3) * 10.0
    network = "potentials/silicon.h5"
    pairs = {("Ar", "Ar"): {"depth": 1.0, "alpha": 1.0, "r0": 3.0}}
    walls = {"axis": "z", "position": 3.0, "keeps": "above"}
    return {
        "Box": {"matrix": matrix, "periodic": (True, True, True), "origin": (0.0, 0.0, 0.0)},
        "System": {"box": mdcore.Box(matrix), "positions": [[0.0, 0, 0]], "species": "Ar"},
        "System.build": {"kind": "fcc", "lattice_constant": 5.3, "species": "Ar"},
        "System.read": {"path": "argon.xyz"},
        "System.from_ase": {"atoms": crystal().to_ase()},
        "System.pack": {"box": mdcore.Box(matrix), "molecules": [(crystal().take([0]), 2)], "distance": 2.0},
        "System.take": {"self": crystal(), "atoms": [0]},
        "System.substitute": {"self": crystal(), "species": "Ar", "by": "Kr", "fraction": 0.5},
        "System.vacancies": {"self": crystal(), "counts": {"Ar": 1}},
        "System.displace": {"self": crystal(), "width": 0.1},
        "System.orient": {"self": crystal(), "rows": np.eye(3, dtype=int)},
        "System.add_vacuum": {"self": crystal(), "lengths": [0, 0, 5.0]},
        "System.insert": {"self": crystal(), "molecule": crystal().take([0]), "count": 1, "distance": 0.5},
        "System.replicate": {"self": crystal(), "repeat": (1, 1, 1)},
        "Simulation.run": {"self": mdcore.Simulation(crystal(), lj(), mdcore.VelocityVerlet(1.0)), "steps": 1},
        "maxwell_boltzmann": {"system": crystal(), "temperature": 10.0, "seed": 1},
        "select": {"system": crystal(), "species": "Ar", "indices": [0], "where": "x < 3"},
        "Simulation": {"system": crystal(), "potential": lj(), "integrator": mdcore.VelocityVerlet(1.0)},
        "evaluate": {"potential": lj(), "structures": crystal()},
        "relax": {"potential": lj(), "system": crystal(), "steps": 1},
        "elastic": {"potential": lj(), "system": crystal()},
        "eos": {"potential": lj(), "system": crystal(), "volumes": 5},
        "neb": {"potential": lj(), "start": crystal(), "end": crystal().displace(0.1), "images": 1, "steps": 1},
        "saddle": {"potential": lj(), "system": crystal().displace(0.1), "steps": 1},
        "phonons": {
            "potential": lj(cutoff=4.0), "system": System.build("sc", 3.5, "Ar"), "repeat": (1, 1, 2), "mesh": 1,
            "path": "GX",
        },
        "rerun": {"potential": lj(), "trajectory": "argon.xyz"},
        "train": {"data": "argon.xyz"},
        "LennardJones": LJ,
        "LongLennardJones": LJ,
        "ZBL": {"inner": 1.0, "cutoff": 2.0},
        "Morse": {"cutoff": 6.0, "pairs": pairs},
        "Bonds": {"parameters": {1: {"k": 1.0, "r0": 1.0}}},
        "Buckingham": {"cutoff": 6.0, "a": 1.0, "rho": 1.0, "c": 1.0},
        "SoftCore": LJ | {"coupling": 0.5},
        "Coulomb": {"cutoff": 6.0, "charges": {"Ar": 1.0}},
        "Electrostatics": {"charges": {"Ar": 1.0}},
        "D3": {"functional": "pbe", "s9": 1.0},
        "Tabulated": {"pairs": {("Ar", "Ar"): np.array([[1, 2, 3.0, 4], [4, 3, 2, 1], [1, 1, 1, 1]])}},
        "EAM": {"path": "none.eam"},
        "StillingerWeber": {"path": "none.sw"},
        "Tersoff": {"path": "none.tersoff"},
        "ExternalForce": {"force": [1.0, 0, 0]},
        "Piston": {"pressure": 1.0, "axis": "z", "group": "some"},
        "ElectricField": {"field": [1.0, 0, 0], "charges": {"Ar": 1.0}},
        "HarmonicWall": walls | {"stiffness": 1.0},
        "LJWall": walls | {"epsilon": 1.0, "sigma": 1.0, "cutoff": 3.0},
        "PositionRestraint": {"stiffness": 1.0, "group": "some"},
        "DistanceRestraint": {"sites": [0, "some"], "stiffness": 1.0, "length": 3.0},
        "AngleRestraint": {"sites": [0, 1, 2], "stiffness": 1.0, "angle": 90.0},
        "HDNNPotential": {"model": mdcore.read_model(network)},
        "ChargeSettings": {},
        "DensityPotential": {"model": mdcore.read_model("potentials/silicon_density.h5")},
        "TensorPotential": {"source": "none.h5"},
        "Extrapolation": {},
        "Disagreement": {},
        "BiasedPotential": {"network": members(), "depth": 1.0, "width": 0.1},
        "FallbackPotential": {"network": members(), "baseline": lj(), "uncertainty": 0.1},
        "fitted_shifts": {"potential": lj(), "baseline": lj(cutoff=5.0), "structures": [crystal()]},
        "member_zeros": {"network": members(), "structures": [crystal()]},
        "committee": {"models": [mdcore.read_model(network)]},
        "read_model": {"path": network},
        "Sum": {},
        "PythonPotential": {"function": lambda *_: 0.0},
        "ASEPotential": {"calculator": None},
        "VelocityVerlet": {"timestep": 1.0},
        "Langevin": {"timestep": 1.0, "temperature": 1.0, "friction": 0.1},
        "Bath": {"group": "some", "temperature": 1.0, "friction": 0.1},
        "Baths": {"thermostats": {"some": mdcore.Berendsen(1.0, 1.0)}},
        "FIRE": {}, "LBFGS": {},
        "VelocityRescaling": {"temperature": 1.0, "relaxation": 1.0},
        "NoseHoover": {"temperature": 1.0, "relaxation": 1.0},
        "Andersen": {"temperature": 1.0, "relaxation": 1.0},
        "Berendsen": {"temperature": 1.0, "relaxation": 1.0},
        "CellRescaling": {"pressure": 1.0, "relaxation": 1.0, "compressibility": 1.0},
        "MartynaTobiasKlein": {"pressure": 1.0, "relaxation": 1.0},
        "StrainRate": {"rate": [0, 0, 0, 0, 0, 1e-6]},
        "H5MDWriter": {"file": "new.h5md", "every": 1},
        "Trajectory": {"path": "none.h5md"},
        "ExtxyzDump": {"path": "new.xyz", "every": 1},
        "ThermoLog": {"every": 1},
        "Checkpointer": {"path": "new.checkpoint", "every": 1},
    }  # fmt: skip


def test_all_that_is_public_is_looked_at():
    public = {name: getattr(mdcore, name) for name in mdcore.__all__ if name not in MADE}
    errors = {name for name, it in public.items() if isinstance(it, type) and issubclass(it, MdcoreError)}
    assert {name for name in public if callable(public[name])} - errors == {name.partition(".")[0] for name in good()}


@pytest.mark.parametrize("name", good())
def test_wrong_arguments_are_told(name, tmp_path, monkeypatch):
    arguments = good()[name]
    monkeypatch.chdir(tmp_path)
    from mdcore.structure.extxyz import write_frame

    with open("argon.xyz", "w") as stream:
        write_frame(stream, crystal())
    call = mdcore
    for word in name.split("."):
        call = getattr(call, word)
    parameters = inspect.signature(call).parameters.values()
    failed = []
    for parameter in (own for own in parameters if own.name != "self"):
        for wrong in WRONG:
            if parameter.kind is parameter.VAR_POSITIONAL:
                args, more = (wrong, wrong), dict(arguments)
            elif parameter.kind is parameter.VAR_KEYWORD:
                args, more = (), arguments | {"no_such_argument": wrong}
            else:
                args, more = (), arguments | {parameter.name: wrong}
            try:
                call(*args, **more)
            except MdcoreError:
                pass
            except Exception as error:
                failed.append(f"{parameter.name} = {wrong!r}: {type(error).__name__}: {error}")
    assert not failed, "\n".join(failed)
