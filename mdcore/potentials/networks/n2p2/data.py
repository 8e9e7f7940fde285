"""Which labelled structures does an ``input.data`` file hold?

Blocks of ``begin [set=name]`` ... ``end`` with ``comment``, ``lattice`` (three or none), ``atom x y z El q n
fx fy fz``, ``energy`` and ``charge`` lines. The file doesn't say its units: the caller states them.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS, element_of, stranger
from mdcore.base.errors import InputError
from mdcore.base.files import open_text
from mdcore.base.numerals import number as to_number
from mdcore.base.writing import writing_text
from mdcore.potentials.networks.native_units import Units, did_you_mean

_KEYWORDS = ("begin", "comment", "lattice", "atom", "energy", "charge", "end")


@dataclass(frozen=True, eq=False)
class LabelledStructure:
    """One structure with its reference energy and forces, in `units`.

    positions, forces : float64 [n_atoms, 3]; cell : float64 [3, 3], rows a, b, c, or None for a cluster;
    charges, atomic_energies : float64 [n_atoms] (columns q and n of the file; usually zero).
    """

    symbols: tuple[str, ...]
    positions: np.ndarray
    cell: np.ndarray | None
    energy: float
    forces: np.ndarray
    charges: np.ndarray
    atomic_energies: np.ndarray
    charge: float = 0.0
    comment: str = ""
    set_name: str = ""
    units: Units | None = None

    def in_metal_units(self) -> "LabelledStructure":
        """The same structure in Angstrom and eV. InputError if its units were not stated."""
        if self.units is None:
            raise InputError('input.data: state its units, e.g. {length = "bohr", energy = "hartree"}')
        length, energy = self.units.angstrom, self.units.ev
        return replace(
            self,
            positions=self.positions * length,
            cell=None if self.cell is None else self.cell * length,
            energy=self.energy * energy,
            forces=self.forces * (energy / length),
            atomic_energies=self.atomic_energies * energy,
            units=Units("angstrom", "ev"),
        )


def read_input_data(path, units: Units | dict | None = None) -> list[LabelledStructure]:
    """All structures of the file; InputError names file and line."""
    return list(iterate_input_data(path, units))


def iterate_input_data(path, units: Units | dict | None = None) -> Iterator[LabelledStructure]:
    """The structures one by one, for files larger than memory."""
    path, units = Path(path), Units.parse(units)
    block = None
    with open_text(path, "structures in the format of n2p2 and RuNNer (input.data)") as stream:
        for number, raw in enumerate(stream, start=1):
            words = raw.removeprefix("\ufeff").split()  # files that begin with a mark may have been joined
            if not words or words[0].startswith("#"):
                continue
            where, keyword = f"{path}: line {number}", words[0]
            if keyword not in _KEYWORDS:
                near = did_you_mean(keyword, _KEYWORDS)
                alien = "; is it structures in the format of n2p2 and RuNNer?" if number == 1 and not near else near
                raise InputError(f"{where}: unknown keyword {keyword!r}{alien}")
            if (keyword == "begin") == (block is not None):
                raise InputError(
                    f"{where}: {keyword!r} {'inside' if block else 'outside'} a begin ... end block"
                )
            if keyword == "begin":
                block = {"set_name": _set_name(words[1:], where)}
            elif keyword == "comment":
                block["comment"] = raw.strip()[len("comment") :].strip()
            elif keyword == "end":
                yield _structure(block, where, units)
                block = None
            else:
                _read_line(block, keyword, words[1:], where)
    if block is not None:
        raise InputError(f"{path}: the last structure has no 'end': is the file truncated?")


def write_input_data(path, structures: Iterable[LabelledStructure]) -> None:
    """Write the structures in their own units; the file reads back to the same bits."""
    with writing_text(path) as stream:
        for structure in structures:
            stream.write(_text(structure))


def _set_name(words: list[str], where: str) -> str:
    if not words:
        return ""
    if len(words) > 1 or not words[0].startswith("set="):
        raise InputError(f"{where}: expected 'begin' or 'begin set=<name>', found {' '.join(words)!r}")
    return words[0].removeprefix("set=")


def _read_line(block: dict, keyword: str, words: list[str], where: str) -> None:
    counts = {"lattice": 3, "atom": 9, "energy": 1, "charge": 1}
    if len(words) != counts[keyword]:
        raise InputError(f"{where}: {keyword} needs {counts[keyword]} values, found {len(words)}")
    if keyword == "atom":
        symbol = words.pop(3)
        if element_of(symbol) not in ATOMIC_NUMBERS:
            raise InputError(f"{where}: unknown element {symbol!r}{stranger(symbol)}")
        block.setdefault("symbols", []).append(symbol)
    try:
        numbers = [to_number(word) for word in words]
    except ValueError:
        raise InputError(f"{where}: {keyword}: expected numbers, found {' '.join(words)!r}") from None
    if not np.all(np.isfinite(numbers)):
        raise InputError(f"{where}: {keyword}: not a finite number in {' '.join(words)!r}")
    if keyword in ("energy", "charge") and keyword in block:
        raise InputError(f"{where}: {keyword} given twice in one structure")
    block.setdefault(keyword, []).append(numbers)


def _structure(block: dict, where: str, units: Units | None) -> LabelledStructure:
    if "atom" not in block or "energy" not in block:
        raise InputError(
            f"{where}: the structure that ends here has no {'atoms' if 'energy' in block else 'energy'}"
        )
    lattice = block.get("lattice", [])
    if len(lattice) not in (0, 3):
        raise InputError(
            f"{where}: the structure that ends here has {len(lattice)} lattice lines; expected 0 or 3"
        )
    atoms = np.array(block["atom"])
    return LabelledStructure(
        symbols=tuple(block["symbols"]),
        positions=np.ascontiguousarray(atoms[:, 0:3]),
        cell=np.array(lattice) if lattice else None,
        energy=block["energy"][0][0],
        forces=np.ascontiguousarray(atoms[:, 5:8]),
        charges=atoms[:, 3].copy(),
        atomic_energies=atoms[:, 4].copy(),
        charge=block.get("charge", [[0.0]])[0][0],
        comment=block.get("comment", ""),
        set_name=block["set_name"],
        units=units,
    )


def _text(s: LabelledStructure) -> str:
    lines = [f"begin set={s.set_name}" if s.set_name else "begin"]
    lines += [f"comment {' '.join(s.comment.split())}"] if s.comment else []
    lines += [f"lattice {_numbers(row)}" for row in (() if s.cell is None else s.cell)]
    columns = (s.symbols, s.positions, s.charges, s.atomic_energies, s.forces)
    for symbol, position, charge, energy, force in zip(*columns, strict=True):
        lines.append(f"atom {_numbers(position)} {symbol} {_numbers((charge, energy))} {_numbers(force)}")
    return "\n".join([*lines, f"energy {_numbers([s.energy])}", f"charge {_numbers([s.charge])}", "end", ""])


def _numbers(values) -> str:
    return " ".join(repr(float(value)) for value in values)
