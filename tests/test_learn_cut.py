"""Large boxes, cut to clusters and cells around an atom; forces near the cut do not train."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mdcore import InputError, System, evaluate
from mdcore.engine.sanity import closest, joined
from mdcore.learn.base import Found
from mdcore.learn.choices import frames
from mdcore.learn.cut import Cut
from mdcore.learn.looks import Looks
from mdcore.learn.structures import fingerprint
from mdcore.properties.neb import shortest
from mdcore.structure.extxyz import write_frame
from mdcore.training.data.labels import CUT
from mdcore.training.data.sources import read
from mdcore.training.metrics import Predictions, rows
from mdcore.training.share import Share
from tests.systems import TRICLINIC, scattered

ROOT = Path(__file__).resolve().parents[1]
WATER = System.read(ROOT / "inputs" / "water.extxyz")


class Sees:
    cutoff = 3.0


def test_a_cluster_of_whole_molecules():
    atom = int(np.flatnonzero(np.array(WATER.names) == "O")[5])
    part, atoms, said = Cut(kind="cluster", radius=5.0, atoms=50).of(WATER, atom, Sees)
    assert said == f"cluster of {part.n_atoms} of {WATER.n_atoms} atoms around it" and part.box.periodic == (False,) * 3
    away = np.linalg.norm(shortest(WATER.box, WATER.positions - WATER.positions[atom]), axis=1)
    near = np.flatnonzero(away <= 5.0)
    assert set(near) < set(atoms) and list(atoms) == sorted(atoms)
    bonds = joined(WATER)
    partners = {k: set() for k in range(WATER.n_atoms)}
    for a, b in bonds.tolist():
        partners[a].add(b)
        partners[b].add(a)
    assert set(atoms) == set(near).union(*(partners[k] | {j for i in partners[k] for j in partners[i]} for k in near))
    assert [part.names.count(name) for name in ("O", "H")] == [len(atoms) // 3, 2 * len(atoms) // 3]
    # all as far from the middle, and from bonded ones, as before
    middle = part.positions[np.searchsorted(atoms, atom)]
    own = np.linalg.norm(part.positions - middle, axis=1)
    assert own[np.isin(atoms, near)] == pytest.approx(away[near]) and joined(part).shape == (2 * len(atoms) // 3, 2)
    assert part.columns[CUT].tolist() == (own > 5.0 - Sees.cutoff).astype(int).tolist()
    assert part.info["cut_from"] == WATER.n_atoms and part.velocities is None
    # an energy that sees no farther than that is the same for what is not marked
    single = Cut(kind="cluster", radius=5.0, atoms=50, molecules=False).of(WATER, atom, Sees)[0]
    assert single.n_atoms == len(near)


def test_what_is_not_cut():
    atom = 0
    assert Cut(kind="cluster", radius=5.0, atoms=WATER.n_atoms).of(WATER, atom, Sees) == (WATER, None, "")
    assert Cut(kind="cluster", radius=50.0, atoms=1).of(WATER, atom, Sees)[0] is WATER
    crystal = System.build("diamond", 5.43, "Si", repeat=(3, 3, 3))
    assert Cut(kind="cluster", radius=6.0, atoms=9).of(crystal, atom, Sees)[0] is crystal  # one molecule
    part = Cut(kind="cluster", radius=6.0, atoms=9, molecules=False).of(crystal, atom, Sees)[0]
    assert part.n_atoms == 1 + 4 + 12 + 12 + 6 + 12  # shells up to 5.92 Angstrom
    with pytest.raises(InputError, match="larger radius"):
        Cut(kind="cluster", radius=2.5, atoms=9).of(WATER, atom, Sees)
    for wrong in ({"kind": "slice"}, {"radius": 0.0}, {"atoms": 0}, {"margin": -1.0}):
        with pytest.raises(InputError, match="cut: "):
            Cut(**{"kind": "cell", "radius": 5.0} | wrong)


def test_a_cell_of_whole_molecules():
    """Nothing too close, the inner half as it was, the rest at rest."""
    potential = Looks(ROOT / "potentials" / "water_PBE0-TS.h5").potential
    atom, radius = int(np.flatnonzero(np.array(WATER.names) == "O")[9]), 4.0
    part, atoms, said = Cut(kind="cell", radius=radius, atoms=50).of(WATER, atom, potential)
    assert said.startswith("cell of") and part.box.widths == pytest.approx([2.0 * radius] * 3)
    # of 17 molecules in such a cube of the liquid, those that do not meet others over its faces
    assert part.n_atoms % 3 == 0 and 10 <= part.n_atoms // 3 <= 17 and CUT not in part.columns
    whole = closest(WATER.box, WATER.positions, WATER.species, WATER.symbols)
    mine = closest(part.box, part.positions, part.species, part.symbols)
    assert all(mine[pair] > 0.75 * whole[pair] for pair in mine)
    place = int(np.searchsorted(atoms, atom))
    before = shortest(WATER.box, WATER.positions[atoms] - WATER.positions[atom])
    after = part.positions - part.positions[place]
    core = np.linalg.norm(before, axis=1) <= 0.5 * radius
    assert after[core] == pytest.approx(before[core], abs=1e-9) and core.sum() >= 3
    forces = np.linalg.norm(evaluate(potential, part).forces, axis=1)
    assert forces[~core].max() < 5.0


def test_frames_for_the_judgement_are_cut_too():
    """Around atoms at random; what is small stays as it is."""
    history, how = SimpleNamespace(is_known=lambda hash: False), Cut(kind="cluster", radius=5.0, atoms=50)
    small = Cut(kind="cluster", radius=4.0, atoms=1).of(WATER, 0, Sees)[0]
    found = {"hot": Found(frames=[WATER, WATER.displace(0.1, 1)]), "small": Found(frames=[small])}
    alike = SimpleNamespace(looks=SimpleNamespace(potential=Sees), add=lambda system: True)
    entries = frames(history, found, 2, None, np.random.default_rng(1), alike, how)
    assert [own.hash for own in entries] == [fingerprint(own.system) for own in entries]
    atoms = []
    for own in entries[:2]:
        atoms.append(int(re.match(r"at random, atom (\d+) \(counting from 0\); cluster of", own.why)[1]))
        assert 0 < own.system.columns[CUT].sum() < own.system.n_atoms < 0.7 * WATER.n_atoms
    assert atoms[0] != atoms[1] and entries[2].system.n_atoms == small.n_atoms and entries[2].why == "at random"


def test_forces_near_the_cut_do_not_train(tmp_path):
    system = scattered(6, 5.0 * TRICLINIC, seed=2)
    system = System(system.box, system.positions, ["O", "H"] * 3)
    system.columns[CUT] = np.array([0, 1, 0, 0, 1, 0])
    forces = np.arange(18.0).reshape(6, 3)
    with open(tmp_path / "cut.extxyz", "w") as stream:
        write_frame(stream, system, forces=forces, energy=-3.0)
        del system.columns[CUT]
        write_frame(stream, system, forces=forces, energy=-3.0)
    cut, whole = read(tmp_path / "cut.extxyz")
    assert cut.cut.tolist() == [False, True, False, False, True, False] and whole.cut is None
    assert np.array_equal(cut.forces, forces)
    share = Share(("H", "O"), [cut, whole])
    assert np.isnan(share.forces[:6]).any(axis=1).tolist() == cut.cut.tolist()
    assert np.array_equal(share.forces[6:], forces) and share.energies.tolist() == [-3.0, -3.0]
    found = Predictions(np.zeros(2), [forces + 1.0 + 99.0 * cut.cut[:, None], forces + 3.0], np.full((2, 3, 3), np.nan))
    force = next(row for row in rows([cut, whole], found) if row.quantity == "force" and row.group == "all")
    assert force.n == 3 * 10 and force.rmse == pytest.approx(1e3 * np.sqrt((4 * 1.0 + 6 * 9.0) / 10))
    with pytest.raises(InputError, match="cut: expected 0 or 1"):
        type(cut)(symbols=("O",), positions=np.zeros((1, 3)), cut=np.array([2]))
