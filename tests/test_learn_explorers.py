"""Explorers: what they meet on their way, where they stop, the same for the same visit; types of [[explorer]]."""

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from mdcore import Box, InputError, System, evaluate
from mdcore.base.units import HBAR, METAL
from mdcore.config import learn_select
from mdcore.config.load import load
from mdcore.config.parse import Parser
from mdcore.config.problems import Origin, Problems
from mdcore.engine.sanity import closest
from mdcore.faces import EXPLORERS
from mdcore.faces.schema import Section, Sections, setting
from mdcore.learn.base import Visit
from mdcore.learn.explorers._journey import Limits
from mdcore.learn.explorers.displacements import Displacements
from mdcore.learn.explorers.modes import Harmonic, Modes, force_constants
from mdcore.learn.explorers.neb import Band
from mdcore.learn.explorers.relax import Relax
from mdcore.learn.explorers.run import Run
from mdcore.learn.explorers.saddle import Saddle
from mdcore.learn.explorers.strains import Strains
from mdcore.learn.looks import Looks
from mdcore.learn.rehearsal import rehearsed
from mdcore.potentials.networks.h5 import write_h5
from mdcore.structure.extxyz import write_frame
from mdcore.structure.frames import systems
from tests.documents import blocks
from tests.reference.committees import MODEL, SYSTEM, disagreement

ROOT = Path(__file__).resolve().parents[1]
BUTANE = ROOT / "potentials" / "butane_GFN2.h5"
MOLECULE = System.read(ROOT / "inputs" / "butane.extxyz")
PROFILE = list(systems(ROOT / "inputs" / "butane" / "profile.extxyz"))
INPUT = """
[structure]
file = "any.extxyz"
[velocities]
temperature = 600.0
[potential]
extrapolation = "ignore"
[[stage]]
ensemble = "nve"
timestep = 0.1
steps = 40
[output]
thermo_every = 10
checkpoint_minutes = 0
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_h5(MODEL, "net.h5")
    Path("explore.toml").write_text(INPUT)
    with open("any.extxyz", "w") as stream:
        write_frame(stream, SYSTEM)


def visit(name="v", structures=(SYSTEM,), potential="net.h5", seed=5) -> Visit:
    place = Path(name).absolute()
    return Visit(potential=Path(potential), folder=place, seed=seed, generation=1, structures=structures)


def places(found) -> list[str]:
    return [own.place for own in found.candidates]


# --- runs -------------------------------------------------------------------------------------------------------------


def test_a_run_keeps_what_it_passes():
    charged = SYSTEM.take(np.arange(SYSTEM.n_atoms))
    charged.info |= {"charge": 1.0, "spin": 2}
    explorer = Run(name="hot", input=Path("explore.toml"), every=20, save=1e-6, disagreement=None)
    found = explorer.explore(visit(structures=(charged,)))
    met = [own.system for own in found.candidates] + found.frames
    assert [own.totals for own in met] == [{"charge": 1, "spin": 2}] * 6
    assert places(found) == [f"run 1, step {step}" for step in (10, 20, 30, 40)]  # disputed, every tenth; and frames
    assert len(found.frames) == 2 and not found.lost and found.ended == "run 1: all steps of the input"
    for own in (found.candidates[0], found.candidates[3]):
        assert own.disagreement == pytest.approx(disagreement(MODEL, own.system)[0], rel=1e-6)
        assert own.explorer == "hot" and not own.system.columns and own.system.velocities is None
        assert not own.system.info.keys() & {"energy", "forces", "stress"}
    assert np.array_equal(found.frames[1].positions, found.candidates[3].system.positions)
    start = System.read("v/run-1/start.extxyz")
    command, *_ = Path("v/run-1/said.txt").read_text().splitlines()  # does the same again
    assert command.startswith("$ mdcore run ") and " --set stage" not in command and " --set seed=" in command
    assert np.abs(start.positions - SYSTEM.positions).max() < 1e-12  # the labelled one
    # the same again, from where the input says, which is the same structure, with its charge and spin
    with open("any.extxyz", "w") as stream:
        write_frame(stream, SYSTEM, info={"charge": 1, "spin": 2})
    again = replace(explorer, start=None).explore(visit("again"))
    assert all(own.system.totals == {"charge": 1, "spin": 2} for own in again.candidates)
    assert all(
        np.array_equal(a.system.positions, b.system.positions)
        for a, b in zip(found.candidates, again.candidates, strict=True)
    )


def test_a_run_stops_where_the_potential_is_lost():
    limit = 1.01 * disagreement(MODEL, SYSTEM)[0].max()
    explorer = Run(
        name="hot", input=Path("explore.toml"), every=100, save=0.5 * limit, disagreement=limit, runs=2,
        start="any.extxyz",
        set=("velocities.temperature=20000", "stage.0.steps=400", "potential.disagreement_every=2"),
    )  # fmt: skip
    found = explorer.explore(visit())
    assert found.lost and re.search(r"run 1: step \d+: the members of .* disagree by", found.ended)
    last = [own for own in found.candidates if own.place.startswith("run 1")][-1]
    assert last.disagreement.max() > limit and f"step {last.place.split()[-1]}:" in found.ended
    assert {own.place.split(",")[0] for own in found.candidates} == {"run 1", "run 2"}
    one, two = (own.system.positions for own in (found.candidates[0], found.candidates[-1]))
    assert not np.array_equal(one, two)


def test_what_a_file_begins_with_is_brought_home_where_a_run_gets_no_farther():
    """It may have no labels, and would be met again and again."""
    lost = Run(name="hot", input=Path("explore.toml"), every=20, save=None, disagreement=1e-6, start="any.extxyz")
    found = lost.explore(visit())
    assert places(found) == ["run 1, step 0"] and not found.frames and found.lost
    assert found.candidates[0].disagreement == pytest.approx(disagreement(MODEL, SYSTEM)[0], rel=1e-6)


def test_limits_and_biases_of_a_run_get_into_its_input():
    explorer = Run(name="hot", input=Path("explore.toml"), bonds=2.0, temperature=3000.0, extrapolation=4, save=0.2,
                   disagreement=0.7, every=40, bias={"depth": 1.5, "width": 0.01, "of": "atoms"})  # fmt: skip
    settings = load("explore.toml", explorer.overrides(Path("net.h5"), "hdnnp", True, Path("v"), 7, Path("any.extxyz")))
    own = settings.potential[0]
    assert (own.bias.depth, own.bias.width, own.bias.of) == (1.5, 0.01, "atoms") and settings.seed == 7
    assert (own.extrapolation, own.extrapolation_limit) == ("stop", 4)
    assert (own.disagreement_stop, own.disagreement_save, own.disagreement_pause) == (0.7, 0.2, 8)
    assert (settings.limits.bonds, settings.limits.max_temperature, settings.output.dump_every) == (2.0, 3000.0, 40)
    with pytest.raises(InputError, match="did you mean 'depth'"):
        rehearsed(replace(explorer, bias={"dept": 1.5, "width": 0.01}), ())


def test_a_run_that_explodes_is_lost_and_a_wrong_input_is_wrong():
    hot = Run(name="hot", input=Path("explore.toml"), temperature=20.0,
              set=("velocities.temperature=1", "stage.0.timestep=4", "stage.0.steps=400", "output.thermo_every=1"))
    found = hot.explore(visit())
    assert found.lost and "temperature" in found.ended
    wrong = replace(hot, temperature=None, set=("stage.0.stepz=3",))
    with pytest.raises(InputError, match=r"explorer hot: .*stepz"):
        wrong.explore(visit("b"))
    with pytest.raises(InputError, match="no labelled structures"):
        hot.explore(visit("c", structures=()))


def test_what_has_a_free_surface_is_left_out_where_the_cell_follows_a_pressure():
    """Slabs, of an open axis or with vacuum, among the labelled structures are for runs at constant volume, or whose
    barostat leaves their axis alone; relaxations of the cell leave them out, too."""
    reach, lengths = Looks("net.h5").potential.cutoff, SYSTEM.box.widths
    inside = SYSTEM.positions % lengths
    vacuum, bulk, free = (
        System(
            Box(np.diag(lengths * [1.0, 1.0, more]), (True, True, closed)), inside, SYSTEM.species, SYSTEM.symbols
        )
        for more, closed in ((1.0 + (reach + 0.5) / lengths[2], True), (1.0, True), (1.0, False))
    )
    known, npt = (vacuum, bulk, free), ["stage.0.ensemble=npt", "stage.0.temperature=300", "stage.0.relaxation=100"]
    npt += ["stage.0.pressure=0.0", "stage.0.pressure_relaxation=1000", "stage.0.compressibility=0.1"]
    for set_, wanted in (((), 3), (npt, 1), ([*npt, "stage.0.axes=xy"], 3)):
        explorer = rehearsed(Run(name="hot", input=Path("explore.toml"), runs=6, every=20, set=tuple(set_)), ())
        found = explorer._starts(visit(structures=known), Looks("net.h5"))
        assert len(found) == 6 and len({own.box.matrix.tobytes() + bytes(own.box.periodic) for own in found}) == wanted
    for other in (rehearsed(replace(explorer, set=tuple(npt)), ()), Relax(name="rest", cell="flexible")):
        with pytest.raises(InputError, match="follows a pressure along xyz, and every labelled structure has a free"):
            other.explore(visit(structures=(vacuum, free)))


# --- those that ask the potential themselves --------------------------------------------------------------------------


def same(one, two) -> bool:
    return places(one) == places(two) and all(
        np.array_equal(a.system.positions, b.system.positions)
        for a, b in zip(one.candidates, two.candidates, strict=True)
    )


def test_relaxations():
    explorer = Relax(name="rest", count=2, steps=6, every=2, limits=Limits(disagreement=None))
    found = explorer.explore(visit())
    assert places(found)[:4] == [f"relaxation 1, step {k}" for k in (0, 2, 4, 6)] and len(found.candidates) == 10
    assert found.ended == "all 6 steps" and not found.lost and same(found, explorer.explore(visit()))
    assert found.candidates[0].disagreement == pytest.approx(disagreement(MODEL, SYSTEM)[0], rel=1e-6)
    assert len(found.frames) == 10 and found.candidates[3].extrapolation > 0.0
    lost = replace(explorer, limits=Limits(extrapolation=0.5 * found.candidates[3].extrapolation)).explore(visit())
    assert lost.lost and "of a range outside of training" in lost.ended and lost.candidates[-1].extrapolation > 0.0


def test_bands_and_saddle_searches(monkeypatch):
    """The torsion of butane from both sides of the barrier between anti and gauche: both find its top."""
    with open("ends.extxyz", "w") as stream:
        for angle in (150, 95):
            write_frame(stream, PROFILE[angle // 5])
    band = Band(name="turn", start=Path("ends.extxyz"), images=5, max_force=0.03, every=10, relax_ends=False)
    found = band.explore(visit(structures=(), potential=BUTANE))
    assert not found.lost and found.ended.startswith("converged, barrier 0.0")
    assert places(found)[:2] == ["the start given", "the end given"] and places(found)[-1] == "end, image 6"
    assert places(found)[2:9] == [f"step 0, image {k}" for k in range(7)]

    class Until(Limits):
        def passed(self, candidate):
            return "far enough" if candidate.place == "step 20, image 3" else ""

    short = replace(band, last=True).explore(visit(structures=(), potential=BUTANE))
    assert places(short) == [f"end, image {k}" for k in range(7)] and len(short.frames) == 7
    lost = replace(band, last=True, limits=Until()).explore(visit(structures=(), potential=BUTANE))
    whole, rest = [f"step 10, image {k}" for k in range(7)], [f"step 20, image {k}" for k in range(4)]
    assert lost.lost and places(lost) == whole + rest, "the last whole band, and where it was lost"
    tired = replace(band, steps=2).explore(visit(structures=(), potential=BUTANE))
    with monkeypatch.context() as few:
        few.setattr("mdcore.properties.neb.STEPS", 1)
        restless = replace(band, relax_ends=True).explore(visit(structures=(), potential=BUTANE))
    assert tired.ended.startswith("all 2 steps") and "start is not relaxed" in restless.ended
    assert not tired.lost and not restless.lost, "that a search does not converge is no limit that it met"
    energies = [evaluate(Looks(BUTANE).potential, own.system).energy for own in found.candidates[-7:]]
    top = found.candidates[-7 + int(np.argmax(energies))].system
    with open("near.extxyz", "w") as stream:
        write_frame(stream, top)
    search = Saddle(name="up", start=Path("near.extxyz"), displacement=0.01, max_force=0.02, every=5)
    up = search.explore(visit(potential=BUTANE))
    assert up.ended.startswith("saddle point") and places(up)[-1] == "search 1, end"
    saddle_energy = evaluate(Looks(BUTANE).potential, up.candidates[-1].system).energy
    assert saddle_energy == pytest.approx(max(energies), abs=2e-3)
    with pytest.raises(InputError, match="explorer turn: the start has"):
        replace(band, end=Path("any.extxyz")).explore(visit(potential=BUTANE))


def test_samples_go_from_near_to_far():
    explorer = Displacements(name="around", count=8, width=0.2, nearest=0.5)
    found = explorer.explore(visit())
    moved = [np.sqrt(((own.system.positions - SYSTEM.positions) ** 2).mean()) for own in found.candidates]
    assert len(moved) == 8 and moved == sorted(moved) and moved[-1] == pytest.approx(0.2, rel=0.2)
    assert same(found, explorer.explore(visit())) and not same(found, explorer.explore(visit(seed=6)))
    assert found.ended == "all 8 structures"
    limit = max(own.disagreement.max() for own in found.candidates[:3])
    lost = replace(explorer, limits=Limits(disagreement=limit)).explore(visit())
    first = next(k for k, own in enumerate(found.candidates, 1) if own.disagreement.max() > limit)
    assert lost.lost and len(lost.candidates) == first and lost.ended.startswith(f"structure {first}: disagreement of")
    known = closest(SYSTEM.box, SYSTEM.positions, SYSTEM.species, SYSTEM.symbols)
    tight = replace(explorer, nearest=0.97).explore(visit())
    for own in tight.candidates:
        mine = closest(SYSTEM.box, own.system.positions, SYSTEM.species, SYSTEM.symbols)
        assert all(mine[pair] >= 0.97 * known[pair] for pair in mine)
    assert len(tight.candidates) < 8 and "left out" in tight.ended


def test_strained_cells():
    found = Strains(name="strained", count=5, strain=0.04, nearest=0.5).explore(visit())
    for k, own in enumerate(found.candidates, 1):
        strain = np.linalg.solve(SYSTEM.box.matrix, own.system.box.matrix) - np.eye(3)
        assert strain == pytest.approx(strain.T, abs=1e-12) and 0.0 < np.abs(strain).max() <= 0.04 * k / 5
        assert own.system.box.fractional(own.system.positions) == pytest.approx(SYSTEM.box.fractional(SYSTEM.positions))
    grown = Strains(name="grown", count=2, volume=True).explore(visit()).candidates[1].system.box.matrix
    assert np.ptp(np.diag(np.linalg.solve(SYSTEM.box.matrix, grown))) < 1e-12
    slab = System(type(SYSTEM.box)(SYSTEM.box.matrix, (True, True, False)), SYSTEM.positions, SYSTEM.names)
    free = Strains(name="slab", count=1).explore(visit(structures=(slab,))).candidates[0].system.box.matrix
    normal = np.cross(*SYSTEM.box.matrix[:2])
    assert np.linalg.matrix_rank(free - SYSTEM.box.matrix) == 2
    assert np.cross(*free[:2]) / np.linalg.norm(np.cross(*free[:2])) == pytest.approx(normal / np.linalg.norm(normal))
    with pytest.raises(InputError, match="no cell to strain"):
        Strains(name="gas").explore(visit(structures=(MOLECULE,), potential=BUTANE))


def test_modes_hold_what_heat_gives_them():
    """k T / 2 in the parabola of each mode on average; at 0 K half of half a quantum: sums over 36 modes of butane."""
    potential = Looks(BUTANE).potential
    explorer = Modes(name="heat", count=3, temperature=100.0, nearest=0.8)
    found = explorer.explore(visit(structures=(MOLECULE,), potential=BUTANE))
    assert len(found.candidates) == 3 and same(found, explorer.explore(visit(structures=(MOLECULE,), potential=BUTANE)))
    rest = explorer._at_rest(type("J", (), {"potential": potential}), MOLECULE)
    parabola, curved = Harmonic(potential, rest), force_constants(potential, rest)
    assert len(parabola.squares) == 3 * rest.n_atoms - 6 and np.all(parabola.squares > 0.0)
    root = np.repeat(np.sqrt(rest.masses), 3)
    slow = np.linalg.eigvalsh(curved / np.outer(root, root))
    assert parabola.squares == pytest.approx(slow[6:], rel=2e-3, abs=1e-2)

    def held(temperature, quantum):
        rng = np.random.default_rng(8)
        steps = [parabola.drawn(temperature, quantum, rng).positions - rest.positions for _ in range(400)]
        return np.mean([0.5 * step.ravel() @ curved @ step.ravel() for step in steps])

    thermal = 0.5 * 36 * METAL.boltzmann * 100.0
    assert held(100.0, False) == pytest.approx(thermal, rel=0.06)  # four standard errors: 4 sqrt(2 / 36 / 400)
    omega = np.sqrt(parabola.squares) / 1.0
    assert held(1e-3, True) == pytest.approx(0.25 * HBAR * METAL.time * omega.sum(), rel=0.1)
    frequency = omega[-1] * METAL.time / (2.0 * np.pi) * 1e3  # THz: a stretch of C-H
    assert 85.0 < frequency < 95.0


# --- inputs -----------------------------------------------------------------------------------------------------------


# ruff: noqa: RUF009  (setting() is a dataclass field)
@dataclass(frozen=True, kw_only=True)
class Root:
    """Of an input with explorers and a selection."""

    explorer: tuple = setting(Sections(tag="type", classes=EXPLORERS), "Explorers.")
    select: learn_select.SelectSettings = setting(
        Section(learn_select.SelectSettings), "Selection.", default=learn_select.SelectSettings()
    )

    def beside(self, file):
        return f"there/{file}"


def parsed(document) -> Root:
    problems = Problems(Origin(source="learn.toml", document=document))
    found = Parser(problems, METAL, Root).section(Root, document, ())
    problems.raise_if_any()
    return found


REQUIRED = {"run": {"input": "explore.toml"}, "neb": {"start": "ends.extxyz"}}


@pytest.mark.parametrize("kind", EXPLORERS)
def test_an_input_builds_the_explorer_it_says(kind):
    root = parsed({"explorer": [{"name": "one", "type": kind, "quota": 3, **REQUIRED.get(kind, {})}]})
    made = root.explorer[0].build(root)
    assert (made.name, made.quota) == ("one", 3)
    from mdcore.faces.schema import keys

    examples = {key: field.metadata["example"] for key, field in keys(EXPLORERS[kind]).items()}
    full = parsed({"explorer": [examples | {"type": kind} | ({"cell": "flexible"} if kind == "relax" else {})]})
    changed = full.explorer[0].build(full)
    assert changed.name == examples["name"] and changed != made
    start = getattr(changed, "start", None)
    assert start is None or str(start).startswith("there/")


def test_the_page_says_what_works():
    """docs/explorers.md: its pieces of an input build explorers and rules."""
    pieces = [tomllib.loads(text) for _, kind, text in blocks(ROOT / "docs" / "explorers.md") if kind == "toml"]
    root = parsed({"explorer": pieces[0]["explorer"], "select": pieces[1]["select"] | pieces[2]["select"]})
    made = [own.build(root) for own in root.explorer]
    assert [type(own) for own in made] == [Run, Saddle] and root.select.rules({}).cut.radius == 8.0


def test_what_is_wrong_in_an_input_is_told():
    for more, words in (
        ({"type": "run"}, "input: required"),
        ({"type": "run", "input": "a", "set": ["steps"]}, "expected section.key=value"),
        ({"type": "run", "input": "a", "save": 2.0}, "no structure would be kept"),
        ({"type": "relax", "pressure": 1.0}, 'cell = "flexible"'),
        ({"type": "relax", "max_stress": 0.1}, 'max_stress = 0.1: applies where the cell moves: give cell ='),
        ({"type": "saddle", "displacement": 0.0, "radius": 3.0}, "radius = 3.0: nothing is displaced"),
        ({"type": "walk"}, "expected one of"),
        ({"type": "modes", "width": 1.0}, 'applies to type "displacements" and "strains" only'),
    ):
        with pytest.raises(InputError, match=re.escape(words)):
            parsed({"explorer": [{"name": "one"} | more]})
    for more, words in (
        ({"upper": 0.1}, "expected more than lower, 0.1"),
        ({"of": "atoms"}, 'applies with by = "maxvol" only'),
        ({"by": "maxvol", "choose": "score"}, "goes by its score"),
        ({"by": "maxvol", "of": "structures", "cut": {"kind": "cell", "radius": 5.0}}, "needs the atom"),
        ({"cut": {"kind": "cell", "radius": 5.0, "margin": 3.0}}, 'margin = 3.0: applies with kind = "cluster" only'),
    ):
        with pytest.raises(InputError, match=re.escape(words)):
            parsed({"explorer": [], "select": more})
    root = parsed({"explorer": [], "select": {"batch": 7, "cut": {"kind": "cell", "radius": 5.0}}})
    rules = root.select.rules({"a": 3})
    assert (rules.batch, rules.quotas, rules.cut.kind, rules.lower) == (7, {"a": 3}, "cell", 0.1)
