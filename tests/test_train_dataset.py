"""Do labelled structures arrive in eV and Angstrom from every format, and does bad data get a clear message?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.units import BOHR, GIGAPASCAL, HARTREE
from mdcore.potentials.networks.n2p2.data import LabelledStructure, write_input_data
from mdcore.potentials.networks.native_units import Units
from mdcore.training.data import sources
from mdcore.training.data.labelled import Labelled, composition, elements_of, need
from mdcore.training.data.labels import Labels

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"
GOOD = """\
2
Lattice="4 0 0 0 5 0 0 0 6" Properties=species:S:1:pos:R:3:forces:R:3 energy=-7.5 stress="1 2 3 4 5 6" config_type=md pbc="T T T"
O 0 0 0 0.1 0.2 0.3
H 1 0 0 -0.1 -0.2 -0.3
"""  # noqa: E501
VOIGT = ([0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1])


def write(path, text):
    path.write_text(text)
    return path


def test_extxyz(tmp_path):
    first, second = sources.read(write(tmp_path / "a.xyz", GOOD + GOOD.replace("-7.5", "-8").replace("=md", "=hot")))
    assert (first.symbols, first.energy, first.tag, first.index) == (("O", "H"), -7.5, "md", 0)
    assert (second.energy, second.tag, second.index) == (-8.0, "hot", 1) and second.where.endswith("a.xyz: structure 1")
    np.testing.assert_array_equal(first.forces[0], (0.1, 0.2, 0.3))
    np.testing.assert_array_equal(first.stress[VOIGT], (1, 2, 3, 4, 5, 6))
    assert first.volume == pytest.approx(120.0) and first.counts == {"H": 1, "O": 1} and first.formula == "HO"
    assert elements_of([first]) == ("H", "O")
    np.testing.assert_array_equal(composition([first, second], ("O", "S", "H")), [[1, 0, 1]] * 2)
    assert first.structure.symbols == ("H", "O") and first.structure.species.tolist() == [1, 0]


def test_extxyz_in_stated_units(tmp_path):
    (s,) = sources.read(write(tmp_path / "a.xyz", GOOD), units={"length": "bohr", "energy": "hartree"})
    assert s.energy == pytest.approx(-7.5 * HARTREE) and s.cell[2, 2] == pytest.approx(6 * BOHR)
    np.testing.assert_allclose(s.forces[0], np.array([0.1, 0.2, 0.3]) * HARTREE / BOHR)
    np.testing.assert_allclose(s.stress[0, 0], HARTREE / BOHR**3)


def test_virial_is_minus_volume_times_stress(tmp_path):
    (s,) = sources.read(write(tmp_path / "a.xyz", GOOD.replace("stress=", "virial=")))
    np.testing.assert_allclose(s.stress[VOIGT], -np.array([1, 2, 3, 4, 5, 6]) / 120.0)
    both = GOOD.replace("stress=", 'virial="-120 -240 -360 -480 -600 -720" stress=')
    (s,) = sources.read(write(tmp_path / "a.xyz", both))
    np.testing.assert_allclose(s.stress[VOIGT], (1, 2, 3, 4, 5, 6))
    with pytest.raises(InputError, match="stress and virial contradict each other"):
        sources.read(write(tmp_path / "a.xyz", both.replace("-720", "720")))


@pytest.mark.parametrize("stated", [None, {"length": "bohr", "energy": "hartree"}])
def test_named_labels(stated, tmp_path):
    """Names, order, unit and sign of a stress; it is in its own unit, whatever the lengths are."""
    text = GOOD.replace("energy=", "energy=1 E0=").replace("stress=", "raw=").replace("forces:R:3", "F0:R:3")
    names = Labels("E0", "F0", "raw", "kbar", "xx yy zz xy xz yz", "pressure", "config_type")
    (s,) = sources.read(write(tmp_path / "a.xyz", text), labels=names, units=stated)
    energy, length = (HARTREE, BOHR) if stated else (1.0, 1.0)
    assert s.energy == pytest.approx(-7.5 * energy) and s.tag == "md"
    assert s.forces[1, 2] == pytest.approx(-0.3 * energy / length)
    np.testing.assert_allclose(s.stress[VOIGT], -0.1 * GIGAPASCAL * np.array([1, 2, 3, 6, 5, 4]))
    names = Labels("E0", "F0", "raw", "virial", "xx yy zz xy xz yz", "pressure")
    (s,) = sources.read(write(tmp_path / "a.xyz", text), labels=names, units=stated)
    np.testing.assert_allclose(s.stress[VOIGT], -energy * np.array([1, 2, 3, 6, 5, 4]) / (120.0 * length**3))


@pytest.mark.parametrize("cell", [None, 7.0 * np.eye(3)])
def test_input_data(cell, tmp_path):
    units, rng = Units("bohr", "hartree"), np.random.default_rng(1)
    own = LabelledStructure(("O", "H"), rng.random((2, 3)), cell, -3.0, rng.random((2, 3)), np.zeros(2), np.zeros(2),
                            set_name="liquid", units=units)  # fmt: skip
    write_input_data(tmp_path / "input.data", [own, own])
    for path in (tmp_path, tmp_path / "input.data"):
        first, second = sources.read(path, units=units)
        assert first.energy == -3.0 * HARTREE and first.tag == "liquid" and second.index == 1
        np.testing.assert_allclose(first.positions, own.positions * BOHR)
        np.testing.assert_allclose(first.forces, own.forces * HARTREE / BOHR)
        assert all(first.periodic) == (cell is not None)
    with pytest.raises(InputError, match=r"input\.data does not say its units"):
        sources.read(tmp_path)
    (tmp_path / "mdcore.toml").write_text('[units]\nlength = "bohr"\nenergy = "hartree"\n')
    assert sources.read(tmp_path)[0].energy == first.energy
    with pytest.raises(InputError, match=r"contradictory units: angstrom, ev stated, but .*mdcore.toml says bohr"):
        sources.read(tmp_path, units=Units("angstrom", "ev"))


def deepmd(folder, frames=3, mixed=False, cluster=False):
    """A DeePMD system of random numbers; returns them."""
    rng, part = np.random.default_rng(4), folder / "set.000"
    part.mkdir(parents=True)
    (folder / "type.raw").write_text("0\n1\n1\n")
    (folder / "type_map.raw").write_text("O\nH\n")
    numbers = {"coord": rng.random((frames, 9)), "force": rng.random((frames, 9)), "energy": rng.random(frames)}
    if cluster:
        (folder / "nopbc").write_text("")
    else:
        numbers["box"] = np.tile(np.diag([4.0, 5.0, 6.0]).ravel(), (frames, 1))
        numbers["virial"] = np.tile(np.diag([120.0, 0.0, 0.0]).ravel(), (frames, 1))
    if mixed:
        numbers["real_atom_types"] = np.array([[1, 0, -1]] * frames)
    for name, array in numbers.items():
        np.save(part / f"{name}.npy", array)
    return numbers


def test_deepmd(tmp_path):
    numbers = deepmd(tmp_path / "all" / "water")
    deepmd(tmp_path / "all" / "gas", cluster=True)
    data = sources.read(tmp_path / "all")
    assert [s.tag for s in data] == ["gas"] * 3 + ["water"] * 3 and [s.index for s in data] == list(range(6))
    s = data[4]
    assert s.symbols == ("O", "H", "H") and s.energy == numbers["energy"][1]
    np.testing.assert_array_equal(s.positions.ravel(), numbers["coord"][1])
    np.testing.assert_array_equal(s.forces.ravel(), numbers["force"][1])
    np.testing.assert_allclose(s.stress, np.diag([-1.0, 0, 0]))  # a virial is positive when compressed
    assert data[0].cell is None and data[0].stress is None
    (tmp_path / "all" / "water" / "set.000" / "box.npy").unlink()
    with pytest.raises(InputError, match=r"no box\.npy; add it, or an empty file nopbc"):
        sources.read(tmp_path / "all" / "water")


def test_deepmd_of_mixed_compositions(tmp_path):
    numbers = deepmd(tmp_path, mixed=True)
    s = sources.read(tmp_path)[2]
    assert s.symbols == ("H", "O") and s.tag == ""
    np.testing.assert_array_equal(s.forces.ravel(), numbers["force"][2][:6])
    np.save(tmp_path / "set.000" / "energy.npy", np.zeros(2))
    with pytest.raises(InputError, match=r"energy.npy: an array of shape \(2,\), expected \[3, 1\]"):
        sources.read(tmp_path)


def test_ase(tmp_path):
    calculators, io = pytest.importorskip("ase.calculators.singlepoint"), pytest.importorskip("ase.io")
    atoms = pytest.importorskip("ase").Atoms("OH", [[0, 0, 0], [1, 0, 0]], cell=[4, 5, 6], pbc=True)
    atoms.calc = calculators.SinglePointCalculator(
        atoms, energy=-1.5, forces=np.arange(6.0).reshape(2, 3), stress=np.arange(6.0)
    )
    for name in ("a.traj", "a.xyz", "a.json"):
        io.write(tmp_path / name, atoms)
        (s,) = sources.read(tmp_path / name)
        assert s.energy == -1.5 and all(s.periodic), name
        np.testing.assert_array_equal(s.forces, np.arange(6.0).reshape(2, 3))
        np.testing.assert_allclose(s.stress[VOIGT], np.arange(6.0))
    with pytest.raises(InputError, match=r"contradictory units: bohr, ev stated, but the format \(ase\) means"):
        sources.read(tmp_path / "a.traj", units={"length": "bohr", "energy": "ev"})
    atoms.calc, atoms.info["REF_energy"], atoms.arrays["REF_forces"] = None, 3.0, np.ones((2, 3))
    io.write(tmp_path / "b.traj", atoms)
    (s,) = sources.read(tmp_path / "b.traj", tag="own")
    assert s.energy == 3.0 and s.tag == "own"


BAD = {
    "nan energy": (GOOD.replace("-7.5", "nan"), 'structure 0: energy = nan: not a finite number'),
    "nan of another name": (GOOD.replace("energy=-7.5", "REF_energy=nan"), "structure 0: REF_energy = nan: not a fini"),
    "nan force": (GOOD + GOOD.replace("-0.3", "nan"), "line 8: forces = .*nan.*not a finite number"),
    "nan position": (GOOD.replace("H 1", "H inf"), "line 4: pos = .*not a finite number"),
    "empty": ("", "a.xyz: the file is empty"),
    "unknown element": (GOOD + GOOD.replace("O 0", "Ow 0"), "structure 1: unknown element 'Ow'"),
    "two energies": (GOOD.replace("energy=", "REF_energy=1 energy="), "energy are there and differ; say which one"),
    "truncated": (GOOD[:-25], "truncated|columns"),
    "stress of five": (GOOD.replace('stress="1', 'REF_stress="'), "REF_stress.*expected 9 or 6 numb"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_data(name, tmp_path):
    text, message = BAD[name]
    with pytest.raises(InputError, match=message) as caught:
        sources.read(write(tmp_path / "a.xyz", text))
    assert "a.xyz" in str(caught.value)


def test_missing_labels(tmp_path):
    bare = GOOD.replace("forces:R:3", "other:R:3")
    data = sources.read(write(tmp_path / "a.xyz", GOOD + bare + bare))
    need(data, "energy", "stress")
    with pytest.raises(InputError, match=r"structure 1 \(and 1 more\): no forces; 1 others have. Name the key"):
        need(data, "energy", "forces")
    with pytest.raises(InputError, match=r"structure 0: no forces\. Name"):
        need(sources.read(write(tmp_path / "b.xyz", bare)), "forces")
    alone = Labelled(symbols="O", positions=np.zeros((1, 3)), energy=-1.0)
    need([alone], "forces")  # they vanish
    with pytest.raises(InputError, match="no structures"):
        need([], "energy")


def test_isolated_atoms():
    def atom(width):
        return Labelled(symbols="O", positions=np.zeros((1, 3)), cell=width * np.eye(3), periodic=(True,) * 3)

    assert atom(12.0).isolated and not atom(3.0).isolated
    assert not Labelled(symbols="OO", positions=np.eye(3)[:2]).isolated


def test_not_data(tmp_path):
    with pytest.raises(InputError, match=r"is a folder without input\.data"):
        sources.read(tmp_path)
    with pytest.raises(InputError, match=r"no such file; did you mean .*a\.xyz"):
        write(tmp_path / "a.xyz", GOOD)
        sources.read(tmp_path / "b.xyz")
    with pytest.raises(InputError, match="format 'xyz': expected one of extxyz"):
        sources.read(tmp_path / "a.xyz", format="xyz")
    for wrong in ({"stress_unit": "bar"}, {"stress_order": "xx yy zz xy xz"}, {"stress_sign": "minus"}):
        with pytest.raises(InputError, match=f"{next(iter(wrong))} = .*expected"):
            Labels(**wrong)


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
def test_all_reference_data():
    """Every file: how many structures, and that forces add up to nothing where they should."""
    sizes = {
        "Mo_mlearn_train": 194, "Mo_mlearn_test": 23, "Si_mlearn_train": 214, "Si_mlearn_test": 25,
        "acac_isolated_atoms": 3, "acac_train_300K": 500, "acac_test_MD_300K": 650, "acac_test_MD_600K": 650,
        "water_pbe0ts_train": 320, "water_pbe0ts_test": 80,
    }  # fmt: skip
    for name, size in sizes.items():
        data = sources.read(REFERENCE / "datasets" / f"{name}.xyz")
        assert len(data) == size, name
        need(data, "energy", "forces")
        net = [np.abs(s.forces.sum(axis=0)).max() / s.n for s in data if s.forces is not None]
        assert max(net, default=0.0) < 2e-3, name
    for name, units in (("Cu2S_PBE", ("angstrom", "ev")), ("H2O_RPBE-D3", ("bohr", "hartree"))):
        data = sources.read(REFERENCE / "n2p2_training" / name, units=Units(*units))
        assert len(data) == 20
        need(data, "energy", "forces")


@pytest.mark.reference
@pytest.mark.skipif(not REFERENCE.exists(), reason="reference data are not beside the repository")
@pytest.mark.parametrize(
    "element, order, shear",
    [
        ("Mo", "xx yy zz xy xz yz", (0, 2)), ("Mo", "xx yy zz xy xz yz", (1, 2)),
        ("Si", "xx yy zz xy yz xz", (2, 0)), ("Si", "xx yy zz xy yz xz", (2, 1)),
    ],
)  # fmt: skip
def test_stress_of_mlearn_is_minus_the_published_virial(element, order, shear):
    """`virial_stress_raw` is in kbar and positive when compressed. Two orders: of Mo ... xz yz, of Si ... yz xz.

    Witness: crystals of the group Elastic along a path of cells h(x), stretched or sheared:
    dE/dx = volume times stress : (inverse of h) dh/dx, from polynomials in x through energies and cells.
    """
    names = Labels(stress="virial_stress_raw", stress_unit="kbar", stress_order=order, stress_sign="pressure")
    data = []
    for part in ("train", "test"):
        data += sources.read(REFERENCE / "datasets" / f"{element}_mlearn_{part}.xyz", labels=names)
    data = [s for s in data if s.tag == "Elastic"]
    n = max(s.n for s in data)
    data = [s for s in data if s.n == n]
    ideal = np.median([s.cell[0, 0] for s in data]) * np.eye(3)
    for varied, others in (((2, 2), []), (shear, [(2, 2)])):
        path = {}
        for s in data:
            rest = s.cell - ideal
            rest[varied] = 0.0
            if np.abs(rest).max() > 1e-3 and s.cell[varied] != ideal[varied]:
                for other in others:
                    rest[other] = 0.0
            if np.abs(rest).max() < 1e-3:
                path[s.cell[varied]] = s
        x = np.array(sorted(path))
        assert len(x) >= 9, (element, varied, len(x))
        middle, width = x.mean(), np.ptp(x)
        slope = lambda y: np.polynomial.Polynomial.fit(x - middle, y, 5).deriv()(x - middle)  # noqa: B023, E731
        cells = np.array([path[k].cell for k in x])
        moving = np.array([[slope(cells[:, a, b]) for b in range(3)] for a in range(3)])
        want = np.array([
            s.volume * (s.stress * (np.linalg.inv(s.cell) @ moving[:, :, k])).sum()
            for k, s in enumerate(path[k] for k in x)
        ])  # fmt: skip
        inner = np.abs(x - middle) < 0.45 * width  # at the ends a polynomial's slope is poor
        energies = [path[k].energy for k in x]
        np.testing.assert_allclose(slope(energies)[inner], want[inner], atol=0.03 * np.abs(want).max())
