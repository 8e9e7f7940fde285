"""How wrong are forces of charges at an accuracy, and how do errors of a mesh fall with the distance of its points?

    python benchmarks/charge_errors.py [--asked]

The structures of tests/test_electrostatics.py (a melt, a thin gas, ions beside their partners, a crystal whose ions are
displaced by 0.2 Angstrom). Errors are root mean squares, relative to what forces are, next to a sum over waves at
1e-10: over the accuracy asked for, by waves and by a mesh; and, without --asked, of meshes of
16 to 64 points each way, over (alpha h)^order, h the distance of points: the constants of
mdcore/potentials/charges/mesh.py.
"""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
from common import machine, parser, relative, table

from mdcore import Electrostatics, evaluate

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.test_electrostatics import LIQUIDS, SALT, displaced

CUTOFFS, ACCURACIES, POINTS = (5.0, 8.0), (1e-3, 1e-5, 1e-8), (16, 24, 36, 48, 64)
METHODS = ("ewald", "mesh")
WHERE = "mdcore.potentials.charges.electrostatics"


def forces(system, **options) -> np.ndarray:
    return evaluate(Electrostatics(SALT, **options), [system])[0].forces


def on_mesh(system, cutoff: float, order: int, points: int) -> tuple[np.ndarray, float]:
    """Forces, and alpha h."""
    potential = Electrostatics(SALT, accuracy=1e-10, cutoff=cutoff, method="mesh")
    potential.order = order
    with mock.patch(f"{WHERE}.sizes", lambda *_: (points,) * 3), mock.patch(f"{WHERE}.MOST_POINTS", np.inf):
        found = evaluate(potential, [system])[0].forces
    return found, potential.alpha * np.linalg.norm(system.box.matrix, axis=1).max() / points


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--asked", action="store_true", help="only whether errors are as asked for")
    constants_too = not options.parse_args().asked
    print(machine())
    asked, constants = [], []
    for name, system in (LIQUIDS | {"crystal": displaced()}).items():
        exact = forces(system, accuracy=1e-10, cutoff=8.0, method="ewald")
        for cutoff in (*CUTOFFS, None):
            for method in METHODS:
                found = (forces(system, accuracy=a, cutoff=cutoff, method=method) for a in ACCURACIES)
                ratios = [relative(own, exact) / a for own, a in zip(found, ACCURACIES, strict=True)]
                asked.append((name, cutoff or "chosen", method, *(f"{ratio:.2g}" for ratio in ratios)))
        for cutoff in CUTOFFS if constants_too and name in LIQUIDS else ():
            for order in (4, 6, 8):
                runs = (on_mesh(system, cutoff, order, n) for n in POINTS)
                constants.append((name, cutoff, order, *(f"{relative(f, exact) / ah**order:.2g}" for f, ah in runs)))
    print(table(("structure", "cutoff", "method", *(f"error / accuracy at {a:g}" for a in ACCURACIES)), asked))
    if constants:
        print(table(("structure", "cutoff", "order", *(f"{n} points" for n in POINTS)), constants))


if __name__ == "__main__":
    main()
