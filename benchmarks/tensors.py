"""How good are dipole moments and polarizabilities of water, and what spectra follow from them?

    python benchmarks/tensors.py errors ../shared/reference/datasets/water_tensors
    python benchmarks/tensors.py cells ../shared/reference/datasets/water_tensors
    python benchmarks/tensors.py dipoles ../shared/reference/datasets/water_tensors water_dipoles.extxyz
    mdcore train water_dipoles.toml

The data are the examples of DeePMD-kit: 64 molecules; "dipoles" at O there are sums of the displacements of the four
Wannier centres from O, in Angstrom, polarizabilities Angstrom^3. `errors` trains on the folders "training", chooses the
epoch on 15 % of them, and looks at the folders "validation" once, at the end. `cells` leaves out of the folder
"training" the fifth of the cells whose bonds O-H are the shortest on average, and tells how polarizabilities of these
come out. `dipoles` writes the training folders anew, with dipole moments of molecules, the two nearest H at e each,
every Wannier centre at -2 e, in the column atomic_dipole and under the key dipole, and the input of a training beside
them.
"""

import tempfile
from pathlib import Path

import numpy as np
from common import machine, parser, table

from mdcore.cli import train_tensors
from mdcore.config.load_training import parse_training
from mdcore.potentials.tensors.moments import SYMMETRIC
from mdcore.training.tensors.data import of_source
from mdcore.training.tensors.outcome import outcome, prepare, started
from mdcore.training.tensors.settings import TensorSource

MODEL = """
[split]
validation = 0.15

[optimizer]
type = "adam"
epochs = 60
batch = 8
step = 3e-3
last_step = 1e-5
decay = 2.0
average = 0.99

[model]
type = "tensors"
centers = ["O"]
"""
FOLDERS = MODEL + """
[[data]]
file = "{folder}/training"
periodic = true

[[data]]
file = "{folder}/validation"
periodic = true
use = "test"

[output]
name = "{name}"
directory = "{directory}"
plot = false
"""
MOLECULES = MODEL + """ions = {{ H = 1.0 }}              # e; what is learnt is of the electrons

[[data]]
file = "{file}"
"""
CHARGE = 2.0  # of a pair of electrons, e


def errors(folder: Path) -> None:
    rows = []
    with tempfile.TemporaryDirectory() as directory:
        for name in ("dipole", "polar"):
            text = FOLDERS.format(folder=(folder / name).resolve(), name=name, directory=directory)
            model = train_tensors.train(parse_training(text, f"{name}.toml"), say=lambda text="": None)
            rows += [[key.rpartition(",")[0], key.rpartition(", ")[2], f"{value:.3g}"]
                     for key, value in model.training.items() if "RMSE" in key]  # fmt: skip
    print(table(("set, quantity", "unit", "RMSE"), rows))


def cells(folder: Path) -> None:
    data = of_source(TensorSource(file=str(folder / "polar/training")))
    order = np.argsort([bond(s) for s in data])
    fifth = len(data) // 5
    left, rest = ([data[k] for k in own] for own in (order[:fifth], order[fifth:]))
    rows = []
    for field in (False, True):
        own = (folder / "polar/training").resolve()
        text = f'{MODEL}local_field = {str(field).lower()}\n[[data]]\nfile = "{own}"\n'
        plan = parse_training(text, "cells.toml").plan
        prepared = prepare(plan, [("split", rest), ("test", left)])
        begun = started(plan, prepared)
        for _ in begun.fit.epochs():
            pass
        found = outcome(plan, prepared, begun)
        for name, (structures, wholes) in found.predictions.items():
            label = np.array([s.atomic_polarizability[np.array(s.symbols) == "O"].sum(axis=0)
                              if s.polarizability is None else s.polarizability for s in structures])  # fmt: skip
            off = (wholes["polarizability"] - label) / np.array([s.symbols.count("O") for s in structures])[:, None]
            rms = np.sqrt(np.mean(off**2 @ SYMMETRIC) / SYMMETRIC.sum())
            rows.append([str(field).lower(), name, len(structures), f"{rms:.4f}", f"{off[:, :3].mean():+.4f}"])
    head = ("local_field", "set", "cells", "RMSE, Angstrom^3 a molecule", "mean error of the diagonal")
    print(table(head, rows))


def bond(s) -> float:
    """The mean distance of each H from its nearest O, Angstrom."""
    symbols, lengths = np.array(s.symbols), np.diag(s.cell)
    r = s.positions[symbols == "H", None] - s.positions[symbols == "O"]
    r -= lengths * np.rint(r / lengths)
    return float(np.sqrt((r**2).sum(axis=2).min(axis=1)).mean())


def dipoles(folder: Path, path: Path) -> None:
    data = of_source(TensorSource(file=str(folder / "dipole/training"), periodic=True))
    with path.open("w") as file:
        for s in data:
            ions = hydrogens(s)
            own = np.full((s.n, 3), np.nan)
            entry = ""
            if s.atomic_dipole is not None:
                oxygen = np.array(s.symbols) == "O"
                own[oxygen] = ions[oxygen] - CHARGE * s.atomic_dipole[oxygen]
            if s.dipole is not None:
                entry = ' dipole="{:.8f} {:.8f} {:.8f}"'.format(*(ions.sum(axis=0) - CHARGE * s.dipole))
            lattice = " ".join(f"{x:.8f}" for x in s.cell.ravel())
            columns = "Properties=species:S:1:pos:R:3:atomic_dipole:R:3"
            print(f'{s.n}\nLattice="{lattice}" pbc="T T T" {columns}{entry}', file=file)
            for symbol, x, mu in zip(s.symbols, s.positions, own, strict=True):
                print(symbol, *(f"{value:.8f}" for value in (*x, *mu)), file=file)
    path.with_suffix(".toml").write_text(MOLECULES.format(file=path.name))
    print(f"{path}: {len(data)} structures; {path.with_suffix('.toml')}: the input of their training")


def hydrogens(s) -> np.ndarray:
    """Of each O, the sum of the vectors to its H, each H being its nearest O's; float64 [n, 3], zero of H."""
    found, symbols = np.zeros((s.n, 3)), np.array(s.symbols)
    oxygen, lengths = np.flatnonzero(symbols == "O"), np.diag(s.cell)
    for h in np.flatnonzero(symbols == "H"):
        r = s.positions[h] - s.positions[oxygen]
        r -= lengths * np.rint(r / lengths)
        nearest = np.argmin((r**2).sum(axis=1))
        found[oxygen[nearest]] += r[nearest]
    return found


if __name__ == "__main__":
    it = parser(__doc__)
    it.add_argument("what", choices=("errors", "cells", "dipoles"))
    it.add_argument("folder", type=Path, help="water_tensors of the reference data")
    it.add_argument("path", type=Path, nargs="?", default=Path("water_dipoles.extxyz"), help="what dipoles writes")
    arguments = it.parse_args()
    print(machine())
    if arguments.what == "errors":
        errors(arguments.folder)
    elif arguments.what == "cells":
        cells(arguments.folder)
    else:
        dipoles(arguments.folder, arguments.path)
