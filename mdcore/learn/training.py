"""How is the potential of a generation trained? By ``mdcore train``, on an input that stands in its folder.

The input is the user's, with the data of all generations, tagged with generation and explorer, and with the potential
to go on from. A user can run it himself; a training that was stopped goes on from its last state.
"""

import os
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path

from mdcore.base.errors import InputError, Interrupted, MdcoreError, OutputError
from mdcore.base.writing import writing_text
from mdcore.config import includes
from mdcore.config.learn import FRESH, WARM
from mdcore.config.load import is_of_run, opened, read
from mdcore.config.load_training import ARRAYS, parse_training
from mdcore.config.training_tensors import TensorTrainingSettings
from mdcore.learn.process import GO_ON, mdcore
from mdcore.training.settings import Split

INPUT, NAME = "train.toml", "potential"
TAG = "tag"  # key of the comment line that says which generation and explorer a structure is of
OURS = ("data", "warm_start")  # what a campaign says itself
USES = ("train", "validation")
OUTPUT = ("plot", "checkpoint_minutes", "n2p2")  # of [output], what a user may say


class Training:
    """The verb train. path : the user's input; warm : go on from the potential before; seed : unless the input has one;
    title : unless the input has one. InputError for an input that is none."""

    def __init__(self, path: str, *, start: str = FRESH, seed: int = 1, title: str = "", data: str = ""):
        self.path, self.warm = path, start == WARM
        problems = opened(read(path), path, (), ARRAYS)
        problems.raise_if_any()
        self.document = document = problems.origin.document
        if is_of_run(document):
            raise InputError(f"{path}: this is the input of a run; expected one of mdcore train, without [[data]]")
        for key in [key for key in OURS if key in document]:
            problems.add((key,), "a campaign says which; leave it out")
        for key in [key for key in document.get("split", {}) if key != "validation"]:
            problems.add(("split", key), "a campaign deals structures out by itself; validation alone may stand here")
        for key in [key for key in document.get("output", {}) if key not in OUTPUT]:
            problems.add(("output", key), f"a campaign says where; what may stand here is {', '.join(OUTPUT)}")
        problems.raise_if_any()
        self.seed = document.get("seed", seed)
        self.title = document.get("title", title)
        self.validation = document.get("split", {}).get("validation", Split.validation)
        if data:  # is all else right?
            self._check(data)

    def _check(self, data: str) -> None:
        beside = os.path.relpath(data, os.path.dirname(self.path) or ".")
        settings = parse_training(includes.text_of({**self.document, "data": [{"file": beside}]}), self.path)
        if isinstance(settings, TensorTrainingSettings):
            raise InputError(f"{self.path}: [model] type: tensors move no atoms; a campaign trains a potential")
        if settings.committee.members < 2:
            raise InputError(
                f"{self.path}: [committee] members = {settings.committee.members}: a campaign goes by the "
                "disagreement of several networks, e.g. members = 4"
            )
        if settings.long_range and self.warm:
            raise InputError(
                f"{self.path}: [long_range]: potentials with charges begin anew in each generation: say so, "
                '[train] start = "fresh" in the input of the campaign'
            )

    def text(self, folder: Path, files: dict[str, Sequence[Path]], before: Path | None, generation: int) -> str:
        """The whole input of a generation, with paths relative to its folder."""
        document = {key: deepcopy(value) for key, value in self.document.items() if key not in ("output", "split")}
        includes.move(document, os.path.relpath(os.path.dirname(self.path) or ".", folder))
        top = {"title": self.title} if self.title else {}
        top["seed"] = self.seed + generation
        if before is not None and self.warm:
            top["warm_start"] = os.path.relpath(before, folder)
        places = [(use, os.path.relpath(file, folder)) for use in USES for file in files.get(use, ())]
        data = [{"file": place, "use": use, "tag_key": TAG} for use, place in places]
        output = {"name": NAME, **self.document.get("output", {})}
        document = {**top, **{key: value for key, value in document.items() if key not in top}}
        head = f"# generation {generation}; written by mdcore learn, runs by: mdcore train {INPUT}\n"
        return head + includes.text_of({**document, "data": data, "output": output})

    def __call__(
        self, folder: Path, files: dict[str, Sequence[Path]], before: Path | None, generation: int
    ) -> Path:
        """Train in `folder`, made, on labelled structures; the potential's path. MdcoreError.

        files : {"train": ..., "validation": ...}, for each what it says; none that validates was ever trained on
        before : the potential of the generation before, or None
        """
        with writing_text(folder / INPUT) as stream:
            stream.write(self.text(folder, files, before, generation))
        started = (folder / f"{NAME}.training.h5").exists()
        done = mdcore(["train", INPUT, "--quiet", "--restart"], folder) if started else None
        if done is None or done.code in (InputError.exit_code, OutputError.exit_code):  # begun otherwise, or damaged
            done = mdcore(["train", INPUT, "--quiet", "--overwrite"], folder)
        if done.code == Interrupted.exit_code:
            raise Interrupted(f"{folder / INPUT}: {done.said}")
        if done.code:
            error = {own.exit_code: own for own in (InputError, OutputError)}.get(done.code, MdcoreError)
            raise error(f"{folder / INPUT}: {done.said}{GO_ON if error is OutputError else ''}")
        return folder / f"{NAME}.h5"
