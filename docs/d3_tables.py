"""The tables that ship with mdcore's DFT-D3, from the packages that have them.

    pip download --no-deps -d wheels tad-dftd3==0.7.0 tad-mctc==0.11.3
    python docs/d3_tables.py wheels

writes mdcore/potentials/dispersion/reference.h5 (reference systems, radii; read by reference.py) and damping.toml
(parameters by functional; read by damping.py) and copies the licence of these numbers, Apache 2.0, beside them.
"""

import ast
import io
import re
import sys
import tomllib
import zipfile
from pathlib import Path

import h5py
import numpy as np

PACKAGES = {"tad_dftd3": "0.7.0", "tad_mctc": "0.11.3"}
TARGET = Path(__file__).parent.parent / "mdcore/potentials/dispersion"
BOHR = 0.529177210903  # Angstrom, as in tad-mctc (CODATA 2018)
DAMPINGS = {"bj": ("s6", "s8", "a1", "a2"), "zero": ("s6", "s8", "rs6", "rs8")}
# what the library of s-dftd3 1.7.0 has where its table has another number, or none (tests/test_d3.py compares all)
LIBRARY = {("opbe", "zero"): {"s8": 2.055}, ("cf22d", "zero"): {"s8": 0.0}}
HEAD = """\
# Parameters of DFT-D3 by functional: {n} for rational (Becke-Johnson, "bj") and zero damping.
# From {origin}, whose table is that of s-dftd3; licence: Apache 2.0 (LICENSE.tables).
# Made by docs/d3_tables.py. s6 is 1 and rs8 is 1 unless said otherwise; a2 in bohr.
"""


def opened(folder: Path, package: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(folder.glob(f"{package}-{PACKAGES[package]}-*.whl")))


def literal(source: str, name: str):
    """The first list in what the function or name `name` is defined by."""
    for node in ast.walk(ast.parse(source)):
        named = isinstance(node, ast.FunctionDef) and node.name == name
        if named or (isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == name):
            return next(ast.literal_eval(own) for own in ast.walk(node) if isinstance(own, ast.List))
    raise KeyError(name)


def tensor(wheel: zipfile.ZipFile, name: str) -> np.ndarray:
    """The numbers of a file of one tensor of doubles."""
    inner = zipfile.ZipFile(io.BytesIO(wheel.read(name)))
    return np.frombuffer(inner.read(next(own for own in inner.namelist() if own.endswith("/data/0"))))


def tables(d3: zipfile.ZipFile, mctc: zipfile.ZipFile) -> dict[str, np.ndarray]:
    cn = np.array(literal(d3.read("tad_dftd3/reference.py").decode(), "_load_cn"))
    n, most = cn.shape  # the first row is of no element
    c6 = tensor(d3, "tad_dftd3/reference-c6.pt").reshape(n, n, most, most)
    z, k = np.nonzero(cn >= 0.0)
    c6 = c6[z[:, None], z[None, :], k[:, None], k[None, :]]
    assert (c6 == c6.T).all() and (c6 > 0.0).all()
    radii = mctc.read("tad_mctc/data/radii.py").decode()
    pairs = tensor(mctc, "tad_mctc/data/vdw-pairwise.pt").reshape(n, n) * BOHR
    assert (pairs == pairs.T).all() and np.abs(pairs - pairs.round(4)).max() < 1e-9
    lower = np.tril_indices(n - 1)
    return {
        "element": z.astype(np.uint8),
        "cn": cn[z, k],
        "c6": c6[np.tril_indices(len(z))],
        "r4r2": np.array(literal(d3.read("tad_dftd3/data/r4r2.py").decode(), "_r4_over_r2")[1:n]),
        "covalent": np.array(literal(radii, "_COV_2009")[1:n]),
        "pair_radii": pairs[1:, 1:].round(4)[lower],
    }


def damping(d3: zipfile.ZipFile) -> str:
    given = tomllib.loads(d3.read("tad_dftd3/param/parameters.toml").decode())["parameter"]
    aliases = tomllib.loads(d3.read("tad_dftd3/param/aliases.toml").decode())["alias"]
    lines = []
    for name, entry in sorted(given.items()):
        rows = []
        for kind, keys in DAMPINGS.items():
            if own := entry.get("d3", {}).get(kind):
                own = own | LIBRARY.get((name, kind), {})
                numbers = ", ".join(f"{key} = {float(own[key])!r}" for key in keys if key in own)
                doi = f', doi = "{own["doi"]}"' if "doi" in own else ""
                rows.append(f"{kind} = {{ {numbers}{doi} }}")
        if rows:
            lines += ["", f'["{name}"]', *rows]
    known = {name for name in given if any(f'["{name}"]' == line for line in lines)}
    lines += ["", "[aliases]"]
    lines += [f'"{other}" = "{name}"' for other, name in sorted(aliases.items()) if name in known]
    head = HEAD.format(n=len(known), origin=f"tad-dftd3 {PACKAGES['tad_dftd3']}")
    return head + re.sub(r"\n{3,}", "\n\n", "\n".join(lines)) + "\n"


if __name__ == "__main__":
    d3, mctc = (opened(Path(sys.argv[1]), package) for package in PACKAGES)
    with h5py.File(TARGET / "reference.h5", "w") as file:
        for name, values in tables(d3, mctc).items():
            file.create_dataset(name, data=values, track_times=False, compression="gzip", shuffle=True)
        file.attrs["origin"] = ", ".join(f"{name} {version}" for name, version in PACKAGES.items()) + "; Apache 2.0"
    (TARGET / "damping.toml").write_text(damping(d3))
    licence = next(name for name in d3.namelist() if name.endswith("licenses/LICENSE"))
    (TARGET / "LICENSE.tables").write_bytes(d3.read(licence))
