"""Do charges that nobody showed it make the dipoles of molecules? Dipeptides, trained on energies and forces alone.

    python inputs/charges/dipeptides.py spice_dipeptides_train.xyz spice_dipeptides_val.xyz --folder results

The structures are those of D. S. King, D. Kim, P. Zhong, B. Cheng, Nat. Commun. 16, 8763 (2025), of SPICE (P. Eastman
et al., Sci. Data 10, 11 (2023); CC BY-NC: nothing trained on them ships), with dipoles of density functional theory, e
Angstrom, which are compared with sum q r of latent charges, of structures that were not trained on. Energies know no
sign of charges: oxygen is taken for more negative than hydrogen.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import read

import mdcore
from mdcore.figures import COLORS, GREY, INK, figure, plain, save
from mdcore.potentials.networks.h5 import read_h5

SEED = 11  # of the split


def trained(train: Path, charges: bool, folder: Path, epochs: int):
    file = folder / f"dipeptides-{'latent' if charges else 'local'}.h5"
    if not file.exists():
        held, rest = split(train)
        result = mdcore.train(
            {"train": rest, "validation": held}, progress=lambda row: print(row, flush=True),
            descriptors={
                "cutoff": 4.0, "radial": 8, "angular": 4, "angular_shells": 4, "zetas": [1, 4], "keep": 128,
            },
            network={"hidden": [32, 32]}, long_range={"charges": "latent", "hidden": [16]} if charges else None,
            optimizer={"type": "soap", "epochs": epochs, "decay": 0.1},
        )  # fmt: skip
        result.write(file)
        file.with_suffix(".txt").write_text(f"{result}\n")
    return mdcore.HDNNPotential(read_h5(file), extrapolation="ignore")


def split(train: Path) -> tuple[list, list]:
    """(a tenth of the structures, which chooses the epoch, and did all else there was to choose; the others)"""
    structures = read(train, index=":")
    order, n = np.random.default_rng(SEED).permutation(len(structures)), len(structures) // 10
    return [structures[k] for k in order[:n]], [structures[k] for k in order[n:]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    parser.add_argument("--folder", type=Path, default=Path("results"))
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    structures = read(arguments.test, index=":")
    wanted = np.array([np.ravel(s.calc.results["dipole"]) for s in structures])
    forces = np.concatenate([s.arrays["force"] for s in structures])
    energies = np.array([s.get_potential_energy() for s in structures])
    sizes = np.array([len(s) for s in structures])
    for charges in (False, True):
        potential = trained(arguments.train, charges, arguments.folder, arguments.epochs)
        bare = [mdcore.System.from_ase(s) for s in structures]
        found = mdcore.evaluate(potential, bare, findings=charges)
        off = 1e3 * (np.array([e.energy for e in found]) - energies) / sizes
        far = 1e3 * (np.concatenate([e.forces for e in found]) - forces)
        name = "latent" if charges else "local"
        off, far = np.sqrt(np.mean(off**2)), np.sqrt(np.mean(far**2))
        print(f"{name}: energy {off:.3g} meV/atom, force {far:.4g} meV/Angstrom")
    q = [e.findings["charges"] for e in found]
    oxygen, hydrogen = (
        np.concatenate([own[s.symbols == e] for own, s in zip(q, structures, strict=True)]).mean() for e in "OH"
    )
    dipoles = np.sign(hydrogen - oxygen) * np.array([own @ s.positions for own, s in zip(q, structures, strict=True)])
    correlation = np.corrcoef(dipoles.ravel(), wanted.ravel())[0, 1]
    slope = float((dipoles * wanted).sum() / (wanted**2).sum())
    error = np.abs(dipoles - wanted)
    print(
        f"dipoles, {len(q)} molecules: R^2 {correlation**2:.3f}, slope {slope:.3f}, mean error of a component "
        f"{error.mean():.3f} e Angstrom, root mean square {np.sqrt(np.mean(error**2)):.3f}, of the dipoles themselves "
        f"{np.sqrt(np.mean(wanted**2)):.3f}"
    )
    if arguments.plot:
        picture = figure(4.6, 4.2)
        axes = picture.subplots()
        ends = [wanted.min(), wanted.max()]
        axes.plot(ends, ends, color=GREY, linewidth=0.8)
        axes.plot(wanted.ravel(), dipoles.ravel(), ".", color=COLORS[0], markersize=4)
        axes.set_xlabel("dipole, density functional theory, e Å", color=INK)
        axes.set_ylabel("dipole of latent charges, e Å", color=INK)
        plain(axes)
        save(arguments.plot, picture, "")


if __name__ == "__main__":
    main()
