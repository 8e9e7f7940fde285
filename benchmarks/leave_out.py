"""What do settings of a training say of structures unlike any it saw? Some kinds of structures are held back by thirds.

    python benchmarks/leave_out.py inputs/train_molybdenum_density.toml --kind Surface --name one-layer \
        --set model.layers=1 --set committee.members=1
    python benchmarks/leave_out.py inputs/train_molybdenum_density.toml --kind Surface --mean one-layer vectors

The first [[data]] of the input is split in folds: each holds back a share of the structures whose comment line has the
word --kind, and a fourth of that share of the others. A training a fold, its files in --folder; then root mean squares
and mean absolute errors of what was held back in all folds, of these files alone or of the mean of several trainings.
The second [[data]], which would be for tests, is not read. Trainings never see what is held back: what validates in
the input tells which epoch is the best, or errors of what is trained on (--set data.0.use=split deals some of it out).
--set data.1.use=validation lets what is held back choose the epoch, as for some tables in docs/benchmarks.md, whose
rows are by this command.
"""

import subprocess
import sys
from pathlib import Path

import numpy as np
from common import machine, parser, table

import mdcore
from mdcore.config.load_training import load_training
from mdcore.training.data import sources


def frames(path: Path) -> list[str]:
    """The text of each structure of an extended xyz file."""
    lines, found, k = path.read_text().splitlines(keepends=True), [], 0
    while k < len(lines) and lines[k].strip():
        many = int(lines[k]) + 2
        found.append("".join(lines[k : k + many]))
        k += many
    return found


def split(path: Path, kind: str, folds: int, folder: Path) -> list[tuple[Path, Path]]:
    """Files to train on and to hold back, of each fold."""
    counts, held, pairs = {True: 0, False: 0}, {}, []
    structures = frames(path)
    for k, text in enumerate(structures):
        own = kind in text.splitlines()[1]
        every = folds if own else 4 * folds
        held[k] = (counts[own] % every) // (1 if own else 4) if own or counts[own] % 4 == 0 else None
        counts[own] += 1
    for fold in range(folds):
        pairs.append((folder / f"fold-{fold}-train.xyz", folder / f"fold-{fold}-held.xyz"))
        for file, wanted in zip(pairs[-1], (False, True), strict=True):
            file.write_text("".join(text for k, text in enumerate(structures) if (held[k] == fold) == wanted))
    return pairs


def train(options, pairs, name: str) -> None:
    for fold, (own, held) in enumerate(pairs):
        sets = [f"data.0.file={own.resolve()}", f"data.1.file={held.resolve()}", "data.1.use=test",
                f"output.directory={options.folder}", f"output.name={name}-{fold}",
                *(text.replace("FOLD", str(fold)) for text in options.set)]  # fmt: skip
        words = [word for text in sets for word in ("--set", text)]
        command = [sys.executable, "-m", "mdcore", "train", options.input, "--overwrite", "--quiet", *words]
        subprocess.run(command, check=True)


def errors(options, pairs, names) -> list[str]:
    """Of the mean of trainings: energies (meV/atom) of all and of the kind, forces (meV/Angstrom) likewise."""
    energies, forces, special = [], [], []
    for fold, (_, held) in enumerate(pairs):
        labelled = sources.read(str(held))
        kinds = [options.kind in text.splitlines()[1] for text in frames(held)]
        structures = [s.structure for s in labelled]
        answers = [mdcore.evaluate(str(options.folder / f"{name}-{fold}.h5"), structures) for name in names]
        for own, kind, *found in zip(labelled, kinds, *answers, strict=True):
            energies.append(1e3 * (np.mean([a.energy for a in found]) - own.energy) / own.n)
            forces.append(1e3 * (np.mean([a.forces for a in found], axis=0) - own.forces))
            special.append(kind)
    cells = []
    for chosen in (np.ones(len(special), dtype=bool), np.array(special)):
        e, f = np.array(energies)[chosen], np.concatenate([own for own, yes in zip(forces, chosen, strict=True) if yes])
        cells += [f"{np.sqrt(np.mean(e**2)):.2f}", f"{np.abs(e).mean():.2f}", f"{np.sqrt(np.mean(f**2)):.1f}"]
    return cells


def main() -> None:
    options = parser(__doc__)
    options.add_argument("input")
    options.add_argument("--kind", required=True, help="a word of the comment line")
    options.add_argument("--name", help="train, under this name")
    options.add_argument("--set", action="append", default=[], help="as for mdcore train; FOLD: the fold")
    options.add_argument("--mean", nargs="+", help="names of trainings that were made")
    options.add_argument("--folds", type=int, default=3)
    options.add_argument("--folder", type=Path, default=Path("results/leave_out"))
    options = options.parse_args()
    if bool(options.name) == bool(options.mean):
        sys.exit("leave_out.py: error: either --name, to train, or --mean, of what was trained")
    options.folder.mkdir(parents=True, exist_ok=True)
    data = load_training(options.input).data[0].file
    pairs = split(Path(options.input).parent / data, options.kind, options.folds, options.folder)
    if options.name:
        train(options, pairs, options.name)
    names = options.mean or [options.name]
    print(machine())
    head = ("trained", "energy, meV/atom", "mean absolute", "force, meV/Angstrom")
    head = (*head, *(f"{text}, {options.kind}" for text in head[1:]))
    print(table(head, [(", ".join(names), *errors(options, pairs, names))]))


if __name__ == "__main__":
    main()
