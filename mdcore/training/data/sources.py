"""Labelled structures from files: extxyz, whatever ASE reads, n2p2's input.data, DeePMD's npy folders.

Units. extxyz means eV and Angstrom, as ASE writes it, unless the user states others (the format itself does not
say). input.data says nothing: they must be stated, here or in a file mdcore.toml beside it. ASE and DeePMD define
eV and Angstrom; other ones stated for them are a contradiction.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.networks.n2p2.data import iterate_input_data
from mdcore.potentials.networks.n2p2.read import TOML_NAME, read_toml
from mdcore.potentials.networks.n2p2.settings import settings_text
from mdcore.potentials.networks.native_units import Units, unit_comments
from mdcore.structure import extxyz
from mdcore.structure.ase_files import iterate_atoms
from mdcore.structure.extxyz_columns import NEEDED
from mdcore.structure.system import check_file
from mdcore.training.data import deepmd
from mdcore.training.data.labelled import Labelled
from mdcore.training.data.labels import CUT, Labels
from mdcore.training.settings import LABELS, TOTAL, USUAL, Source

FORMATS = ("extxyz", "n2p2", "deepmd", "ase")
NATIVE = Units("angstrom", "ev")


def read(
    path, *, format: str | None = None, units=None, labels: Labels | None = None, tag: str | None = None,
    weight: float = Source.weight,
) -> list[Labelled]:  # fmt: skip
    """All structures of a file or folder, in eV and Angstrom.

    format : "extxyz", "n2p2", "deepmd" or "ase"; None: as the name and the content say
    units : {"length": ..., "energy": ...} or Units of the file
    labels : names of energy, forces, stress, charges and tag in the file, if they are unusual
    tag : for all of them, instead of the file's own; weight : of each of them

    InputError names the file, the structure (counted from 0) or line, and the cure.
    """
    path, labels, units = Path(path), labels or Labels(), Units.parse(units)
    kind = format or guess(path)
    if kind not in FORMATS:
        raise InputError(f"{path}: format {kind!r}: expected one of {', '.join(FORMATS)}")
    if kind in ("ase", "deepmd") and units not in (None, NATIVE):
        raise InputError(
            f"{path}: contradictory units: {units.length}, {units.energy} stated, but the format ({kind}) means "
            "angstrom and ev; drop them, or convert the file"
        )
    if not path.is_dir() or kind == "extxyz":
        check_file(path)
    frames = {"extxyz": _extxyz, "n2p2": _n2p2, "deepmd": _deepmd, "ase": _ase}[kind](path, units, labels)
    found = [_labelled(own, k, labels, tag, weight, str(path)) for k, own in enumerate(frames)]
    labels.warn()
    if not found:
        raise InputError(f"{path}: holds no structures")
    return found


def _labelled(own: dict, index: int, labels: Labels, tag: str | None, weight: float, file: str) -> Labelled:
    """A structure; labels that nobody asks for may be no numbers."""
    own["tag"] = own.get("tag", "") if tag is None else tag
    for name in set(LABELS).difference(labels.needed):
        if own.get(name) is not None and not np.isfinite(own[name]).all():
            own[name] = None
    return Labelled(**{"file": file, "index": index, **own}, weight=weight)


def of_atoms(atoms, index: int, labels: Labels) -> Labelled:
    """One structure of ASE at hand, with what calculator, `info` and `arrays` say; the caller lets `labels` warn."""
    return _labelled(_of_ase(atoms, labels, f"data: structure {index}"), index, labels, None, Source.weight, "")


def of_source(source: Source, needed: tuple[str, ...] = USUAL) -> list[Labelled]:
    """All structures of a file of a training; needed : the labels that count."""
    s = source
    labels = Labels(
        s.energy, s.forces, s.stress, s.stress_unit, " ".join(s.stress_order), s.stress_sign, s.tag_key, needed,
        s.charges, s.total_charge,
    )
    return read(s.file, format=s.format, units=s.units or None, labels=labels, tag=s.tag, weight=s.weight)


def guess(path: Path) -> str:
    """The format of a file or folder."""
    if path.is_dir():
        if (path / "input.data").exists():
            return "n2p2"
        if deepmd.systems(path):
            return "deepmd"
        raise InputError(
            f"{path}: is a folder without input.data (n2p2) and without type.raw and set.*/coord.npy (DeePMD); "
            "name a file, or such a folder"
        )
    if path.suffix.lower() in extxyz.SUFFIXES:
        return "extxyz"
    return "n2p2" if path.suffix == ".data" or path.name.startswith("input.data") else "ase"


def _converted(own: dict, units: Units, stress_too: bool = True) -> dict:
    """Numbers in a file's units -> eV and Angstrom."""
    length, energy = units.angstrom, units.ev
    factors = {
        "positions": length, "cell": length, "origin": length, "energy": energy, "forces": energy / length,
        "stress": energy / length**3 if stress_too else 1.0,
    }  # fmt: skip
    for name, factor in factors.items():
        if own.get(name) is not None and factor != 1.0:
            own[name] = own[name] * factor
    return own


def _extxyz(path: Path, units: Units | None, labels: Labels) -> Iterator[dict]:
    units = units or NATIVE
    may_be_nan = () if "forces" in labels.needed else labels.force_names
    for frame in extxyz.iterate(path, extra=labels.column_names, wanted=NEEDED, may_be_nan=may_be_nan):
        where = f"{path}: structure {frame.index}"
        cell = frame.lattice if any(frame.periodic) else None
        volume = float(abs(np.linalg.det(cell))) if all(frame.periodic) else None
        yield _converted(
            {
                "symbols": [frame.symbols[k] for k in frame.species.tolist()],
                "positions": frame.positions,
                "cell": cell,
                "periodic": frame.periodic,
                "origin": frame.origin if cell is not None else None,
                "energy": labels.energy_in(frame.info, where),
                "forces": labels.forces_in(frame.extra, where),
                "stress": labels.stress_in(frame.info, volume, where),
                "charges": labels.charges_in(frame.extra, where),
                "cut": frame.extra.get(CUT),
                "total_charge": labels.total_charge_in(frame.info, where),
                "tag": labels.tag_in(frame.texts),
            },
            units,
            stress_too=not labels.has_units,
        )


def _n2p2(path: Path, units: Units | None, labels: Labels) -> Iterator[dict]:
    path = path / "input.data" if path.is_dir() else path
    beside = read_toml(path.parent / TOML_NAME)["units"]
    if units and beside and units != beside:
        raise InputError(
            f"{path}: contradictory units: {units.length}, {units.energy} stated, but {path.parent / TOML_NAME} says "
            f"{beside.length}, {beside.energy}"
        )
    units = units or beside
    if units is None:
        settings = path.parent / "input.nn"
        hint = unit_comments(settings_text(settings)) if settings.exists() else ""
        raise InputError(
            f'{path}: input.data does not say its units; state them, e.g. units = {{length = "bohr", energy = '
            f'"hartree"}} (or --units length=bohr,energy=hartree), or in {TOML_NAME} beside it'
            + (f" (comments in input.nn say: {hint})" if hint else "")
        )
    for s in iterate_input_data(path, units):
        yield _converted(
            {
                "symbols": s.symbols, "positions": s.positions, "cell": s.cell, "energy": s.energy,
                "periodic": (s.cell is not None,) * 3, "forces": s.forces, "tag": s.set_name,
                "charges": s.charges if "charges" in labels.needed else None,
                "total_charge": s.charge if TOTAL in labels.needed else 0.0,
            },
            units,
        )  # fmt: skip


def _deepmd(path: Path, units: Units | None, labels: Labels) -> Iterator[dict]:
    for folder in deepmd.systems(path):
        yield from deepmd.frames(folder, path, labels)


def _ase(path: Path, units: Units | None, labels: Labels) -> Iterator[dict]:
    for index, atoms in enumerate(iterate_atoms(path)):
        yield _of_ase(atoms, labels, f"{path}: structure {index}")


def _of_ase(atoms, labels: Labels, where: str) -> dict:
    """ASE's Atoms, with the results of a calculator or of `info` and `arrays`."""
    results = dict(getattr(atoms.calc, "results", {}))
    info = dict(atoms.info) | {name: results[name] for name in ("energy", "stress", "virial") if name in results}
    wanted = labels.column_names
    columns = {name: array for name, array in atoms.arrays.items() if name in wanted}
    columns |= {name: results[name] for name in ("forces", "charges") if name in results and name in wanted}
    periodic = tuple(bool(flag) for flag in atoms.pbc)
    return {
        "symbols": atoms.get_chemical_symbols(),
        "positions": atoms.positions,
        "cell": atoms.cell.array if any(periodic) else None,
        "periodic": periodic,
        "origin": atoms.get_celldisp().ravel(),
        "energy": labels.energy_in(info, where),
        "forces": labels.forces_in(columns, where),
        "stress": labels.stress_in(info, float(atoms.cell.volume) if all(periodic) else None, where),
        "charges": labels.charges_in(columns, where),
        "cut": columns.get(CUT),
        "total_charge": labels.total_charge_in(info, where),
        "tag": labels.tag_in(atoms.info),
    }
