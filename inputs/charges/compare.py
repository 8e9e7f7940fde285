"""What must charges be, for what is far away to be felt? One data set, and networks with and without charges.

    python inputs/charges/compare.py carbon salt --folder results --plot charges.png     # half an hour a set

Trains, on the structures that label.py made, a local network (no charges), one with fixed charges, one with charges
that networks predict from labels (3G), one with charges that are equilibrated, from labels (4G), and two whose charges
are latent, predicted and equilibrated: found by energies and forces alone. The same descriptors, networks of energies,
split and filter for all. Errors are of structures that were not trained on, and of profiles along which one atom moves;
of a profile, energies are from its lowest.
"""

import argparse
from pathlib import Path

import numpy as np
from ase.io import read

import mdcore
from mdcore.figures import COLORS, INK, figure, plain, save
from mdcore.potentials.networks.h5 import read_h5
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels
from mdcore.training.metrics import Predictions, energy_errors
from mdcore.training.outcome import answers_of

HERE = Path(__file__).resolve().parent
SETS = {
    "carbon": {"fixed": {"H": 0.1, "C": -0.02}, "epochs": 4, "title": "the bond C-H at one end"},
    "salt": {"fixed": {"Na": 1.0, "Cl": -1.0}, "epochs": 5, "title": "the last ion of the rod"},
}
LABELS = {"charges": "labels"}
MODES = {
    "local": None,
    "fixed charges": {"charges": "fixed"},
    "predicted charges": LABELS,
    "equilibrated": LABELS | {"equilibrate": True, "as_input": True},
    "latent, predicted": {"charges": "latent"},
    "latent, equilibrated": {"charges": "latent", "equilibrate": True},
}


def sections(name: str, mode: str) -> dict:
    """What `mdcore.train` is told."""
    long_range, epochs = MODES[mode], SETS[name]["epochs"]
    optimizer = [{"type": "kalman", "epochs": epochs}]
    found = {
        "descriptors": {"cutoff": 5.0, "radial": 6, "angular": 2, "zetas": [1, 4], "keep": 24, "rare": 0},
        "network": {"hidden": [12, 12]}, "split": {"validation": 0.2}, "optimizer": optimizer,
    }  # fmt: skip
    if long_range:
        own = dict(long_range, hidden=[10]) if long_range["charges"] != "fixed" else {"charges": SETS[name]["fixed"]}
        found["long_range"] = own
        if own["charges"] == "labels":
            found["optimizer"] = [{"type": "kalman", "epochs": 4}, *optimizer]
    return found


def trained(name: str, mode: str, folder: Path):
    """The potential, from its file if there is one."""
    file = folder / f"{name}-{mode.replace(', ', '-').replace(' ', '-')}.h5"
    if not file.exists():
        def told(row):
            kept = {key: value for key, value in row.items() if "validation" in key and np.isfinite(value)}
            text = ", ".join(f"{key} {value:.3g}" for key, value in kept.items())
            print(f"{name}, {mode}: epoch {row['epoch']:.0f}, {text}", flush=True)

        result = mdcore.train(HERE / f"{name}.extxyz", progress=told, **sections(name, mode))
        result.write(file)
        file.with_suffix(".txt").write_text(f"{result}\n")
    return mdcore.HDNNPotential(read_h5(file), extrapolation="ignore")


def profiles(name: str) -> dict:
    """{tag: structures} along which one atom moves."""
    labels = Labels(needed=("energy", "forces", "charges", "total_charge"))
    found = sources.read(HERE / f"{name}_profile.extxyz", labels=labels)
    return {tag: [s for s in found if s.tag == tag] for tag in dict.fromkeys(s.tag for s in found)}


def places(name: str, tag: str) -> np.ndarray:
    """Where along x the atom is that moves, Angstrom."""
    x = np.array([s.positions[:, 0] for s in read(HERE / f"{name}_profile.extxyz", index=":") if s.info["tag"] == tag])
    return x[:, np.argmax(np.ptp(x, axis=0))]


def minimum(x: np.ndarray, energies: np.ndarray) -> float:
    """Of a profile: of the parabola through its lowest place and those beside it."""
    near = slice(np.argmin(energies) - 1, np.argmin(energies) + 2)
    square, slope, _ = np.polyfit(x[near] - x[0], energies[near], 2)
    return x[0] - slope / (2.0 * square)


def measured(name: str, mode: str, folder: Path) -> tuple[dict, dict]:
    """(errors by name, {tag: energies of the profile from their lowest, meV})"""
    potential, curves, errors = trained(name, mode, folder), {}, {}
    notes, worst = potential.model.training, []
    errors["energy, meV/atom"] = notes["validation energy RMSE, meV/atom"]
    errors["force, meV/Angstrom"] = notes["validation force RMSE, meV/Angstrom"]
    errors["charge, me"] = notes.get("validation charge RMSE, me", np.nan)
    for tag, data in profiles(name).items():
        energies = Predictions.of(answers_of(potential, data, 1)).energies
        wanted = np.array([s.energy for s in data])
        curves[tag] = 1e3 * (energies - energies.min())
        worst.append(np.abs(curves[tag] - 1e3 * (wanted - wanted.min())).max())
        off = np.sqrt(np.mean(energy_errors(data, energies) ** 2))
        errors[f"{tag}: energies along the profile, meV/atom"] = 1e3 * off
        x = places(name, tag)
        errors[f"{tag}: the minimum is off by, mAngstrom"] = 1e3 * (minimum(x, energies) - minimum(x, wanted))
    errors["profile, largest error of its shape, meV"] = max(worst)
    return errors, curves


def table(name: str, found: dict) -> str:
    """A row an error, a column a network."""
    rows = next(iter(found.values()))[0]
    lines = [f"| {name} | " + " | ".join(found) + " |", "|---" * (1 + len(found)) + "|"]
    for row in rows:
        cells = ["-" if np.isnan(own[row]) else f"{own[row]:.3g}" for own, _ in found.values()]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def draw(results: dict, path: Path) -> None:
    """Profiles, and how far they are from those of GFN2-xTB, a column a structure; all from GFN2-xTB's lowest place."""
    columns = [(name, tag) for name in results for tag in profiles(name)]
    picture = figure(4.6 * len(columns), 7.6)
    panels = picture.subplots(2, len(columns), squeeze=False, sharex="col")
    styles = [(color, style) for style in ("-", (0, (4, 2))) for color in COLORS]
    for (above, below), (name, tag) in zip(panels.T, columns, strict=True):
        data, place = profiles(name)[tag], places(name, tag)
        wanted = 1e3 * np.array([s.energy - min(s.energy for s in data) for s in data])
        lowest = int(np.argmin(wanted))
        place -= place[lowest]
        above.plot(place, wanted, color=INK, linewidth=4.0, alpha=0.3, label="GFN2-xTB")
        for (color, style), (mode, (_, curves)) in zip(styles, results[name].items(), strict=False):
            own = curves[tag] - curves[tag][lowest]
            for axes, y in ((above, own), (below, own - wanted)):
                axes.plot(place, y, color=color, linestyle=style, linewidth=1.5, label=mode)
        above.set_title(f"{tag}: {SETS[name]['title']}", fontsize=10, color=INK, loc="left")
        below.set_xlabel("Å from the lowest", color=INK)
        above.set_ylabel("energy, meV", color=INK)
        below.set_ylabel("energy, network less GFN2-xTB, meV", color=INK)
        plain(above)
        plain(below)
    panels[0, 0].legend(frameon=False, fontsize=8)
    save(path, picture, "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument("--folder", type=Path, default=Path("results"))
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    arguments.folder.mkdir(exist_ok=True)
    results = {}
    for name in arguments.sets:
        results[name] = {mode: measured(name, mode, arguments.folder) for mode in MODES}
        print(f"\n{table(name, results[name])}\n", flush=True)
    if arguments.plot:
        draw(results, arguments.plot)


if __name__ == "__main__":
    main()
