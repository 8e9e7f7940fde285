"""Do dipole moments and polarizabilities turn with the atoms, whoever computes them, and does their file keep them?"""

from itertools import pairwise

import h5py
import numpy as np
import pytest

from mdcore import Box, InputError, LennardJones, Simulation, System, TensorPotential, Trajectory, evaluate
from mdcore.base.files import seal
from mdcore.cli import main
from mdcore.potentials.base import Sum
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.frozen import identical
from mdcore.potentials.tensors import local_field
from mdcore.potentials.tensors import moments as m
from mdcore.potentials.tensors.h5 import FORMAT, read_tensors, write_tensors
from mdcore.potentials.tensors.model import Design, Scaling, TensorNetwork
from mdcore.potentials.tensors.potential import make_test_vectors, tensors_of
from tests.mpi import mpirun, needs_mpi

KINDS = {
    "vectors": {},
    "ions": {"centers": ("O",), "ions": (("H", 0.7),)},
    "charges": {"dipole": "charges"},
    "both": {"dipole": "charges and vectors"},
    "local field": {"local_field": True},
}


def network(dipole="vectors", centers=("H", "O"), ions=(), elements=("H", "O"), seed=3, cutoff=4.0, local_field=False):
    """A network that nobody trained, with answers about one."""
    rng = np.random.default_rng(seed)
    design = Design(elements, centers, cutoff, 4, 3, (5, 4), dipole, True, ions, local_field)
    scaling, parameters = [], []
    for _ in centers:
        n, inputs = m.n_invariants(design.channels), 6
        scaling.append(Scaling(
            rng.normal(size=n), 0.05 * rng.normal(size=(n, inputs)), rng.normal(size=(2, 3, design.channels)),
            rng.uniform(1.0, 4.0, design.n_outputs),
        ))  # fmt: skip
        sizes = [inputs, *design.hidden, design.n_outputs]
        parameters.append(0.7 * rng.normal(size=sum(a * b + b for a, b in pairwise(sizes))))
    unit = {"dipole": 0.6, "polarizability": 1.3}
    model = TensorNetwork(design=design, scaling=tuple(scaling), parameters=tuple(parameters), unit=unit, name="some")
    return TensorNetwork(**{**vars(model), "test_vectors": make_test_vectors(model)})


def atoms(n=12, seed=1, cell=None, elements="HO"):
    """Atoms not too near each other: positions [n, 3], symbols."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < n:
        x = rng.uniform(0.0, 6.0, 3)
        if all(np.linalg.norm(x - y) > 1.1 for y in found):
            found.append(x)
    return np.array(found), [elements[k % len(elements)] for k in range(n)]


def told(potential, positions, symbols, cell=None):
    """(dipole [3], polarizability [3, 3])"""
    box = Box.completed(np.zeros((3, 3)) if cell is None else cell, (cell is not None,) * 3, positions)
    found = evaluate(potential, System(box, positions, symbols), findings=True).findings
    dipole = np.array([found[f"dipole_{axis}"] for axis in "xyz"])
    six = np.array([found[f"polarizability_{axis}"] for axis in ("xx", "yy", "zz", "yz", "xz", "xy")])
    return dipole, six[np.array([[0, 5, 4], [5, 1, 3], [4, 3, 2]])]


@pytest.mark.parametrize("kind", KINDS)
def test_tensors_turn_with_the_atoms(kind):
    """Rotation with inversion, translation, another order: to rounding, 2^-36 an atom."""
    potential = TensorPotential(network(**KINDS[kind]))
    x, symbols = atoms()
    dipole, polarizability = told(potential, x, symbols)
    assert np.linalg.norm(dipole) > 0.1 and abs(polarizability[0, 1]) > 0.01
    turn = -np.linalg.qr(np.random.default_rng(5).normal(size=(3, 3)))[0]
    for turned, order in ((turn, np.arange(12)), (np.eye(3), np.random.default_rng(6).permutation(12))):
        other = told(potential, (x @ turned.T + [3.0, -1.0, 7.0])[order], [symbols[k] for k in order])
        assert np.allclose(other[0], turned @ dipole, atol=1e-9)
        assert np.allclose(other[1], turned @ polarizability @ turned.T, atol=1e-9)


@pytest.mark.parametrize("kind", ["vectors", "ions", "local field"])
def test_cells_are_told_like_clusters(kind):
    """A cell twice as long has twice the tensors, one smaller than the cutoff, too; images are of no account."""
    potential = TensorPotential(network(**KINDS[kind]))
    x, symbols = atoms(8)
    cell = np.diag([6.9, 7.0, 7.2]) + 0.4 * np.tri(3, k=-1)
    dipole, polarizability = told(potential, x, symbols, cell)
    twice = np.concatenate([x, x + cell[0]]), symbols * 2, cell * [[2], [1], [1]]
    assert np.allclose(told(potential, *twice)[0], 2 * dipole, atol=1e-9)
    assert np.allclose(told(potential, *twice)[1], 2 * polarizability, atol=1e-9)
    moved = x + np.random.default_rng(2).integers(-2, 3, x.shape) @ cell
    assert np.allclose(told(potential, moved, symbols, cell)[0], dipole, atol=1e-9)
    small = np.diag([3.0, 3.1, 3.2])
    one = told(potential, x[:2] * 0.5, symbols[:2], small)
    many = [x[:2] * 0.5 + [a, b, c] @ small for a in (0, 1, 2) for b in (0, 1, 2) for c in (0, 1, 2)]
    assert np.allclose(told(potential, np.concatenate(many), symbols[:2] * 27, 3 * small)[0], 27 * one[0], atol=1e-8)


def test_far_dipoles_add_what_clausius_and_mossotti_say():
    """In a cell; clusters have none. Where the cell would polarise itself without end it is not known."""
    without, with_field = (TensorPotential(network(local_field=own)) for own in (False, True))
    x, symbols = atoms(8)
    assert np.array_equal(told(without, x, symbols)[1], told(with_field, x, symbols)[1])
    cell = np.diag([6.9, 7.0, 7.2]) + 0.4 * np.tri(3, k=-1)
    local, whole = told(without, x, symbols, cell)[1], told(with_field, x, symbols, cell)[1]
    sphere = 4.0 * np.pi / 3.0 / np.linalg.det(cell)
    assert np.allclose(whole, np.linalg.inv(np.linalg.inv(local) - sphere * np.eye(3)), rtol=1e-12)
    assert np.abs(whole - local).max() > 0.01
    assert np.isnan(local_field.enhancement(np.array([3.0, 1.0, 1.0, 0, 0, 0]), 4.0 * np.pi)).all()


def test_atoms_beyond_the_cutoff_do_not_count_and_come_in_softly():
    potential = TensorPotential(network())
    x, symbols = np.array([[0.0, 0, 0], [1.5, 0, 0], [0, 0, 0]]), ["O", "H", "H"]

    def at(r):
        x[2] = [-0.6 * r, 0.8 * r, 0.0]  # from the first; farther from the second
        return np.concatenate([part.ravel() for part in told(potential, x, symbols)])

    away = at(9.0)
    assert np.array_equal(at(7.0), away)
    near, nearer = (np.abs(at(4.0 - d) - away).max() for d in (0.02, 0.04))
    assert 0.0 < near < nearer / 6.0 < 1e-4  # of the third order


def test_as_the_formulae_read():
    """Of one atom, with sums over neighbours as they stand in moments.py, and matrix products of NumPy."""
    model = network(centers=("O",))
    x, symbols = atoms(9, seed=4)
    own, total = model.scaling[0], np.zeros(9)
    for i in np.flatnonzero(np.array(symbols) == "O"):
        zeroth, first, second = np.zeros(8), np.zeros((8, 3)), np.zeros((8, 3, 3))
        for j in range(9):
            r = np.linalg.norm(x[j] - x[i])
            if j == i or r >= 4.0:
                continue
            u = (x[j] - x[i]) / r
            g = (1 - (r / 4) ** 2) ** 3 / r**2 * np.cos(np.arange(4) * np.arccos(2 * r / 4 - 1))
            at = slice(0, 4) if symbols[j] == "H" else slice(4, 8)
            zeroth[at] += g
            first[at] += g[:, None] * u
            second[at] += g[:, None, None] * (np.outer(u, u) - np.eye(3) / 3)
        upper = np.triu_indices(8)
        products = [(first @ first.T)[upper], np.einsum("cxy,dxy->cd", second, second)[upper]]
        y = (np.concatenate([zeroth, *products]) - own.mean) @ own.projection
        for w, b in model.weights(0)[:-1]:
            y = y @ w + b
            y = y / np.sqrt(1 + y**2)
        y = (y @ model.weights(0)[-1][0] + model.weights(0)[-1][1]) / own.scale
        one, two = own.mixing[0] @ first, np.einsum("kc,cxy->kxy", own.mixing[1], second)
        vectors = [*first, *(two[k] @ one[n] for k in range(3) for n in range(3))]
        pairs = [(k, n) for k in range(3) for n in range(k, 3)]
        outer, squares = [np.outer(one[k], one[n]) for k, n in pairs], [two[k] @ two[n] for k, n in pairs]
        matrices = [np.eye(3), *second, *outer, *squares]
        total[:3] += 0.6 * sum(w * v for w, v in zip(y[:17], vectors, strict=True))
        alpha = 1.3 * sum(w * (s + s.T) / 2 for w, s in zip(y[17:], matrices, strict=True))
        total[3:] += alpha[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
    assert np.allclose(tensors_of(model, symbols, x), total, rtol=1e-10)
    dipole, polarizability = told(TensorPotential(model), x, symbols)
    assert np.allclose(dipole, total[:3], atol=1e-9) and polarizability[1, 2] == pytest.approx(total[6], abs=1e-9)


def test_charges_add_up_to_nothing():
    """A cluster's dipole moment does not depend on where it is, far away, too; one atom alone has none."""
    potential = TensorPotential(network("charges"))
    x, symbols = atoms()
    far = told(potential, x + 4000.0, symbols)[0]
    assert np.allclose(told(potential, x, symbols)[0], far, atol=1e-8) and np.linalg.norm(far) > 0.01
    assert np.allclose(told(potential, x[:1], symbols[:1])[0], 0.0, atol=1e-10)


def test_ions_belong_to_the_nearest_center():
    """Without a network's say: a proton 1 Angstrom from its O and 1.5 from another one, across the face of the cell."""
    model = network(centers=("O",), ions=(("H", 0.5),))
    silent = TensorNetwork(**{**vars(model), "parameters": (0.0 * model.parameters[0],), "test_vectors": ()})
    x = np.array([[0.2, 0, 0], [7.2, 0, 0], [5.7, 0, 0]])
    dipole, _ = told(TensorPotential(silent), x, ["O", "H", "O"], 8.0 * np.eye(3))
    assert np.allclose(dipole, [-0.5, 0.0, 0.0], atol=1e-9)
    with pytest.raises(InputError, match=r"an ion \(H\) has no atom of O within 4 Angstrom"):
        told(TensorPotential(silent), x[1:2], ["H"])


def test_no_energy_and_no_forces_beside_a_potential():
    system = System.build("fcc", 5.4, "Ar", repeat=(2, 2, 2))
    system.positions += np.random.default_rng(1).normal(scale=0.1, size=system.positions.shape)
    lj = LennardJones(cutoff=4.5, epsilon=0.01, sigma=3.4)
    tensors = TensorPotential(network(elements=("Ar",), centers=("Ar",)))
    alone, both = evaluate(lj, system), evaluate(Sum(lj, tensors), system, findings=True)
    assert alone.energy == both.energy and np.array_equal(alone.forces, both.forces)
    assert np.array_equal(alone.virial, both.virial) and np.isfinite(both.findings["dipole_x"])
    sim = Simulation(system, Sum(lj, tensors))
    assert sim.findings == both.findings  # the same bits, in another order of the atoms
    assert "dipole (vectors) and polarizability at Ar, cutoff 4 Angstrom" in repr(tensors)


# --- the file ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_keeps_every_bit(tmp_path, kind):
    model = network(**KINDS[kind])
    write_tensors(model, tmp_path / "t.h5")
    found = read_tensors(tmp_path / "t.h5")
    for name in ("design", "scaling", "parameters", "test_vectors", "unit"):
        assert identical(getattr(model, name), getattr(found, name)), name
    TensorPotential(tmp_path / "t.h5")


def test_a_file_that_answers_otherwise_is_refused(tmp_path):
    path = tmp_path / "t.h5"
    write_tensors(network(), path)
    with h5py.File(path, "r+") as file:
        file["centers/O/parameters"][-1] += 1e-3
    with pytest.raises(InputError, match=r"t\.h5: .*damaged or changed"):
        read_tensors(path)
    seal(path, f"{FORMAT} 1")
    with pytest.raises(InputError, match=r"some: test vector 0 .* is .*, expected .*damaged or was changed"):
        TensorPotential(path)


def test_other_files_are_named(tmp_path):
    path = tmp_path / "t.h5"
    write_tensors(network(), path)
    with pytest.raises(InputError, match=r'a network of tensors: its \[\[potential\]\] has type = "tensors"'):
        read_model(path)
    with pytest.raises(InputError, match="not a network of tensors"):
        TensorPotential("potentials/silicon.h5")
    with pytest.raises(InputError, match="no such file; expected a network of tensors"):
        TensorPotential(str(tmp_path / "no.h5"))
    with pytest.raises(InputError, match=r"5: expected the path of a network of tensors"):
        TensorPotential(5)
    with pytest.raises(InputError, match="no network knows species Ar; it knows H, O"):
        TensorPotential(network()).bind(("Ar",))
    with pytest.raises(InputError, match=r"radial = 40 .* 80 channels: 64 at most; take radial = 32"):
        Design(("H", "O"), ("O",), 4.0, 40, 3, (5,), "vectors", True)
    with pytest.raises(InputError, match="ions: H: expected a finite charge"):
        Design(("H", "O"), ("H", "O"), 4.0, 4, 3, (5,), "vectors", True, (("H", 1.0),))


def test_info_tells_what_it_is(tmp_path, capsys):
    write_tensors(network(centers=("O",), ions=(("H", 0.7),)), tmp_path / "t.h5")
    assert main(["info", str(tmp_path / "t.h5")]) == 0
    out = capsys.readouterr().out
    assert "network of tensors" in out and "dipole moments of vectors and polarizabilities of O" in out
    assert "H, O within 4 Angstrom; ions H 0.7 e" in out and 'type = "tensors"' in out


# --- runs --------------------------------------------------------------------------------------------------

INPUT = """
[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.4
replicate = [3, 3, 3]

[velocities]
temperature = 60

[[potential]]
type = "lj"
cutoff = 6.0
species.Ar = {{ epsilon = 0.0103, sigma = 3.4 }}

[[potential]]
type = "tensors"
file = "{file}"

[[stage]]
ensemble = "nve"
timestep = 4.0
steps = {steps}
thermo_every = {every}

[output]
name = "{name}"
"""


def make_input(folder, steps=12, every=4, name="run"):
    model = network(elements=("Ar",), centers=("Ar",), cutoff=6.5)
    write_tensors(model, folder / "t.h5", overwrite=True)
    (folder / f"{name}.toml").write_text(INPUT.format(file="t.h5", steps=steps, every=every, name=name))
    return folder / f"{name}.toml"


@pytest.mark.parametrize("ranks", [pytest.param(3, marks=needs_mpi)])
def test_the_same_bits_on_any_number_of_ranks(tmp_path, monkeypatch, ranks):
    monkeypatch.chdir(tmp_path)
    make_input(tmp_path)
    assert main(["run", "run.toml", "--set", "output.name=one"]) == 0
    mpirun(ranks, "-m", "mdcore", "run", "run.toml", cwd=tmp_path)
    one, many = (Trajectory(tmp_path / f"{name}.h5md").thermo() for name in ("one", "run"))
    names = [name for name in one if name.startswith(("dipole", "polarizability"))]
    assert len(names) == 9 and len(one["step"]) == 4
    assert all(np.array_equal(one[name], many[name]) for name in one)
    assert np.ptp(one["dipole_x"]) > 1e-6 and np.allclose(one["volume"], 16.2**3)


def test_a_run_and_what_is_made_of_it(tmp_path, monkeypatch, capsys):
    """Columns with units, analyses, a picture; the same numbers as of one structure."""
    monkeypatch.chdir(tmp_path)
    path = make_input(tmp_path, steps=200, every=2)
    with path.open("a") as file:
        file.write("trajectory_every = 2\n\n[analysis]\nrdf = false\ndiffusion = false\n")
        file.write("dielectric = true\ninfrared = true\nraman = true\n")
    assert main(["run", "run.toml"]) == 0
    out = capsys.readouterr().out
    assert "dielectric constant: " in out and "infrared: highest at" in out and "raman: highest at" in out
    with Trajectory("run.h5md") as results:
        assert results.thermo_units()["dipole_y"] == "e Angstrom"
        assert results.thermo_units()["polarizability_xy"] == "Angstrom^3"
    assert main(["analyse", "run.h5md", "--output", "again"]) == 0
    assert "dielectric constant" in capsys.readouterr().out
    assert (tmp_path / "again.json").exists() and (tmp_path / "again.png").stat().st_size > 10_000
    after_the_fact(tmp_path, capsys)


def after_the_fact(folder, capsys):
    """The frames tell the same numbers as the run did, and what is made of them is the same."""
    asked = ["analyse", "run.h5md", "--what", "dielectric,infrared,raman", "--output"]
    assert main([*asked, "log"]) == 0
    lines = [line for line in capsys.readouterr().out.splitlines() if "rows" in line]
    assert main([*asked, "after", "--tensors", "t.h5"]) == 0
    assert [line for line in capsys.readouterr().out.splitlines() if "rows" in line] == lines and len(lines) == 3
    table = np.genfromtxt(folder / "after.tensors.csv", delimiter=",", names=True)
    with Trajectory("run.h5md") as results:
        log = results.thermo()
    assert all(np.array_equal(table[name], log[name]) for name in (*(f"dipole_{axis}" for axis in "xyz"), "volume"))
    assert np.array_equal(table["polarizability_xy"], log["polarizability_xy"])
    assert main(["convert", "run.h5md", "run.extxyz"]) == 0
    assert main(["analyse", "run.extxyz", "--tensors", "t.h5", "--what", "raman", "--output", "text"]) == 0
    for more, says in (
        (["--tensors", "t.h5", "--tensors", "t.h5"], "two networks tell the dipole of the whole"),
        (["--tensors", "t.h5", "--what", "rdf"], "nothing in --what rdf is made of them"),
        (["--temperature", "300"], "--temperature: is for --tensors"),
    ):
        capsys.readouterr()
        assert main(["analyse", "run.h5md", "--output", "no", *more]) != 0
        assert says in capsys.readouterr().err


def test_inputs_that_can_not_be_meant(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = make_input(tmp_path)
    text = path.read_text()
    assert main(["check", "run.toml"]) == 0
    write_tensors(network("charges", elements=("Ar",), centers=("Ar",)), tmp_path / "t.h5", overwrite=True)
    assert main(["check", "run.toml"]) != 0
    assert "charges times positions, which is one of clusters alone" in capsys.readouterr().err
    begin = text.index("[[potential]]\ntype = \"tensors\"")
    asked = "\n[analysis]\nrdf = false\ndiffusion = false\nraman = true\n"
    path.write_text(text[:begin] + text[text.index("[[stage]]") :] + asked)
    assert main(["check", "run.toml"]) != 0
    assert '[analysis] raman = true: needs a [[potential]] with type = "tensors"' in capsys.readouterr().err
