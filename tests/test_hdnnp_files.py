"""Is a network potential written without loss, in a folder or one HDF5 file, and are its units known?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore.base.errors import InputError, OutputError
from mdcore.base.units import BOHR, HARTREE
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.model import HDNNP, SCALING_MODES
from mdcore.potentials.networks.n2p2.data import LabelledStructure, read_input_data, write_input_data
from mdcore.potentials.networks.n2p2.read import read_n2p2
from mdcore.potentials.networks.n2p2.write import write_n2p2
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.trained import TestVector
from tests.reference import hdnnp
from tests.reference.hdnnp_models import INPUT, random_cluster, random_model, write_folder

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


# --- nothing is lost -------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", SCALING_MODES)
def test_folder_keeps_every_bit(tmp_path, mode):
    options = {"cutoff_type": 6, "alpha": 0.1} if mode == "sigma" else {}
    model = random_model(
        mode=mode, normalize_nodes=mode == "scale", normalisation=mode != "center", **options
    )
    write_n2p2(model, tmp_path / "random")
    assert identical(read_n2p2(tmp_path / "random"), model)
    with pytest.raises(OutputError, match="exists"):
        write_n2p2(model, tmp_path / "random")
    write_n2p2(model, tmp_path / "random", overwrite=True)
    assert not list((tmp_path / "random").glob(".*"))


def test_folder_refuses_what_it_cannot_hold(tmp_path):
    one, two = random_model(), random_model(cutoff_type=6)
    parts = {name: getattr(one, name) for name in HDNNP.__dataclass_fields__}
    mixed = HDNNP(**parts | {"symmetry_functions": (one.symmetry_functions[0], two.symmetry_functions[1])})
    with pytest.raises(OutputError, match="one cutoff type only"):
        write_n2p2(mixed, tmp_path / "p")
    write_h5(mixed, tmp_path / "mixed.h5")
    assert identical(read_h5(tmp_path / "mixed.h5"), mixed)


def with_test_vectors(model):
    vectors = []
    for cell in (None, np.diag([4.0, 4.5, 5.0])):
        positions = random_cluster("OHH", seed=4)
        result = hdnnp.evaluate(model, "OHH", positions, cell)
        vectors.append(TestVector(tuple("OHH"), positions, cell, result.energy, result.forces))
    parts = {name: getattr(model, name) for name in HDNNP.__dataclass_fields__}
    return HDNNP(**parts | {"test_vectors": tuple(vectors)})


@pytest.mark.parametrize("mode", ["none", "sigma"])
def test_h5_keeps_every_bit(tmp_path, mode):
    model = with_test_vectors(random_model(mode=mode, normalisation=mode == "none", cutoff_type=7, alpha=0.2))
    path = tmp_path / "model.h5"
    write_h5(model, path)
    again = read_h5(path)
    assert identical(again, model)
    for vector in again.test_vectors:
        result = hdnnp.evaluate(again, vector.symbols, vector.positions, vector.cell)
        assert result.energy == vector.energy and np.array_equal(result.forces, vector.forces)
    with pytest.raises(OutputError, match="exists"):
        write_h5(model, path)
    with pytest.raises(InputError, match=r"bohr, ev given, but .*model\.h5 states angstrom, ev"):
        read_h5(path, units={"length": "bohr", "energy": "eV"})


def test_a_folder_in_the_place_of_a_potential(tmp_path):
    with pytest.raises(InputError, match=r"a folder without input.nn; expected a .h5 file, or a folder of n2p2"):
        read_model(tmp_path)
    write_h5(random_model(), tmp_path / "water.h5")
    with pytest.raises(InputError, match=r"a folder without input.nn; name a file in it: water.h5"):
        read_model(tmp_path)


def test_bad_h5(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "model.h5"
    with pytest.raises(InputError, match="can't be read: No such file"):
        read_h5(path)
    path.write_bytes(b"not HDF5 at all")
    with pytest.raises(InputError, match="not an HDF5 file; expected a potential"):
        read_h5(path)
    path.unlink()
    write_h5(random_model(), path)
    with h5py.File(path, "a") as file:
        del file["elements/O/weights/1"]
    with pytest.raises(InputError, match="incomplete or damaged"):
        read_h5(path)
    with h5py.File(path, "a") as file:
        file.attrs["version"] = 99
    with pytest.raises(InputError, match="newer mdcore"):
        read_h5(path)
    with h5py.File(path, "a") as file:
        del file.attrs["format"]
    with pytest.raises(InputError, match="not a potential of mdcore"):
        read_h5(path)


# --- units and mdcore.toml -------------------------------------------------------------------------------


def test_units_from_input_or_file(tmp_path):
    folder = write_folder(tmp_path / "p")
    model = read_n2p2(folder, units={"length": "Bohr", "energy": "Ha"})
    assert model.stated_units == Units("bohr", "hartree")
    assert model.units.angstrom == BOHR and model.units.ev == HARTREE
    (folder / "mdcore.toml").write_text(
        'units = {length = "bohr", energy = "hartree"}\n[training]\nrmse = 0.5\n'
    )
    model = read_n2p2(folder)
    assert model.units == Units("bohr", "hartree") and model.training == {"rmse": 0.5}
    with pytest.raises(InputError, match=r"angstrom, ev given, but .*mdcore\.toml states bohr, hartree"):
        read_n2p2(folder, units={"length": "angstrom", "energy": "eV"})


def test_unit_comments_are_a_hint_only(tmp_path):
    model = read_n2p2(
        write_folder(tmp_path / "p", "# Length unit     : Bohr\n# Energy unit : Ha #\n" + INPUT)
    )
    with pytest.raises(
        InputError, match=r"comments in its input\.nn say: Length unit : Bohr, Energy unit : Ha"
    ):
        _ = model.stated_units


@pytest.mark.parametrize(
    "text, message",
    [
        ('units = {length = "bor", energy = "eV"}', "length = 'bor': unknown unit.*did you mean 'bohr'"),
        ('units = {length = "bohr"}', "energy is missing"),
        ('units = "bohr"', "expected a table"),
        ('unit = {length = "bohr", energy = "eV"}', "unknown key 'unit'; did you mean 'units'"),
        ("units = ", "mdcore.toml: "),
        ("training = 3", "expected a table of texts and numbers"),
    ],
)
def test_bad_toml(tmp_path, text, message):
    folder = write_folder(tmp_path / "p")
    (folder / "mdcore.toml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_n2p2(folder)


# --- input.data ------------------------------------------------------------------------------------------


def structures():
    rng = np.random.default_rng(0)
    for n, name in ((2, "train"), (3, "")):
        yield LabelledStructure(
            symbols=("O", "H", "H")[:n],
            positions=rng.normal(size=(n, 3)),
            cell=rng.normal(size=(3, 3)) if n == 2 else None,
            energy=float(rng.normal()),
            forces=rng.normal(size=(n, 3)),
            charges=rng.normal(size=n),
            atomic_energies=rng.normal(size=n),
            charge=float(rng.normal()),
            comment="made up",
            set_name=name,
            units=Units("bohr", "hartree"),
        )


def test_input_data_keeps_every_bit(tmp_path):
    path, original = tmp_path / "input.data", list(structures())
    write_input_data(path, original)
    again = read_input_data(path, units={"length": "bohr", "energy": "hartree"})
    assert identical(again, original)
    metal = again[0].in_metal_units()
    assert np.allclose(metal.forces, original[0].forces * HARTREE / BOHR, rtol=1e-15)
    assert metal.units == Units("angstrom", "ev")
    with pytest.raises(InputError, match="state its units"):
        read_input_data(path)[0].in_metal_units()


ATOM = "atom 0 0 0 O 0 0 0 0 0\n"


@pytest.mark.parametrize(
    "text, message",
    [
        ("begin\n" + ATOM + "energy 1\n", "no 'end': is the file truncated"),
        ("begin\natom 0 0 0 O 0 0 0 0\n", "line 2: atom needs 9 values, found 8"),
        ("begin\natom 0 0 zero O 0 0 0 0 0\n", "line 2: atom: expected numbers"),
        ("begin\natom 0 0 nan O 0 0 0 0 0\n", "not a finite number"),
        ("begin\natom 0 0 0 Q 0 0 0 0 0\n", "unknown element 'Q'"),
        ("begin\nenergy 1\nend\n", "line 3: the structure that ends here has no atoms"),
        ("begin\n" + ATOM + "end\n", "has no energy"),
        ("begin\n" + ATOM + "energy 1\nenergy 2\nend\n", "energy given twice"),
        ("begin\nlattice 1 0 0\n" + ATOM + "energy 1\nend\n", "has 1 lattice lines"),
        ("begin\nbegin\n", "line 2: 'begin' inside a begin"),
        (ATOM, "line 1: 'atom' outside a begin"),
        ("begin\natoms 1\n", "unknown keyword 'atoms'; did you mean 'atom'"),
        ("begin train\n", "expected 'begin' or 'begin set=<name>'"),
    ],
)
def test_bad_input_data(tmp_path, text, message):
    path = tmp_path / "input.data"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_input_data(path)


# --- the reference folders -------------------------------------------------------------------------------


@pytest.mark.reference
@pytest.mark.parametrize("name", ["H2O_RPBE-D3", "Cu2S_PBE"])
def test_reference_folders_survive_both_forms(tmp_path, name):
    folder = REFERENCE / "n2p2" / name
    if not folder.is_dir():
        pytest.skip(f"no reference data beside the repository ({folder})")
    model = read_n2p2(folder, units={"length": "bohr", "energy": "hartree"})
    write_n2p2(model, tmp_path / name)
    write_h5(model, tmp_path / "model.h5")
    assert identical(read_n2p2(tmp_path / name), model)
    assert identical(read_h5(tmp_path / "model.h5"), model)
    text = (
        folder / "weights.001.data" if name.startswith("H2O") else folder / "weights.016.data"
    ).read_text()
    column = [float(line.split()[0]) for line in text.splitlines() if not line.startswith("#")]
    assert np.array_equal(model.networks[0].flat(), column)


@pytest.mark.reference
@pytest.mark.parametrize("name, n_structures, n_atoms", [("H2O_RPBE-D3", 20, None), ("Cu2S_PBE", 20, 144)])
def test_reference_data_sets(name, n_structures, n_atoms):
    path = REFERENCE / "n2p2_training" / name / "input.data"
    if not path.is_file():
        pytest.skip(f"no reference data beside the repository ({path})")
    data = read_input_data(path, units={"length": "bohr", "energy": "hartree"})
    assert len(data) == n_structures and all(s.cell is not None for s in data)
    assert n_atoms in (None, len(data[0].symbols))
    assert all(np.abs(s.forces.sum(axis=0)).max() < 1e-2 for s in data)
