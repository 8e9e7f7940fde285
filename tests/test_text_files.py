"""Does every text file come in as editors and Fortran programs leave it, or get one sentence that says what it is?"""

import os
from pathlib import Path

import numpy as np
import pytest

from mdcore.analysis.table import read_table
from mdcore.base.errors import InputError
from mdcore.config import load
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.n2p2.data import read_input_data
from mdcore.potentials.networks.n2p2.read import read_n2p2
from mdcore.structure.system import System
from mdcore.training import symmetry_sets
from mdcore.training.data import sources

WATER = "potentials/water.h5"
INPUT_DATA = """\
begin
comment caf\u00e9\u2026
lattice 9.0 0.0 0.0
lattice 0.0 9.0 0.0
lattice 0.0 0.0 9.0
atom 0.0 0.0 1.5 O 0.0 0.0 0.0 0.0 0.5
atom 0.0 1.0 0.0 H 0.0 0.0 0.0 0.25 0.0
energy -1.5
charge 0.0
end
"""
INPUT_NN = """\
# caf\u00e9\u2026 elements Zz
elements H
global_hidden_layers_short 1
global_nodes_short 2
global_activation_short t l
cutoff_type 1
symfunction_short H 2 H 0.125 0.5 6.0
"""
SCALING = "# caf\u00e9\u2026 9 9 9\n1 1 0.25 0.75 0.5 0.125\n"
WEIGHTS = "0.5\n0.25\n-1.5\n0.125\n2.5\n-0.75\n# caf\u00e9\u2026 x\n0.5\n"
TABLE = "# caf\u00e9\u2026 r\nr,O-H\n0.5,0.25\n1.5,0.75\n"
TOML = """\
title = "caf\u00e9"  # \u2026 x
[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.25
[[potential]]
type = "lj"
cutoff = 8.5
species.Ar = { epsilon = 0.01034, sigma = 3.4 }
[[stage]]
ensemble = "nve"
steps = 1
timestep = 2.0
"""


def d_exponents(text):
    """1.5 as 1.5D+00, 0.25 as 0.25d0."""
    words = [[word + ("D+00" if word[-1] == "5" else "d0") if "." in word and word[-1].isdigit() else word
              for word in line.split(" ")] for line in text.split("\n")]  # fmt: skip
    return "\n".join(" ".join(line) for line in words)


FORMS = {
    "as it is": lambda text: text.encode(),
    "mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16 BE": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "UTF-32": lambda text: text.encode("utf-32"),
    "Latin-1": lambda text: text.replace("\u2026", "\x85").encode("latin-1"),  # of Windows: an ellipsis
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "CR": lambda text: text.replace("\n", "\r").encode(),
    "no end": lambda text: text.rstrip("\n").encode(),
    "blanks": lambda text: text.replace("\n", "  \t\n").encode() + b"\n\n",
    "Windows": lambda text: text.replace("\n", "\r\n").encode("utf-16"),
}
FORTRAN = {"D": lambda text: d_exponents(text).encode(), "tabs": lambda text: text.replace(" ", "\t").encode()}


@pytest.fixture(params=FORMS)
def form(request):
    return FORMS[request.param]


@pytest.fixture(params=FORMS | FORTRAN)
def any_form(request):
    return (FORMS | FORTRAN)[request.param]


def test_input_data(tmp_path, any_form):
    (tmp_path / "input.data").write_bytes(any_form(INPUT_DATA))
    (one,) = read_input_data(tmp_path / "input.data")
    assert one.symbols == ("O", "H") and one.energy == -1.5 and one.cell[1, 1] == 9.0
    assert one.positions[0, 2] == 1.5 and one.forces[1, 1] == 0.25 and one.comment.startswith("caf\u00e9")


@pytest.mark.parametrize("name", ["input.nn", "scaling.data", "weights.001.data"])
def test_network_potentials(tmp_path, name, any_form):
    texts = {"input.nn": INPUT_NN, "scaling.data": SCALING, "weights.001.data": WEIGHTS}
    for other, text in texts.items():
        (tmp_path / other).write_text(text)
    (tmp_path / name).write_bytes(any_form(texts[name]))
    model = read_n2p2(tmp_path)
    assert model.symmetry_functions[0][0].eta == 0.125 and model.scaling[0].max[0] == 0.75
    assert model.networks[0].biases[0][0] == -1.5 and model.networks[0].weights[0][0, 1] == 0.25
    if name == "input.nn":
        units = {"length": "bohr", "energy": "hartree"}
        assert len(symmetry_sets.from_input_nn(tmp_path, ("H",), units)["H"]) == 1


def test_unit_files(tmp_path, form):
    for name, text in (("input.nn", INPUT_NN), ("scaling.data", SCALING), ("weights.001.data", WEIGHTS)):
        (tmp_path / name).write_text(text)
    (tmp_path / "mdcore.toml").write_bytes(form('# caf\u00e9 \u2026 x\n[units]\nlength = "bohr"\nenergy = "hartree"\n'))
    assert read_n2p2(tmp_path).units.length == "bohr"


def test_tables(tmp_path, any_form):
    (tmp_path / "rdf.csv").write_bytes(any_form(TABLE))
    table = read_table(tmp_path / "rdf.csv")
    np.testing.assert_array_equal(table["r"], [0.5, 1.5])
    np.testing.assert_array_equal(table["O-H"], [0.25, 0.75])


@pytest.mark.parametrize("between", [", ", " , ", "\t", "  "])
def test_tables_with_other_columns(tmp_path, between):
    (tmp_path / "rdf.dat").write_text(TABLE.replace(",", between))
    np.testing.assert_array_equal(read_table(tmp_path / "rdf.dat")["O-H"], [0.25, 0.75])


def test_inputs(tmp_path, form):
    (tmp_path / "argon.toml").write_bytes(form(TOML))
    settings = load(tmp_path / "argon.toml")
    assert settings.title == "caf\u00e9" and settings.structure.lattice_constant == 5.25


@pytest.mark.parametrize("name", ["type.raw", "type_map.raw"])
def test_deepmd(tmp_path, name, form):
    folder = tmp_path / "all" / "water"
    (folder / "set.000").mkdir(parents=True)
    texts = {"type.raw": "0\n1\n", "type_map.raw": "O\nH\n"}
    for other, text in texts.items():
        (folder / other).write_text(text)
    (folder / name).write_bytes(form(texts[name]))
    (folder / "nopbc").write_text("")
    for key, shape in (("coord", (2, 6)), ("energy", (2,)), ("force", (2, 6))):
        np.save(folder / "set.000" / f"{key}.npy", np.arange(12.0)[: np.prod(shape)].reshape(shape))
    assert sources.read(tmp_path / "all")[1].symbols == ("O", "H")


def test_a_fault_in_a_tree_of_systems_names_the_system(tmp_path):
    for name in ("a", "b/c"):
        folder = tmp_path / "all" / name
        (folder / "set.000").mkdir(parents=True)
        (folder / "type.raw").write_text("0 1")
        (folder / "type_map.raw").write_text("O Hx" if name == "b/c" else "O H")
        (folder / "nopbc").write_text("")
        np.save(folder / "set.000" / "coord.npy", np.arange(12.0).reshape(2, 6))
    with pytest.raises(InputError, match=r"all/b/c/set\.000: frame 0: .*'Hx'"):
        sources.read(tmp_path / "all")
    (tmp_path / "all/b/c/type_map.raw").write_text("O H")
    force = np.zeros((2, 6))
    force[1, 3] = np.nan
    np.save(tmp_path / "all/b/c/set.000/force.npy", force)
    with pytest.raises(InputError, match=r"all/b/c/set\.000: frame 1: forces: atom 1 "):
        sources.read(tmp_path / "all")
    np.save(tmp_path / "all/b/c/set.000/force.npy", np.zeros((2, 5)))
    with pytest.raises(InputError, match=r"all/b/c/set\.000/force\.npy: an array of shape \(2, 5\), expected"):
        sources.read(tmp_path / "all")


HEADER = b"\x93NUMPY\x01\x00\x76\x00{'descr': '<f8', 'fortran_order': False, 'shape': (%s, 6), }"


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x03\x04", HEADER % b"1000000000", HEADER % (b"9" * 40), HEADER % b"(((", b"\0" * 99]
)
def test_arrays_that_are_none(tmp_path, content):
    (tmp_path / "set.000").mkdir()
    (tmp_path / "type.raw").write_text("0 1")
    (tmp_path / "type_map.raw").write_text("O H")
    (tmp_path / "nopbc").write_text("")
    (tmp_path / "set.000" / "coord.npy").write_bytes(content.ljust(128, b" ") if content[:1] == b"\x93" else content)
    with pytest.raises(InputError, match=r"coord\.npy: (can't be read as a NumPy array|no NumPy array)"):
        sources.read(tmp_path)


@pytest.mark.parametrize("words", ["", "a b", "1.0 0", "\u00b2 0", "9" * 30, "0 \0"])
def test_types_that_are_none(tmp_path, words):
    (tmp_path / "set.000").mkdir()
    np.save(tmp_path / "set.000" / "coord.npy", np.zeros((1, 6)))
    (tmp_path / "type.raw").write_text(words)
    (tmp_path / "type_map.raw").write_text("O H")
    with pytest.raises(InputError, match=r"type\.raw: (expected one integer an atom|a binary file)"):
        sources.read(tmp_path)


READERS = {
    "extxyz": ("a.xyz", System.read),
    "labelled": ("b.xyz", sources.read),
    "input.data": ("input.data", read_input_data),
    "toml": ("c.toml", load),
    "table": ("d.csv", read_table),
    "input.nn": ("input.nn", lambda path: read_model(os.path.dirname(path))),
}


@pytest.mark.parametrize("what", READERS)
@pytest.mark.parametrize("kind", ["pipe", "device", "folder", "damaged", "binary", "dangling"])
def test_what_is_no_text_file(tmp_path, what, kind):
    name, reader = READERS[what]
    path = Path(tmp_path / name)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "binary":
        path.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(100))
    elif kind == "damaged":
        path.write_bytes(b"\xff\xfea\0b")
    else:
        path.symlink_to("/dev/zero" if kind == "device" else tmp_path / "nothing")
    words = {
        "pipe": "a pipe", "device": "a device", "folder": "a folder|is a directory", "binary": "a binary file",
        "damaged": "not a text file", "dangling": "no such|No such",
    }  # fmt: skip
    with pytest.raises(InputError, match=words[kind]) as caught:
        reader(str(path))
    assert name in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["x = " + "[" * 3000, "x = " + "9" * 5000, "x = " + "{a=" * 3000])
def test_inputs_beyond_bounds(tmp_path, text):
    (tmp_path / "c.toml").write_text(text)
    with pytest.raises(InputError, match=r"c\.toml") as caught:
        load(tmp_path / "c.toml")
    assert len(str(caught.value)) < 500
