"""Which structures of a run are worth labelling? Those a potential is unsure about, not too close in time."""

import numpy as np


class Saver:
    """Appends structures to a file, for labelling: no energies and no forces, which nobody shall train on.

    dump : an ExtxyzDump, or None: nothing is saved
    """

    def __init__(self, dump=None):
        self.dump = dump
        self._saved, self._unread = None, True  # step of the last structure in the file; it has not been looked at

    def save(self, sim, pause: int, about: dict, columns: dict[str, np.ndarray] | None = None) -> None:
        """Append the structure of this step, unless the last one is less than `pause` steps ago (collective).

        about : entries of the comment line; columns : of each atom, {name: float64 [n_owned]}
        """
        if self.dump is None:
            return
        if self._unread:  # a continued run: what does its file hold?
            self._unread = False
            self._saved = sim.comm.bcast(self.dump.last_step() if sim.comm.rank == 0 else None)
        if self._saved is not None and sim.step < self._saved + pause:
            return
        snapshot = sim.snapshot()
        extra = {name: sim.by_tag(values) for name, values in (columns or {}).items()}
        if snapshot is not None:
            self.dump.write(snapshot, None, sim.units, about, extra, forces=False)
        self._saved = sim.step


def warn(message: str) -> None:
    import warnings

    warnings.warn(message, stacklevel=3)
