"""How far does a density network look, with how many functions, where the plan does not say?

One layer sees no farther than its cutoff, and forces of metals reach over several shells: 2.75 times the mean distance
of nearest neighbours, which is less in motion than at rest, is as far as the sixth shell of bcc and fcc crystals. Atoms
of molecules are close, so theirs is SHORT; so is that of more layers, whose messages come from farther. One layer has
more harmonics, too: others learn angles from messages.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mdcore.engine.single import Engine
from mdcore.potentials.density.model import MOST_RADIAL, STEP, DensityNetwork
from mdcore.training.data.labelled import Labelled, elements_of
from mdcore.training.settings import DensitySettings
from mdcore.training.share import NeighborsOnly

SHORT, LONG = 5.0, 8.0  # Angstrom
SHELLS = 2.75  # times the mean distance of nearest neighbours
DENSE = 2.0  # radial functions an Angstrom
L_MAX, L_MAX_ALONE = 3, 4  # of several layers, of one


def settled(s: DensitySettings, data: Sequence[Labelled], start: DensityNetwork | None, comm) -> DensitySettings:
    """The settings with cutoff, radial, mixed and l_max: as given, as the potential has them that training goes on
    from, or found on the data, the same on all ranks."""
    if start:
        known = {name: getattr(start.design, name) for name in ("cutoff", "radial", "mixed", "l_max")}
    else:
        cutoff = s.cutoff or (SHORT if s.layers > 1 else cutoff_of(data, comm))
        radial = s.radial or min(max(round(DENSE * cutoff), 1), MOST_RADIAL)
        known = {"cutoff": cutoff, "radial": radial, "mixed": max(radial // STEP * STEP, STEP)}
        known["l_max"] = L_MAX if s.layers > 1 else L_MAX_ALONE
    return replace(s, **{name: own for name, own in known.items() if getattr(s, name) is None})


def cutoff_of(data: Sequence[Labelled], comm) -> float:
    """Of one layer, Angstrom: in tenths, so that rounding on several ranks does not show."""
    engine, total, n = Engine(NeighborsOnly(SHORT), elements_of(data)), 0.0, 0
    for s in data[comm.rank :: comm.size]:
        engine.place(s.box, s.positions, np.zeros(s.n, dtype=np.int32))
        centre, _, r = engine.pairs()
        nearest = np.full(s.n, np.inf)
        np.minimum.at(nearest, centre, np.linalg.norm(r, axis=1))
        near = nearest[np.isfinite(nearest)]
        total, n = total + near.sum(), n + len(near)
    total, n = comm.sum(np.array([total, n], dtype=np.float64))
    return float(np.clip(round(SHELLS * total / max(n, 1.0), 1), SHORT, LONG))
