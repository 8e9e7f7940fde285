"""Has the trajectory the atoms asked for, and the bonds between them, and does it know what it has not?"""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from mdcore import H5MDWriter, InputError, LennardJones, Simulation, System, Trajectory, VelocityVerlet
from mdcore.cli import main
from tests.mpi import mpirun, needs_mpi
from tests.test_dump_selection import folder  # noqa: F401  (argon with krypton, and the group "low")

FIELDS = ("positions", "velocities", "forces", "images")


def test_species_and_groups(capsys):
    assert main(["run", "a.toml", "--quiet"]) == 0
    assert (
        main(["run", "a.toml", "--quiet", "--set", "output.name=b", "--set", 'output.trajectory_atoms=["Kr","low"]'])
        == 0
    )
    with Trajectory("a.h5md") as whole, Trajectory("b.h5md") as some:
        rows = np.flatnonzero((whole.species == whole.symbols.index("Kr")) | whole.columns["low"])
        assert whole.whole and not some.whole and 0 < len(rows) < whole.n_atoms and len(some) == len(whole) == 5
        assert some.tags.tolist() == rows.tolist() and f"of {whole.n_atoms} atoms" in repr(some)
        for one, other in zip(some, whole, strict=True):
            assert all(np.array_equal(getattr(one, name), getattr(other, name)[rows]) for name in FIELDS)
            assert one.names == [other.names[k] for k in rows] and np.array_equal(
                one.columns["low"], whole.columns["low"][rows]
            )
            assert np.array_equal(one.masses, other.masses[rows])
    assert main(["analyse", "b.h5md"]) == 0
    told = json.loads(Path("b.analysis.json").read_text())
    assert told["conditions"]["atoms"] == len(rows) and "density" not in told["conditions"]
    assert any("of some atoms" in note for note in told["notes"])
    capsys.readouterr()
    assert main(["rerun", "a.toml", "b.h5md", "--output", "c.csv"]) == 2
    assert "b.h5md: holds some of the atoms" in capsys.readouterr().err
    assert main(["info", "b.h5md"]) == 0 and "some of those of the run" in capsys.readouterr().out
    assert main(["check", "a.toml", "--set", 'output.trajectory_atoms=["Xe"]', "--set", "output.name=d"]) == 2
    assert "trajectory_atoms" in capsys.readouterr().err


def test_one_drifting_atom_is_followed():
    """The centre of mass of one atom is the atom: of some atoms it is not taken off."""
    system = System.build("fcc", 5.4, "Ar", (3, 3, 3))
    system.velocities = np.zeros_like(system.positions)
    system.columns["one"] = np.arange(108) == 7
    system.velocities[7] = [0.01, 0.0, 0.0]
    sim = Simulation(system, LennardJones(7.0, epsilon=0.0, sigma=3.4), VelocityVerlet(10.0))
    writer = H5MDWriter("one.h5md", 10, atoms=["one"])
    sim.add_observer(writer)
    sim.run(1000)
    writer.close()
    assert main(["analyse", "one.h5md", "--what", "diffusion,vibrations"]) == 0
    found = json.loads(Path("one.analysis.json").read_text())["diffusion"]["Ar"]
    assert found["msd"][10] == pytest.approx((0.01 * 10 * 100.0) ** 2, rel=1e-9)


def chain():
    system = System.build("sc", 3.0, "Ar", (4, 4, 4))
    system.bonds = [[0, 1, 2], [1, 2, 1], [5, 4, 1], [10, 20, 3]]
    system.columns["some"] = np.isin(np.arange(64), [1, 2, 4, 5, 20])
    return system


@pytest.mark.parametrize(
    ("atoms", "bonds"), [((), [[0, 1, 2], [1, 2, 1], [4, 5, 1], [10, 20, 3]]), (["some"], [[0, 1, 1], [2, 3, 1]])]
)
def test_bonds(atoms, bonds):
    sim = Simulation(chain(), LennardJones(5.0, epsilon=0.01, sigma=3.0), VelocityVerlet(1.0))
    writer = H5MDWriter("bonds.h5md", 1, atoms=atoms)
    sim.add_observer(writer)
    sim.run(1)
    writer.close()
    with Trajectory("bonds.h5md") as trajectory:
        assert trajectory.bonds.tolist() == trajectory[1].bonds.tolist() == bonds
        assert trajectory[-1].to_system().bonds.tolist() == bonds
        tags = trajectory.tags
    with h5py.File("bonds.h5md", "r+") as file:  # as H5MD says: by id, of a group of particles
        pairs = file["connectivity/bonds"]
        assert file[pairs.attrs["particles_group"]].name == "/particles/trajectory"
        assert pairs[:].tolist() == [[tags[a], tags[b]] for a, b, _ in bonds]
        pairs[0, 0] = 63 if atoms else 64
    with pytest.raises(InputError, match="bonds: of atoms that are not there"):
        Trajectory("bonds.h5md")


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_same_bits_and_across_a_restart(self, capsys):
        chosen = ["--set", 'output.trajectory_atoms=["Kr","low"]', "--set", "output.checkpoint_every=5", "--quiet"]
        main(["run", "a.toml", *chosen])
        for ranks, steps in ((3, 8), (2, 12)):
            more = ["--restart"] if steps == 12 else []
            mpirun(
                ranks,
                "-m",
                "mdcore",
                "run",
                "a.toml",
                *chosen,
                "--set",
                "output.name=b",
                "--set",
                f"stage.0.steps={steps}",
                *more,
            )
        with h5py.File("a.h5md") as one, h5py.File("b.h5md") as two:
            for name in ("position/value", "velocity/value", "force/value", "image/value", "id", "position/step"):
                assert np.array_equal(one["particles/trajectory"][name], two["particles/trajectory"][name])
        other = ["--set", "output.name=b", "--set", "stage.0.steps=14", "--set", 'output.trajectory_atoms=["Kr"]']
        assert main(["run", "a.toml", *chosen, *other, "--restart"]) == 4
        assert "it can't be continued" in capsys.readouterr().err
