"""[limits] bonds: a run ends when a bond of its start breaks, with that structure in a file."""

from pathlib import Path

import numpy as np
import pytest

from mdcore import Box, LennardJones, Simulation, System, VelocityVerlet
from mdcore.base.errors import BrokenBondError
from mdcore.cli import main
from mdcore.engine.sanity import joined
from mdcore.potentials.base import leaves
from mdcore.structure.frames import systems
from mdcore.watch.broken_bonds import BrokenBonds

INPUT = """
[structure]
file = "start.extxyz"
[potential]
type = "lj"
cutoff = 3.0
[potential.species.O]
epsilon = 1e-9
sigma = 1.0
[[stage]]
ensemble = "nve"
timestep = 1.0
steps = 100
[limits]
bonds = 2.0
[output]
name = "out"
progress = "off"
"""


def pair(speed: float, bonds=()) -> System:
    """Two oxygens 1.2 Angstrom apart through the boundary, the second one leaving, and one far away; Angstrom/fs."""
    system = System(
        Box.cubic(12.0), [[0.3, 6.0, 6.0], [11.1, 6.0, 6.0], [6.0, 2.0, 2.0]], "O",
        velocities=[[0.0] * 3, [-speed, 0.0, 0.0], [0.0, 0.0, speed]],
    )  # fmt: skip
    system.bonds = np.array(bonds, dtype=int).reshape(-1, 2)
    return system


def test_bonds_of_a_structure():
    assert joined(pair(0.0)).tolist() == [[0, 1]]
    assert joined(pair(0.0, [[1, 2]])).tolist() == [[1, 2]]
    crystal = System.build("diamond", 5.43, "Si", repeat=(2, 2, 2))
    assert len(joined(crystal)) == 2 * crystal.n_atoms


def test_a_broken_bond_ends_a_run_when_it_breaks():
    """1.2 + 0.019 t Angstrom: twice as long after 63 steps, seen at the 70th; one that gets shorter is not broken."""
    sim = Simulation(pair(0.019), LennardJones(3.0, 1e-9, 1.0), VelocityVerlet(1.0))
    watch = BrokenBonds([[0, 1]], [1.2], 2.0)
    sim.add_watcher(watch, leaves(sim.work.bound)[0])
    with pytest.raises(BrokenBondError, match=r"step 70: the bond of O, atom 0, and O, atom 1 .* 2.11 times"):
        sim.run(100)
    sim = Simulation(pair(-0.004), LennardJones(3.0, 1e-9, 1.0), VelocityVerlet(1.0))
    sim.add_watcher(BrokenBonds([[0, 1]], [1.2], 1.01), leaves(sim.work.bound)[0])
    sim.run(50)


def test_an_atom_that_hops_has_a_bond():
    """O-H, through the boundary, 1 + 0.02 t Angstrom, past an oxygen 2.4 Angstrom on: 1.5 times as long after 25
    steps, 1.5 Angstrom from the second oxygen, too, after 142; a second hydrogen, which follows, holds nothing."""

    def run(hopping) -> str:
        system = System(
            Box.cubic(12.0), [[11.1, 6.0, 6.0], [0.1, 6.0, 6.0], [1.5, 6.4, 6.0], [0.1, 5.7, 6.0]], [*"OHOH"],
            velocities=[[0.0] * 3, [0.02, 0.0, 0.0], [0.0] * 3, [0.02, 0.0, 0.0]],
        )  # fmt: skip
        sim = Simulation(system, LennardJones(1.0, 1e-12, 0.1), VelocityVerlet(1.0))
        watch = BrokenBonds([[0, 1]], [1.0], 1.5, hopping=hopping)
        sim.add_watcher(watch, leaves(sim.work.bound)[0])
        with pytest.raises(BrokenBondError, match="the bond of O, atom 0, and H, atom 1 ") as raised:
            sim.run(300)
        return str(raised.value).split(":")[0]

    assert run(()) == "step 30" and run(("H",)) == "step 150"
    assert run(("H", "O")) == "step 30"  # nothing is left to hold it


def test_the_command(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("in.toml").write_text(INPUT)
    pair(0.019).to_ase().write("start.extxyz")
    assert main(["run", "in.toml", "--quiet"]) == 5
    told = capsys.readouterr().err
    assert "step 70" in told and "out-broken.extxyz" in told and "larger bonds in [limits]" in told
    (last,) = systems("out-broken.extxyz")
    assert last.info["Step"] == 70 and last.info["broken_bond"].tolist() == [0, 1]
    assert main(["run", "in.toml", "--quiet", "--restart", "--set", "limits.bonds=3.0"]) == 0
    assert len(list(systems("out-broken.extxyz"))) == 1
    capsys.readouterr()
    assert main(["run", "in.toml", "--quiet", "--overwrite", "--set", "limits.bonds=3.0"]) == 0
    assert not Path("out-broken.extxyz").exists()
    assert main(["run", "in.toml", "--quiet", "--overwrite", "--set", 'limits.hopping=["H"]']) == 2
    assert "no species is called 'H'; the structure has O" in capsys.readouterr().err
    Path("alone.toml").write_text(INPUT.replace("bonds = 2.0", 'hopping = ["O"]'))
    assert main(["check", "alone.toml"]) == 2 and "give bonds, too" in capsys.readouterr().err
    system = pair(0.0)
    system.take([0, 2]).to_ase().write("start.extxyz")
    assert main(["run", "in.toml", "--quiet", "--overwrite"]) == 2
    assert "no two atoms of the structure have a bond" in capsys.readouterr().err
