"""Do molecules stay whole in a run: how long did their bonds become, does every hydrogen keep its heavy atom?

    python benchmarks/whole.py results/water.h5md

A bond is what is closer than 1.3 times the sum of both covalent radii in the first frame. Of each kind: how many there
are, the mean length and the longest one of the run, and when that was. Then the frames in which some hydrogen is closer
to another atom heavier than it than to the one it was nearest to at first: how many, which was the first, and
the most such hydrogens in a frame, and how many there are in the last one.
"""

import numpy as np
from common import parser, table

from mdcore import Trajectory
from mdcore.base.elements import radius

STRETCH = 1.3  # times the sum of both radii: still a bond


def main() -> None:
    options = parser(__doc__)
    options.add_argument("trajectory", nargs="+")
    for path in options.parse_args().trajectory:
        with Trajectory(path) as trajectory:
            print(f"{path}: {len(trajectory)} frames, {trajectory.times[0]:g} to {trajectory.times[-1]:g} fs")
            told(trajectory)


def vectors(frame, first, second) -> np.ndarray:
    """From atoms to others, nearest images, of which the cell must be larger than two bonds: [..., 3]"""
    apart = frame.positions[second] - frame.positions[first]
    periodic = np.array(frame.box.periodic)
    return apart - np.where(periodic, np.rint(apart @ np.linalg.inv(frame.box.matrix)), 0.0) @ frame.box.matrix


def told(trajectory) -> None:
    symbols = np.array([trajectory.symbols[k] for k in trajectory.species])
    radii = np.array([radius(s) for s in symbols])
    lengths = np.linalg.norm(vectors(trajectory[0], *np.ix_(range(len(symbols)), range(len(symbols)))), axis=-1)
    bonds = np.argwhere(np.triu(lengths < STRETCH * (radii[:, None] + radii), k=1))
    hydrogens, heavy = np.flatnonzero(symbols == "H"), np.flatnonzero(symbols != "H")
    owners, moved, all_lengths = None, [], []
    for frame in trajectory:
        all_lengths.append(np.linalg.norm(vectors(frame, *bonds.T), axis=-1))
        nearest = np.linalg.norm(vectors(frame, *np.ix_(hydrogens, heavy)), axis=-1).argmin(axis=1)
        owners = nearest if owners is None else owners
        moved.append(int((nearest != owners).sum()))
    found, rows = np.array(all_lengths), []
    kinds = ["-".join(sorted(symbols[pair])) for pair in bonds]
    for kind in sorted(set(kinds)):
        own = found[:, [k == kind for k in kinds]]
        frame = int(own.max(axis=1).argmax())
        rows.append((kind, own.shape[1], f"{own.mean():.3f}", f"{own.max():.2f}", f"{trajectory.times[frame]:g}"))
    print(table(("bond", "number", "mean, Angstrom", "longest", "at, fs"), rows))
    away = np.flatnonzero(moved)
    if len(away):
        print(f"hydrogens elsewhere in {len(away)} frames, first at {trajectory.times[away[0]]:g} fs, "
              f"at most {max(moved)}, in the last frame {moved[-1]}")  # fmt: skip
    else:
        print(f"each of {len(hydrogens)} hydrogens keeps its heavy atom")


if __name__ == "__main__":
    main()
