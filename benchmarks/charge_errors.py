"""How wrong are forces of charges at an accuracy, and how do errors of a mesh fall with the distance of its points?

    python benchmarks/charge_errors.py

The structures of tests/test_electrostatics.py (a melt, a thin gas, ions beside their partners). Errors are root mean
squares, relative to what forces are, next to a sum over waves at 1e-10: over the accuracy asked for; and, of meshes of
16 to 64 points each way, over (alpha h)^order, h the distance of points: the constants of
mdcore/potentials/charges/mesh.py.
"""

import sys
from pathlib import Path
from unittest import mock

import numpy as np
from common import machine, parser, table

from mdcore import Electrostatics, evaluate

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.test_electrostatics import LIQUIDS, SALT

CUTOFFS, ACCURACIES, POINTS = (5.0, 8.0), (1e-3, 1e-5, 1e-8), (16, 24, 36, 48, 64)
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
    parser(__doc__).parse_args()
    print(machine())
    asked, constants = [], []
    for name, system in LIQUIDS.items():
        for cutoff in CUTOFFS:
            exact = forces(system, accuracy=1e-10, cutoff=cutoff, method="ewald")

            def error(found, exact=exact) -> float:
                return float(np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()))

            ratios = [error(forces(system, accuracy=a, cutoff=cutoff, method="ewald")) / a for a in ACCURACIES]
            asked.append((name, cutoff, *(f"{ratio:.2g}" for ratio in ratios)))
            for order in (4, 6, 8):
                runs = (on_mesh(system, cutoff, order, n) for n in POINTS)
                constants.append((name, cutoff, order, *(f"{error(f) / ah**order:.2g}" for f, ah in runs)))
    print(table(("structure", "cutoff", *(f"error / accuracy at {a:g}" for a in ACCURACIES)), asked))
    print(table(("structure", "cutoff", "order", *(f"{n} points" for n in POINTS)), constants))


if __name__ == "__main__":
    main()
