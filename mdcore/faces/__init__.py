"""Which types can an input name? Those with a file in a folder here: the settings of a type, and what they build.

A file `soft_core.py` is the type "soft-core"; files that begin with an underscore are helpers. What no input names is
not loaded.
"""

import os
from collections.abc import Mapping
from importlib import import_module


class Faces(Mapping):
    """{word: its class `Settings`} for the files of a folder, the `first` before the others."""

    def __init__(self, folder: str, first: str):
        self.folder = folder
        names = os.listdir(os.path.join(__path__[0], folder))
        words = [name[:-3].replace("_", "-") for name in names if name.endswith(".py") and name[0] not in "_."]
        self.words = tuple(sorted(words, key=lambda word: (word != first, word)))

    def __getitem__(self, word: str) -> type:
        if word not in self.words:
            raise KeyError(word)
        return import_module(f"{__name__}.{self.folder}.{word.replace('-', '_')}").Settings

    def __iter__(self):
        return iter(self.words)

    def __len__(self):
        return len(self.words)


POTENTIALS = Faces("potential", "lj")
STAGES = Faces("stage", "nve")
EXPLORERS = Faces("explorer", "run")
ORACLES = Faces("oracle", "ase")
