"""Which potential is in this file or folder?"""

import difflib
import os
from pathlib import Path

from mdcore.base.arguments import as_path
from mdcore.base.errors import InputError
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.trained import Model


def read_model(path, units: Units | dict | None = None) -> Model:
    """The trained potential in `path`: a folder of n2p2/RuNNer files, or mdcore's own .h5 file.

    units : as the user states them, e.g. {"length": "bohr", "energy": "hartree"}; None: the file says
    InputError says what was expected where.
    """
    from mdcore.potentials.networks.h5 import read_h5
    from mdcore.potentials.networks.n2p2.read import read_n2p2

    path = Path(os.path.expanduser(as_path(path, "a network potential")))
    if path.name == "input.nn":
        path = path.parent
    if path.is_dir():
        if not os.path.lexists(path / "input.nn"):
            there = ", ".join(sorted(file.name for file in path.glob("*.h5"))[:3])
            cure = f"name a file in it: {there}" if there else "expected a .h5 file, or a folder of n2p2 or RuNNer"
            raise InputError(f"{path}: a folder without input.nn; {cure}")
        return read_n2p2(path, units)
    if not path.exists():
        meant = _near(path)
        hint = f"did you mean {meant}?" if meant else "expected a folder with input.nn, or a .h5 file"
        raise InputError(f"{path}: no such file or folder; {hint}")
    return read_h5(path, units)


def _near(path: Path) -> Path | None:
    """A potential of nearly that name, with or without its ending, beside `path` or in potentials/."""
    found = {file.stem: file for folder in (Path("potentials"), path.parent) for file in folder.glob("*.h5")}
    close = difflib.get_close_matches(path.stem if path.suffix == ".h5" else path.name, found, n=1)
    close = close or [stem for stem in sorted(found) if stem.startswith(path.stem)]
    return found[close[0]] if close else None
