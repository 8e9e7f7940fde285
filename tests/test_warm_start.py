"""Does a training go on from a potential as if its parameters had never been put away?"""

import json

import numpy as np
import pytest

import mdcore
from mdcore.base.errors import InputError
from mdcore.cli import main
from mdcore.cli.training import prepared_of
from mdcore.config.load_training import load_training
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.families import potential_of, single
from mdcore.potentials.networks.files import read_model
from mdcore.training.data import sources
from mdcore.training.members import Members
from tests.test_train_cli import BOTH, folder  # noqa: F401  (a fixture)


def trained(folder, *options: str) -> None:  # noqa: F811
    """first.h5: two members, trained on half of the structures; train.toml goes on with all of them."""
    text = (folder / "train.toml").read_text().replace("epochs = 4", "epochs = 1").replace("test = 0.2\n", "")
    text = text.replace('validation = 0.2', 'validation = 0.2\n\n[committee]\nmembers = 2\n')
    lines = (folder / "data.xyz").read_text().splitlines(keepends=True)
    (folder / "half.xyz").write_text("".join(lines[: 8 * 20]))  # of 40 structures of 6 atoms
    (folder / "half.toml").write_text(text.replace("data.xyz", "half.xyz"))
    assert main(["train", "half.toml", "--quiet", "--set", "output.name=first"]) == 0
    (folder / "train.toml").write_text('warm_start = "first.h5"\n' + text)


OTHER_SIZES = {"cutoff": 4.5, "layers": 1, "channels": 32, "l_max": 1, "factors": 2, "radial": 5, "mixed": 8,
               "hidden": 8, "element_rank": 1, "message_l": 1}  # fmt: skip


@BOTH
def test_it_begins_with_what_was_known(folder, capsys):  # noqa: F811
    """Each member says what it said, though the data, and so the ranges of descriptors, are others; and learns on. A
    density network of another size is refused, whatever is another."""
    trained(folder)
    if "[model]" in (folder / "train.toml").read_text():
        for key, value in OTHER_SIZES.items():
            assert main(["check", "train.toml", "--set", f"model.{key}={value}"]) == 2
            assert f"[model] {key} = {value}: the start has " in capsys.readouterr().err
        for how in ('"isolated"', "{ H = -13.6, O = 0.0 }"):
            assert main(["check", "train.toml", "--set", f"model.atom_energies={how}"]) == 2
            assert 'zeros of energy of the start stay: asked for as "fit"; say the same' in capsys.readouterr().err
    settings, first = load_training("train.toml"), read_model("first.h5")
    members = Members(settings.plan, prepared_of(settings))
    structures = [s.structure for s in sources.read("data.xyz")[-6:]]
    for k in range(2):
        fit = members.fit(k)
        models = single(first, k), fit.training.fitted()
        old, new = (evaluate(potential_of(m, extrapolation="ignore"), structures) for m in models)
        for a, b in zip(old, new, strict=True):
            assert a.energy == pytest.approx(b.energy, abs=1e-9)
            np.testing.assert_allclose(a.forces, b.forces, atol=1e-8)
    scaled = getattr(read_model("first.h5"), "scaling", None)
    if scaled:  # the ranges are those of old and new data
        assert any((a.max < b.max).any() for a, b in zip(scaled, models[1].scaling, strict=True))
    assert main(["train", "train.toml", "--quiet", "--set", "output.name=second"]) == 0
    errors = [read_model(f"{name}.h5").training["train force RMSE, meV/Angstrom"] for name in ("first", "second")]
    assert errors[1] < errors[0]


STAY = "descriptors of the start stay:"
WRONG = [
    ("network.hidden=[5]", "[network] hidden = [5]: the start has [6, 6] for H: take these"),
    ('network.activation="softplus"', "the start has other ones for H"),
    ("committee.members=3", "[committee] members = 3: the start has 2 members"),
    ('descriptors={ kind = "chebyshev", cutoff = 4.0 }', f'[descriptors] kind = "chebyshev": {STAY} symmetry'),
    ("descriptors.keep=3", f"[descriptors] keep = 3: {STAY} 10 of H; say the same, or begin anew"),
    ("descriptors.keep=12", f"[descriptors] keep = 12: {STAY} 10 of H; say the same, or begin anew"),
    ("descriptors.cutoff=3.5", f"[descriptors] cutoff = 3.5: {STAY} they see 4 Angstrom far"),
    ("descriptors.cutoff=4.5", f"[descriptors] cutoff = 4.5: {STAY} they see 4 Angstrom far"),
    ("descriptors.angular_cutoff=3.5", f"[descriptors] angular_cutoff = 3.5: {STAY} angular ones see 4 Angstrom far"),
    ("descriptors.radial=5", f"[descriptors] radial = 5: {STAY} radial = 4; say the same, or begin anew"),
    ("descriptors.angular=3", f"[descriptors] angular = 3: {STAY} angular = 2"),
    ("descriptors.angular_shells=2", f"[descriptors] angular_shells = 2: {STAY} angular_shells = 0"),
    ("descriptors.zetas=[1, 2]", f"[descriptors] zetas = [1, 2]: {STAY} zetas = [1.0, 4.0]"),
    ("descriptors.wide=true", f"[descriptors] wide = true: {STAY} wide = false"),
    ('descriptors.method="fps"', f'[descriptors] method = "fps": {STAY} method = "cur"'),
    ("descriptors.rare=0.0", f"[descriptors] rare = 0.0: {STAY} rare = 8.0"),
    ('descriptors.scaling="sigma"', f"{STAY} scale_center"),
    ('descriptors.cutoff_function="poly2"', f"{STAY} tanh3"),
    ('descriptors={ functions = ["H 2 O 0.3 0 4", "O 2 H 0.3 0 4"] }', f"{STAY} 20, other than these"),
    ('descriptors={ functions = ["H 2 O 0.3 0 4"] }', "none for O"),
    ("network.atom_energies={ H = -13.6, O = 0 }", "[network] atom_energies: zeros of energy of the start stay: H -"),
    ('network.atom_energies="isolated"', '[network] atom_energies = "isolated": zeros of energy of the start stay: H'),
    ("warm_start=none.h5", "no such file"),
    ("warm_start=half.xyz", "warm_start"),
]


def line_of(function) -> str:
    """As `functions` of [descriptors] has it."""
    numbers = ("eta", "rs", "cutoff") if function.is_radial else ("eta", "lambda_", "zeta", "cutoff")
    named = function.center, str(function.type), *function.neighbors
    return " ".join([*named, *(repr(getattr(function, name)) for name in numbers)])


def test_what_does_not_fit_is_told(folder, capsys):  # noqa: F811
    trained(folder)
    for override, says in WRONG:
        assert main(["check", "train.toml", "--set", override]) == 2, override
        told = capsys.readouterr().err
        assert says in told and "internal" not in told and told.count("\n") == 1, told
    own = read_model("first.h5")
    lines = json.dumps([line_of(f) for functions in own.symmetry_functions for f in functions])
    zeros = ", ".join(f"{e} = {x!r}" for e, x in zip(own.elements, own.atom_energies, strict=True))
    given, zeros = f"descriptors={{ functions = {lines} }}", f"network.atom_energies={{ {zeros} }}"
    for override in ("descriptors.zetas=[4, 1]", "descriptors.angular_cutoff=4.0", given, zeros):
        assert main(["check", "train.toml", "--set", override]) == 0, override
    assert "begins with the parameters of first.h5" in capsys.readouterr().out
    text = (folder / "train.toml").read_text()
    (folder / "train.toml").write_text(text + '\n[long_range]\ncharges = { H = 0.1, O = -0.2 }\n')
    assert main(["check", "train.toml", "--set", "committee.members=1"]) == 2
    assert "warm_start" in capsys.readouterr().err
    other = (folder / "data.xyz").read_text().replace("\nH ", "\nHe ")
    (folder / "data.xyz").write_text(other)
    (folder / "train.toml").write_text(text)
    assert main(["check", "train.toml"]) == 2
    assert "it knows H O, the data have He O" in capsys.readouterr().err


def test_it_never_writes_over_its_start(folder, capsys):  # noqa: F811
    trained(folder)
    assert main(["train", "train.toml", "--overwrite", "--set", "output.name=first"]) == 2
    assert "would write over its own input" in capsys.readouterr().err
    with pytest.raises(InputError, match="warm_start"):
        optimizer = {"type": "kalman", "epochs": 1}
        mdcore.train("data.xyz", warm_start="none.h5", descriptors={"cutoff": 4.0}, optimizer=optimizer)
