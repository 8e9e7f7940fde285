"""Distances to nearest neighbours: found right, watched as descriptors are, kept in files, the same on all ranks."""

import re
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mdcore import Extrapolation, ExtxyzDump, Simulation, System, VelocityVerlet, evaluate, read_model
from mdcore.base.errors import ExtrapolationError, InputError
from mdcore.cli import main
from mdcore.potentials.families import committee, potential_of, single
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.known import Known
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.nearest import LEAST, MOST, UNKNOWN, Nearest
from mdcore.potentials.networks.trained import fingerprint
from mdcore.potentials.networks.walls import SHORTEST, Wall
from mdcore.structure.extxyz import write_frame
from mdcore.training.data import sources
from mdcore.training.known import known_of
from tests.density_twin import GENTLE, density, random_network
from tests.mpi import mpirun, needs_mpi
from tests.reference import trained
from tests.reference.hdnnp_models import charged_model, random_model
from tests.systems import SKEW, TRICLINIC, scattered
from tests.test_density_potential import ranged
from tests.test_networks_cli import INPUT
from tests.test_train_cli import INPUTS, data
from tests.test_train_summary import structure

PAIR = {"symbols": ("O", "H"), "closest": 0.9}
CELLS = {
    "cubic": lambda: scattered(30, 5.5 * np.eye(3), seed=1, **PAIR),
    "triclinic": lambda: scattered(12, 3.4 * TRICLINIC, seed=2, **PAIR),  # many images
    "slab": lambda: scattered(20, np.diag([4.0, 4.0, 9.0]) @ SKEW, (True, True, False), seed=3, **PAIR),
    "cluster": lambda: scattered(9, 7.0 * np.eye(3), (False, False, False), seed=4, **PAIR),
}
WIDE = 1e4  # ranges of descriptors that nothing leaves
SYSTEM = trained.structure()
HELD = Known(structures=9, atoms=90, share=0.1, farthest=1.0)


def twin(system, elements, cutoff) -> np.ndarray:
    """[n, n_elements], Angstrom: by all images, one atom after the other"""
    box, x = system.box, system.positions
    reach = np.where(box.periodic, np.ceil(cutoff / box.widths + 1), 0).astype(int)
    shifts = np.array(list(product(*(range(-n, n + 1) for n in reach)))) @ box.matrix
    x = box.wrap(x)[0]
    found = np.full((len(x), len(elements)), float(cutoff))
    for i, here in enumerate(x):
        for j, there in enumerate(x):
            r = np.linalg.norm(there + shifts - here, axis=1)
            e = elements.index(system.symbols[system.species[j]])
            found[i, e] = min(found[i, e], r[r > 1e-9].min(initial=np.inf))
    return found


def model_of(kind):
    """One whose range no descriptor leaves (but for charges)."""
    if kind == "bohr":
        model = trained.trained_on(SYSTEM, WIDE, cutoff=5.2)
        return replace(model, units=Units("bohr", "hartree"))
    if kind == "charged":
        return charged_model(("O", "H"), types=[2, 3], cutoff=2.5)
    if kind == "networks":
        return trained.trained_on(SYSTEM, WIDE)
    members = 2 if kind == "densities" else 1
    model = density(members=members).model
    design = model.design
    ends = np.array([-1e9, 1e9])[:, None, None] * np.ones((design.species, design.features))
    return replace(model, ranges=(ends,) * members)


def by_hand(model, system, seen: Nearest):
    """(count, farthest excess in units of what is far) of each atom, as nearest.py says"""
    r, below, above = twin(system, model.elements, model.cutoff * model.units.angstrom), *seen.limits
    kinds = [model.elements.index(system.symbols[s]) for s in system.species]
    low, high = seen.low[kinds], seen.high[kinds]
    excess = np.maximum((low - r) / (below * low), (r - high) / (above * high))
    return (excess > 1e-9).sum(axis=1), np.maximum(excess.max(axis=1), 0.0)


def knowing(model, system, margin=0.0) -> Nearest:
    """What an element's atoms of one structure have, less a share of their span at either end"""
    r = twin(system, model.elements, model.cutoff * model.units.angstrom)
    symbols = np.array([system.symbols[s] for s in system.species])
    ends = [np.array([end(r[symbols == e], axis=0) for e in model.elements]) for end in (np.min, np.max)]
    less = margin * (ends[1] - ends[0])
    return Nearest(ends[0] + less, ends[1] - less)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("kind", ["networks", "bohr", "charged", "density", "densities"])
def test_distances_and_counts_are_those_of_all_images(kind, cell):
    system = CELLS[cell]()
    model = model_of(kind)
    seen = replace(knowing(model, system, 0.1), below=0.03, above=0.002)
    assert seen.limits == (0.12, LEAST)
    for precision in ("double", "mixed"):
        found = evaluate(potential_of(replace(model, nearest=seen), precision=precision), system)
        reach = model.cutoff * model.units.angstrom
        assert found.nearest == pytest.approx(twin(system, model.elements, reach), abs=1e-10)
        if kind != "charged":  # whose descriptors have been nowhere
            count, apart = by_hand(model, system, seen)
            assert np.array_equal(found.extrapolation.count, count) and count.any()
            assert found.extrapolation.apart == pytest.approx(apart, abs=1e-9)
    atom = int(found.extrapolation.apart.argmax())
    told = re.fullmatch(r"([\d.]+) Angstrom from the nearest (\w+) \(trained on [\d.]+ to [\d.]+\)",
                        found.extrapolation.distances[atom])  # fmt: skip
    assert float(told[1]) == pytest.approx(found.nearest[atom, model.elements.index(told[2])], rel=1e-3)


def test_limits_are_those_of_walls_at_least_and_at_most():
    one = np.ones((1, 1))
    assert Nearest(one, one).limits == (UNKNOWN, UNKNOWN)
    assert Nearest(one, one, 0.001, 0.1).limits == (LEAST, MOST)
    assert Nearest(one, one, 0.01, 0.02).limits == (0.04, 0.08)


@pytest.mark.parametrize(
    "wrong",
    [(-np.ones((1, 1)), np.ones((1, 1))), (2 * np.ones((1, 1)), np.ones((1, 1))), (np.ones((1, 2)), np.ones((1, 2))),
     (np.full((1, 1), np.nan), np.ones((1, 1))), (np.ones((1, 1)), np.ones((1, 1)), -1.0),
     (np.ones((1, 1)), np.ones((1, 1)), 0.1, np.inf), (np.full((1, 1), np.inf), np.ones((1, 1)))],
)  # fmt: skip
def test_distances_that_are_none(wrong):
    with pytest.raises(InputError, match="distances trained on"):
        Nearest(*wrong)


def test_of_as_many_elements():
    with pytest.raises(InputError, match="distances trained on: of 1 elements, expected 2"):
        replace(random_model(), nearest=Nearest(np.ones((1, 1)), np.ones((1, 1))))


# --- policies -------------------------------------------------------------------------------------------------


def planted(policy, tmp_path, known=HELD, **options):
    """(simulation, what is told) of a gentle network, two of whose atoms are nearer than any that it knows; counts by
    hand: atoms outside, far outside"""
    model = model_of("density")
    system = scattered(40, 6.5 * TRICLINIC, seed=6, symbols=("H", "O"), closest=1.2)
    seen = replace(knowing(model, system), below=0.005, above=0.005)
    x = system.positions.copy()
    step = x[7] - x[3]
    x[7] = x[3] + 0.9 * 1.2 * step / np.linalg.norm(step)
    moved = System(system.box, x, species=system.species, symbols=system.symbols)
    told = []
    watch = Extrapolation(policy, tell=told.append, dump=ExtxyzDump(tmp_path / "out.extxyz", 0), **options)
    potential = potential_of(replace(model, nearest=seen, known=known), extrapolation=watch)
    count, apart = by_hand(model, moved, seen)
    far = count if known is None else apart > 1.0
    return Simulation(moved, potential, VelocityVerlet(1e-3)), told, (np.count_nonzero(count), np.count_nonzero(far))


def test_a_planted_pair_is_told_saved_and_stopped(tmp_path):
    sim, told, _ = planted("ignore", tmp_path)
    sim.run(2)
    assert not told and sim.watchers[0][0].total.looked == 0
    words = r"atom [37] \(counting from 0\), [HO], [\d.]+ Angstrom from the nearest [HO] \(trained on [\d. to]+\)"
    for known in (HELD, None):
        sim, told, (outside, far) = planted("warn", tmp_path, known)
        assert 2 <= far <= outside < 10
        sim.run(2)
        assert len(told) == 1 and len(f"mdcore: warning: {told[0]}") <= 80
        assert re.fullmatch(rf"step 0: {far} of 40 atoms out of range, [HO]-[HO] 1.08 Angstrom", told[0])
        total = sim.watchers[0][0].total
        assert (total.steps, total.since, total.farthest) == (3, 0, None) and total.most >= outside
        assert total.far == 3 * far or known is None
        assert re.search(f"farthest {words}, at step [012]", sim.summary()[0])
        doubtful, text = sim.verdicts()[0]
        assert doubtful and re.search(f"{total.most} of 40 atoms were outside what .* on: {words}; see docs", text)
    assert not (tmp_path / "out.extxyz").exists()
    sim, *_ = planted("save", tmp_path)
    sim.run(2)
    info = System.read(tmp_path / "out.extxyz").info
    assert info["atoms_outside"] == far and info["distance_of_atom"] in (3, 7) and "excess" not in info
    assert info["distance"] == pytest.approx(sim.watchers[0][0].total.apart.length)
    (tmp_path / "out.extxyz").unlink()
    sim, _, (_, far) = planted("stop", tmp_path)
    with pytest.raises(ExtrapolationError, match=rf"step 0: {far} of 40 atoms are far outside .*; farthest is {words}"):
        sim.run(2)
    assert System.read(tmp_path / "out.extxyz").info["atoms_outside"] == far
    (tmp_path / "out.extxyz").unlink()
    sim, *_ = planted("stop", tmp_path, limit=int(far) + 1)
    sim.run(2)


def test_an_atom_left_alone_is_outside():
    """One drawn out of a cluster farther than any atom of the data was."""
    model = model_of("density")
    inside = scattered(20, 4.0 * np.eye(3), (False, False, False), seed=8, symbols=("H", "O"), closest=1.1)
    seen = knowing(model, inside)
    x = inside.positions.copy()
    x[5] += (0.0, 0.0, 20.0)
    alone = System(inside.box, x, species=inside.species, symbols=inside.symbols)
    found = evaluate(potential_of(replace(model, nearest=seen)), alone).extrapolation
    assert found.count[5] == 2 and "2.5 Angstrom from the nearest" in found.distances[5]
    unbounded = Nearest(seen.low, np.full((2, 2), model.cutoff))  # some atom of the data was alone
    assert not evaluate(potential_of(replace(model, nearest=unbounded)), alone).extrapolation.count.any()


def test_looking_changes_nothing(tmp_path):
    answers = []
    for policy in ("ignore", "warn"):
        sim, *_ = planted(policy, tmp_path)
        sim.run(20)
        answers.append((sim.snapshot().positions.tobytes(), sim.snapshot().forces.tobytes(), sim.potential_energy))
    assert answers[0] == answers[1]


# --- what is measured, kept and told ---------------------------------------------------------------------------


def test_measured_by_hand():
    data = [structure(k, "OHHOHH") for k in range(9)]
    model = trained.trained_on(SYSTEM)
    _, found = known_of(model, data)
    rows = [twin(s.structure, model.elements, model.cutoff) for s in data]
    symbols = np.array(data[0].symbols)
    low = np.array([[r[symbols == e].min(axis=0) for r in rows] for e in model.elements])  # [e, structure, other]
    high = np.array([[r[symbols == e].max(axis=0) for r in rows] for e in model.elements])
    assert found.low == pytest.approx(low.min(axis=1), rel=1e-9)
    assert found.high == pytest.approx(high.max(axis=1), rel=1e-9)
    below = above = 0.0
    for k, e, other in product(range(9), range(2), range(2)):
        least, most = np.delete(low[e, :, other], k).min(), np.delete(high[e, :, other], k).max()
        below = max(below, (least - low[e, k, other]) / least if least < model.cutoff else 0.0)
        if high[e, :, other].max() < model.cutoff:
            above = max(above, (high[e, k, other] - most) / most)
    assert (found.below, found.above) == pytest.approx((below, above), abs=1e-9) and below > 0.0
    assert known_of(model, data, shortest={("O", "O"): 0.5})[1].low[1, 1] == 0.5  # of those that were not looked at


def test_a_file_keeps_them(tmp_path):
    for k, model in enumerate((random_model(), random_network())):
        for seen in (Nearest(np.ones((2, 2)), 2 * np.ones((2, 2)), 0.01, 0.02), Nearest(np.eye(2) + 1, np.eye(2) + 3)):
            path = tmp_path / f"{k}.h5"
            write_h5(replace(model, nearest=seen), path, overwrite=True)
            back = read_h5(path)
            assert identical(back.nearest, seen) and fingerprint(back) == fingerprint(model)  # they change no energy
            assert identical(single(committee([back, back]), 1).nearest, seen)
    import h5py

    with h5py.File(path, "a") as file:
        del file["nearest"]
        file["nearest"] = np.ones((2, 3, 3))
    with pytest.raises(InputError, match=r"distances trained on: \[2, 3, 3\], expected \[2, 2, 2\]"):
        read_h5(path)


def test_a_committee_knows_what_all_of_its_members_know():
    a = Nearest(np.full((2, 2), 1.0), np.full((2, 2), 3.0), 0.1, 0.2)
    b = Nearest(np.full((2, 2), 1.5), np.full((2, 2), 2.0), 0.3, 0.1)
    models = [random_network(seed=k) for k in range(2)]
    found = committee([replace(m, nearest=own) for m, own in zip(models, (a, b), strict=True)]).nearest
    assert (found.low == 1.5).all() and (found.high == 2.0).all() and (found.below, found.above) == (0.3, 0.2)
    assert committee([replace(models[0], nearest=a), models[1]]).nearest is None


def test_files_without_them_go_by_the_card():
    """Shortest ones, of three digits; where the card has none, or nothing that can be read, nobody looks."""
    system = CELLS["cubic"]()
    model = model_of("networks")
    r = knowing(model, system).shortest(model.elements)
    card = {SHORTEST: ", ".join(f"{a}-{b} {own:.3f}" for (a, b), own in r.items())}
    assert not evaluate(potential_of(replace(model, provenance=card)), system).extrapolation.count.any()
    card = {SHORTEST: ", ".join(f"{a}-{b} {own + 0.1 * (a == 'H'):.3f}" for (a, b), own in r.items())}
    found = evaluate(potential_of(replace(model, provenance=card)), system).extrapolation
    assert found.count.any() and all("and more)" in text for text in found.distances if text)
    for text in ("H-H nan, H-O 1", "H-H", "H-H -1.0", ""):
        assert replace(model, provenance={SHORTEST: text}).watched is None
    unseen = replace(model, provenance={SHORTEST: "H-O 1.0"}).watched
    assert unseen.low[0, 0] == unseen.low[1, 1] == model.cutoff and unseen.low[0, 1] == 0.9995


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = ranged(density(), 0.3).model
    system = scattered(40, 6.5 * TRICLINIC, seed=6, symbols=("H", "O"), closest=1.2)
    write_h5(replace(model, nearest=replace(knowing(model, system), below=0.001), known=HELD, name="one"), "one.h5")
    with open("start.extxyz", "w") as stream:
        write_frame(stream, system)
    Path("run.toml").write_text(INPUT.replace('"hdnnp"', '"density"').replace('"net"', '"one.h5"'))


def test_commands_tell(folder, capsys):
    assert main(["info", "one.h5"]) == 0
    told = capsys.readouterr().out
    assert re.search(r"\n  nearest           Angstrom, of its data\n    H to            H 1\.2\d* to [\d.]+, O ", told)
    assert main(["evaluate", "one.h5", "start.extxyz"]) == 0
    capsys.readouterr()
    near = System.read("start.extxyz")
    near.positions[7] = near.positions[3] + (1.0, 0.0, 0.0)
    with open("near.extxyz", "w") as stream:
        write_frame(stream, near)
    assert main(["evaluate", "one.h5", "near.extxyz"]) == 0
    told = capsys.readouterr().out
    assert "1 structures have atoms outside" in told
    assert re.search(r"[:;] near.extxyz: structure 0, atom (3|7), 1 Angstrom from the nearest [HO] \(trained on", told)
    assert re.search(r"verdict: doubtful: .* Angstrom from the nearest [HO] \(trained on", told)


def test_convert_measures_and_makes_walls_of_data(folder, capsys):
    model = replace(random_network(seed=4, **GENTLE), name="bare")
    write_h5(model, "bare.h5")
    Path("data.extxyz").write_text(2 * Path("start.extxyz").read_text())
    assert main(["convert", "bare.h5", "made.h5", "--data", "data.extxyz", "--walls", "auto"]) == 0
    made, shortest = read_model("made.h5"), knowing(model, System.read("start.extxyz"))
    assert made.nearest.low == pytest.approx(shortest.low) and made.nearest.high == pytest.approx(shortest.high)
    assert (made.nearest.below, made.nearest.above) == (0.0, 0.0)
    assert made.walls[0] == Wall(("H", "H"), round(0.75 * made.walls[0].cutoff, 3), round(0.98 * shortest.low[0, 0], 3))


@pytest.mark.parametrize("ranks", [pytest.param((1, 2, 3), marks=needs_mpi)])
def test_the_same_on_any_number_of_ranks_and_threads(ranks, folder, capsys):
    found = []
    words = ["run", "run.toml", "--overwrite", "--set", "potential.0.extrapolation=save", "--set", "stage.0.steps=60"]
    for n, threads in (*((n, 1) for n in ranks), (1, 3)):
        out = mpirun(n, "-m", "mdcore", *words, "--set", f"parallel.threads={threads}")
        lines = (out.stdout + out.stderr).splitlines()
        lines = [line for line in lines if re.match("extrap|verdict|mdcore: warning", line)]
        found.append((lines, Path("run-extrapolated.extxyz").read_text()))
    assert all(own == found[0] for own in found)
    assert "Angstrom from the nearest" in " ".join(found[0][0]) and "distance_of_atom" in found[0][1]


def test_training_leaves_them_in_the_file_of_a_potential(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("data.xyz").write_text(data())
    Path("train.toml").write_text(INPUTS["density"])
    few = [f"optimizer.{k}.epochs=1" for k in range(3)] + ["split.validation=0.0", "split.test=0.0"]
    assert main(["train", "train.toml", "--quiet", *(word for own in few for word in ("--set", own))]) == 0
    found = read_model("train.h5").nearest
    structures = [s.structure for s in sources.read("data.xyz")]
    ends = [np.array([r.low, r.high]) for r in (knowing(read_model("train.h5"), own) for own in structures)]
    assert found.low == pytest.approx(np.min(ends, axis=0)[0]) and found.high == pytest.approx(np.max(ends, axis=0)[1])
    assert found.below is not None and found.above is not None
    capsys.readouterr()
    assert main(["info", "train.h5"]) == 0
    words = r"nearest           Angstrom, of its data\n    H to            H ([\d.]+) to"
    told = re.search(words, capsys.readouterr().out)
    assert float(told[1]) == pytest.approx(found.low[0, 0], rel=1e-3)
