"""What silicon's campaign begins with: ten strained crystals, without labels. python start.py [start.extxyz]

64 atoms of diamond, 5.43 Angstrom, each cell strained by up to 4 % in every component, and each coordinate moved at
random by 0.05 Angstrom (standard deviation), as strain alone leaves hardly any forces to learn from.
"""

import sys
from pathlib import Path

import numpy as np

from mdcore import Box, System
from mdcore.structure import extxyz

STRUCTURES, STRAIN, WIDTH = 10, 0.04, 0.05


def crystals() -> list[System]:
    perfect, rng = System.build("diamond", 5.43, "Si", repeat=(2, 2, 2)), np.random.default_rng(1)
    found = []
    for _ in range(STRUCTURES):
        strain = rng.uniform(-STRAIN, STRAIN, (3, 3))
        turn = np.eye(3) + 0.5 * (strain + strain.T)
        positions = perfect.positions @ turn + rng.normal(scale=WIDTH, size=perfect.positions.shape)
        found.append(System(Box(perfect.box.matrix @ turn), positions, "Si"))
    return found


def main() -> None:
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("start.extxyz")
    with open(path, "w") as stream:
        for system in crystals():
            extxyz.write_frame(stream, system, digits=7)


if __name__ == "__main__":
    main()
