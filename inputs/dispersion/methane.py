"""How far does methane feel methane? A local network, and one that learned what DFT-D3 leaves, pulled apart.

    python inputs/dispersion/label.py                                        # once
    python inputs/dispersion/methane.py --folder results --plot methane.png  # some minutes

Both see 5 Angstrom and are trained on the same labels; of the second one D3 is subtracted from them, and is part of the
potential. Energies are from 30 Angstrom apart.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import read

import mdcore
from mdcore.figures import COLORS, INK, figure, plain, save
from mdcore.potentials.networks.h5 import read_h5

HERE = Path(__file__).resolve().parent
CUTOFF = 5.0  # Angstrom
D3 = {"type": "d3", "s8": 2.4, "a1": 0.63, "a2": 5.0}  # of GFN1-xTB
CARD = {"labels": "GFN1-xTB, tblite", "contains": ["dispersion", "electrostatics"]}
NAMES = {"local": (), "D3 subtracted": (D3,)}
BANDS = ((0.0, 5.0), (5.0, 6.5), (6.5, 10.0), (10.0, 30.0))  # Angstrom between the carbons
TICKS = (4, 6, 10, 15, 30)


def trained(name: str, subtract, folder: Path):
    file = folder / f"methane-{name.split()[0].lower()}.h5"
    if not file.exists():
        result = mdcore.train(
            HERE / "methane.extxyz", progress=lambda row: print(row, flush=True), card=CARD, subtract=list(subtract),
            descriptors={"cutoff": CUTOFF, "radial": 6, "angular": 2, "zetas": [1], "keep": 20, "rare": 0.0},
            network={"hidden": [12, 12]}, split={"validation": 0.1},
            optimizer={"type": "kalman", "epochs": 8, "variance": 1.0},
        )  # fmt: skip
        result.write(file)
        file.with_suffix(".txt").write_text(f"{result}\n")
    return mdcore.HDNNPotential(read_h5(file), extrapolation="ignore")


def from_afar(potential, structures) -> np.ndarray:
    """Energies over that of the last structure, meV."""
    found = np.array([answer.energy for answer in mdcore.evaluate(potential, structures)])
    return 1e3 * (found - found[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("results"))
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    structures = read(HERE / "methane_profile.extxyz", index=":")
    far = np.array([s.positions[5, 2] - s.positions[0, 2] for s in structures])
    wanted = 1e3 * np.array([s.get_potential_energy() for s in structures])
    wanted -= wanted[-1]
    found = {name: from_afar(trained(name, law, arguments.folder), structures) for name, law in NAMES.items()}
    law = {key: value for key, value in D3.items() if key != "type"}
    alone = from_afar(mdcore.D3(**law), structures)
    print("largest errors, meV, by the distance of the carbons")
    print(f"{'Angstrom':<14}{'GFN1-xTB from':>14}{'to':>10}", end="")
    print("".join(f"{name:>16}" for name in found) + f"{'D3 alone':>16}")
    for low, high in BANDS:
        here = (far >= low) & (far <= high)
        off = [np.abs(own - wanted)[here].max() for own in (*found.values(), alone)]
        print(f"{low:>5g} to {high:<5g}{wanted[here][0]:>14.4f}{wanted[here][-1]:>10.4f}", end="")
        print("".join(f"{own:>16.4f}" for own in off))
    if arguments.plot:
        draw(arguments.plot, far, wanted, found)


def draw(path: Path, far, wanted, found) -> None:
    picture = figure(9.2, 4.0)
    whole, tail = picture.subplots(1, 2)
    for axes in (whole, tail):
        sign = -1.0 if axes is tail else 1.0
        axes.plot(far[:-1], sign * wanted[:-1], color=INK, linewidth=3.0, alpha=0.35, label="GFN1-xTB")
        for color, (name, own) in zip(COLORS, found.items(), strict=False):
            axes.plot(far[:-1], sign * own[:-1], color=color, linewidth=1.3, label=name)
        axes.set_xlabel("distance of the carbons, Å", color=INK)
        axes.set_ylabel("energy, meV" if axes is whole else "binding, meV", color=INK)
        axes.legend(frameon=False, fontsize=8)
        plain(axes)
    whole.set_xlim(3.4, 12.0)
    whole.set_ylim(1.4 * wanted.min(), -1.2 * wanted.min())
    tail.set_xscale("log")
    tail.set_yscale("log")
    tail.set_xlim(4.0, 30.0)
    tail.set_ylim(1e-4, 1e2)
    tail.set_xticks(TICKS, map(str, TICKS))
    tail.minorticks_off()
    whole.set_title("two methane molecules", fontsize=10, color=INK, loc="left")
    tail.set_title("the same, logarithms", fontsize=10, color=INK, loc="left")
    save(path, picture, "")


if __name__ == "__main__":
    main()
