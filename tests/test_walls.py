"""Walls that a potential has: part of its energy for whoever loads it, and no structure of its data feels them."""

from dataclasses import replace

import numpy as np
import pytest

from mdcore import ZBL, Box, HDNNPotential, Sum, System, evaluate, read_model
from mdcore.base.errors import InputError
from mdcore.cli import main
from mdcore.potentials.networks.committee import committee, single
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.walls import SHORTEST, Wall, by_data, from_distances
from mdcore.structure.extxyz import write_frame
from tests.contract import assert_atom_energies_add_up, assert_forces_match_energy, assert_stress_matches_energy
from tests.reference import trained

SYSTEM = trained.structure()
BARE = trained.trained_on(SYSTEM)
WALLS = (Wall(("H", "H"), 0.9, 1.7), Wall(("H", "O"), 0.8, 1.9))
GUARDED = replace(BARE, walls=WALLS)


def quiet(model):
    return HDNNPotential(model, extrapolation="ignore")


def test_energy_and_forces_are_those_of_a_sum():
    """To the last bit, with the stress and the energy of each atom; pairs without a wall don't repel."""
    far = {("O", "O"): (1e-6, 1e-5)}
    walls = ZBL(0.9, 1.7, pairs={("H", "O"): (0.8, 1.9), **far})
    beside, own, bare = (evaluate(p, SYSTEM) for p in (Sum(quiet(BARE), walls), quiet(GUARDED), quiet(BARE)))
    for name in ("energies", "forces", "virial"):
        np.testing.assert_array_equal(getattr(own, name), getattr(beside, name))
    assert own.energy == beside.energy
    assert own.energy > bare.energy + 0.1


def test_forces_are_the_gradient_of_the_energy():
    assert_forces_match_energy(quiet(GUARDED), SYSTEM)
    assert_stress_matches_energy(quiet(GUARDED), SYSTEM)
    assert_atom_energies_add_up(quiet(GUARDED), SYSTEM)


def test_a_file_keeps_walls(tmp_path):
    path = tmp_path / "guarded.h5"
    write_h5(GUARDED, path)
    back = read_h5(path)
    assert identical(back, GUARDED) and back.walls == WALLS
    assert fingerprint(back) == fingerprint(GUARDED) != fingerprint(BARE)
    assert fingerprint(replace(GUARDED, walls=())) == fingerprint(BARE)


@pytest.mark.parametrize(
    ("walls", "says"),
    [
        ((WALLS[0], WALLS[0]), "wall H-H: given twice"),
        ((Wall(("H", "Cu"), 1.0, 2.0),), "wall H-Cu: the potential knows H, O only"),
    ],
)
def test_a_model_refuses(walls, says):
    with pytest.raises(InputError, match=says):
        replace(BARE, walls=walls)


@pytest.mark.parametrize(
    "wrong",
    [(("H", "X"), 1.0, 2.0), (("H",), 1.0, 2.0), (("H", "H"), 2.0, 2.0), (("H", "H"), -1.0, 2.0),
     (("H", "H"), 1.0, float("nan")), (("H", "H"), 1.0, float("inf"))],
)  # fmt: skip
def test_walls_that_are_none(wrong):
    with pytest.raises(InputError, match=r"^wall H"):
        Wall(*wrong)


def test_from_distances():
    """Just inside the shortest; where a pair is never seen, just inside what the networks see."""
    near, unseen = from_distances({("O", "H"): 0.885, ("O", "O"): np.inf}, 6.0)
    assert (near.pair, near.cutoff, near.inner) == (("H", "O"), 0.867, 0.65)
    assert (unseen.pair, unseen.cutoff) == (("O", "O"), 5.88)


def test_committees_take_the_closest():
    others = replace(BARE, walls=(Wall(("H", "H"), 0.5, 1.2), Wall(("O", "O"), 1.0, 2.0)))
    joined = committee([GUARDED, others])
    assert joined.walls == (Wall(("H", "H"), 0.5, 1.2), WALLS[1], Wall(("O", "O"), 1.0, 2.0))
    assert single(joined, 1).walls == joined.walls
    assert committee([BARE, BARE]).walls == ()


def test_convert(tmp_path, capsys):
    """Same weights, walls by the card, given, or none; a folder of n2p2 has no place for them, which is told."""
    card = {SHORTEST: "H-H 1.338, H-O 0.885, O-O 2.352"}
    bare, made = str(tmp_path / "bare.h5"), str(tmp_path / "made.h5")
    write_h5(replace(BARE, provenance=card), bare)
    assert main(["convert", bare, made, "--walls", "auto"]) == 0
    model = read_model(made)
    assert model.walls == by_data(model) and len(model.walls) == 3
    assert identical(model.networks, BARE.networks)
    assert "walls: H-H 0.983 to 1.311" in capsys.readouterr().out
    assert main(["info", made]) == 0
    assert "walls             H-H 0.983 to 1.311, H-O 0.65 to 0.867" in capsys.readouterr().out
    assert main(["convert", made, str(tmp_path / "folder")]) == 0
    assert "walls have no place there" in capsys.readouterr().out
    assert read_model(tmp_path / "folder").walls == ()
    assert main(["convert", made, bare, "--walls", "O-H=0.6:0.86", "--overwrite"]) == 0
    assert read_model(bare).walls == (Wall(("H", "O"), 0.6, 0.86),)
    assert main(["convert", made, bare, "--walls", "off", "--overwrite"]) == 0
    assert read_model(bare).walls == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("auto", 'its card has no "shortest distances trained on'),
        ("H-O", "expected KEY=VALUE"),
        ("H-O=1", "expected INNER:CUTOFF"),
        ("H-O=2:1", "0 <= inner < cutoff"),
        ("H-Cu=1:2", "the potential knows H, O only"),
        ("H-O=1:2,O-H=1:2", "given twice"),
    ],
)
def test_convert_refuses(tmp_path, capsys, text, says):
    bare = str(tmp_path / "bare.h5")
    write_h5(BARE, bare)
    assert main(["convert", bare, str(tmp_path / "made.h5"), "--walls", text]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "made.h5").exists()


def test_they_keep_atoms_apart():
    """Two atoms thrown at each other turn back at the wall."""
    from mdcore import Simulation, VelocityVerlet

    x = np.array([[5.0, 5.0, 5.0], [7.2, 5.0, 5.0]])
    v = np.array([[0.05, 0.0, 0.0], [-0.05, 0.0, 0.0]])
    system = System(Box.cubic(20.0), x, ["H", "H"], velocities=v)
    sim = Simulation(system, quiet(replace(BARE, walls=(Wall(("H", "H"), 1.0, 1.9),))), VelocityVerlet(0.2))
    nearest = []
    sim.every(1, lambda sim: nearest.append(np.linalg.norm(np.diff(sim.positions, axis=0))))
    sim.run(400)
    assert 0.3 < min(nearest) < 1.9


WALLED_RUN = """
structure = { file = "start.extxyz" }
potential = [{ type = "hdnnp", file = "net.h5" }ADDED]
stage = [{ ensemble = "nve", timestep = 0.5, steps = 0 }]
"""


@pytest.mark.parametrize(
    ("model", "added", "says"),
    [(GUARDED, "", "with walls (ZBL) within 1.9 Angstrom, extrapolation"),
     (BARE, ', { type = "zbl", inner = 0.7, cutoff = 1.2 }', "it has no test vectors\n             ZBL")],
)  # fmt: skip
def test_the_banner_names_walls(tmp_path, monkeypatch, capsys, model, added, says):
    monkeypatch.chdir(tmp_path)
    write_h5(model, "net.h5")
    with open("start.extxyz", "w") as stream:
        write_frame(stream, SYSTEM)
    (tmp_path / "run.toml").write_text(WALLED_RUN.replace("ADDED", added))
    assert main(["run", "run.toml"]) == 0
    assert says in capsys.readouterr().out
