"""What do the benchmarks of network potentials share: reading a published folder and its structure."""

import argparse
from pathlib import Path

import numpy as np

from mdcore import Box, System
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.n2p2.data import read_input_data

FOLDER_HELP = "folder with input.nn, scaling.data, weights.*.data and a structure, input.data"


def add_potential(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--potential", type=Path, required=True, help=FOLDER_HELP)
    add_units(parser)


def add_units(parser: argparse.ArgumentParser, default=None) -> None:
    parser.add_argument(
        "--units", nargs=2, metavar=("LENGTH", "ENERGY"), default=default,
        help=f"units of the potential if it doesn't state them, e.g. bohr hartree; default: {default or 'its own'}",
    )  # fmt: skip


def open_potential(folder, units=None):
    """The model in a folder; units : (length, energy) or None"""
    return read_model(folder, {"length": units[0], "energy": units[1]} if units else None)


def first_structure(folder, model) -> System:
    """The first structure of input.data, as a system in metal units."""
    structure = read_input_data(Path(folder) / "input.data")[0]
    angstrom = model.stated_units.angstrom
    symbols = tuple(dict.fromkeys(structure.symbols))
    return System(
        Box(structure.cell * angstrom),
        structure.positions * angstrom,
        species=np.array([symbols.index(s) for s in structure.symbols]),
        symbols=symbols,
    )
