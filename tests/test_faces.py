"""Does an input with this type build the potential it says, does it run, and is what is wrong told?"""

import numpy as np
import pytest

from mdcore import D3, Buckingham, Coulomb, Electrostatics, LongLennardJones, Morse, SoftCore, evaluate
from mdcore.base.errors import InputError
from mdcore.base.units import COULOMB, KCAL_PER_MOL
from mdcore.cli import assemble, main
from mdcore.config import load, parse, validate_species
from mdcore.output.trajectory import Trajectory
from mdcore.potentials.pair.tabulated import Tabulated
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.mpi import mpirun, needs_mpi

R = np.linspace(1.5, 6.0, 200)
TABLE = "FALL\nN 200\n\n" + "".join(f"{k} {r:.8f} {1 / r:.12f} 0\n" for k, r in enumerate(R, 1)) + "\nREST\nN 4\n\n"
TABLE += "".join(f"{k} {r} {3 - r} 0\n" for k, r in enumerate((1.5, 3, 4, 6), 1))
PAIRS = (("Na", "Cl"), ("Na", "Na"), ("Cl", "Cl"))
REST = """
[structure]
file = "salt.extxyz"
[velocities]
temperature = 300
[[stage]]
ensemble = "nve"
timestep = 1.0
steps = 12
[output]
name = "salt"
progress = "off"
thermo_every = 4
trajectory_every = 4
"""


def sections(text: str, pairs=PAIRS) -> str:
    """[[potential.pair]] with the same parameters for each pair."""
    return "".join(f'[[potential.pair]]\nspecies = ["{a}", "{b}"]\n{text}\n' for a, b in pairs)


def by_pair(**parameters) -> dict:
    return {pair: parameters for pair in PAIRS}


SMOOTH = 'truncation = "force-shifted"\n'
MORSE = '[[potential]]\ntype = "morse"\ncutoff = 5.5\n' + SMOOTH + sections("depth = 0.34\nalpha = 1.36\nr0 = 2.87")
BUCKINGHAM = '[[potential]]\ntype = "buckingham"\ncutoff = 5.5\n' + SMOOTH + sections("a = 2000.0\nrho = 0.3\nc = 20")
SOFT = '[[potential]]\ntype = "soft-core"\ncutoff = 5.5\ncoupling = 0.7\nalpha = 0.4\nn = 2\n' + SMOOTH + sections(
    "epsilon = 0.01\nsigma = 2.6\ncutoff = 5.0"
)
CHARGES = '[[potential]]\ntype = "coulomb"\ncutoff = 5.5\nalpha = 0.25\ncharges = { Na = 1, Cl = -1.0 }\n'
IMAGES = '[[potential]]\ntype = "electrostatics"\naccuracy = 1e-6\ncutoff = 5.5\ncharges = { Na = 1, Cl = -1.0 }\n'
ATTRACTION = '[[potential]]\ntype = "lj"\ncutoff = 5.5\ntruncation = "none"\naccuracy = 1e-4\n' + "".join(
    f"[potential.species.{name}]\nepsilon = 0.01\nsigma = {sigma}\n" for name, sigma in (("Na", 2.1), ("Cl", 2.6))
)
GAUSSIANS = IMAGES + "widths = { Na = 0.4, Cl = 0.5 }\n"
DISPERSION = '[[potential]]\ntype = "d3"\nfunctional = "PBE"\ns8 = 0.8\ns9 = 1.0\ncutoff = 5.5\nwidth = 1.5\n'
FROM_FILE = '[[potential]]\ntype = "table"\ncutoff = 5.5\n' + SMOOTH + sections(
    'file = "salt.table"\nkeyword = "FALL"'
)
SHIFTED = {"truncation": "force-shifted"}
RIGHT = {
    "morse": (MORSE, Morse(5.5, pairs=by_pair(depth=0.34, alpha=1.36, r0=2.87), **SHIFTED)),
    "buckingham": (BUCKINGHAM, Buckingham(5.5, pairs=by_pair(a=2000.0, rho=0.3, c=20.0), **SHIFTED)),
    "soft-core": (
        SOFT, SoftCore(5.5, pairs=by_pair(epsilon=0.01, sigma=2.6, cutoff=5.0), coupling=0.7, alpha=0.4, n=2, **SHIFTED)
    ),
    "coulomb": (CHARGES, Coulomb(5.5, {"Na": 1.0, "Cl": -1.0}, 0.25, constant=COULOMB)),
    "electrostatics": (IMAGES, Electrostatics({"Na": 1.0, "Cl": -1.0}, accuracy=1e-6, cutoff=5.5)),
    "electrostatics with damping": (
        IMAGES + 'damping = "cosine"\ninner = 1.5\nouter = 5.0\n',
        Electrostatics({"Na": 1.0, "Cl": -1.0}, accuracy=1e-6, cutoff=5.5, damping="cosine", inner=1.5, outer=5.0),
    ),
    "electrostatics of gaussians": (
        GAUSSIANS,
        Electrostatics({"Na": 1.0, "Cl": -1.0}, accuracy=1e-6, cutoff=5.5, widths={"Na": 0.4, "Cl": 0.5}),
    ),
    "d3": (DISPERSION, D3("pbe", s8=0.8, s9=1.0, cutoff=5.5, width=1.5)),
    "lj with all images": (
        ATTRACTION, LongLennardJones(5.5, species={"Na": (0.01, 2.1), "Cl": (0.01, 2.6)}, accuracy=1e-4)
    ),
    "table": (FROM_FILE, Tabulated({pair: (R.round(8), (1 / R).round(12)) for pair in PAIRS}, 5.5, **SHIFTED)),
}  # fmt: skip
every_type = pytest.mark.parametrize("name", RIGHT)


def salt() -> System:
    rng = np.random.default_rng(1)
    sites = np.array([(i, j, k) for i in range(4) for j in range(4) for k in range(4)])
    where = 2.9 * sites + rng.uniform(-0.1, 0.1, sites.shape)
    return System(Box.cubic(11.6), where, [("Na", "Cl")[sum(site) % 2] for site in sites.tolist()])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The current folder, with a structure and tables in it."""
    monkeypatch.chdir(tmp_path)
    system = salt()
    names = [system.symbols[k] for k in system.species]
    rows = "".join(f"{name} {x} {y} {z}\n" for name, (x, y, z) in zip(names, system.positions.tolist(), strict=True))
    lattice = 'Lattice="11.6 0 0 0 11.6 0 0 0 11.6" Properties=species:S:1:pos:R:3'
    (tmp_path / "salt.extxyz").write_text(f"{len(names)}\n{lattice}\n{rows}")
    (tmp_path / "salt.table").write_text(TABLE)
    (tmp_path / "columns.txt").write_text("# r u\n" + "".join(f"{r:.8f} {1 / r:.12f}\n" for r in R))
    return tmp_path


def built(text: str, folder):
    """The potential of an input."""
    (folder / "salt.toml").write_text(text + REST)
    settings = load("salt.toml")
    system = assemble.make_system(settings)
    return assemble.make_potential(settings, assemble.read_potentials(settings, system.symbols))


def assert_same(found, wanted):
    one, two = evaluate(found, salt()), evaluate(wanted, salt())
    assert one.energy == two.energy and np.array_equal(one.forces, two.forces)
    kind = [(type(it), it.cutoff, getattr(it, "truncation", None)) for it in (found, wanted)]
    assert kind[0] == kind[1]


@every_type
def test_an_input_builds_the_potential_it_says(folder, name):
    text, wanted = RIGHT[name]
    found = built(text, folder)
    assert_same(found, wanted)
    assert np.abs(evaluate(found, salt()).forces).max() > 1e-3


def test_units_of_charges_and_tables(folder):
    assert_same(built(CHARGES + "constant = 2.0\n", folder), Coulomb(5.5, {"Na": 1, "Cl": -1}, 0.25, constant=2.0))
    reduced = 'units = "lj"\n' + CHARGES + REST.replace('"salt.extxyz"', '"salt.extxyz"\nmasses = { Na = 1, Cl = 1 }')
    (folder / "lj.toml").write_text(reduced)
    assert load("lj.toml").potential[0].build(load("lj.toml")).constant == 1.0
    wanted = Tabulated({pair: (R.round(8), (1 / R).round(12) * KCAL_PER_MOL) for pair in PAIRS}, 5.5, **SHIFTED)
    units = 'units = { length = "angstrom", energy = "kcal/mol" }\n'
    assert_same(built(FROM_FILE.replace("cutoff = 5.5\n", "cutoff = 5.5\n" + units), folder), wanted)


def test_tables_end_where_they_end_and_may_be_columns(folder):
    columns = '[[potential]]\ntype = "table"\n' + sections('file = "columns.txt"')
    assert_same(built(columns, folder), Tabulated({pair: (R.round(8), (1 / R).round(12)) for pair in PAIRS}))
    assert [s.files for s in load("salt.toml").potential] == [("columns.txt",)]


@every_type
def test_check_run_verify_and_evaluate(folder, name, capsys):
    text, wanted = RIGHT[name]
    (folder / "salt.toml").write_text(text + REST)
    assert main(["check", "salt.toml"]) == 0
    assert f"potential   {name.split()[0]}, cutoff {wanted.cutoff:g} Angstrom" in capsys.readouterr().out
    assert main(["run", "salt.toml", "--quiet"]) == 0
    with Trajectory("salt.h5md") as trajectory:
        energies = trajectory.thermo()["potential"]
        assert trajectory.steps.tolist() == [0, 4, 8, 12]
    assert energies[0] == pytest.approx(evaluate(wanted, load_structure()).energy, rel=1e-9)
    assert main(["info", "salt.toml"]) == 0
    assert main(["verify", "salt.toml"]) == 0, capsys.readouterr().out
    (folder / "labelled.extxyz").write_text(
        (folder / "salt.extxyz").read_text().replace("Properties", "energy=1.0 Properties")
    )
    assert main(["evaluate", "salt.toml", "labelled.extxyz"]) == 0, capsys.readouterr().err


def load_structure() -> System:
    return System.read("salt.extxyz")


@pytest.mark.mpi
@needs_mpi[1]
def test_the_same_bits_on_two_ranks(folder):
    """Charges, and tables, which rank 0 reads."""
    (folder / "salt.toml").write_text(CHARGES + FROM_FILE + REST)
    found = []
    assert main(["run", "salt.toml", "--quiet", "--set", "output.name=on1"]) == 0
    mpirun(2, "-m", "mdcore", "run", "salt.toml", "--quiet", "--set", "output.name=on2")
    for ranks in (1, 2):
        with Trajectory(f"on{ranks}.h5md") as trajectory:
            thermo = trajectory.thermo()
            found.append([thermo["total"], thermo["pressure"], *(frame.positions for frame in trajectory)])
    assert len(found[0]) == 6 and all(np.array_equal(a, b) for a, b in zip(*found, strict=True))


UNITS = 'cutoff = 5.5\nunits = { length = "angstrom", energy = "ENERGY" }'
WRONG = [
    (MORSE.replace("depth = 0.34", "dept = 0.34", 1), "#1 pair #1 dept = 0.34: unknown key; did you mean 'depth'?"),
    (MORSE.replace("depth = 0.34", "D0 = 0.34", 1), "unknown key; did you mean 'depth'?"),
    (MORSE.replace("alpha = 1.36\n", "", 1), "pair #1 alpha: required, a number > 0 in 1/Angstrom (1e-06 to"),
    (MORSE.replace("r0 = 2.87", "r0 = -1", 1), "pair #1 r0 = -1: expected a number > 0 in Angstrom"),
    (MORSE.replace('"Na", "Na"', '"Cl", "Na"'), 'pair #2 species = ["Cl", "Na"]: this pair was given before'),
    (MORSE.replace('"Na", "Na"', '"Na"'), 'pair #2 species = ["Na"]: expected a list of 2'),
    (MORSE + "sigma = 3.0\n", 'pair #3 sigma = 3.0: applies to type "lj" and "soft-core" only'),
    (MORSE.replace('"morse"', '"morse"\ncoupling = 0.5'), 'coupling = 0.5: applies to type "soft-core" only'),
    (MORSE.replace("force-shifted", "smooth"), 'forces that do not jump are truncation = "force-shifted"'),
    ("[[potential]]\ntype = 'morse'\ncutoff = 5.0\n", "[[potential.pair]] with species, depth, alpha, r0 for each"),
    (MORSE.replace("cutoff = 5.5\n", ""), "cutoff: required, a number > 0 in Angstrom"),
    (BUCKINGHAM.replace("c = 20", "c6 = 20", 1), "unknown key; did you mean 'c'?"),
    (BUCKINGHAM.replace("a = 2000.0", "A = 2000.0", 1), "unknown key; did you mean 'a'?"),
    (BUCKINGHAM.replace("rho = 0.3", "rho = 0", 1), "rho = 0: expected a number > 0"),
    (SOFT.replace("coupling = 0.7", "lambda = 0.7"), "unknown key; did you mean 'coupling'?"),
    (SOFT.replace("coupling = 0.7", "coupling = 1.1"), "coupling = 1.1: expected a number >= 0 and <= 1"),
    (SOFT.replace("n = 2", "n = 0"), "n = 0: expected an integer >= 1 and <= 9"),
    (CHARGES.replace("Na = 1,", 'Na = "+1",'), 'charges.Na = "+1": expected a number in e'),
    (CHARGES.replace("{ Na = 1, Cl = -1.0 }", "{}"), "no charges; give one for each species"),
    (IMAGES.replace("accuracy = 1e-6", "accuracy = 0.1"), "accuracy = 0.1: expected a number >= 1e-10 and <= 0.01"),
    (GAUSSIANS.replace("Cl = 0.5", "Cl = 3.0"), "cutoff = 5.5: too short for Gaussians of width 3"),
    (CHARGES + 'truncation = "cut"\n', 'truncation = "cut": expected one of "shifted", "force-shifted"'),
    (FROM_FILE.replace('"salt.table"', '"none.table"', 1), 'pair #1 file = "none.table": no such file or folder'),
    (FROM_FILE.replace("cutoff = 5.5", UNITS.replace("ENERGY", "kcal")), "unknown unit, expected one of ev, hartree"),
    ('[[potential]]\ntype = "buck"\n', 'Buckingham, also without its attraction, is type = "buckingham"'),
    ('[[potential]]\ntype = "coul/dsf"\n', 'charges with a cutoff are type = "coulomb"'),
    ('[[potential]]\ntype = "pppm"\n', 'charges with all their images are a [[potential]] of type = "electrostatics"'),
    ('[[potential]]\ntype = "born/coul/long"\n', 'can be a type = "table"'),
    ('[[potential]]\ntype = "soft_core"\n', "did you mean 'soft-core'?"),
]


@pytest.mark.parametrize(("text", "says"), WRONG)
def test_what_is_wrong_is_told_with_its_cure(folder, text, says):
    with pytest.raises(InputError) as caught:
        parse(text + REST, "salt.toml")
    assert says in str(caught.value) and str(caught.value).count("\n") == 0


UNFIT = [
    (MORSE.replace('"Cl", "Cl"', '"Cl", "K"'), ["no species 'K' in the structure", "the pair Cl-Cl has no parameters"]),
    (SOFT.replace('species = ["Cl", "Cl"]', 'species = ["Na", "Br"]'), ["no species 'Br'", "the pair Cl-Cl has no"]),
    (GAUSSIANS.replace("Cl = 0.5", "Br = 0.5"), ["species Cl has no width; give one", "widths.Br = 0.5: no such"]),
    (CHARGES.replace("Cl =", "Br ="), ["charges.Br = -1.0: no such species", "species Cl has no charge; give"]),
    (FROM_FILE.replace('"Cl", "Cl"', '"K", "Na"'), ["no species 'K'", "the pair Cl-Cl has no parameters"]),
]


@pytest.mark.parametrize(("text", "says"), UNFIT)
def test_every_pair_of_the_structure_needs_parameters(folder, text, says):
    settings = parse(text + REST, "salt.toml")
    with pytest.raises(InputError) as caught:
        validate_species(settings, ("Na", "Cl"))
    told = str(caught.value).split("\n")
    assert len(told) == len(says) and all(one in line for one, line in zip(says, told, strict=True))


KEYWORDS = [
    ('keyword = "RISE"', "section 'RISE': expected one of those in the file (FALL, REST)"),
    ('keyword = "REST"', None),
    ("", "the file has several sections (FALL, REST); the keyword says which"),
]


@pytest.mark.parametrize(("keyword", "says"), KEYWORDS)
def test_sections_of_tables(folder, keyword, says, capsys):
    (folder / "salt.toml").write_text(FROM_FILE.replace('keyword = "FALL"', keyword) + REST)
    code = main(["check", "salt.toml"])
    told = capsys.readouterr().err
    assert code == (0 if says is None else 2)
    assert says is None or (says in told and "salt.toml: [[potential]] #1: " in told and told.count("\n") == 1)


def test_a_table_in_reduced_units_has_no_others(folder, capsys):
    text = FROM_FILE.replace("cutoff = 5.5", UNITS.replace("ENERGY", "ev"))
    masses = REST.replace('"salt.extxyz"', '"salt.extxyz"\nmasses = { Na = 1, Cl = 1 }')
    (folder / "salt.toml").write_text('units = "lj"\n' + text + masses)
    assert main(["check", "salt.toml"]) == 2
    assert "write these in reduced units" in capsys.readouterr().err


def test_results_are_not_written_over_a_table(folder, capsys):
    (folder / "x.extxyz").write_text(TABLE)
    text = FROM_FILE.replace("salt.table", "x.extxyz") + REST.replace('name = "salt"', 'name = "x"\ndump_every = 2')
    (folder / "salt.toml").write_text(text)
    assert main(["run", "salt.toml", "--overwrite"]) == 2
    assert "the run would write over its own input" in capsys.readouterr().err
    assert (folder / "x.extxyz").read_text() == TABLE


def test_a_soft_core_takes_atoms_that_lie_on_each_other(folder):
    """With part of the coupling; at full coupling it is Lennard-Jones, which blows up."""
    lines = (folder / "salt.extxyz").read_text().split("\n")
    where = [str(float(x) + 0.001) for x in lines[2].split()[1:]]
    lines[3] = " ".join([lines[3].split()[0], *where])
    (folder / "salt.extxyz").write_text("\n".join(lines))
    (folder / "salt.toml").write_text(SOFT + REST)
    assert main(["check", "salt.toml"]) == 0
    assert main(["run", "salt.toml", "--quiet"]) == 0
    assert main(["run", "salt.toml", "--quiet", "--overwrite", "--set", "potential.0.coupling=1.0"]) == 3


@pytest.mark.parametrize("r0", ["900.0", "1e6"])
def test_an_energy_beyond_all_numbers_is_told(folder, r0, capsys):
    (folder / "salt.toml").write_text(MORSE.replace("r0 = 2.87", f"r0 = {r0}") + REST)
    assert main(["check", "salt.toml"]) == 2
    told = capsys.readouterr().err
    assert "salt.toml: [[potential]] #1: Morse: Na-Na: at the cutoff, 5.5, the energy is beyond all numbers" in told


def test_charges_that_do_not_add_up_to_zero_are_told(folder, capsys):
    (folder / "salt.toml").write_text(CHARGES.replace("Cl = -1.0", "Cl = 0.5") + REST)
    assert main(["check", "salt.toml"]) == 0
    assert "warning     the charges add up to +48: is that meant?" in capsys.readouterr().out
    assert main(["run", "salt.toml", "--quiet"]) == 0
    assert "warning: the charges add up to +48: is that meant?" in capsys.readouterr().err
    (folder / "salt.toml").write_text(CHARGES + REST)
    assert main(["check", "salt.toml"]) == 0
    assert "add up" not in capsys.readouterr().out


def test_tables_are_beside_the_input_and_read_again_at_a_restart(folder, monkeypatch, capsys):
    text = FROM_FILE + REST.replace("thermo_every", 'directory = "out"\ncheckpoint_every = 6\nthermo_every')
    (folder / "salt.toml").write_text(text)
    (folder / "elsewhere").mkdir()
    monkeypatch.chdir(folder / "elsewhere")
    assert main(["run", "../salt.toml", "--quiet"]) == 0
    again = ["run", "../salt.toml", "--quiet", "--restart", "--set", "stage.0.steps=20"]
    assert main([*again, "--set", "potential.0.cutoff=5.0"]) == 0
    assert "potential.0.cutoff = 5.0, was 5.5" in capsys.readouterr().err
    with Trajectory("out/salt.h5md") as trajectory:
        assert trajectory.steps.tolist() == [0, 4, 8, 12, 16, 20]
    (folder / "salt.table").unlink()
    assert main([*again, "--set", "stage.0.steps=30"]) == 2
    assert 'file = "salt.table": no such file or folder; looked for ../salt.table' in capsys.readouterr().err
