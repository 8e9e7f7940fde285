"""Does memory go when nobody refers to a Simulation or an Engine any more, without a search for cycles?"""

import gc
import subprocess
import sys
import weakref

import pytest

from mdcore.dynamics.motion.cell_rescaling import CellRescaling
from mdcore.dynamics.motion.langevin import Langevin
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.dynamics.motion.martyna_tobias_klein import MartynaTobiasKlein
from mdcore.dynamics.motion.nose_hoover import NoseHoover
from mdcore.dynamics.motion.velocity_rescaling import VelocityRescaling
from mdcore.dynamics.motion.verlet import VelocityVerlet
from mdcore.dynamics.simulation import Simulation
from mdcore.engine.single import Engine
from mdcore.output.dump import ExtxyzDump
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.system import System
from mdcore.structure.velocities import maxwell_boltzmann
from tests.reference.hdnnp_models import random_model

LJ = LennardJones(8.5, epsilon=0.0103, sigma=3.4)
INTEGRATORS = {
    "nve": lambda: VelocityVerlet(2.0),
    "langevin": lambda: Langevin(2.0, 50.0, 100.0),
    "nose": lambda: VelocityVerlet(2.0, NoseHoover(50.0, 100.0)),
    "npt": lambda: VelocityVerlet(2.0, VelocityRescaling(50.0, 100.0), CellRescaling(0.0, 1000.0, 0.1)),
    "mtk": lambda: VelocityVerlet(2.0, NoseHoover(50.0, 100.0), MartynaTobiasKlein(0.0, 1000.0)),
    "lbfgs": lambda: LBFGS(0.1),
}


@pytest.fixture
def uncollected():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def argon():
    system = System.build("fcc", lattice_constant=5.4, species="Ar").replicate((3, 3, 3))
    maxwell_boltzmann(system, temperature=50.0, seed=1)
    return system


@pytest.mark.parametrize("name", INTEGRATORS)
def test_of_a_simulation(name, uncollected, tmp_path):
    """All that it has goes with it: atoms, lists, the potential for these species."""
    sim = Simulation(argon(), LJ, INTEGRATORS[name]())
    sim.add_observer(ExtxyzDump(tmp_path / "a.extxyz", every=1))
    sim.run(3)
    left = [weakref.ref(own) for own in (sim, sim.work, sim.atoms, sim.neighbors, sim.driven)]
    del sim
    assert [own() for own in left] == [None] * len(left)


@pytest.mark.parametrize("name", ["lj", "network"])
def test_of_an_engine(name, uncollected):
    system = argon() if name == "lj" else System.build("fcc", lattice_constant=5.4, species="O").replicate((2, 2, 2))
    engine = Engine(LJ if name == "lj" else HDNNPotential(random_model()), system.symbols)
    engine.place(system.box, system.positions, system.species)
    engine.compute()
    engine.move(system.positions + 0.01)
    engine.compute()
    left = [weakref.ref(own) for own in (engine, engine.work, engine.atoms, engine.neighbors)]
    del engine
    assert [own() for own in left] == [None] * len(left)


def test_a_command_ends_without_a_search_for_cycles():
    """All that is loaded then counts as permanent; of a process that only borrows the command nothing does."""
    script = "import atexit, gc; from mdcore.cli import main; atexit.register(lambda: print(gc.get_freeze_count()))"
    for call, frozen in (("main()", True), ("main(['--version'])", False)):
        words = [sys.executable, "-c", f"{script}; {call}", "--version"]
        said = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
        assert said[0] == "mdcore" and (int(said[-1]) > 1000) == frozen
