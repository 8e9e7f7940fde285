"""Where does a campaign write? A folder of its own, with the record and one folder a generation."""

from pathlib import Path

from mdcore.base.errors import OutputError
from mdcore.base.writing import cannot_write, make_folder, remove, remove_folder
from mdcore.learn.history import History
from mdcore.learn.record import NAME, Record
from mdcore.learn.structures import write_labelled
from mdcore.learn.training import TAG

LABELLED = "labelled.extxyz"


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
        Record(self.record, write=False)  # OutputError if it is none
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
        except OSError as error:
            raise OutputError(cannot_write(path, error)) from None
        return path

    def write(self, history: History, generation: int) -> None:
        """The structures of a generation as files, which are made of the record."""
        folder, chosen = self.of(generation), history.chosen[generation]
        said = {
            own.hash: {"explorer": own.explorer, "place": own.place, "why": own.why, "hash": own.hash} for own in chosen
        }
        files = {
            "selected.extxyz": [(entry.system, None, said[entry.hash]) for entry in chosen],
            LABELLED: [
                (entry.system, labels, {TAG: f"generation {generation} {entry.tag}", "hash": entry.hash})
                for entry, labels in history.labelled(generation)
            ],
            "failed.extxyz": [
                (entry.system, None, said[entry.hash] | {"reason": event["reason"]})
                for entry, event in history.failed(generation)
            ],
        }
        for name, entries in files.items():
            if entries:
                write_labelled(folder / name, entries)
