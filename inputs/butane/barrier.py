"""Does a potential know what it costs to turn butane about its middle bond?

    python inputs/butane/barrier.py potentials/butane_GFN2.h5 --counts results/counts.h5 --plot butane.png

The torsion from cis to anti in steps of 5 degrees, everything else relaxed: by GFN2-xTB (profile.extxyz, made by
label.py), and by each network, which relaxes on its own surface from the same unrelaxed start. `at the same structures`
are the network's energies of the structures that GFN2-xTB relaxed. Energies are from anti; needs ASE.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import read
from torsion import ANGLES, relaxed

from mdcore.ase import MDCore
from mdcore.base.units import KJ_PER_MOL

HERE = Path(__file__).resolve().parent
GAUCHE, BARRIER = slice(50, 81), slice(90, 151)  # degrees, where they are sought


def reference() -> tuple[list, np.ndarray]:
    """(structures, energies from anti in meV) of the relaxed profile of GFN2-xTB."""
    structures = read(HERE / "profile.extxyz", index=":")
    energies = np.array([s.get_potential_energy() for s in structures])
    return structures, 1e3 * (energies - energies[-1])


def own_profile(potential) -> np.ndarray:
    """meV from anti, relaxed on the surface of this potential."""
    energies = np.array([relaxed(MDCore(potential), angle).get_potential_energy() for angle in ANGLES])
    return 1e3 * (energies - energies[-1])


def same_structures(potential, structures) -> np.ndarray:
    """meV from anti, of given structures."""
    energies = np.array([MDCore(potential).get_potential_energy(s) for s in structures])
    return 1e3 * (energies - energies[-1])


def marks(profile: np.ndarray) -> dict[str, float]:
    """What chemists quote: the gauche well, the barrier between it and anti, and cis; meV."""
    angles = np.array(ANGLES)
    inside = lambda s: profile[(angles >= s.start) & (angles < s.stop)]  # noqa: E731
    return {"gauche": inside(GAUCHE).min(), "anti-gauche barrier": inside(BARRIER).max(), "cis": profile[0]}


def table(curves: dict[str, np.ndarray]) -> str:
    """One row a curve: its marks in meV and kJ/mol, and how far it is from the first curve."""
    first = next(iter(curves.values()))
    lines = [f"{'meV (kJ/mol)':<34}" + "".join(f"{name:>22}" for name in marks(first)) + f"{'RMSE':>10}{'largest':>10}"]
    for name, profile in curves.items():
        cells = [f"{x:.1f} ({x / 1e3 / KJ_PER_MOL:.2f})" for x in marks(profile).values()]
        off = profile - first
        far = f"{np.sqrt(np.mean(off**2)):>10.2f}{np.abs(off).max():>10.2f}" if off.any() else ""
        lines.append(f"{name:<34}" + "".join(f"{cell:>22}" for cell in cells) + far)
    return "\n".join(lines)


def draw(curves: dict[str, np.ndarray], path: str) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, profile), style in zip(curves.items(), ("ko", "-", "--"), strict=False):
        axes.plot(ANGLES, profile, style, label=name, markersize=4, markerfacecolor="none")
    axes.set(xlabel="C-C-C-C torsion, degrees", ylabel="energy from anti, meV", xlim=(0, 180), xticks=range(0, 181, 30))
    both_ways = (lambda e: e / 1e3 / KJ_PER_MOL, lambda e: e * 1e3 * KJ_PER_MOL)
    axes.secondary_yaxis("right", functions=both_ways).set_ylabel(
        "kJ/mol"
    )
    axes.legend(frameon=False)
    figure.savefig(path, dpi=150)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("potential")
    options.add_argument("--counts", help="a potential that counts bonded neighbours, to show beside it")
    options.add_argument("--plot", help="draw the relaxed curves to this file")
    chosen = options.parse_args()
    structures, energies = reference()
    curves = {"GFN2-xTB": energies, "network": own_profile(chosen.potential)}
    told = {**curves, "network, at the same structures": same_structures(chosen.potential, structures)}
    if chosen.counts:
        name = "counts of bonded neighbours"
        curves[name] = told[name] = own_profile(chosen.counts)
        told[f"{name}, same structures"] = same_structures(chosen.counts, structures)
    print(table(told))
    if chosen.plot:
        draw(curves, chosen.plot)


if __name__ == "__main__":
    main()
