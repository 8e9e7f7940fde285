"""Has the dump the atoms and columns asked for, on ranks and across restarts, and no labels that are wrong?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore import ExtxyzDump, InputError, LennardJones, Simulation, System, VelocityVerlet, select
from mdcore.cli import main
from mdcore.output.selection import Selection
from mdcore.structure import extxyz
from tests.mpi import mpirun, needs_mpi
from tests.test_rerun import INPUT

GROUP = '[[group]]\nname = "low"\nwhere = "z < 6"\n'


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    substituted = '[[structure.substitute]]\nspecies = "Ar"\nby = "Kr"\nfraction = 0.25\n' + GROUP
    text = INPUT.replace("[velocities]", substituted + "[velocities]")
    krypton = "[potential.species.Kr]\nepsilon = 0.014\nsigma = 3.6\n"
    Path("a.toml").write_text(text.replace("[[stage]]", krypton + "[[stage]]"))
    return tmp_path


def run(name: str, *settings) -> list:
    words = [word for setting in (f"output.name={name}", *settings) for word in ("--set", setting)]
    assert main(["run", "a.toml", "--quiet", *words]) == 0
    return list(extxyz.iterate(f"{name}.extxyz", keep=True))


def test_species_groups_and_fields():
    whole = run("all")
    kind = np.array([whole[0].symbols[k] for k in whole[0].species])
    low = whole[0].others["low"]
    for chosen, rows in (('["Kr"]', kind == "Kr"), ('["low"]', low), ('["Kr", "low"]', (kind == "Kr") | low)):
        some = run("some", f"output.dump_atoms={chosen}")
        assert 0 < rows.sum() < len(rows) and len(some) == len(whole) == 5
        for one, other in zip(some, whole, strict=True):
            assert np.array_equal(one.positions, other.positions[rows])
            assert np.array_equal(one.forces, other.forces[rows])
            assert np.array_equal(one.others["low"], low[rows])
            assert one.energy is None and one.stress is None and other.energy is not None
        for file in Path().glob("some.*"):
            file.unlink()
    bare = run("bare", 'output.dump_fields=["energy"]')[2]
    assert bare.energy == whole[2].energy and np.array_equal(bare.stress, whole[2].stress)
    assert bare.forces is None and bare.momenta is None and not bare.others
    assert set(run("force", 'output.dump_fields=["force"]')[0].columns) == {"species", "pos", "forces"}


def test_from_python():
    system = System.build("fcc", 5.4, "Ar", (3, 3, 3))
    system.columns["low"] = select(system, where="z < 6")
    sim = Simulation(system, LennardJones(7.0, epsilon=0.0104, sigma=3.4), VelocityVerlet(2.0))
    sim.add_observer(ExtxyzDump("own.extxyz", 1, selection=Selection(("velocity",), ("low",))))
    sim.run(2)
    assert len(System.read("own.extxyz")) == system.columns["low"].sum()
    with pytest.raises(InputError, match="no 'forces'; there are velocity"):
        Selection(("forces",))


def test_atoms_there_are_not(capsys):
    assert main(["check", "a.toml", "--set", 'output.dump_atoms=["Xe"]']) == 2
    assert "no species and no group is called 'Xe'; there are Ar, Kr, low" in capsys.readouterr().err


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_same_bits_and_across_a_restart(self):
        chosen = ["--set", 'output.dump_atoms=["Kr","low"]', "--set", "output.checkpoint_every=5", "--quiet"]
        main(["run", "a.toml", *chosen])
        for ranks, steps in ((3, 8), (2, 12)):
            more = ["--restart"] if steps == 12 else []
            words = ["--set", "output.name=b", "--set", f"stage.0.steps={steps}", *more]
            mpirun(ranks, "-m", "mdcore", "run", "a.toml", *chosen, *words)
        assert Path("b.extxyz").read_bytes() == Path("a.extxyz").read_bytes()
