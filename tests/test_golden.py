"""Does a run still have the bits it had? Hashes of 1000 steps, kept in golden.json for each CPU level.

Runs start from velocities that are rounded: a total momentum, which is taken from them, is a product of matrices, whose
last bits depend on the kernel that NumPy's BLAS has chosen for the processor.

Bits that change by accident are a fault; where they change on purpose, or another compiler orders arithmetic otherwise,
`python -m tests.test_golden` writes the file anew (and CHANGELOG.md says that runs have other bits).
"""

import hashlib
import json
import platform
from pathlib import Path

import pytest

from mdcore import HDNNPotential, Langevin, LennardJones, Simulation, Sum, System, VelocityVerlet
from mdcore.doors import _kernels
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.walls import Wall
from mdcore.potentials.pair.zbl import ZBL
from mdcore.structure.velocities import maxwell_boltzmann
from tests.density_twin import density

FILE = Path(__file__).with_name("golden.json")
POTENTIALS = Path(__file__).parents[1] / "potentials"
STEPS, EVERY = 1000, 100


def crystal(species, a, lattice="fcc", cells=3, temperature=300.0, names=()):
    """A warm crystal; names : further species, of every other atom in turn."""
    system = System.build(lattice, a, species).replicate((cells,) * 3)
    if names:
        all_names = (species, *names)
        system = System(
            system.box, system.positions, [all_names[k % len(all_names)] for k in range(len(system.positions))]
        )
    maxwell_boltzmann(system, temperature, seed=3)
    system.velocities = system.velocities.round(9)
    return system


def argon(variant="cut"):
    return LennardJones(8.5, species={"Ar": (0.0104, 3.4), "Kr": (0.0141, 3.65)}, truncation=variant)


def network(name, **options):
    return HDNNPotential(read_model(POTENTIALS / name), **options)


def densities(**options):
    """A committee of density networks with a wall, not trained."""
    walls, own = (Wall(("Si", "Si"), 1.5, 2.2),), {"cutoff": 4.5, "neighbours": 28.0, "scale": 0.02}
    return density(("Si",), members=2, walls=walls, settings=options, **own)


RUNS = {
    "lj": lambda: Simulation(crystal("Ar", 5.6, temperature=200.0), argon(), VelocityVerlet(5.0)),
    "lj, two species": lambda: Simulation(
        crystal("Ar", 5.7, names=("Kr",)), argon("force-shifted"), Langevin(5.0, 120.0, 0.01), seed=7
    ),
    "zbl": lambda: Simulation(
        crystal("Cu", 2.9, temperature=3000.0, names=("Ni",)), Sum(LennardJones(4.0, 0.4, 2.3), ZBL(1.2, 3.0)),
        VelocityVerlet(0.5), max_temperature=1e6,
    ),
    "network": lambda: Simulation(
        crystal("Si", 5.43, "diamond", 2, 600.0), network("silicon.h5"), VelocityVerlet(1.0)
    ),
    "network, mixed precision": lambda: Simulation(
        crystal("Si", 5.43, "diamond", 2, 600.0), network("silicon.h5", precision="mixed"), VelocityVerlet(1.0)
    ),
    "densities": lambda: Simulation(
        crystal("Si", 5.43, "diamond", 2, 300.0), densities(), VelocityVerlet(1.0)
    ),
    "densities, mixed precision": lambda: Simulation(
        crystal("Si", 5.43, "diamond", 2, 300.0), densities(precision="mixed"), VelocityVerlet(1.0)
    ),
}  # fmt: skip


def digest(make) -> str:
    """A hash of positions, velocities, forces and energy on the way."""
    sim, found = make(), hashlib.sha256()
    for _ in range(0, STEPS, EVERY):
        sim.run(EVERY)
        state = sim.snapshot()
        for column in (state.positions, state.velocities, state.forces):
            found.update(column.tobytes())
        found.update(repr(sim.total_energy).encode())
    return found.hexdigest()[:32]


def of_level(level: str, name: str) -> str:
    try:
        _kernels.select_cpu(level)
        return digest(RUNS[name])
    finally:
        _kernels.select_cpu()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="hashes of x86-64 alone are kept")
@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("level", _kernels.cpu_levels())
def test_a_run_has_the_bits_it_had(level, name):
    golden = json.loads(FILE.read_text())
    assert of_level(level, name) == golden[level][name], (
        f"the bits of 1000 steps have changed; they were those of {golden['compiler']}. If that is meant, or the "
        "compiler is another one: python -m tests.test_golden, and tell it in CHANGELOG.md"
    )


if __name__ == "__main__":
    hashes = {level: {name: of_level(level, name) for name in RUNS} for level in _kernels.cpu_levels()}
    FILE.write_text(json.dumps(json.loads(FILE.read_text()) | hashes, indent=1) + "\n")
