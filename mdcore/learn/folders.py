"""Where does a campaign write? A folder of its own, with the record and one folder a generation."""

from pathlib import Path

from mdcore.base.errors import InputError, OutputError
from mdcore.base.writing import cannot_write, make_folder, remove, remove_folder
from mdcore.config.learn import NAME as OF_EXPLORERS
from mdcore.learn.history import History
from mdcore.learn.record import NAME, check_begin
from mdcore.learn.structures import write_labelled
from mdcore.learn.training import TAG

LABELLED, HELD_BACK = "labelled.extxyz", "held-back.extxyz"  # to train on, to validate with


def held_back(history: History, generation: int, validation: float) -> list[bool]:
    """Is no generation to train on it? Of the labelled structures of one; see `Folders.write`."""
    before = sum(len(history.labelled(k)) for k in range(generation))
    n = len(history.labelled(generation))
    return [int((before + k + 1) * validation) > int((before + k) * validation) for k in range(n)]


def check_names(explorers, source: str) -> None:
    """InputError for explorers that have no name of their own, which becomes that of a file and of a folder."""
    names = [str(getattr(explorer, "name", "")) for explorer in explorers]
    if len(set(names)) < len(names) or not all(map(OF_EXPLORERS.fullmatch, names)):
        raise InputError(f"{source}: explorers {names}: each needs a name of its own, of letters, digits, - and _")


class Folders:
    """The folder of a campaign. OutputError."""

    def __init__(self, directory):
        self.directory = Path(directory)
        self.record = self.directory / NAME

    def protect(self, restart: bool, overwrite: bool) -> None:
        """Make the folder; OutputError if a campaign would be lost, or there is none to go on with."""
        if self.record.exists() and not (restart or overwrite):
            raise OutputError(
                f"{self.record}: a campaign is there; go on with --restart, replace it with --overwrite, or choose "
                "another folder, e.g. --set campaign.directory=..."
            )
        if restart and not self.record.exists():
            raise OutputError(f"{self.record}: not there, so there is nothing to go on with; begin without --restart")
        self._make(self.directory)

    def forget(self) -> None:
        """Remove the campaign that is there; what it did not write stays."""
        if not self.record.exists():
            return
        check_begin(self.record)
        for folder in sorted(self.directory.glob("generation-[0-9][0-9][0-9]")):
            remove_folder(folder)
        remove(self.record)

    def of(self, generation: int) -> Path:
        """The folder of a generation, made if needed."""
        return self._make(self.directory / f"generation-{generation:03d}")

    def emptied(self, generation: int, explorer: str) -> Path:
        """The folder of an explorer, with nothing in it."""
        path = self.of(generation) / "explore" / explorer
        remove_folder(path)
        return self._make(path)

    @staticmethod
    def _make(path: Path) -> Path:
        try:
            make_folder(path)
        except FileExistsError:
            raise OutputError(f"{path}: there is a file of that name; choose another [campaign] directory") from None
        except OSError as error:
            raise OutputError(cannot_write(path, error)) from None
        return path

    def data(self, generation: int) -> dict[str, list[Path]]:
        """Files of labelled structures up to a generation: {"train": ..., "validation": ...}."""
        folders = [self.of(k) for k in range(generation + 1)]
        named = {"train": LABELLED, "validation": HELD_BACK}
        return {use: [path for own in folders if (path := own / name).exists()] for use, name in named.items()}

    def write(self, history: History, generation: int, validation: float) -> None:
        """The structures of a generation as files, which are made of the record.

        validation : share of all labelled structures that no generation trains on, the last of every so many: what a
        potential was trained on says nothing of whether it learns on
        """
        folder, chosen = self.of(generation), history.chosen[generation]
        said = {
            own.hash: {"explorer": own.explorer, "place": own.place, "why": own.why, "hash": own.hash} for own in chosen
        }
        labelled = [
            (entry.system, labels, {TAG: f"generation {generation} {entry.tag}", "hash": entry.hash})
            for entry, labels in history.labelled(generation)
        ]
        held = held_back(history, generation, validation)
        files = {
            "selected.extxyz": [(entry.system, None, said[entry.hash]) for entry in chosen],
            LABELLED: [own for own, back in zip(labelled, held, strict=True) if not back],
            HELD_BACK: [own for own, back in zip(labelled, held, strict=True) if back],
            "failed.extxyz": [
                (entry.system, None, said[entry.hash] | {key: event[key] for key in ("kind", "reason") if key in event})
                for entry, event in history.failed(generation)
            ],
        }
        for name, entries in files.items():
            if entries:
                write_labelled(folder / name, entries)
