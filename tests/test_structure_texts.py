"""Are entries and columns of structure files what their writers meant, in any spelling and encoding?"""

import warnings

import numpy as np
import pytest

from mdcore import VelocityVerlet
from mdcore.base.errors import InputError
from mdcore.base.units import GIGAPASCAL
from mdcore.dynamics.simulation import Simulation
from mdcore.potentials.pair.lj import LennardJones
from mdcore.structure.system import System
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels

CELL = 'Lattice="12 0 0 0 12 0 0 0 12" '
PROPERTIES = "Properties=species:S:1:pos:R:3"
TWO = "Ar 0 0 0\nAr 0 0 3.8\n"


def write(tmp_path, comment, atoms=TWO, name="a.xyz"):
    path = tmp_path / name
    path.write_text(f"{len(atoms.splitlines())}\n{comment}\n{atoms}", encoding="utf-8")
    return path


def read(tmp_path, comment, atoms=TWO, **labels):
    (found,) = sources.read(write(tmp_path, comment, atoms), labels=Labels(**labels))
    return found


# --- spelling ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entries, named, words",
    [
        ("energy=-10 Energy=-11", "energy", "energy and Energy"),
        ("ENERGY=-10 energy=-11", "energy", "ENERGY and energy"),
        ("energy=-10 REF_energy=-11", "energy", "energy and REF_energy"),
        ("DFT_energy=-10 dft_energy=-11", "energy", "DFT_energy and dft_energy"),
        ('virial="1 0 0 0 1 0 0 0 1" Virial="2 0 0 0 2 0 0 0 2"', "virial", "virial and Virial"),
        ('Stress="1 0 0 0 1 0 0 0 1" stress="2 0 0 0 2 0 0 0 2"', "stress", "Stress and stress"),
    ],
)
def test_two_spellings_that_differ_are_named(tmp_path, entries, named, words):
    path = write(tmp_path, CELL + PROPERTIES + " " + entries)
    with pytest.raises(InputError, match=f'{words} are there and differ; say which one counts, e.g. {named} = '):
        sources.read(path)
    if "_" not in words:
        with pytest.raises(InputError, match=f"{words} are there and differ"):
            System.read(path)
    assert System.read(path, labels=False).n_atoms == 2  # nobody asks for them


def test_the_spelling_that_is_named_counts(tmp_path):
    comment = CELL + PROPERTIES + ' energy=-10 Energy=-11 virial="1 0 0 0 1 0 0 0 1" Virial="2 0 0 0 2 0 0 0 2"'
    found = read(tmp_path, comment, energy="Energy", stress="Virial", stress_unit="virial", stress_sign="pressure")
    assert found.energy == -11.0
    np.testing.assert_allclose(found.stress, -2 * np.eye(3) / 1728)
    assert read(tmp_path, comment, energy="ENERGY", stress="virial").energy is None


def test_spellings_that_agree_are_one(tmp_path):
    comment = CELL + 'energy=-10 Energy=-10.0 REF_energy=-1e1 virial="1 0 0 0 1 0 0 0 1" VIRIAL="1 1 1 0 0 0"'
    with pytest.raises(InputError, match="virial and VIRIAL"):  # nine numbers and six: not obviously the same
        read(tmp_path, comment)
    assert read(tmp_path, comment.replace("VIRIAL", "other")).energy == -10.0


@pytest.mark.parametrize("first, second", [("forces", "Force"), ("force", "forces"), ("Forces", "dft_forces")])
def test_two_columns_of_forces(tmp_path, first, second):
    comment = f"{CELL}{PROPERTIES}:{first}:R:3:{second}:R:3 energy=1"
    differ = "Ar 0 0 0 1 2 3 1 2 4\nAr 0 0 4 0 0 0 0 0 0\n"
    with pytest.raises(InputError, match=f"{first} and {second} are there and differ"):
        read(tmp_path, comment, differ)
    assert read(tmp_path, comment, differ, forces=second).forces[0, 2] == 4
    assert read(tmp_path, comment, differ.replace("1 2 4", "1 2 3")).forces[0, 2] == 3
    assert System.read(tmp_path / "a.xyz", labels=False).n_atoms == 2


@pytest.mark.parametrize("first, second", [("pos", "positions"), ("vel", "velo"), ("Z", "numbers")])
def test_two_columns_of_one_kind(tmp_path, first, second):
    width = 1 if first == "Z" else 3
    more = "" if first == "pos" else f":{first}:R:{width}"
    path = write(tmp_path, f"{PROPERTIES}{more}:{second}:R:{width}")
    with pytest.raises(InputError, match=rf"{second} is given twice, or under two names \({first} and {second}\)"):
        System.read(path)


def test_a_cell_given_twice(tmp_path):
    path = write(tmp_path, CELL + CELL.lower().replace("12", "13") + PROPERTIES)
    with pytest.raises(InputError, match="line 2: Lattice and lattice are both given, with different values"):
        System.read(path)
    assert System.read(write(tmp_path, CELL + CELL.lower() + PROPERTIES)).n_atoms == 2
    with pytest.raises(InputError, match=r"energy = .*-1.*-2.*: expected 1 number"):
        read(tmp_path, CELL + "energy=-1 energy=-2")


# --- tensors ----------------------------------------------------------------------------------------

SKEWED = "1 0.2 0.3 0.1 2 0.5 0.3 0.5 3"
SYMMETRIC = np.array([[1, 0.15, 0.3], [0.15, 2, 0.5], [0.3, 0.5, 3]])


def test_the_symmetric_part_counts_on_every_path(tmp_path):
    stress = write(tmp_path, f'{CELL}energy=1 stress="{SKEWED}"')
    with pytest.warns(UserWarning, match=r"structure 0: stress is not symmetric: .* differ by 2\.6 %"):
        (found,) = sources.read(stress)
    np.testing.assert_allclose(found.stress, SYMMETRIC)
    with pytest.warns(UserWarning, match="frame 0: stress is not symmetric"):
        found = System.read(stress).info["stress"] * GIGAPASCAL
    np.testing.assert_allclose(found, SYMMETRIC.ravel()[[0, 4, 8, 5, 2, 1]])
    with pytest.warns(UserWarning, match="raw is not symmetric"):
        found = read(tmp_path, f'{CELL}energy=1 raw="{SKEWED}"', stress="raw")
    np.testing.assert_allclose(found.stress, SYMMETRIC)
    with pytest.warns(UserWarning, match="virial is not symmetric"):
        found = read(tmp_path, f'{CELL}energy=1 virial="{SKEWED}"')
    np.testing.assert_allclose(found.stress, -SYMMETRIC / 1728)


def test_rounding_is_no_asymmetry_and_one_warning_is_enough(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        close = SKEWED.replace("0.2", "0.1003")  # 0.0003 in a norm of 3.8
        np.testing.assert_allclose(read(tmp_path, f'{CELL}stress="{close}"').stress[0, 1], 0.10015)
        read(tmp_path, f'{CELL}stress="0 0 0 0 0 0 0 0 0"')
    path = tmp_path / "many.xyz"
    path.write_text(f'2\n{CELL}energy=1 stress="{SKEWED}"\n{TWO}' * 3)
    with pytest.warns(UserWarning) as caught:
        sources.read(path)
    assert [str(one.message).count("structure 0 (and 2 more)") for one in caught] == [1]


# --- comment lines ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "comment, energy, tag",
    [
        ("energy=-1.5 config_type=dimer", -1.5, "dimer"),
        ("config_type='a b' energy = -1.5", -1.5, "a b"),
        ("REF_energy=-1.5", -1.5, ""),
        ("a dimer, isn't it? energy=-1.5", -1.5, ""),
        ("energy=-1.5D+00", -1.5, ""),
        ("energy = low", None, ""),
        ("", None, ""),
    ],
)
def test_entries_without_lattice_and_properties(tmp_path, comment, energy, tag):
    found = read(tmp_path, comment)
    assert found.energy == energy and found.tag == tag
    assert System.read(tmp_path / "a.xyz").n_atoms == 2


@pytest.mark.parametrize(
    "text, value",
    [("70.388", 70.388), ("[70.388]", 70.388), ("[[70.388]]", 70.388), ("-7e1", -70.0), ("0", 0.0)],
)
def test_json_of_ase_as_energy(tmp_path, text, value):
    assert read(tmp_path, f'{CELL}energy="_JSON {text}"').energy == value


@pytest.mark.parametrize(
    "text", ["true", '\\"low\\"', "[1, 2]", '{\\"a\\": 1}', "[1, [2]]", "[1", "", "1" * 5000, "[" * 5000, "NaN"]
)
def test_json_that_is_no_energy(tmp_path, text):
    with pytest.raises(InputError, match=r"structure 0: energy = .*(expected 1 number|not a finite number)"):
        read(tmp_path, f'{CELL}energy="_JSON {text}"')


def test_json_elsewhere(tmp_path):
    found = read(
        tmp_path,
        'Lattice="_JSON [[12, 0, 0], [0, 12, 0], [0, 0, 12]]" pbc="_JSON [true, true, true]" energy=1 '
        'Properties="_JSON \\"species:S:1:pos:R:3\\"" stress="_JSON [[1, 2, 3], [2, 4, 5], [3, 5, 6]]" '
        'config_type="_JSON \\"007\\""',
    )
    assert found.volume == pytest.approx(1728) and found.stress[2, 1] == 5 and found.tag == "007"
    entries = 'a="_JSON {\\"b\\": [1, null]}" c="_JSON false" d="_JSON [1" energy="_JSON null"'
    system = System.read(write(tmp_path, CELL + entries))
    assert system.info["a"] == {"b": [1, None]} and system.info["c"] is False and system.info["d"] == "_JSON [1"
    assert "energy" not in system.info


@pytest.mark.parametrize(
    "text, tag",
    [
        ("007", "007"), ("T", "T"), ("F", "F"), ("1e5", "1e5"), ("1_000", "1_000"), ("nan", "nan"), ('"a b"', "a b"),
        ("'a b'", "a b"), ('"say \\"hi\\""', 'say "hi"'), ('"1 2 3"', "1 2 3"), ("True", "True"), ("0.10", "0.10"),
        ('"007"', "007"), ("Fe=O", "Fe=O"), ("\u03b1", "\u03b1"), ('""', ""), ("+1", "+1"), ('"[1, 2]"', "[1, 2]"),
    ],
)  # fmt: skip
def test_tags_are_the_text_as_it_stands(tmp_path, text, tag):
    assert read(tmp_path, f"{CELL}energy=1 config_type={text}").tag == tag
    assert read(tmp_path, f"energy=1 config_type={text}").tag == tag


def test_tags_that_look_like_numbers_stay_apart_and_can_be_named(tmp_path):
    path = tmp_path / "a.xyz"
    frames = [f"2\n{CELL}energy={k} config_type={tag}\n{TWO}" for k, tag in enumerate(["7", "007", "T", "True", "1e5"])]
    path.write_text("".join(frames))
    from mdcore.training.data.dataset import split

    data = split([("split", sources.read(path))], validation_tags=("T", "007"), test_tags=("1e5",))
    assert [s.tag for s in data.validation] == ["007", "T"]
    assert [s.tag for s in data.test] == ["1e5"] and [s.tag for s in data.train] == ["7", "True"]


# --- what nobody asks for ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entries", ["energy=nan", 'stress="nan nan nan nan nan nan"', "energy=-inf", 'virial="nan 0 0 0 0 0 0 0 0"']
)
def test_labels_of_a_start_structure_may_be_nan(tmp_path, entries):
    atoms = "Ar 0 0 0 nan nan nan\nAr 0 0 3.8 0 0 inf\n"
    path = write(tmp_path, f"{CELL}{PROPERTIES}:forces:R:3 {entries}", atoms)
    assert np.isnan(System.read(path).info["forces"][0]).all()
    assert "forces" not in System.read(path, labels=False).info
    with pytest.raises(InputError, match=r"line 3: forces = \[nan, nan, nan\]: not a finite number"):
        sources.read(path)
    with pytest.raises(InputError, match="not a finite number"):
        read(tmp_path, CELL + entries)


def test_labels_of_a_start_structure_may_be_nonsense(tmp_path):
    path = write(tmp_path, f"{CELL}{PROPERTIES}:forces:R:3 energy=low stress=1", "Ar 0 0 0 **** 1 2\n")
    assert System.read(path, labels=False).n_atoms == 1
    with pytest.raises(InputError, match=r"forces: expected a number, got '\*\*\*\*'"):
        System.read(path)


# --- atoms that are held ----------------------------------------------------------------------------


def simulate(system):
    return Simulation(system, LennardJones(5.0, 0.01, 3.4), VelocityVerlet(1.0))


@pytest.mark.parametrize(
    "column, words, held",
    [
        ("move_mask:L:1", ["T", "F"], 1), ("move_mask:L:1", ["F", "F"], 2), ("move_mask:I:1", ["1", "0"], 1),
        ("move_mask:L:3", ["T T F", "T T T"], 1), ("Move_Mask:L:1", ["True", "False"], 1), ("fixed:L:1", ["T", "F"], 1),
        ("frozen:L:3", ["F F F", "T F F"], 1), ("move_mask:L:1", ["T", "T"], 0), ("fixed:L:1", ["F", "F"], 0),
        ("fixed:I:1", ["1", "5"], 0), ("move:L:1", ["F", "F"], 0), ("fixed:I:1", ["1", "0"], 1),
        ("fix:I:1", ["2", "0"], 0),
        ("fix_atoms:L:1", ["T", "F"], 1), ("selective_dynamics:L:3", ["F F F", "T T T"], 1),
        ("mobile:I:1", ["0", "1"], 1),
    ],
)  # fmt: skip
def test_atoms_that_a_column_holds_are_not_moved(tmp_path, column, words, held):
    atoms = f"Ar 0 0 0 {words[0]}\nAr 0 0 3.8 {words[1]}\n"
    system = System.read(write(tmp_path, f"{CELL}{PROPERTIES}:{column}", atoms))
    if not held:
        assert simulate(system).system.n_atoms == 2
        return
    for one, times in ((system, 1), (system.replicate((2, 1, 1)), 2)):
        assert one.fixed.any(axis=1).sum() == times * held
        sim = simulate(one)
        sim.run(3)
        before = sim.box.wrap(one.positions)[0]
        np.testing.assert_array_equal(sim.positions[one.fixed], sim.work.rounded(before)[one.fixed])
        assert (sim.velocities[~one.fixed.any(axis=1)] != 0.0).any() or held == 2


def test_a_mask_that_is_none(tmp_path):
    path = write(tmp_path, f"{PROPERTIES}:move_mask:S:1", "Ar 0 0 0 maybe\n")
    with pytest.raises(InputError, match=r"atom 0 .*move_mask = \['maybe'\]: T or F"):
        System.read(path)


def test_constraints_of_ase(tmp_path):
    ase = pytest.importorskip("ase")
    from ase.constraints import FixAtoms, FixBondLength, FixCartesian

    atoms = ase.Atoms("Ar3", [[0, 0, 0], [0, 0, 4], [0, 4, 0]], cell=[12, 12, 12], pbc=True)
    for constraint in (FixBondLength(0, 1), [FixAtoms([1]), FixBondLength(0, 1)]):
        atoms.set_constraint(constraint)
        with pytest.raises(InputError, match=r"constraints \(FixBondLength.*\) hold something in place"):
            simulate(System.from_ase(atoms))
    for constraint in (FixAtoms([0, 2]), FixCartesian(1), [FixAtoms([2]), FixCartesian([0, 1], mask=(1, 0, 1))]):
        atoms.set_constraint(constraint)
        system = System.from_ase(atoms)
        assert simulate(system).work.holds
        atoms.set_constraint(system.to_ase().constraints)
        np.testing.assert_array_equal(System.from_ase(atoms).fixed, system.fixed)
    atoms.set_constraint(FixAtoms([]))
    assert simulate(System.from_ase(atoms)).system.n_atoms == 3


@pytest.mark.parametrize("flags, free", [("F F T", False), ("T T T", True)])
def test_selective_dynamics(tmp_path, flags, free):
    pytest.importorskip("ase")
    path = tmp_path / "POSCAR"
    path.write_text(
        f"argon\n1.0\n12 0 0\n0 12 0\n0 0 12\nAr\n2\nSelective dynamics\nCartesian\n0 0 0 T T T\n0 0 4 {flags}\n"
    )
    system = System.read(path)
    if free:
        assert simulate(system).system.n_atoms == 2
    else:
        np.testing.assert_array_equal(simulate(system).system.fixed, [1, 1, 0])


# --- encodings --------------------------------------------------------------------------------------

FRAME = f'2\n{CELL}energy=-1.5 {PROPERTIES} config_type="\u03b1 \u00e9"\nAr 0 0 0\nAr\t0  1.0D-01 38d-1 \n'


@pytest.mark.parametrize("frames", [1, 3])
@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode("utf-8-sig"), lambda text: text.encode("utf-16"), lambda text: text.encode("utf-32"),
        lambda text: b"\xfe\xff" + text.encode("utf-16-be"), lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: text.replace("\n", "\r").encode(), lambda text: text.rstrip().encode(),
        lambda text: text.replace("\n", "\r\n").encode("utf-16"),
        lambda text: text.replace("\u03b1", "a").encode("latin-1"),
    ],
    ids=["mark", "UTF-16", "UTF-32", "UTF-16 BE", "CRLF", "CR", "no end", "Windows", "Latin-1"],
)  # fmt: skip
def test_encodings_and_line_ends(tmp_path, encode, frames):
    path = tmp_path / "a.xyz"
    path.write_bytes(encode(FRAME * frames))
    data = sources.read(path)
    assert len(data) == frames and data[-1].energy == -1.5 and data[0].tag in ("\u03b1 \u00e9", "a \u00e9")
    for frame in (0, -1):
        np.testing.assert_array_equal(System.read(path, frame).positions[1], [0, 0.1, 3.8])


@pytest.mark.parametrize(
    "text, words",
    [
        ("1\n\nA\0r 0 0 0\n", "line 3: a zero byte|a binary file"),
        ("2\n\nAr 0 0 0\nAr 0 0 \0\n", "a zero byte|a binary file"),
        ("1\n\nAr 0 0 0\n" + 2000 * "1\n\nAr 0 0 0\n" + "1\n\nAr\0 0 0 0\n", "line 6006: a zero byte"),
        ("1\0\n\nAr 0 0 0\n", "a binary file"),
        (f"{'9' * 5000}\n\nAr 0 0 0\n", "line 1: expected the number of atoms, got '9999.*9...'"),
        ("1\n" + "x" * (1 << 21) + "\nAr 0 0 0\n", "line 2: a comment line of more than 1,048,576"),
        ("1\nProperties=species:S:1:pos:R:\u00b2\nAr 0 0 0\n", "line 2: Properties=.*expected name:type:columns"),
        ("1\nProperties=species:S:1:pos:R:\u0663\nAr 0 0 0\n", "expected name:type:columns"),
        (f"1\nProperties=species:S:1:pos:R:{'9' * 5000}\nAr 0 0 0\n", "expected name:type:columns"),
        ("1000000000\n\nAr 0 0 0\n", "frame 0 announces 1000000000 atoms, more than the file has room"),
        ("\u00b2\n\nAr 0 0 0\n", "expected the number of atoms"),
        ("1\n\nAr 0 0 1_0\n", "expected a number, got '1_0'"),
        ("1\nProperties=Z:I:1:pos:R:3\n99999999999999999999 0 0 0\n", "line 3"),
    ],
)
def test_texts_that_are_none(tmp_path, text, words):
    path = tmp_path / "a.xyz"
    path.write_text(text, encoding="utf-8")
    for reader in (System.read, sources.read):
        with pytest.raises(InputError, match=words) as caught:
            reader(path)
        assert len(str(caught.value)) < 400


def test_a_matrix_of_ase_is_six_numbers(tmp_path):
    ase = pytest.importorskip("ase")
    from ase.calculators.singlepoint import SinglePointCalculator

    atoms = ase.Atoms("Ar", cell=[5, 5, 5], pbc=True)
    atoms.calc = SinglePointCalculator(atoms, energy=1.0)
    atoms.calc.results["stress"] = np.array(SKEWED.split(), dtype=float).reshape(3, 3)
    with pytest.warns(UserWarning, match="ASE's Atoms: stress is not symmetric"):
        stress = System.from_ase(atoms).info["stress"] * GIGAPASCAL
    np.testing.assert_allclose(stress, SYMMETRIC.ravel()[[0, 4, 8, 5, 2, 1]])


@pytest.mark.parametrize("entry, label", [("energy=nan", "energy"), ('stress="1 2"', "stress"), ("a=1", "forces")])
def test_labels_without_weight_may_be_nonsense(tmp_path, entry, label):
    """What a training does not ask for counts as missing."""
    path = write(tmp_path, f"{CELL}{PROPERTIES}:forces:R:3 {entry}", "Ar 0 0 0 nan nan nan\nAr 0 0 3.8 1 1 1\n")
    needed = {"energy", "forces", "stress"} - {label, "forces"}
    (one,) = sources.read(path, labels=Labels(needed=tuple(needed)))
    assert getattr(one, label) is None and one.forces is None
    with pytest.raises(InputError):
        sources.read(path, labels=Labels(needed=(*needed, "forces")))


def test_marks_within_joined_files(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_bytes(2 * FRAME.encode("utf-8-sig"))
    assert len(sources.read(path)) == 2 and System.read(path).n_atoms == 2


@pytest.mark.parametrize("occupancy, whole", [((0.7, 0.3), False), ((1.0, None), True), ((0.5, None), False)])
def test_sites_of_cif_files_are_whole(tmp_path, occupancy, whole):
    pytest.importorskip("ase")
    angles = ("alpha", "beta", "gamma")
    cell = "\n".join(f"_cell_length_{a} 4\n_cell_angle_{b} 90" for a, b in zip("abc", angles, strict=True))
    sites = "\n".join(f"{e}1 {e} 0 0 0 {o}" for e, o in zip(("Cu", "Au"), occupancy, strict=True) if o)
    keys = ["label", "type_symbol", "fract_x", "fract_y", "fract_z", "occupancy"]
    loop = "\n".join(f"_atom_site_{key}" for key in keys)
    path = tmp_path / "a.cif"
    path.write_text(f"data_x\n{cell}\n_symmetry_space_group_name_H-M 'P 1'\nloop_\n{loop}\n{sites}\n")
    if whole:
        assert System.read(path).names == ["Cu"]
    else:
        with pytest.raises(InputError, match=r"a site is shared, or empty in part \(Cu 0\.[57].*whole atoms"):
            System.read(path)
