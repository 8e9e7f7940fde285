"""How is one layer trained where no optimiser is said: linear part first, least squares, hidden nodes from nothing?"""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import mdcore
from mdcore.base.errors import InputError, Interrupted
from mdcore.cli import train as command
from mdcore.cli.training_file import TrainingFile
from mdcore.config.load_training import parse_training
from mdcore.potentials.density.model import Design
from mdcore.training import recipe
from mdcore.training.data.dataset import Dataset
from mdcore.training.data.labelled import Labelled
from mdcore.training.density import HIDDEN, DensityRegression
from mdcore.training.fit import Fit, alike
from mdcore.training.graphs import Graphs
from mdcore.training.members import stage
from mdcore.training.optimizers.least_squares import LeastSquares
from mdcore.training.prepare import Prepared
from mdcore.training.regression import Errors
from mdcore.training.score import Floors
from mdcore.training.settings import ALL, LINEAR, LeastSquaresSettings, Loss, SoapSettings
from tests.test_train_density import regression_of
from tests.training_sets import lennard_jones_set, mixed_set

COPPER = {"elements": ("Cu",), "energies": {"Cu": 0.0}, "l_max": 2, "counts": Loss(), "layers": 1}
SHORT = (SoapSettings(epochs=3, smooth=1e-3, part=LINEAR), LeastSquaresSettings(epochs=5),
         SoapSettings(epochs=3, step=2e-3, smooth=1e-3), SoapSettings(epochs=4, fresh=True),
         LeastSquaresSettings(epochs=2, ridge=1e-3, part=ALL))  # fmt: skip
STEPS = "FUNCTIONS", "WEIGHTS", "NODES", "AFRESH", "END"
EPOCHS = 3 + 5 + 3 + 4  # and 2, if the best one is of the last four


def without_nodes(own) -> DensityRegression:
    """The same network, but for its hidden nodes."""
    design = replace(own.design, hidden=0)
    parameters = np.zeros(design.n_parameters)
    for name, values in design.views(parameters).items():
        values[...] = own.design.views(own.flat)[name]
    model = replace(own.model, design=design, parameters=parameters)
    return DensityRegression(model, own.environments, counts=own.counts)


def labelled(*args, **options) -> list[Labelled]:
    """Crystals of copper as a user hands them in."""
    return [
        Labelled(
            symbols=s.symbols,
            positions=s.positions,
            cell=s.cell,
            periodic=(True,) * 3,
            energy=s.energy,
            forces=s.forces,
        )
        for s in lennard_jones_set(*args, **options)
    ]


def fit_of(settings, **options) -> Fit:
    data = lennard_jones_set(14)
    training = regression_of(data[:10], **COPPER, **options)
    validation = DensityRegression(training.model, Graphs(("Cu",), training.design.cutoff, data[10:]))
    stages = [stage(own, Loss(), getattr(own, "part", ALL)) for own in settings]
    return Fit(training, validation, stages)


def test_the_linear_part_is_a_network_without_nodes():
    """Its loss, gradient and roughness; hidden nodes have no gradient, and shrink as little."""
    own = regression_of(mixed_set(), layers=1)
    full = own.loss()[0]
    own.release(LINEAR)
    bare, hidden = without_nodes(own), np.zeros(own.n_parameters, dtype=bool)
    for name in HIDDEN:
        own.design.views(hidden)[name][...] = True
    for mine, other in ((own.loss(), bare.loss()), (own.roughness(), bare.roughness())):
        assert mine[0] == pytest.approx(other[0], rel=1e-12)
        np.testing.assert_allclose(mine[1][~hidden], other[1], atol=1e-12 * np.abs(other[1]).max())
        assert not mine[1][hidden].any()
    assert own.loss()[0] != pytest.approx(full, rel=1e-3)
    assert (own.free == ~hidden).all() and not own.is_weight[hidden].any()
    own.release(ALL)
    assert own.free.all() and own.is_weight[hidden].any() and own.loss()[1][hidden].any()


def test_least_squares_are_those_without_nodes():
    own = regression_of(mixed_set(), layers=1)
    own.release(LINEAR)
    bare = without_nodes(own)
    for each in (own, bare):
        LeastSquares(each, LeastSquaresSettings(ridge=1e-4)).epoch()
    assert own.loss()[0] == pytest.approx(bare.loss()[0], rel=1e-9)
    assert not own.design.views(own.flat)["w2"].any()


def test_hidden_nodes_begin_at_the_linear_solution():
    """They say nothing before, something after, and what is kept is never worse on the validation set."""
    fit, scores, seen = fit_of(SHORT), [], []
    for _ in fit.epochs():
        fit.validation.set(fit.training.parameters)
        scores.append(fit.floors.score(fit.validation.errors()))
        seen.append((fit.stage, bool(fit.training.design.views(fit.training.flat)["w2"].any())))
    assert seen[0] == (0, True)  # the random start
    assert all(any_nodes == (number in (2, 3)) for number, any_nodes in seen[1:-2])
    assert fit.score == pytest.approx(min(scores[1:]))
    assert len(scores) == 1 + EPOCHS + 2 * (min(scores[12:16]) < min(scores[:12]))
    assert fit.training.parameters.tobytes() == fit.best.tobytes()


def test_all_afresh_begins_at_the_start():
    """Whatever was found before."""
    fit, alone = fit_of(SHORT), fit_of(SHORT[3:4])
    alone.seed += 3  # each optimiser has its own
    list(fit.epochs())
    list(alone.epochs())
    first = 1 + 3 + 5 + 3
    assert fit.history["train force"][first : first + 4] == alone.history["train force"][1:]


def test_ends_alone_count_in_a_rehearsal():
    fit, scores = fit_of(SHORT[:3]), []
    fit.ends = True
    for _ in fit.epochs():
        fit.validation.set(fit.training.parameters)
        scores.append(fit.floors.score(fit.validation.errors()))
    counting = [3, *range(4, 9), 11]
    assert fit.score == pytest.approx(min(scores[k] for k in counting))
    assert fit.best_epoch in counting


def test_least_squares_at_the_end_follow_what_was_better():
    """And are left out else; what comes after them is not."""
    afresh = SoapSettings(epochs=12, fresh=True)
    for before, better in ((SHORT[:2], False), (SHORT[:1], True)):
        fit, stages = fit_of((*before, afresh, SHORT[4], SHORT[2])), []
        for _ in fit.epochs():
            stages.append(fit.stage)
        last = len(before) + 1
        assert stages.count(last) == 2 * better and stages.count(last + 1) == 3 and fit.left == 0


@pytest.mark.parametrize("epochs", [2, 5, 8, 13])
def test_it_goes_on_after_a_stop_in_any_of_them(epochs):
    whole, first, second = (fit_of(SHORT) for _ in range(3))
    list(whole.epochs())
    steps = first.epochs()
    for _ in range(epochs + 1):
        next(steps)
    second.restore(first.state())
    list(second.epochs())
    assert second.best.tobytes() == whole.best.tobytes()
    assert second.history["train force"] == whole.history["train force"]


def test_parts_of_other_models_are_refused():
    with pytest.raises(InputError, match="no part 'linear'"):
        regression_of(mixed_set(), layers=2).release(LINEAR)


DENSITY = 'model = { type = "density", layers = 1 }\n'
SOAP = '[[optimizer]]\ntype = "soap"\nepochs = 3\n'
LEAST = '[[optimizer]]\ntype = "least-squares"\nepochs = 3\n'


@pytest.fixture
def parsed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a.xyz", "a.h5"):
        (tmp_path / name).write_text("")
    return lambda text: parse_training('data = { file = "a.xyz" }\n' + text)


def seen(hidden=16, validates=True, channels=16, elements=("Cu",), n=14):
    """What is asked of prepared data."""
    design = Design(elements=elements, cutoff=4.0, layers=1, channels=channels, hidden=hidden)
    data = Dataset(tuple(labelled(n)), (None,) * validates)
    return Prepared(data, data, {}, None, design, 4.0, {}, ())


def test_who_has_it(parsed):
    usual = parsed(DENSITY).plan
    functions, weights, nodes, afresh, end = recipe.FUNCTIONS, recipe.WEIGHTS, recipe.NODES, recipe.AFRESH, recipe.END
    assert recipe.optimizers(usual, seen()) == (functions, weights, nodes, afresh, end)
    assert recipe.optimizers(usual, seen(validates=False)) == (functions, weights, nodes, afresh, end)
    assert recipe.optimizers(usual, seen(n=2001))[3].epochs == recipe.STEPS // 401 == 124
    assert recipe.optimizers(usual, seen(n=20000))[3].epochs == recipe.FEWEST
    assert recipe.optimizers(usual, seen(validates=False, n=9)) == (functions, weights)
    assert recipe.optimizers(usual, seen(validates=False, hidden=0)) == (functions, weights)
    assert recipe.optimizers(usual, seen(hidden=0)) == (functions, weights)
    own = parsed(DENSITY + SOAP).plan
    assert recipe.optimizers(own, seen()) == own.optimizer and recipe.told(own, seen()) == ""
    written = parsed(DENSITY + SOAP + 'part = "linear"\n' + LEAST + SOAP).plan
    assert [part for _, part in written.parts] == [LINEAR, LINEAR, ALL]


def test_many_weights_are_not_for_least_squares(parsed):
    usual, many = parsed(DENSITY).plan, seen(channels=208, elements=("H", "Cu"))
    assert recipe.weights(many) == 2 * 208 * 13 > recipe.MOST
    assert recipe.optimizers(usual, many) == (recipe.FUNCTIONS, recipe.NODES, recipe.AFRESH)
    assert "5408 weights of products are too many" in recipe.told(usual, many)


def test_robust_errors_are_not_for_least_squares(parsed):
    plan = parsed(DENSITY + "loss = { robust = 1.0 }\n").plan
    assert recipe.optimizers(plan, seen()) == (recipe.FUNCTIONS, recipe.NODES, recipe.AFRESH)
    assert "errors are robust, so least squares, which are not, are left out" in recipe.told(plan, seen())


@pytest.mark.parametrize(
    "text, told",
    [
        ('model = { type = "density" }\n', "the section [[optimizer]] is required"),
        ("descriptors = { cutoff = 6 }\n", "the section [[optimizer]] is required"),
        (f'warm_start = "a.h5"\n{DENSITY}', "the section [[optimizer]] is required"),
        ('model = { type = "density" }\n' + SOAP + 'part = "linear"\n', "parts are of density networks of one layer"),
        ("descriptors = { cutoff = 6 }\n" + SOAP + 'part = "linear"\n', "parts are of density networks of one layer"),
        (DENSITY + SOAP + LEAST, "hidden nodes were trained before"),
        (DENSITY + SOAP + SOAP + 'part = "linear"\n', "hidden nodes were trained before"),
        (f'warm_start = "a.h5"\n{DENSITY}{LEAST}', "hidden nodes were trained before"),
        (DENSITY + SOAP + 'part = "some"\n', "part"),
    ],
)  # fmt: skip
def test_an_input_is_told(text, told, parsed):
    with pytest.raises(InputError) as caught:
        parsed(text)
    assert told in str(caught.value)


def test_a_call_has_it_and_check_tells(monkeypatch, parsed):
    for name, own in zip(STEPS, SHORT, strict=True):
        monkeypatch.setattr(recipe, name, own)
    data = {"train": labelled(8), "validation": labelled(3, seed=1)}
    model = {"type": "density", "layers": 1, "channels": 16, "cutoff": 4.0, "l_max": 2}
    trained = mdcore.train(data, model=model)
    history = trained.histories[0]
    forces = history["validation force"]
    assert len(forces) in (1 + EPOCHS, 1 + EPOCHS + 2) and min(forces) < 0.3 * forces[0]
    alone = mdcore.train({"train": data["train"]}, model=model)
    assert len(alone.histories[0]["epoch"]) == 1 + 3 + 5 and not alone.decided
    plan = parsed(DENSITY).plan
    both = "optimisers: soap (linear part, up to 3 epochs), then least-squares (linear part, up to 5 epochs)"
    third = ", then soap (up to 3 epochs), then soap (afresh, up to 4 epochs), then least-squares (up to 2 epochs)"
    third += ", as usual for one layer"
    assert command.optimisers(plan, seen()) == both + third
    told = "nothing validates, and too few structures can be held back, so hidden nodes are left out"
    assert command.optimisers(plan, seen(validates=False, n=9)) == f"{both}, as usual for one layer; {told}"
    told = "so a rehearsal without 3 of 14 structures decides on steps and ridges; then all are trained on"
    assert command.optimisers(plan, seen(validates=False)) == f"{both}{third}; nothing validates, {told}"
    told = "nothing validates, so a rehearsal without 3 of 14 structures decides on the ridge; then"
    assert told in command.optimisers(plan, seen(validates=False, hidden=0))


# --- rehearsals ------------------------------------------------------------------------------------------


MODEL = {"type": "density", "layers": 1, "channels": 16, "cutoff": 4.0, "l_max": 2}


@pytest.fixture
def short(monkeypatch):
    for name, own in zip(STEPS, SHORT, strict=True):
        monkeypatch.setattr(recipe, name, own)


def rehearsal_of(scores):
    """A rehearsal that ended with these errors of forces after each epoch."""
    history = {"epoch": list(range(len(scores))), "validation energy": scores, "validation force": scores}
    history["validation stress"] = [np.nan] * len(scores)
    return SimpleNamespace(history=history, floors=Floors(), errors=Errors)


HELD = Dataset((None,) * 17, (None,) * 3)


@pytest.mark.parametrize(
    "rest, chosen",
    [
        ([5, 6, 3.5, 9, 9, 9, 9, 9, 9], (0, 1, 2)),
        ([3, 2, 4.5, 9, 9, 9, 9, 9, 9], (0, 1)),  # the second epoch of hidden nodes is not how they end
        ([3, 2, 4.5, 9, 9, 9, 3.9, 9, 9], (3,)),
        ([3, 2, 4.5, 9, 9, 9, 3.9, 9, 3], (3, 4)),
        ([3, 2, 3.9, 9, 9, 9, 5], (0, 1, 2)),  # least squares at the end were left out
    ],
)
def test_a_rehearsal_decides(rest, chosen, short):
    """By how each step ends, and the best of all ridges; what begins afresh needs nothing before it."""
    found = recipe.decide(rehearsal_of([99.0, 9, 3.7, 8, 7, 6, 4, 5.2, 6, *map(float, rest)]), SHORT, HELD)
    ridges = {1: 1e-2 * 0.1**2, 4: 1e-3 if rest[-2] <= rest[-1] or len(rest) < 9 else 1e-4}
    own = [replace(SHORT[k], epochs=1, ridge=ridges[k]) if k in ridges else SHORT[k] for k in chosen]
    assert [step if hasattr(step, "step") else replace(step, ridge=0.0) for step in found.optimizer] == [
        step if hasattr(step, "step") else replace(step, ridge=0.0) for step in own
    ]
    assert [x.ridge for x in found.optimizer if hasattr(x, "ridge")] == pytest.approx(
        [x.ridge for x in own if hasattr(x, "ridge")]
    )
    names = {0: "functions", 1: "least squares (ridge 1e-04)", 2: "hidden nodes", 3: "all afresh"}
    names[4] = f"least squares (ridge {ridges[4]:.0e})"
    told = ", then ".join(names[k] for k in chosen)
    assert found.told.endswith(f"all 20 structures are trained on: {told}")
    assert "errors of 3 of 20 structures" in found.told and "functions 8 meV/atom, 8 meV/Angstrom" in found.told
    assert "least squares 4 meV/atom, 4 meV/Angstrom (ridge 1e-04)" in found.told
    assert f"hidden nodes {rest[2]} meV/atom" in found.told


def test_of_ridges_that_are_alike_the_smallest_is_taken(short):
    """By how few structures are held back: three can't tell 5 from 4, many can."""
    scores = [99.0, 9, 3.7, 8, 7, 6, 4, 5, 6]
    few = recipe.decide(rehearsal_of(scores), SHORT[:2], HELD)
    many = recipe.decide(rehearsal_of(scores), SHORT[:2], Dataset((None,) * 170, (None,) * 30))
    assert [own.optimizer[1].ridge for own in (few, many)] == pytest.approx([1e-5, 1e-4])
    assert "least squares 5 meV/atom, 5 meV/Angstrom (ridge 1e-05)" in few.told


def test_what_is_next_is_measured_by_the_ridge_that_is_taken(short):
    """As a fit does: what ends a step is not chosen without it."""
    scores = [99.0, 9, 3.7, 8, 7, 6, 4, 5, 6, 9, 9, 9, 9, 9, 9, 4.5, 3.9, 3.8]  # afresh: 4.5, of the ridge taken 5
    assert recipe.decide(rehearsal_of(scores), SHORT, HELD).optimizer[0] == SHORT[3]


def test_and_so_it_is_in_a_fit():
    """What counts afterwards is the best of them."""
    fit, scores = fit_of(SHORT[:2]), []
    for _ in fit.epochs():
        fit.validation.set(fit.training.parameters)
        scores.append(fit.floors.score(fit.validation.errors()))
    solved = range(4, 9)
    least = min(scores[k] for k in solved)
    assert least < min(scores[1:4]) and fit.score == pytest.approx(least)
    assert fit.best_epoch == max(k for k in solved if scores[k] <= alike(4) * least)


def test_least_squares_may_be_no_better(short):
    found = recipe.decide(rehearsal_of([99.0, 9, 8, 2, 7, 6, 5, 4, 3]), SHORT[:2], HELD)
    assert found.optimizer == (SHORT[0],)
    assert found.told.endswith("trained on: functions")
    found = recipe.decide(rehearsal_of([99.0, 9, 8, 3, 7, 6, 5, 4, 2]), SHORT[:2], HELD)
    assert found.optimizer[1].ridge == pytest.approx(1e-6) and "hidden" not in found.told


def test_what_is_held_back():
    """Every element and label stays with what is trained on; nothing is lost."""
    plan = SimpleNamespace(seed=1, needed=("energy", "forces"))
    own = seen(validates=False, n=40)
    found = recipe.held_back(plan, own)
    assert len(found.validation) == 5 and {id(s) for s in found.all} == {id(s) for s in own.left.train}
    data = own.left.train
    for k in range(40):  # whichever is the only one with gold
        gold = tuple(replace(s, symbols=("Au",) * s.n) if i == k else s for i, s in enumerate(data))
        held = recipe.held_back(plan, replace(own, left=Dataset(gold), data=Dataset(gold)))
        assert not any("Au" in s.counts for s in held.validation)
    bare = tuple(replace(s, energy=None) if i else s for i, s in enumerate(data))
    assert recipe.held_back(plan, replace(own, left=Dataset(bare), data=Dataset(bare))) is None
    assert recipe.held_back(plan, seen(n=40)) is None
    assert len(recipe.held_back(plan, own, ranks=8).validation) == 8  # each has one
    assert recipe.held_back(plan, own, ranks=13) is None
    assert "too few structures" in recipe.told(SimpleNamespace(optimizer=(), loss=Loss(), **vars(plan)), own, ranks=13)


def test_all_are_trained_on_then(short):
    rows = []
    data = {"train": labelled(14)}
    found = mdcore.train(data, model=MODEL, progress=rows.append, committee={"members": 2})
    assert sum(row["member"] == "rehearsal" for row in rows) in (1 + EPOCHS, 1 + EPOCHS + 2)
    assert "validation force" in rows[0] and "validation force" not in found.histories[0]
    decided = found.decided
    chain = decided[decided.index("trained on: ") :].replace(", then ", ": ").split(": ")[1:]
    n = 1 + sum({"functions": 3, "hidden nodes": 3, "all afresh": 4}.get(name, 1) for name in chain)
    assert [len(h["epoch"]) for h in found.histories] == [n, n] and found.best_epochs == [n - 1, n - 1]
    assert {r.n for r in found.errors if (r.quantity, r.group) == ("energy", "all")} == {14}
    assert decided == "rehearsal: " + found.model.provenance["rehearsal"].replace("; so all", "\nso all")
    assert decided in str(found)
    assert found.histories[0]["train force"] != found.histories[1]["train force"]


def write_labels(path: Path, data) -> None:
    with open(path, "w") as stream:
        for s in data:
            cell = " ".join(map(repr, np.asarray(s.cell, float).ravel().tolist()))
            stream.write(f'{s.n}\nLattice="{cell}" Properties=species:S:1:pos:R:3:forces:R:3 energy={s.energy!r}\n')
            for symbol, *rows in zip(s.symbols, s.positions.tolist(), s.forces.tolist(), strict=True):
                stream.write(" ".join([symbol, *(repr(x) for row in rows for x in row)]) + "\n")


@pytest.mark.parametrize("stops", [2, 9, 14, 19])
def test_the_command_goes_on_in_a_rehearsal_and_after_it(stops, short, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_labels(tmp_path / "a.xyz", labelled(14))
    text = 'data = { file = "a.xyz", use = "train" }\nmodel = { type = "density", layers = 1, channels = 16, '
    text += 'cutoff = 4.0, l_max = 2 }\noutput = { name = "NAME", plot = false }\n'
    settings = {name: parse_training(text.replace("NAME", name)) for name in ("whole", "parts")}
    whole = command.train(settings["whole"])
    left = iter([False] * stops + [True])
    with pytest.raises(Interrupted):
        command.train(settings["parts"], stop=lambda: next(left))
    told = capsys.readouterr().out
    parts = command.train(settings["parts"], restart=True)
    assert f"goes on after epoch {stops if stops < 1 + EPOCHS else stops - 1 - EPOCHS}" in capsys.readouterr().out
    assert parts.parameters.tobytes() == whole.parameters.tobytes()
    assert parts.provenance["rehearsal"] == whole.provenance["rehearsal"]
    assert ("rehearsal: errors of 3 of 14" in told)
    assert "rehearsal: errors of 3 of 14" in (tmp_path / "parts.errors.txt").read_text()
    again, told = command.train(settings["parts"], restart=True), capsys.readouterr().out
    assert "rehearsal goes on" not in told and "nothing is left to train" in told and "rehearsal: errors" in told
    assert again.parameters.tobytes() == whole.parameters.tobytes()
    with pytest.raises(InputError, match=r"parts\.training\.h5: .*seed"):
        command.train(replace(settings["parts"], seed=2), restart=True)


def test_ranks_that_hold_back_others_do_not_go_on(short, tmp_path, monkeypatch):
    """Each needs one, so of few structures more ranks hold back more, or none; then the course would be another."""
    monkeypatch.chdir(tmp_path)
    write_labels(tmp_path / "a.xyz", labelled(14))
    text = 'data = { file = "a.xyz", use = "train" }\nmodel = { type = "density", layers = 1, channels = 16, '
    text += 'cutoff = 4.0, l_max = 2 }\noutput = { plot = false }\n'
    settings, left = parse_training(text), iter([False] * 4 + [True])
    with pytest.raises(Interrupted):
        command.train(settings, stop=lambda: next(left))
    plan, prepared = settings.plan, command.prepared_of(settings)
    assert not recipe.unlike(plan, prepared, 1, 3) and not recipe.unlike(plan, prepared, 5, 6)
    assert "holds back 3 structures; where ranks = 4 it holds back 4" in recipe.unlike(plan, prepared, 1, 4)
    assert "holds back 4 structures; where ranks = 5 it holds back none" in recipe.unlike(plan, prepared, 4, 5)
    assert "holds back no structures; where ranks = 1 it holds back 3" in recipe.unlike(plan, prepared, 5, 1)
    monkeypatch.setattr(TrainingFile, "ranks", lambda self: 5)
    with pytest.raises(InputError, match=r"training\.h5: began with ranks = 5"):
        command.train(settings, restart=True)
