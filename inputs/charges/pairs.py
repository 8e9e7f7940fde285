"""How far do molecules feel each other? Two polar ones, and two ions, pulled apart from 3 to 30 Angstrom.

    python inputs/charges/pairs.py --folder results --plot pairs.png       # ten minutes

Trains a local network and one with latent charges on structures that label.py made, and compares both with GFN2-xTB
along the way; energies are from the farthest place that GFN2-xTB was asked for.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import read

import mdcore
from mdcore.figures import COLORS, INK, figure, plain, save
from mdcore.potentials.networks.h5 import read_h5

HERE = Path(__file__).resolve().parent
SETS = {"polar": ("HCN and HCN", 3), "ions": ("NH4+ and BF4-", 5)}  # atoms of the first
CUTOFF = 5.0  # Angstrom
TICKS = (3, 5, 10, 20, 30)


def trained(name: str, latent: bool, folder: Path):
    file = folder / f"{name}-{'latent' if latent else 'local'}.h5"
    if not file.exists():
        result = mdcore.train(
            HERE / f"{name}.extxyz", progress=lambda row: print(row, flush=True),
            descriptors={"cutoff": CUTOFF, "radial": 5, "angular": 2, "zetas": [1], "keep": 16},
            network={"hidden": [10, 10]}, split={"validation": 0.1},
            optimizer={"type": "kalman", "epochs": 6, "variance": 1.0},
            long_range={"charges": "latent", "hidden": [6]} if latent else None,
        )  # fmt: skip
        result.write(file)
        file.with_suffix(".txt").write_text(f"{result}\n")
    return mdcore.HDNNPotential(read_h5(file), extrapolation="ignore")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path("results"))
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    picture = figure(9.2, 4.0)
    for axes, (name, (title, n)) in zip(picture.subplots(1, 2), SETS.items(), strict=True):
        structures = read(HERE / f"{name}_profile.extxyz", index=":")
        far = np.array([s.positions[n:].mean(axis=0)[2] - s.positions[:n].mean(axis=0)[2] for s in structures])
        gap = [np.linalg.norm(s.positions[:n, None] - s.positions[n:], axis=-1).min() for s in structures]
        out = np.array(gap) > CUTOFF
        wanted = 1e3 * np.array([s.get_potential_energy() for s in structures])
        axes.plot(far, wanted - wanted[-1], color=INK, linewidth=3.0, alpha=0.35, label="GFN2-xTB")
        for color, latent in zip(COLORS, (False, True), strict=False):
            potential = trained(name, latent, arguments.folder)
            found = 1e3 * np.array([e.energy for e in mdcore.evaluate(potential, structures)])
            off = (found - found[-1]) - (wanted - wanted[-1])
            told = "latent charges" if latent else "local"
            axes.plot(far, found - found[-1], color=color, linewidth=1.3, label=told)
            print(
                f"{title}, {told}: largest error {np.abs(off).max():.2f} meV, of atoms farther apart than the cutoff "
                f"{np.abs(off[out]).max():.2f} meV, where the energy changes by {np.ptp(wanted[out]):.1f} meV, of the "
                f"network by {np.ptp(found[out]):.3g} meV; beyond 10 Angstrom {np.abs(off[far > 10.0]).max():.2f} meV"
            )
        axes.set_xscale("log")
        axes.set_xticks(TICKS, map(str, TICKS))
        axes.minorticks_off()
        axes.set_title(title, fontsize=10, color=INK, loc="left")
        axes.set_xlabel("distance of the centres, Å", color=INK)
        axes.set_ylabel("energy, meV", color=INK)
        axes.legend(frameon=False, fontsize=8)
        plain(axes)
    if arguments.plot:
        save(arguments.plot, picture, "")


if __name__ == "__main__":
    main()
