"""Which files does the input of a campaign name, and what do they say otherwise than they did?"""

from mdcore.base.files import digest
from mdcore.config.differences import of_inputs
from mdcore.config.load import ARRAYS as OF_RUNS
from mdcore.config.load import opened
from mdcore.config.load import read as read_input
from mdcore.config.load_learn import named_files
from mdcore.config.load_training import ARRAYS as OF_TRAININGS

INPUTS = (("train", "input"), ("explorer", "input"))  # sections and keys of inputs of mdcore


def read(settings) -> dict[str, str]:
    """{file, as the input names it: its text with all it includes, of an input of mdcore; its SHA-256, of another};
    but for those of [start], which a campaign has seen to when it began."""
    found = {}
    for key, file, place in named_files(settings.origin):
        if key[0] != "start":
            found[file] = _text(place) if (key[0], key[-1]) in INPUTS else digest(place)
    return found


def _text(path: str) -> str:
    text = read_input(path)
    return opened(text, path, (), OF_RUNS + OF_TRAININGS).origin.text or text


def changes(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """A sentence on each file that says something else than it did."""
    changed = [file for file in now if file in before and before[file] != now[file]]
    told = ((file, of_inputs(before[file], now[file])) for file in changed)
    return [f"{file} is not what it was; the campaign goes on with {own}" for file, own in told if own]
