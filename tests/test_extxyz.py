"""Does every legal xyz file come in right, and every broken one stop with its line and a cure?"""

import io

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.units import GIGAPASCAL, METAL
from mdcore.structure import extxyz
from mdcore.structure.box import Box
from mdcore.structure.system import System

RNG = np.random.default_rng(11)
LATTICE = 'Lattice="10 0 0 0 11 0 0 0 12"'


def write(tmp_path, text, name="a.xyz"):
    path = tmp_path / name
    path.write_text(text)
    return path


def random_system(n=50, units="metal", periodic=True, names=("Ar", "Kr", "Ne")):
    box = Box([[9, 0.3, -0.2], [2, 8, 0.5], [-1.5, 3, 7]], periodic, (1.0, 2.0, -3.0))
    return System(
        box,
        RNG.normal(0.0, 20.0, (n, 3)),
        [names[k] for k in RNG.integers(0, len(names), n)],
        velocities=RNG.normal(0.0, 0.01, (n, 3)),
        units=units,
    )


def dump(path, *frames, **results):
    with open(path, "w") as stream:
        for k, frame in enumerate(frames):
            extxyz.write_frame(stream, frame, info={"Step": k, "Time": 0.5 * k}, **results)
    return path


@pytest.mark.parametrize("units", ["metal", "lj"])
@pytest.mark.parametrize("periodic", [True, (True, True, False), (False, False, True)])
def test_what_is_written_is_read_back(tmp_path, units, periodic):
    system = random_system(units=units, periodic=periodic)
    forces, stress = RNG.normal(size=(50, 3)), RNG.normal(size=6)
    path = dump(tmp_path / "a.extxyz", system, forces=forces, energy=-1.25, stress=stress)
    back = System.read(path, units=units)
    assert np.array_equal(back.positions, system.positions)
    assert back.box == system.box
    assert back.names == system.names
    np.testing.assert_allclose(back.velocities, system.velocities, rtol=4e-16)
    assert np.array_equal(back.info["forces"], forces)
    assert back.info["energy"] == -1.25 and back.info["Step"] == 0
    np.testing.assert_allclose(back.info["stress"], stress, rtol=1e-15)


def test_a_cluster_is_written_without_lattice(tmp_path):
    system = random_system(periodic=False)
    path = dump(tmp_path / "a.xyz", system)
    assert "Lattice" not in path.read_text()
    back = System.read(path)
    assert back.box.periodic == (False, False, False)
    assert np.array_equal(back.positions, system.positions)
    assert (back.box.fractional(back.positions) > 0).all() and (back.box.fractional(back.positions) < 1).all()


def test_ase_reads_what_is_written(tmp_path):
    ase_io = pytest.importorskip("ase.io")
    system = random_system()
    forces, stress = RNG.normal(size=(50, 3)), np.array([1.0, 2.0, 3.0, 0.4, 0.5, 0.6])
    path = dump(tmp_path / "a.xyz", system, forces=forces, energy=-1.25, stress=stress)
    atoms = ase_io.read(path)
    assert np.array_equal(atoms.get_positions(), system.positions)
    assert np.array_equal(atoms.get_forces(), forces)
    assert atoms.get_potential_energy() == -1.25
    np.testing.assert_allclose(atoms.get_stress(), stress * GIGAPASCAL)
    np.testing.assert_allclose(atoms.get_velocities(), system.velocities * METAL.velocity)
    assert atoms.info["Step"] == 0 and atoms.pbc.all()


def test_what_ase_writes_is_read(tmp_path):
    ase = pytest.importorskip("ase")
    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io import write as ase_write
    from ase.units import fs

    atoms = ase.Atoms("CuArCu", RNG.normal(size=(3, 3)), cell=[5, 6, 7], pbc=(1, 0, 1))
    velocities = RNG.normal(size=(3, 3))  # Angstrom/fs
    atoms.set_velocities(velocities / fs)
    forces, stress = RNG.normal(size=(3, 3)), RNG.normal(size=6)
    atoms.calc = SinglePointCalculator(atoms, energy=2.5, forces=forces, stress=stress)
    atoms.info["name"] = "two words"
    ase_write(tmp_path / "a.extxyz", [atoms, atoms])
    system = System.read(tmp_path / "a.extxyz")
    assert system.info["frame"] == 1 and system.info["name"] == "two words"
    assert system.names == ["Cu", "Ar", "Cu"] and system.box.periodic == (True, False, True)
    np.testing.assert_allclose(system.positions, atoms.positions, atol=1e-8)
    # 1e-8: digits written; 1e-5: ASE's masses and constants are older
    np.testing.assert_allclose(system.velocities, velocities, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(system.info["forces"], forces, atol=1e-8)
    np.testing.assert_allclose(system.info["stress"], stress / GIGAPASCAL, rtol=1e-12)
    assert system.info["energy"] == 2.5


def test_columns_in_any_order_and_of_any_name(tmp_path):
    path = write(
        tmp_path,
        f"2\n{LATTICE} "
        "Properties=tag:I:1:force:R:3:species:S:1:flags:L:2:vel:R:3:charge:R:1:pos:R:3:mass:R:1\n"
        "7  .1 .2 .3  He T F  1e-2 2e-2 3e-2  -1  1 2 3  4.5\n"
        "8  .4 .5 .6  ne F F  4e-2 5e-2 6e-2  +1  4 5 6  20.5\n",
    )
    system = System.read(path)
    assert system.names == ["He", "Ne"]
    np.testing.assert_array_equal(system.positions, [[1, 2, 3], [4, 5, 6]])
    np.testing.assert_array_equal(system.velocities, [[0.01, 0.02, 0.03], [0.04, 0.05, 0.06]])
    np.testing.assert_array_equal(system.info["forces"], [[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]])
    np.testing.assert_array_equal(system.charges, [-1, 1])
    np.testing.assert_array_equal(system.masses, [4.5, 20.5])
    assert system.box == Box.orthorhombic(10, 11, 12)


@pytest.mark.parametrize(
    "comment, periodic, matrix",
    [
        (LATTICE, (True, True, True), np.diag([10, 11, 12])),
        ('lattice="9 1 2 3 9 4 5 6 9" pbc="T F T"', (True, False, True), [[9, 1, 2], [3, 9, 4], [5, 6, 9]]),
        ("Lattice='10 0 0 0 11 0 0 0 12' pbc=[F, F, F]", (False,) * 3, np.diag([10, 11, 12])),
        ("Lattice={10,0,0 0,11,0 0,0,12} pbc=T", (True,) * 3, np.diag([10, 11, 12])),
        ('pbc="1 0 1" Lattice=[[10,0,0],[0,11,0],[0,0,12]]', (True, False, True), np.diag([10, 11, 12])),
        ('Lattice = "10 0 0 0 11 0 0 0 12" flag note="a \\"q\\" = b"', (True,) * 3, np.diag([10, 11, 12])),
    ],
)
def test_the_cell_in_its_spellings(tmp_path, comment, periodic, matrix):
    system = System.read(write(tmp_path, f"1\n{comment}\nAr 1 2 3\n"))
    assert system.box.periodic == periodic
    np.testing.assert_array_equal(system.box.matrix, matrix)
    np.testing.assert_array_equal(system.positions, [[1, 2, 3]])


def test_origin_slab_with_zero_vector_and_override(tmp_path):
    path = write(
        tmp_path, '2\nLattice="4 0 0 0 4 0 0 0 0" pbc="T T F" Origin="-2 -2 0"\nAr 0 0 5\nAr 0 0 9\n'
    )
    system = System.read(path)
    np.testing.assert_allclose(system.box.origin, [-2, -2, 4])
    np.testing.assert_allclose(np.diag(system.box.matrix), [4, 4, 6])
    assert System.read(path, periodic=(True, False, False)).box.periodic == (True, False, False)
    with pytest.raises(InputError, match="cell vector c is missing"):
        System.read(path, periodic=True)


def test_plain_xyz_is_a_cluster(tmp_path):
    atoms = "O 0 0 0 spare\nH 0.757 0.586 0\nH -0.757 0.586 0 1 2\n"
    path = write(tmp_path, "3\nwater, isn't it? energy = low\n" + atoms)
    system = System.read(path)
    assert system.names == ["O", "H", "H"] and system.box.periodic == (False, False, False)
    np.testing.assert_array_equal(system.positions[1], [0.757, 0.586, 0])
    np.testing.assert_allclose(system.masses, [15.999, 1.008, 1.008])


def test_virial_and_six_component_stress(tmp_path):
    path = write(tmp_path, f'1\n{LATTICE} virial="1 6 5 6 2 4 5 4 3"\nAr 0 0 0\n')
    expected = -np.arange(1.0, 7.0) / 1320.0 / GIGAPASCAL
    np.testing.assert_allclose(System.read(path).info["stress"], expected)
    path = write(tmp_path, f'1\n{LATTICE} stress="1 2 3 4 5 6"\nAr 0 0 0\n')
    np.testing.assert_allclose(System.read(path).info["stress"], np.arange(1.0, 7.0) / GIGAPASCAL)


def test_atomic_numbers_and_ids(tmp_path):
    atoms = "3 18 3 0 0\n1 2 1 0 0\n2 18 2 0 0\n"
    path = write(tmp_path, f"3\n{LATTICE} Properties=id:I:1:Z:I:1:pos:R:3\n{atoms}")
    system = System.read(path)
    assert system.names == ["He", "Ar", "Ar"]
    np.testing.assert_array_equal(system.positions[:, 0], [1, 2, 3])


def test_species_are_free_in_lj_units(tmp_path):
    path = write(tmp_path, "3\n\n1 0 0 0\nB 1 0 0\n1 2 0 0\n")
    system = System.read(path, units="lj")
    assert system.symbols == ("1", "B") and (system.masses == 1.0).all()


def test_masses_given_by_the_user(tmp_path):
    path = write(tmp_path, "2\n\nOw 0 0 0\nHw 1 0 0\n")
    with pytest.raises(InputError, match="species 'Ow' is not a chemical element"):
        System.read(path)
    np.testing.assert_array_equal(System.read(path, masses={"Ow": 16.0, "Hw": 2.0}).masses, [16, 2])
    path = write(tmp_path, "2\nProperties=species:S:1:pos:R:3:masses:R:1\nAr 0 0 0 40\nKr 1 0 0 80\n")
    np.testing.assert_array_equal(System.read(path, masses={"Kr": 84.0}).masses, [40, 84])


def test_frames_are_found_from_both_ends(tmp_path):
    frames = [random_system(n) for n in (3, 1, 70, 20)]
    path = dump(tmp_path / "a.xyz", *frames)
    path.write_text(path.read_text() + "\n\n")
    for k in range(4):
        for frame in (k, k - 4):
            system = System.read(path, frame)
            assert np.array_equal(system.positions, frames[k].positions)
            assert system.info["frame"] == k and system.info["Step"] == k
    for frame in (4, -5):
        with pytest.raises(InputError, match=r"the file holds 4 frames; choose 0\.\.3"):
            System.read(path, frame)


def test_unwanted_frames_are_not_parsed(tmp_path):
    path = write(tmp_path, "1\n\nAr x y z\n1\n\nAr 0 0 0\n")
    assert System.read(path).n_atoms == 1
    with pytest.raises(InputError, match="line 3: pos: expected a number, got 'x'"):
        System.read(path, 0)


def test_chunks_join(tmp_path, monkeypatch):
    system = random_system(101)
    path = dump(tmp_path / "a.xyz", system, digits=17)
    monkeypatch.setattr(extxyz, "CHUNK", 10)
    back = System.read(path)
    assert np.array_equal(back.positions, system.positions) and back.names == system.names
    lines = path.read_text().splitlines(keepends=True)
    lines[60] = lines[60].replace(" ", " oops", 1)
    with pytest.raises(InputError, match="line 61: pos: expected a number, got 'oops"):
        System.read(write(tmp_path, "".join(lines)))


def test_windows_line_ends_and_digits(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_bytes(b"2\r\n" + LATTICE.encode() + b"\r\nAr 1 2 3\r\nAr 4 5 6\r\n")
    np.testing.assert_array_equal(System.read(path).positions, [[1, 2, 3], [4, 5, 6]])
    stream = io.StringIO()
    extxyz.write_frame(stream, System(Box.cubic(5), [[1 / 3, 2 / 3, 1]], "Ar"), digits=4)
    assert stream.getvalue().splitlines()[2] == "Ar 0.3333 0.6667 1"


BAD = [
    ("", "the file is empty"),
    ("\n\n", "the file is empty"),
    ("hello\n", "line 1: expected the number of atoms, got 'hello'; is it an xyz file"),
    ("3.5\n\nAr 0 0 0\n", "expected the number of atoms, got '3.5'"),
    ("-3\n\nAr 0 0 0\n", "-3 atoms; a frame needs at least one"),
    ("0\n\n", "0 atoms"),
    ("9999999999\n\nAr 0 0 0\n", "announces 9999999999 atoms, more than the file has room for"),
    ("3\n\nArgon  0.00000  0.00000  0.00000\nAr 1 1 1\n", "line 5: the file ends after 2 of 3 atoms"),
    ("1\n\nAr 0 0\n", "line 3: 3 columns, expected 4"),
    ("3\n\nAr 0.0 0.0 0.0\n\nAr 1 1 1\n", "line 4: a blank line"),
    ("1\n\nAr 0 0 0\nAr 1 1 1\n", "line 4: expected the number of atoms, got 'Ar 1 1 1'; does the frame"),
    ("1\n\nAr 0 zero 0\n", "line 3: pos: expected a number, got 'zero'"),
    ("1\n\nAr 0 1_0 0\n", "line 3: pos: expected a number, got '1_0'"),
    ("2\n\nAr 0 0 0\nAr 0 nan 0\n", "line 4: pos = .*nan.*not a finite number"),
    ("1\n\nAr 0 inf 0\n", "not a finite number"),
    ("1\n\nArr 0 0 0\n", "species 'Arr' is not a chemical element and has no mass.*did you mean 'Ar'"),
    ('1\nLattice="1 0 0"\nAr 0 0 0\n', "line 2: Lattice=.*expected 9 numbers"),
    ('1\nLattice="1 0 0 0 1 0 0 0 x"\nAr 0 0 0\n', "expected 9 numbers"),
    ('1\nLattice="1 0 0 0 nan 0 0 0 1"\nAr 0 0 0\n', "expected 9 numbers"),
    ('1\nLattice="1 0 0 0 1 0 1 1 0"\nAr 0 0 0\n', "frame 0: singular cell"),
    ('1\nLattice="1 0 0 0 1 0 0 0 0"\nAr 0 0 0\n', "cell vector c is missing"),
    ('1\nLattice="1 0 0 0 1 0 0 0 1\nAr 0 0 0\n', "line 2: can't understand 'Lattice"),
    (f'1\n{LATTICE} pbc="T T"\nAr 0 0 0\n', "expected three of T and F"),
    ('1\npbc="T T T" Properties=species:S:1:pos:R:3\nAr 0 0 0\n', "needs a Lattice"),
    (f"1\n{LATTICE} energy=low\nAr 0 0 0\n", 'energy = .low.: expected 1 number'),
    (f'1\n{LATTICE} stress="1 2 3"\nAr 0 0 0\n', "expected 9 or 6 numbers"),
    ("1\nProperties=species:S:1:pos:R\nAr 0 0 0\n", "expected name:type:columns triplets"),
    ("1\nProperties=species:S:1:pos:Q:3\nAr 0 0 0\n", "expected name:type:columns triplets"),
    ("1\nProperties=species:S:1:pos:R:-3\nAr 0 0 0\n", "expected name:type:columns triplets"),
    ("1\nProperties=species:S:1:pos:R:2\nAr 0 0\n", "pos has 2 columns, expected 3"),
    ("1\nProperties=species:S:1\nAr\n", "Properties names no positions"),
    ("1\nProperties=pos:R:3:foo:S:1\n0 0 0 Ar\n", "Properties names no species"),
    ("1\nProperties=species:S:1:pos:R:3:vel:R:3:velo:R:3\nAr 0 0 0 0 0 0 0 0 0\n", "velo is given twice"),
    ("1\nProperties=species:S:1:pos:R:3\nAr 0 0 0 4\n", "line 3: 5 columns, expected 4"),
    ("1\nProperties=species:S:1:pos:R:3:foo:R:1\nAr 0 0 0\n", r"4 columns, expected 5 \(species, pos, foo\)"),
    ("1\nProperties=Z:I:1:pos:R:3\n119 0 0 0\n", "atomic number 119; expected 1 to 118"),
    ("1\nProperties=Z:I:1:pos:R:3\n1.5 0 0 0\n", "Z: expected an integer, got '1.5'"),
    ("2\nProperties=id:I:1:species:S:1:pos:R:3\n4 Ar 0 0 0\n4 Ar 1 1 1\n", "two atoms have id 4"),
    ("1\nProperties=species:S:1:pos:R:3:masses:R:1\nAr 0 0 0 0\n", "masses must be positive"),
    ("1\n\n" + 40 * "A" + " 0 0 0\n", "at most 31 characters"),
]


@pytest.mark.parametrize("text, words", BAD)
def test_broken_files_stop_with_a_message(tmp_path, text, words):
    path = write(tmp_path, text)
    with pytest.raises(InputError, match=words) as error:
        System.read(path)
    assert str(path) in str(error.value)


def test_binary_missing_and_unreadable_files(tmp_path):
    path = tmp_path / "argon.xyz"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 10)
    with pytest.raises(InputError, match="line 1: expected the number of atoms, got"):
        System.read(path)
    with pytest.raises(InputError, match=r"no such file; did you mean .*argon\.xyz"):
        System.read(tmp_path / "argn.xyz")
    with pytest.raises(InputError, match="is a directory"):
        System.read(tmp_path)


def test_other_formats_go_through_ase(tmp_path, monkeypatch):
    pytest.importorskip("ase")
    path = write(tmp_path, "argon\n1.0\n5 0 0\n0 5 0\n0 0 5\nAr\n1\nDirect\n0.5 0.5 0.5\n", "a.vasp")
    system = System.read(path)
    assert system.names == ["Ar"] and system.box == Box.cubic(5.0)
    with pytest.raises(InputError, match="ASE can't read"):
        System.read(write(tmp_path, "nonsense", "b.cif"))
    with pytest.raises(InputError, match="ASE can't read"):
        System.read(write(tmp_path, "nonsense", "b.unknown"))
    monkeypatch.setitem(__import__("sys").modules, "ase.io", None)
    with pytest.raises(InputError, match=r'pip install "mdcore\[ase\]"'):
        System.read(path)


@pytest.mark.slow
def test_four_million_atoms_are_read_within_a_minute(tmp_path):
    """Timing of a shared machine: the aim is 30 s."""
    import resource
    import time

    cell = System.build("fcc", 5.26, "Ar", (100, 100, 100))
    path = dump(tmp_path / "big.xyz", cell)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    system = System.read(path)
    assert time.perf_counter() - start < 60.0
    assert system.n_atoms == 4_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 600_000  # kB
