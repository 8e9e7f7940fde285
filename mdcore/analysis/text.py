"""A file of structures (extended xyz, dumps that ASE reads) as the analysis of a trajectory wants it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.base.units import get as get_units
from mdcore.dynamics.snapshots import holds_some, snapshots
from mdcore.structure.box import Box

FAR = 0.4  # of a cell vector: who moves farther between two frames may have gone the other way


class TextTrajectory:
    """What an analysis asks of a `Trajectory`, told by a file that is read anew for each pass.

    units : of the file; interval : time between two frames, user unit, where the file does not tell it; unwrapped :
    positions go on beyond the faces of the cell; else atoms are followed by the nearest image from frame to frame
    InputError unless all frames have the same atoms.
    """

    def __init__(self, path, units="metal", interval: float | None = None, unwrapped: bool = False):
        self.path, self.units, self._unwrapped = Path(path), get_units(units), unwrapped
        self.provenance = {"source": self.path.name}
        self.whole, self.farthest = True, 0.0
        first, steps, times, edges, moving = None, [], [], [], True
        for k, (frame, info) in enumerate(snapshots(self.path, units)):
            if first is None:
                first, self.whole = frame, not holds_some(info, frame.n_atoms)
            elif frame.names != first.names or frame.box.periodic != first.box.periodic:
                raise InputError(f"{self.path}: frame {k} (counting from 0) has other atoms than the first, or another "
                                 "kind of cell: one system at a time")  # fmt: skip
            moving = moving and frame.velocities is not None
            steps.append(frame.step)
            times.append(frame.time)
            edges.append(frame.box.matrix)
        if first is None:
            raise InputError(f"{self.path}: no frames to analyse")
        self.n_atoms, self.masses = first.n_atoms, first.masses
        self.species, self.symbols = first.species, first.symbols
        self.periodic, self.steps, self._edges = first.box.periodic, np.array(steps), np.array(edges)
        self.fields = ["position", "velocity"] if moving else ["position"]
        if interval is None:
            self.times = np.array(times)
        else:
            self.times = number("interval", interval, "time") * np.arange(len(steps))

    def __len__(self) -> int:
        return len(self.steps)

    def edges(self, rows: slice = slice(None)) -> np.ndarray:
        """float64 [frames, 3, 3], the cell vectors of some frames."""
        return self._edges[rows]

    def paths(self, first: int, last: int, images: bool = True) -> Iterator[tuple[np.ndarray, np.ndarray | None, Box]]:
        """(positions [n, 3], images [n, 3] or None, box) of frames first to last."""
        before = crossed = None
        for frame in self._frames(first, last):
            if images:
                crossed = np.zeros((self.n_atoms, 3)) if before is None else crossed
                scaled = frame.box.fractional(frame.positions)
                if before is not None and not self._unwrapped:
                    step = (scaled - before) * frame.box.periodic
                    crossed = crossed - np.rint(step)
                    self.farthest = max(self.farthest, float(np.abs(step - np.rint(step)).max()))
                before = scaled
            yield frame.positions, crossed, frame.box

    def velocities(self, rows) -> Iterator[np.ndarray]:
        """[n, 3] of each of these frames, in rising order."""
        wanted = set(rows)
        for k, frame in enumerate(self._frames(0, max(wanted))):
            if k in wanted:
                yield frame.velocities

    def _frames(self, first: int, last: int):
        for k, (frame, _) in enumerate(snapshots(self.path, self.units.name)):
            if k > last:
                return
            if k >= first:
                yield frame

    @property
    def lost(self) -> str:
        """Why atoms could not be followed on the last way through the frames; an empty text: they could."""
        if self.farthest <= FAR:
            return ""
        return (
            f"atoms move by up to {100 * self.farthest:.0f} % of the cell between two frames, too far to follow them "
            "through its faces: write frames more often, or positions that go on beyond the faces (--unwrapped)"
        )

    def thermo(self) -> dict:
        """There is no log."""
        return {}

    def close(self) -> None:
        """Nothing is open."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass
