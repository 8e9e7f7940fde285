"""Does a restart say which settings are others than before, and nothing of those that are only written otherwise?"""

import pytest

from mdcore.base.errors import InputError
from mdcore.config import parse
from mdcore.config.differences import differences, told
from mdcore.config.load_training import parse_training
from tests.test_bad_inputs import GOOD
from tests.test_cli import folder  # noqa: F401

TRAINING = """
data = [{ file = "a.xyz" }]
descriptors = { cutoff = 6.0 }
network = { hidden = [25, 25] }
optimizer = [{ type = "kalman", epochs = 20 }]
"""


@pytest.mark.parametrize("overrides", [[], ["stage.produce.steps=6"], ["stage.1.steps=6"], ["output.name=argon"]])
def test_equal_by_value(overrides):
    same = parse(GOOD.replace("94.4", "94.40").replace("4.0\n", "4\n") + "# end", "argon.toml", overrides)
    assert differences(GOOD, same) == []
    assert differences(same.text, parse(GOOD, "argon.toml")) == []
    assert told("a.checkpoint", GOOD, same, "the run") is None


def test_each_difference_is_told_with_both_values():
    new = parse(GOOD, "argon.toml", ["stage.produce.steps=60", "output.dump_every=5", 'title="x"'])
    found = differences(GOOD, new)
    assert sorted(found) == [
        "output.dump_every = 5, was 0",
        "stage.produce.steps = 60, was 6",
        'title = "x", was "liquid argon"',
    ]
    assert sorted(differences(new.text, parse(GOOD, "argon.toml")))[1] == "stage.produce.steps = 6, was 60"
    note = told("a.checkpoint", GOOD, new, "the run")
    assert note.startswith("a.checkpoint was written with other settings; the run goes on with ")


def test_other_kinds_of_sections():
    new = GOOD.replace('ensemble = "nve"', 'ensemble = "langevin"\ntemperature = [90.0, 80.0]\nfriction = 0.1')
    found = differences(GOOD, parse(new, "argon.toml"))
    assert 'stage.produce.ensemble = "langevin", was "nve"' in found
    assert "stage.produce.temperature = [90.0, 80.0], was none" in found
    assert 'stage.produce.zero_momentum = none, was "auto"' in found
    found = differences(GOOD, parse(GOOD.replace("[potential.species.Ar]", "[potential.species.'Ar+']"), "argon.toml"))
    assert 'potential.0.species."Ar+".sigma = 3.4, was none' in found


def test_what_only_the_start_of_a_run_reads_is_not_said_to_count():
    start = ["structure.lattice_constant=5.3", "velocities.temperature=80"]
    whole = "; atoms and velocities are those of the checkpoint, whatever the input says now: "
    note = told("c", GOOD, parse(GOOD, "argon.toml", [*start, "output.dump_every=5"]), "the run")
    first, _, rest = note.partition(whole)
    assert first == "c was written with other settings; the run goes on with output.dump_every = 5, was 0"
    assert sorted(line.split(" =")[0] for line in rest.split("; ")) == [item.split("=")[0] for item in start]
    note = told("c", GOOD, parse(GOOD, "argon.toml", start), "the run")
    assert note.startswith(f"c was written with other settings{whole}") and "goes on" not in note


def test_many_are_counted():
    sets = [f"stage.{stage}.{key}=1" for stage in (0, 1) for key in ("steps", "timestep", "thermo_every", "dump_every")]
    assert told("c", GOOD, parse(GOOD, "argon.toml", [*sets, "seed=2", "title=x"]), "the run").endswith("; 2 more")


def test_files_may_have_gone_and_text_may_be_unreadable():
    now = parse(GOOD, "argon.toml")
    before = GOOD.replace('build = "fcc"\nspecies = "Ar"\nlattice_constant = 5.26', 'file = "gone.xyz"')
    assert 'structure.file = none, was "gone.xyz"' in differences(before, now)
    for text in ("", "x = [", GOOD + "future = 1\n", GOOD + "# --set nonsense\n"):
        with pytest.raises(InputError):
            differences(text, now)
        assert "this version can't read" in told("a.checkpoint", text, now, "the run")


def test_trainings(folder):  # noqa: F811
    (folder / "a.xyz").write_text("")
    now = parse_training(TRAINING, "train.toml", ["optimizer.0.epochs=20"])
    assert differences(TRAINING, now) == []
    (found,) = differences(TRAINING, parse_training(TRAINING, "train.toml", ["optimizer.epochs=30"]))
    assert found == "optimizer.0.epochs = 30, was 20"
