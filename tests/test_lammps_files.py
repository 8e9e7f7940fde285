"""Do data files and dumps of LAMMPS come in right, and is no element ever guessed?"""

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.config import parse
from mdcore.structure.lammps import element_of_mass
from mdcore.structure.system import System

HEAD = "water\n\n3 atoms\n2 atom types\n\n0.0 10.0 xlo xhi\n-1.0 11.0 ylo yhi\n0.0 14.0 zlo zhi\n\n"
MASSES = "Masses\n\n1 15.9994\n2 1.008 # proton\n\n"
ROWS = {
    "atomic": ["3 2 0.0 1.5 0.0", "1 1 1.0 0.5 0.25", "2 2 11.0 1.0 0.0"],
    "charge": ["3 2 0.42 0.0 1.5 0.0", "1 1 -0.84 1.0 0.5 0.25", "2 2 0.42 11.0 1.0 0.0"],
    "molecular": ["3 1 2 0.0 1.5 0.0", "1 1 1 1.0 0.5 0.25", "2 1 2 11.0 1.0 0.0"],
    "full": ["3 1 2 0.42 0.0 1.5 0.0", "1 1 1 -0.84 1.0 0.5 0.25", "2 1 2 0.42 11.0 1.0 0.0"],
}
OTHERS = (
    "\nPair Coeffs # lj/cut\n\n1 0.1 3.0\n2 0.0 1.0\n\nBonds\n\n1 1 1 2\n2 1 1 3\n\nAngles\n\n1 1 2 1 3\n\n"
    "Bond Coeffs\n\n1 450.0 0.957\n\nBondBond Coeffs\n\n1 1.0\n\nAngle Coeffs # harmonic\n\n1 55.0 104.5\n"
)


def atoms(style="atomic", images=False, hint=None):
    rows = [row + (" 0 -1 2" if images else "") + " # O" for row in ROWS[style]]
    return f"Atoms{style if hint is None else hint}\n\n" + "\n".join(rows) + "\n"


def text(style="atomic", images=False, hint="", masses=MASSES, head=HEAD):
    return head + masses + atoms(style, images, hint)


def write(tmp_path, content, name="w.data"):
    path = tmp_path / name
    path.write_text(content)
    return path


@pytest.mark.parametrize("others", ["", OTHERS])
@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("style, hint", [(s, f" # {s}") for s in ROWS] + [("atomic", ""), ("charge", ""), ("full", "")])
def test_atom_styles(tmp_path, style, hint, images, others):
    system = System.read(write(tmp_path, text(style, images, hint) + others))
    assert system.names == ["O", "H", "H"] and system.box.periodic == (True, True, True)
    np.testing.assert_array_equal(system.positions, [[1.0, 0.5, 0.25], [11.0, 1.0, 0.0], [0.0, 1.5, 0.0]])
    np.testing.assert_array_equal(system.box.origin, [0, -1, 0])
    np.testing.assert_array_equal(system.box.matrix, np.diag([10, 12, 14]))
    np.testing.assert_array_equal(system.masses, [15.9994, 1.008, 1.008])
    if style in ("charge", "full"):
        np.testing.assert_array_equal(system.charges, [-0.84, 0.42, 0.42])
    else:
        assert system.charges is None


@pytest.mark.parametrize("style", ["bond", "angle"])
def test_bonds_and_angles_have_the_columns_of_molecules(tmp_path, style):
    assert System.read(write(tmp_path, text("molecular", hint=f" # {style}"))).names == ["O", "H", "H"]


@pytest.mark.parametrize("title, factor", [("x", 1e-3), ("by write_data, units = metal", 1e-3), ("units = real", 1.0)])
def test_velocities_are_angstrom_per_picosecond_in_metal_units(tmp_path, title, factor):
    content = text().replace("water", title) + "\nVelocities\n\n2 4 5 6\n1 1 2 3\n3 7 8 -9D+00\n"
    velocities = System.read(write(tmp_path, content)).velocities
    np.testing.assert_allclose(velocities, factor * np.array([[1, 2, 3], [4, 5, 6], [7, 8, -9]]), rtol=1e-15)


def test_cells(tmp_path):
    tilted = HEAD.replace("zlo zhi\n", "zlo zhi\n1.0 -2.0 3.0 xy xz yz\n")
    system = System.read(write(tmp_path, text(head=tilted)))
    np.testing.assert_array_equal(system.box.matrix, [[10, 0, 0], [1, 12, 0], [-2, 3, 14]])
    general = "x\n3 atoms\n2 atom types\n0 10 0 avec\n-12 0 0 bvec\n0 1 14 cvec\n1 2 3 abc origin\n\n"
    system = System.read(write(tmp_path, text(head=general)), periodic=(True, True, False))
    np.testing.assert_array_equal(system.box.matrix, [[0, 10, 0], [-12, 0, 0], [0, 1, 14]])
    np.testing.assert_array_equal(system.box.origin, [1, 2, 3])


def test_against_ase(tmp_path):
    ase_io = pytest.importorskip("ase.io")
    for style, images in (("atomic", False), ("charge", False), ("full", True)):
        path = write(tmp_path, text(style, images, f" # {style}"))
        theirs = ase_io.read(path, format="lammps-data", atom_style=style)
        ours = System.read(path)
        separation = theirs.get_all_distances(mic=True)
        np.testing.assert_allclose(ours.to_ase().get_all_distances(mic=True), separation, atol=1e-12)
        assert ours.names == theirs.get_chemical_symbols()


# --- elements ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "mass, element",
    [
        (15.9994, "O"), (16.0, "O"), (1.0, "H"), (1.00794, "H"), (12.0, "C"), (12.011, "C"), (14.0, "N"),
        (28.0855, "Si"), (63.546, "Cu"), (39.948, "Ar"), (40.078, "Ca"), (58.933, "Co"), (58.6934, "Ni"),
        (55.845, "Fe"),
        (196.967, "Au"),
        (14.027, None), (15.035, None), (16.043, None), (13.019, None), (18.015, None), (40.0, None), (56.0, None),
        (72.0, None), (209.0, None), (97.0, None), (100.0, None), (0.5, None), (1e300, None),
    ],
)  # fmt: skip
def test_elements_by_mass(mass, element):
    """Within 0.012; united atoms (CH2 14.027) and elements without a standard weight are none."""
    assert element_of_mass(mass) == element


@pytest.mark.parametrize(
    "masses, types, names",
    [
        ("1 15.9994\n2 1.008", {"1": "O", "2": "H"}, "OHH"), ("", {"1": "O", "2": "H"}, "OHH"),
        ("1 15.9994\n2 1.008", {1: "O", 2: "H"}, "OHH"), ("1 16.3 # O\n2 0.9 # H of water", None, "OHH"),
        ("1 50.0\n2 1.008", {"1": "O", "2": "H"}, "OHH"), ("1 15.9994 # OW\n2 1.008 # HW", None, "OHH"),
        ("1 1.008\n2 1.0", None, "HHH"),
    ],
)  # fmt: skip
def test_what_says_the_element(tmp_path, masses, types, names):
    masses = f"Masses\n\n{masses}\n\n" if masses else ""
    system = System.read(write(tmp_path, text(masses=masses)), types=types)
    assert "".join(system.names) == names
    if masses:
        np.testing.assert_array_equal(system.masses[0], float(masses.split()[2]))


def test_labels_of_types(tmp_path):
    labels = "Atom Type Labels\n\n1 O\n2 Hw\n\n"
    content = HEAD + labels + "Masses\n\nO 15.9994\nHw 1.008\n\n" + "Atoms # full\n\n"
    content += "3 1 Hw 0.4 0 1.5 0\n1 1 O -0.8 1 0.5 0.25\n2 1 Hw 0.4 11 1 0\n"
    assert System.read(write(tmp_path, content)).names == ["O", "H", "H"]
    assert System.read(write(tmp_path, content), types={"O": "O", "Hw": "H"}).names == ["O", "H", "H"]
    assert System.read(write(tmp_path, content), types={"O": "O", "Hw": "Hw"}).names == ["O", "Hw", "Hw"]
    assert System.read(write(tmp_path, content.replace(" # full", ""))).names == ["O", "H", "H"]


@pytest.mark.parametrize(
    "masses, types, words",
    [
        ("1 40.0\n2 1.008", None, r"which element is type 1\? its mass, 40, is not within 0.012 .* types = \{ 1 = "),
        ("1 14.027\n2 1.008", None, "its mass, 14.027"), ("1 1.0 # A\n2 2.0 # B", None, r"type 2\? its mass, 2"),
        ("", None, r"type 1\? the file has no masses"), ("1 15.9994\n2 1.008", {"1": "O"}, "types: type 2 is missing"),
        ("1 15.9994\n2 1.008", {"1": "H", "2": "O"}, '1 = "H", but its mass in the file, 15.9994, is that of O'),
        ("1 15.9994\n2 1.008", {"1": "O", "2": "H", "3": "C"}, "there is no type 3; the file has 2"),
        ("1 15.9994\n2 1.008", {"1": "O", "2": "H", "C": "C"}, "there is no type C"),
        ("1 72.0 # C\n2 1.008", None, "its mass, 72"), ("1 -1\n2 1", None, "no positive number"),
        ("1 16.0\n1 1.0", None, "given twice"), ("3 16.0\n1 1.0", None, "expected a type, of 2, and its mass"),
        ("1 nan\n2 1.0", None, "no positive number"), ("1 16.0 5\n2 1.0", None, "expected a type, of 2, and its mass"),
    ],
)  # fmt: skip
def test_no_element_is_guessed(tmp_path, masses, types, words):
    masses = f"Masses\n\n{masses}\n\n" if masses else ""
    with pytest.raises(InputError, match=words) as caught:
        System.read(write(tmp_path, text(masses=masses)), types=types)
    assert "w.data" in str(caught.value)


def test_names_are_free_in_lj_units(tmp_path):
    system = System.read(write(tmp_path, text(masses="Masses\n\n1 1.0\n2 2.0\n\n")), units="lj")
    assert system.symbols == ("1", "2") and system.masses.tolist() == [1, 2, 2]
    path = write(tmp_path, text() + "\nVelocities\n\n1 1 2 3\n2 1 2 3\n3 1 2 3\n")
    assert System.read(path, units="lj", types={1: "A", 2: "B"}).velocities[0, 0] == 1.0


# --- faults -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("3 atoms", "1e20 atoms", "line 3: expected the number of atoms, got '1e20'"),
        ("3 atoms", f"{'9' * 5000} atoms", "line 3: expected the number of atoms"),
        ("3 atoms", "1000000000 atoms", "line 3: 1000000000 atoms, more than the file has room for"),
        ("3 atoms", "-3 atoms", "line 3: -3 atoms"), ("3 atoms", "4 atoms", "3 lines, but the header says 4 atoms"),
        ("3 atoms\n", "", "does not say how many atoms"), ("2 atom types\n", "", "does not say how many atom types"),
        ("2 atom types", "1 atom types", "are none of the atom styles"),
        ("0.0 10.0 xlo xhi\n", "", "no line 'xlo xhi'"),
        ("0.0 10.0 xlo", "10.0 0.0 xlo", "line 6: xlo xhi: the cell has no length"),
        ("0.0 10.0 xlo", "0.0 nan xlo", "line 6: expected 2 numbers"),
        ("0.0 10.0 xlo", "ten xlo", "line 6: expected 2 numbers"),
        ("Atoms", "atoms", "no section Atoms|expected a type, of 2, and its mass"),
        ("1 1 1.0 0.5", "1 1 one 0.5", "line 18: Atoms: expected 5 numbers"),
        ("1 1 1.0 0.5", "1 1 nan 0.5", "line 18: Atoms: expected 5 numbers"),
        ("3 2 0.0", "1 2 0.0", "ids are integers"),
        ("1 1 1.0 0.5", "1 5 1.0 0.5", "are none of the atom styles"), ("1 1 1.0 0.5", "1 1.0 0.5", "line 18"),
        ("Atoms", "Atoms # sphere", "atom style sphere: expected atomic, charge"),
        ("Atoms", "Atoms # full", "5 columns, but atom style full has 7, or 10"),
        ("water", "by write_data, units = nano", "units = nano: expected metal or real"),
        ("water", "begin", "format of n2p2 and RuNNer"),
        ("Atoms", "Masses\n\n1 1\n\nAtoms", "section Masses is there twice"),
    ],
)  # fmt: skip
def test_faults_have_a_line(tmp_path, old, new, words):
    with pytest.raises(InputError, match=words) as caught:
        System.read(write(tmp_path, text().replace(old, new, 1)))
    assert "w.data" in str(caught.value) and len(str(caught.value)) < 500


def test_columns_that_may_be_two_styles(tmp_path):
    content = HEAD + MASSES + "Atoms\n\n1 1 1 0 0 0\n2 2 1 1 1 1\n3 2 1 2 2 2\n"
    with pytest.raises(InputError, match=r"may be atom style charge or molecular; say which .* Atoms # charge"):
        System.read(write(tmp_path, content))
    assert System.read(write(tmp_path, content.replace("Atoms\n", "Atoms # charge\n"))).charges.tolist() == [1, 1, 1]
    assert System.read(write(tmp_path, content.replace("Atoms\n", "Atoms # bond\n"))).names == ["O", "O", "O"]


def test_names_formats_and_frames(tmp_path):
    for name in ("a.data", "a.lmp", "a.lammps", "data.water", "A.DATA"):
        assert System.read(write(tmp_path, text(), name)).n_atoms == 3
    assert System.read(write(tmp_path, "1\n\nAr 0 0 0\n", "data.xyz")).names == ["Ar"]  # its suffix says what it is
    path = write(tmp_path, text(), "water.txt")
    assert System.read(path, 0, format="lammps-data").n_atoms == 3
    with pytest.raises(InputError, match="frame = 1: a data file of LAMMPS holds one structure"):
        System.read(path, 1, format="lammps-data")
    with pytest.raises(InputError, match="types: apply to data files and dumps of LAMMPS only"):
        System.read(write(tmp_path, "1\n\nAr 0 0 0\n", "a.xyz"), types={"1": "Ar"})
    assert System.read(write(tmp_path, "1\n\nAr 0 0 0\n", "a.dat"), format="extxyz").names == ["Ar"]
    with pytest.raises(InputError, match=r"a\.dat: format 'lamps-data': did you mean 'lammps-data'"):
        System.read(tmp_path / "a.dat", format="lamps-data")
    with pytest.raises(InputError, match="format 'quux': expected extxyz, lammps-data, or one of"):
        System.read(tmp_path / "a.dat", format="quux")


def test_formats_of_ase_by_name(tmp_path):
    pytest.importorskip("ase")
    poscar = "argon\n1.0\n5 0 0\n0 5 0\n0 0 5\nAr\n1\nDirect\n0.5 0.5 0.5\n"
    for name in ("POSCAR", "CONTCAR", "x.poscar", "POSCAR.relaxed"):
        assert System.read(write(tmp_path, poscar, name)).names == ["Ar"]
    assert System.read(write(tmp_path, poscar, "start"), format="vasp").names == ["Ar"]
    with pytest.raises(InputError, match="types: apply to data files and dumps of LAMMPS only; this is vasp"):
        System.read(tmp_path / "start", format="vasp", types={"1": "Ar"})


DUMP = """\
ITEM: TIMESTEP
0
ITEM: NUMBER OF ATOMS
2
ITEM: BOX BOUNDS pp pp pp
0 10
0 10
0 10
ITEM: ATOMS id type{} x y z vx vy vz
2 1{} 4 5 6 1 2 3
1 2{} 1 2 3 0 0 0
"""


def test_dumps(tmp_path):
    pytest.importorskip("ase")
    for name in ("a.lammpstrj", "a.dump"):
        path = write(tmp_path, DUMP.format("", "", ""), name)
        how = {} if name == "a.lammpstrj" else {"format": "lammps-dump-text"}
        with pytest.raises(InputError, match=r"a dump of LAMMPS that names no elements; say .* types = \{ 1 ="):
            System.read(path, **how)
        with pytest.raises(InputError, match="types: type 2 is missing"):
            System.read(path, types={"1": "O"}, **how)
        system = System.read(path, types={"1": "O", "2": "Ar"}, **how)
        assert system.names == ["Ar", "O"] and system.masses.tolist() == [39.948, 15.999]
        np.testing.assert_allclose(system.velocities[1], [1e-3, 2e-3, 3e-3], rtol=1e-6)
        path = write(tmp_path, DUMP.format(" element", " O", " Ar"), name)
        assert System.read(path, **how).names == ["Ar", "O"]
    path = write(tmp_path, "ITEM: UNITS\nreal\n" + DUMP.format("", "", ""), "b.lammpstrj")
    with pytest.raises(InputError, match="units real; expected metal"):
        System.read(path, types={"1": "O", "2": "Ar"}, format="lammps-dump-text")


INPUT = """\
[structure]
file = "w.txt"
format = "lammps-data"
types = { 1 = "O", 2 = "H" }
[[potential]]
type = "lj"
cutoff = 5.0
species.O = { epsilon = 0.01, sigma = 3.0 }
species.H = { epsilon = 0.01, sigma = 1.0 }
[[stage]]
ensemble = "nve"
steps = 1
timestep = 1.0
"""


def test_in_an_input(tmp_path):
    from mdcore.cli.assemble import make_system

    write(tmp_path, text(masses=""), "w.txt")
    system = make_system(parse(INPUT, str(tmp_path / "a.toml")))
    assert system.names == ["O", "H", "H"]
    with pytest.raises(InputError, match=r"\[structure\] file.*types: type 2 is missing"):
        make_system(parse(INPUT.replace(', 2 = "H"', ""), str(tmp_path / "a.toml")))
    built = INPUT.replace('file = "w.txt"', 'build = "fcc"\nspecies = "O"\nlattice_constant = 5.0')
    with pytest.raises(InputError, match=r"types.*applies to a structure from a file only"):
        parse(built, str(tmp_path / "a.toml"))
