"""Does a train.toml become the settings it says, are all mistakes told at once, and is the reference page true?"""

import importlib
import inspect
import pkgutil
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from mdcore import training as package
from mdcore.base.errors import InputError
from mdcore.config import reference, training
from mdcore.config.load import kind_of_input
from mdcore.config.load_training import parse_training
from mdcore.config.optimizers import OPTIMIZERS, KalmanSettings, LBFGSSettings
from mdcore.config.training import TrainingSettings
from mdcore.config.training_data import DataSettings, SplitSettings
from mdcore.config.training_long_range import LongRangeSettings
from mdcore.faces.schema import is_required, keys
from mdcore.training import settings as library
from tests.test_config import every_key

ROOT = Path(__file__).parents[1]
MINIMAL = """
data = { file = "a.xyz" }
descriptors = { cutoff = 6 }
optimizer = { type = "kalman", epochs = 3 }
"""


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").mkdir()
    for name in ("a.xyz", "b.xyz", "results/labels.extxyz"):
        (tmp_path / name).write_text("")


def test_defaults():
    s = parse_training(MINIMAL, "water.toml")
    assert s.output.name == "water" and s.output_path(".h5") == "water.h5" and s.plan.needed == ("energy", "forces")
    (data,) = s.data
    assert (data.file, data.use, data.units, data.stress_order[3]) == ("a.xyz", "split", {}, "yz")
    (own,) = s.optimizer
    assert isinstance(own, KalmanSettings) and (own.epochs, own.rows, own.patience) == (3, 32, 0)
    assert s.network.hidden == (25, 25) and s.descriptors.cutoff == 6.0 and not s.descriptors.is_given


def test_several_files_and_optimisers_and_overrides():
    text = MINIMAL.replace("data =", "xdata =").replace("xdata = { file = \"a.xyz\" }", "").replace(
        "optimizer = ", "optimizer2 = ").replace('optimizer2 = { type = "kalman", epochs = 3 }', "") + """
[[data]]
file = "a.xyz"
[[data]]
file = "b.xyz"
use = "test"
[[optimizer]]
type = "kalman"
epochs = 3
[[optimizer]]
type = "lbfgs"
epochs = 9
"""  # fmt: skip
    s = parse_training(text, overrides=["optimizer.1.epochs=7", "network.hidden=[8, 8, 8]", "data.1.weight=2"])
    assert [own.use for own in s.data] == ["split", "test"] and s.data[1].weight == 2.0
    assert isinstance(s.optimizer[1], LBFGSSettings) and s.optimizer[1].epochs == 7
    assert s.network.hidden == (8, 8, 8) and "# --set data.1.weight=2" in s.text


def test_all_mistakes_at_once():
    text = """
seeed = 1
[[data]]
file = "missing.xyz"
stress_sign = "pressure"
[descriptors]
cutof = 6
keep = { Xx = 3 }
[network]
hidden = [0]
[loss]
energy = 0
forces = 0
[[optimizer]]
type = "adam"
epochs = 3
rows = 5
[committee]
bootstrap = true
"""
    with pytest.raises(InputError) as caught:
        parse_training(text, "t.toml", ["network.hiden=[3]"])
    told = str(caught.value)
    for part in (
        "seeed = 1: unknown key; did you mean 'seed'?",
        "[[data]] #1 file = \"missing.xyz\": no such file or folder; looked for missing.xyz",
        "[[data]] #1 stress_sign = \"pressure\": applies to a stress that is named",
        "[descriptors] cutof = 6: unknown key; did you mean 'cutoff'?",
        "[network] hidden = [0]: expected a list of one or more, each an integer >= 1",
        "[loss] energy = 0: nothing counts",
        '[[optimizer]] #1 rows = 5: applies to type "kalman" only',
        "[committee] bootstrap = true: applies to several members only",
        "--set network.hiden=[3]: [network] hiden = [3]: unknown key; did you mean 'hidden'?",
    ):
        assert part in told, part + "\n" + told


@pytest.mark.parametrize(
    "section, message",
    [
        ("", "[descriptors] cutoff: required to generate descriptors, in Angstrom"),
        ("keep = { Xx = 3 }\ncutoff = 6", "[descriptors] keep: 'Xx' is no chemical element"),
        ('file = "a.xyz"', "state its units"),
        ('functions = ["H 2 H 1 0 6"]\nkeep = 3', "keep = 3: applies to generated descriptors only"),
        ("cutoff = 5\nangular_cutoff = 6", "must not exceed the cutoff, 5"),
        ('cutoff = 5\nunits = { length = "foot", energy = "ev" }', "unknown unit"),
    ],
)
def test_descriptor_settings(section, message):
    text = MINIMAL.replace("descriptors = { cutoff = 6 }\n", "") + f"[descriptors]\n{section}\n"
    with pytest.raises(InputError, match="descriptors") as caught:
        parse_training(text)
    assert message in str(caught.value)


def test_what_is_a_training(tmp_path):
    """Also that of a campaign, which has no data yet."""
    texts = (MINIMAL, "train"), ("descriptors = { cutoff = 6 }\n", "train"), ("structure = { file = 'a.xyz' }\n", "run")
    for text, answer in texts:
        (tmp_path / "own.toml").write_text(text)
        assert kind_of_input(tmp_path / "own.toml") == answer


def test_reference_page():
    page = reference.training_page()
    message = "run: python -m mdcore.config.reference train > docs/train-input.md"
    assert (ROOT / "docs" / "train-input.md").read_text() == page, message
    for path, _ in every_key(TrainingSettings):
        assert f"| `{path.split('.')[-1]}` |" in page
    assert all(f'"{word}"' in page for word in OPTIMIZERS)
    parse_training(reference.TRAINING_EXAMPLE, "water.toml")


OWN = {
    library.Source: DataSettings, library.Split: SplitSettings, library.DescriptorSettings: training.DescriptorSettings,
    library.NetworkSettings: training.NetworkSettings,
    library.DensitySettings: training.ModelSettings, library.Loss: training.LossSettings,
    library.LongRangeSettings: LongRangeSettings,
    library.Committee: training.CommitteeSettings, library.Parallel: training.TrainingParallelSettings,
    library.KalmanSettings: OPTIMIZERS["kalman"], library.AdamSettings: OPTIMIZERS["adam"],
    library.SoapSettings: OPTIMIZERS["soap"], library.LBFGSSettings: OPTIMIZERS["lbfgs"],
    library.LeastSquaresSettings: OPTIMIZERS["least-squares"],
}  # fmt: skip
FIXED = {"beta1", "beta2", "epsilon", "decrease", "curvature", "trials"}  # that no input changes


@pytest.mark.parametrize("cls", OWN, ids=lambda cls: cls.__name__)
def test_an_input_has_what_the_library_has_and_the_same_defaults(cls):
    ours, theirs = keys(OWN[cls]), {f.name: f for f in fields(cls)}
    assert set(ours) - {"type"} == set(theirs) - FIXED
    for name in set(theirs) - FIXED:
        if is_required(ours[name]):
            assert name in ("file", "epochs")
        else:
            by_type = cls is library.Loss and name in ("energy", "charges")  # density networks, [long_range]
            assert by_type or default_of(ours[name]) == default_of(theirs[name]), name


def default_of(field):
    return field.default if field.default_factory is MISSING else field.default_factory()


def test_functions_have_the_same_defaults():
    """Whoever calls one function of training/ alone gets what a training would give."""
    known, unlike = {}, ("file", "units", "format", *library.LABELS)  # names of something else elsewhere
    for section in (library.DescriptorSettings, library.Split, library.NetworkSettings, library.Plan, library.Source):
        known |= {f.name: default_of(f) for f in fields(section) if f.name not in unlike}
    known |= {"mode": known["scaling"], "how": known["atom_energies"], "stress_order": " ".join(known["stress_order"])}
    known["cutoff_type"] = library.CUTOFF_FUNCTIONS[known["cutoff_function"]]
    seen, data = set(), ("AnyCase", "Dataset", "Fit", "Labelled", "TensorLabelled")
    modules = [module.name for module in pkgutil.walk_packages(package.__path__, "mdcore.training.")]
    for name in (name for name in modules if not name.endswith(".settings")):  # which say what the defaults are
        module = importlib.import_module(name)
        own = [o for o in vars(module).values() if callable(o) and getattr(o, "__module__", "") == module.__name__]
        for function in (o for o in own if o.__name__ not in data):
            for key, parameter in inspect.signature(function).parameters.items():
                if key in known and parameter.default is not parameter.empty:
                    assert parameter.default == known[key], (name, function.__name__, key)
                    seen.add(key)
    assert seen >= {"radial", "zetas", "method", "mode", "rare", "seed", "validation", "how", "cutoff_type", "weight"}


def test_defaults_are_those_of_the_library():
    """A training of an input that says nothing is one of a script that says nothing."""
    of_any_model = [kind for kind in OPTIMIZERS if kind != "least-squares"]
    sections = "".join(f'[[optimizer]]\ntype = "{kind}"\nepochs = 100\n' for kind in of_any_model)
    settings = parse_training(MINIMAL[: MINIMAL.index("optimizer")] + sections)
    kinds = library.KalmanSettings, library.AdamSettings, library.SoapSettings, library.LBFGSSettings
    for own, default in zip(settings.optimizer, (kind() for kind in kinds), strict=True):
        shared = set(vars(default)) & set(vars(own))
        assert shared and all(getattr(own, key) == getattr(default, key) for key in shared)
    for key in ("energy", "forces", "stress", "power"):
        assert getattr(settings.plan.loss, key) == getattr(library.Loss(), key)


@pytest.mark.parametrize(
    "override, told",
    [
        ("loss.energy=1e-13", "hardly counts"), ("loss.energy=1e-300", ">= 0"),
        ("loss.energy=1e300", "<= 1e+06"), ("loss.forces=nan", "finite"),
        ("optimizer.0.energy=1e-13", "hardly counts"), ("loss.robust=0.1", "the Kalman filter goes by squares"),
        ("loss.tags={a=1e-300}", ">= 1e-06"), ("data.weight=1e-300", ">= 1e-06"), ("data.weight=1e300", "<= 1e+06"),
    ],
)  # fmt: skip
def test_weights_are_numbers_one_can_compute_with(override, told):
    with pytest.raises(InputError, match=f"--set {override.split('=')[0]}") as caught:
        parse_training(MINIMAL, overrides=[override])
    assert told in str(caught.value)


def test_weights_of_optimisers():
    """They say which labels are needed, and nothing may count in none of them."""
    s = parse_training(MINIMAL, overrides=["optimizer.0.stress=0.5", "loss.energy=0"])
    assert s.plan.needed == ("forces", "stress")
    with pytest.raises(InputError, match="nothing counts"):
        parse_training(MINIMAL, overrides=["optimizer.0.energy=0", "optimizer.0.forces=0"])
    with pytest.raises(InputError, match="nothing would be learned"):
        parse_training(MINIMAL, overrides=["optimizer.0.rows=0", "optimizer.0.energy=0"])
