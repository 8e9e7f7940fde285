"""Do charges, groups and a user's own columns come out of a run as they went in?"""

import pickle

import numpy as np
import pytest

from mdcore import LennardJones, PythonPotential, Simulation, System, VelocityVerlet, evaluate
from mdcore.base.errors import InputError
from mdcore.output import checkpoint
from mdcore.output.dump import ExtxyzDump
from mdcore.output.trajectory import Trajectory
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.structure.box import Box
from mdcore.structure.extxyz import write_frame
from tests import contract
from tests.mpi import ROOT, mpirun, needs_mpi
from tests.mpi_columns import OwnCharges, system
from tests.systems import TRICLINIC, cells, scattered

FILE = """4
Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:charge:R:1:group:I:1:site:S:1:free:L:1:m:R:3:dft_force:R:3
Ar 1.0 1.0 1.0 0.5 3 wall T 1 2 3 9 9 9
Ar 5.0 1.0 1.0 -0.5 4 fluid F 4 5 nan 9 9 9
Ar 1.0 5.0 1.0 0.25 3 wall T 7 8 9 9 9 9
Ar 1.0 1.0 5.0 -0.25 -1 fluid T 1e-3 0 0 9 9 9
"""
ARGON = {"cutoff": 4.0, "epsilon": 0.0104, "sigma": 3.4}


def assert_same(got: dict, want: dict):
    assert list(got) == list(want)
    for name, values in want.items():
        np.testing.assert_array_equal(got[name], values, err_msg=name)
        assert got[name].dtype.kind == values.dtype.kind, name


@pytest.fixture
def argon(tmp_path):
    path = tmp_path / "argon.extxyz"
    path.write_text(FILE)
    return System.read(path)


def test_a_file_has_them(argon):
    assert list(argon.columns) == ["group", "site", "free", "m", "charge"]  # not what depends on the positions
    np.testing.assert_array_equal(argon.charges, [0.5, -0.5, 0.25, -0.25])
    assert argon.columns["group"].tolist() == [3, 4, 3, -1] and argon.columns["group"].dtype == np.int64
    assert argon.columns["site"].tolist() == ["wall", "fluid", "wall", "fluid"]
    assert argon.columns["free"].tolist() == [True, False, True, True]
    assert argon.columns["m"].shape == (4, 3) and np.isnan(argon.columns["m"][1, 2])


def test_a_column_that_is_not_kept_is_told(tmp_path):
    path = tmp_path / "a.xyz"
    head = 'Lattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:my/col:I:1:forces:R:3'
    path.write_text(f'1\n{head}\nAr 1 1 1 2 7 8 9\n')
    with pytest.warns(UserWarning, match="line 2: Properties: my/col is not kept") as told:
        assert not System.read(path).columns
    assert len(told) == 1  # forces would be wrong after a step
    ase = pytest.importorskip("ase")
    atoms = ase.Atoms("Ar", [[1, 1, 1]], cell=[9, 9, 9], pbc=True)
    atoms.arrays["spin"] = np.array([1.0 + 2.0j])
    with pytest.warns(UserWarning, match="ASE's Atoms: columns: spin: expected numbers or labels .* it is left out"):
        assert "spin" not in System.from_ase(atoms).columns


def test_sorted_by_id_and_replicated(tmp_path):
    path = tmp_path / "a.xyz"
    head = '2\nLattice="9 0 0 0 9 0 0 0 9" Properties=species:S:1:pos:R:3:id:I:1:group:I:1\n'
    path.write_text(head + "Ar 1 1 1 2 7\nAr 5 5 5 1 8\n")
    assert System.read(path).columns["group"].tolist() == [8, 7]
    assert System.read(path).replicate((2, 1, 1)).columns["group"].tolist() == [8, 7, 8, 7]


def test_through_a_run_and_its_files(argon, tmp_path):
    sim = Simulation(argon, LennardJones(**ARGON), VelocityVerlet(1.0))
    assert_same(sim.snapshot().columns, argon.columns)
    writer = H5MDWriter(tmp_path / "run.h5md", every=2)
    for observer in (writer, ExtxyzDump(tmp_path / "run.extxyz", every=2)):
        sim.add_observer(observer)
    sim.run(4)
    writer.close()
    with Trajectory(tmp_path / "run.h5md") as found:
        assert_same({name: found.columns[name] for name in argon.columns}, argon.columns)
        assert_same({name: found[1].to_system().columns[name] for name in argon.columns}, argon.columns)
        assert found.file["particles/trajectory/charge"].attrs["unit"] == "e"  # where H5MD has it
    assert_same(System.read(tmp_path / "run.extxyz").columns, argon.columns)
    checkpoint.write(tmp_path / "a.checkpoint", sim.state())
    state = checkpoint.read(tmp_path / "a.checkpoint")
    again = Simulation(None, LennardJones(**ARGON), VelocityVerlet(1.0), state=state)
    assert_same({name: again.snapshot().columns[name] for name in argon.columns}, argon.columns)


def test_names_that_h5md_has_itself(tmp_path):
    atoms = System(Box.cubic(9), [[1, 1, 1]], "Ar", columns={"box": [3], "image": [4]})
    sim = Simulation(atoms, LennardJones(**ARGON), VelocityVerlet(1.0))
    sim.run(0, VelocityVerlet(1.0))
    writer = H5MDWriter(tmp_path / "run.h5md", every=1)
    writer.observe(sim)
    writer.close()
    with Trajectory(tmp_path / "run.h5md") as found:
        assert_same(found.columns, atoms.columns)


def test_ase_has_them(argon, tmp_path):
    ase = pytest.importorskip("ase.io")
    atoms = argon.to_ase()
    np.testing.assert_array_equal(atoms.get_initial_charges(), argon.charges)
    atoms.new_array("tensor", np.zeros((4, 3, 3)))  # more than a row: left out
    atoms.new_array("words", np.array(["a b"] * 4))
    with pytest.warns(match="columns: tensor: .*left out"), pytest.warns(match="columns: words: .*left out"):
        back = System.from_ase(atoms)
    assert_same({name: back.columns[name] for name in argon.columns}, argon.columns)
    assert set(back.columns) == set(argon.columns)
    sim = Simulation(argon, LennardJones(**ARGON), VelocityVerlet(1.0))
    sim.add_observer(ExtxyzDump(tmp_path / "run.extxyz", every=1))
    sim.run(1)
    read = ase.read(tmp_path / "run.extxyz")
    np.testing.assert_array_equal(read.get_initial_charges(), argon.charges)
    assert read.arrays["site"].tolist() == argon.columns["site"].tolist()
    assert read.arrays["free"].tolist() == argon.columns["free"].tolist()


def test_functions_and_calculators_are_given_them(argon):
    seen = {}

    def look(positions, charges, columns):
        seen.update(columns, charge=charges)
        return 0.0, np.zeros_like(positions)

    evaluate(PythonPotential(look), argon)
    assert_same({name: seen[name] for name in argon.columns}, argon.columns)
    seen.clear()
    Simulation(argon, PythonPotential(look))
    assert_same({name: seen[name] for name in argon.columns}, argon.columns)
    argon.charges = None
    with pytest.raises(InputError, match="look asks for charges, and the structure has none"):
        evaluate(PythonPotential(look), argon)
    zero = evaluate(PythonPotential(lambda positions, charges=2.0: (charges, np.zeros_like(positions))), argon)
    assert zero.energy == 2.0  # its own default


def test_a_calculator_of_ase_is_given_them(argon):
    calculators = pytest.importorskip("ase.calculators.calculator")
    seen = {}

    class Charged(calculators.Calculator):
        implemented_properties = ("energy", "forces")

        def calculate(self, atoms=None, properties=("energy",), system_changes=()):
            seen.update(charge=atoms.get_initial_charges(), group=atoms.arrays["group"])
            self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3))}

    evaluate(Charged(), argon)
    assert_same(seen, {"charge": argon.charges, "group": argon.columns["group"]})


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"group": [1, 2, 3]}, r"columns: group: expected numbers or labels of 4 atoms.*shape \(3,\)"),
        ({"group": np.zeros((4, 2, 2))}, "columns: group: expected numbers or labels of 4 atoms"),
        ({"group": [None] * 4}, "columns: group: .* got object"),
        ({"group": ["a b"] * 4}, "columns: group: expected words without blanks"),
        ({"pos": [1, 2, 3, 4]}, "columns: 'pos' can't be the name of one"),
        ({"a:b": [1, 2, 3, 4]}, "columns: 'a:b' can't be the name of one"),
        ({"charges": [1, 2, 3, 4]}, 'charges are "charge"'),
        ({"charge": [1, 2, 3, np.nan]}, "charges: atom 3 .* not finite"),
        ([1, 2, 3, 4], "columns = list: expected {name: numbers"),
    ],
)
def test_what_can_be_none_is_refused(columns, told):
    x = 3.0 * np.arange(12.0).reshape(4, 3)
    with pytest.raises(InputError, match=told):
        System(Box.cubic(30), x, "Ar", columns=columns)
    atoms = System(Box.cubic(30), x, "Ar")
    with pytest.raises(InputError, match=told):
        atoms.columns = columns  # from outside
    for name, values in columns.items() if isinstance(columns, dict) else ():
        with pytest.raises(InputError, match=told):
            atoms.columns[name] = values
    assert not atoms.columns


def test_columns_that_are_set_later_are_as_those_that_are_given(tmp_path):
    atoms = System(Box.cubic(12), [[1, 1, 1], [6, 6, 6]], "Ar")
    atoms.columns["site"] = ["a", "b"]
    atoms.columns |= {"group": [1, 2]}
    atoms.charges = [1, -1]
    again = pickle.loads(pickle.dumps(atoms)).replicate((2, 1, 1))
    with (tmp_path / "a.xyz").open("w") as stream:
        write_frame(stream, again)
    assert_same(System.read(tmp_path / "a.xyz").columns, again.columns)
    assert again.columns["group"].tolist() == [1, 2, 1, 2]
    atoms.charges = None
    assert list(atoms.columns) == ["site", "group"]


def test_a_word_in_a_column_of_numbers_is_told(tmp_path):
    path = tmp_path / "a.xyz"
    path.write_text(FILE.replace(" 4 fluid F", " four fluid F"))
    with pytest.raises(InputError, match=r"a.xyz: line 4: group: expected an integer, got 'four'"):
        System.read(path)
    path.write_text(FILE.replace("fluid F", "fluid ?"))
    with pytest.raises(InputError, match=r"a.xyz: frame 0: atom 1 .*: free = \?: T or F\?"):
        System.read(path)


# --- what kernels read ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", dict(cells(2.5)))
def test_charges_of_atoms_keep_the_contract(cell):
    """Forces are those of the energy, with a charge for each atom and its ghosts."""
    found = dict(cells(2.5))[cell]
    charges = np.random.default_rng(4).normal(size=found.n_atoms)
    atoms = System(found.box, found.positions, "A", masses=[1.0] * found.n_atoms, units="lj")
    atoms.charges = charges
    contract.assert_forces_match_energy(OwnCharges(), atoms)
    contract.assert_stress_matches_energy(OwnCharges(), atoms)
    contract.assert_list_does_not_matter(OwnCharges(), atoms)
    contract.assert_sums_are_of_multiples(OwnCharges(), atoms)
    got, want = evaluate(OwnCharges(), atoms), contract.evaluate(OwnCharges(), atoms)
    assert got.energy == want.energy and got.forces.tobytes() == want.forces.tobytes()


def test_a_structure_without_what_a_kernel_reads_is_refused():
    with pytest.raises(InputError, match="the potential needs 'charge' of each atom, which the structure has not"):
        Simulation(scattered(20, 4.0 * TRICLINIC), OwnCharges())
    atoms = scattered(20, 4.0 * TRICLINIC)
    atoms.columns["charge"] = np.zeros(20)
    Simulation(atoms, OwnCharges())


@needs_mpi[0]
@needs_mpi[1]
def test_same_bits_on_any_number_of_ranks_and_across_restarts(tmp_path):
    script, folders = ROOT / "tests" / "mpi_columns.py", {}

    def run(name, ranks, *arguments):
        folders[name] = tmp_path / name
        folders[name].mkdir()
        mpirun(ranks, script, folders[name], *arguments)
        return np.load(folders[name] / "final.npz")

    one = run("one", 1, 60)
    run("half", 3, 40)
    others = {"two": run("two", 2, 60), "restarted": run("restarted", 4, 20, folders["half"] / "state.pickle")}
    for name, other in others.items():
        for column in one.files:
            assert one[column].tobytes() == other[column].tobytes(), f"{name}: {column}"
        state = pickle.loads((folders[name] / "state.pickle").read_bytes())
        with Trajectory(folders[name] / "results.h5md") as found:
            for column, values in system().columns.items():
                np.testing.assert_array_equal(found.columns[column], values, err_msg=f"{name}: {column}")
                np.testing.assert_array_equal(state["columns"][column], values, err_msg=f"{name}: {column}")
