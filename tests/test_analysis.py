"""Do g(r) and the diffusion coefficient come out as theory says, in every cell and from files?

Random data come from fixed seeds, so a test always gives the same result; "fails with p" is the chance that
it would fail with another seed though the code is right.
"""

import importlib
import itertools
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("mdcore.doors._kernels")

from mdcore import analysis, figures
from mdcore.analysis.state import mismatch
from mdcore.base.errors import InputError, OutputError
from mdcore.base.units import get
from mdcore.cli import main
from mdcore.output import trajectory as trajectory_module
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.structure.box import Box
from mdcore.structure.system import System

diffusion_module, rdf_module, report_module = (
    importlib.import_module(f"mdcore.analysis.{name}") for name in ("diffusion", "rdf", "report")
)

TRICLINIC = np.array([[9.0, 0.3, -0.2], [2.0, 8.0, 0.5], [-1.5, 3.0, 7.0]])
BOXES = [
    Box.cubic(10.0),
    Box.orthorhombic(4.0, 12.0, 30.0),
    Box(TRICLINIC, origin=(1.0, -2.0, 3.0)),
    Box(TRICLINIC[[1, 0, 2]]),  # left-handed
    Box([[6.0, 0, 0], [5.0, 6.0, 0], [5.0, -4.0, 6.0]]),  # strongly skewed
]


def by_hand(positions, box, r_max, bins, species, n_species):
    """Every atom with every image of every atom."""
    far = np.ceil(r_max / box.widths + 1).astype(int)
    shifts = np.array(list(itertools.product(*(range(-m, m + 1) for m in far)))) @ box.matrix
    inside, _ = box.wrap(positions)
    names = list(itertools.combinations_with_replacement(range(n_species), 2))
    histogram = np.zeros((len(names), bins), dtype=int)
    for i, j in itertools.product(range(len(positions)), repeat=2):
        r = np.linalg.norm(inside[j] + shifts - inside[i], axis=1)
        r = r[(r < r_max) & (r > 0.0)]
        row = names.index(tuple(sorted((species[i], species[j]))))
        histogram[row] += np.bincount((r * bins / r_max).astype(int), minlength=bins)
    return histogram


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("r_max", [1.5, 4.9, 11.0])
@pytest.mark.parametrize("n", [1, 2, 30])
def test_pairs_are_counted_as_by_hand(box, r_max, n, monkeypatch):
    monkeypatch.setattr(rdf_module, "SLAB", 7)
    monkeypatch.setattr(rdf_module, "ATOMS_AT_ONCE", 3)
    rng = np.random.default_rng(n)
    positions, species = rng.normal(0.0, 20.0, (n, 3)), rng.integers(0, 3, n)
    counted = rdf_module.pair_histogram(positions, box, r_max, 40, species, 3)
    assert np.array_equal(counted, by_hand(positions, box, r_max, 40, species, 3))


@pytest.mark.parametrize("box", [Box.cubic(20.0), Box(2.5 * TRICLINIC)])
def test_an_ideal_gas_has_no_structure(box):
    """Pair counts are Poisson: chi^2 of 50 bins is 50 +- 10; 4 sigma fail with about 1e-4."""
    rng = np.random.default_rng(8)
    n, frames, bins, r_max = 400, 25, 50, 0.5 * box.widths.min()
    positions = box.cartesian(rng.random((frames, n, 3)))
    result = analysis.rdf(positions, box, r_max, bins)
    shells = 4.0 / 3.0 * np.pi * np.diff(np.linspace(0.0, r_max, bins + 1) ** 3)
    expected = frames * n * (n - 1) / 2 * shells / box.volume
    observed = result.g * frames * n * n / 2 * shells / box.volume
    chi2 = np.sum((observed - expected) ** 2 / expected)
    assert abs(chi2 - bins) < 4.0 * np.sqrt(2.0 * bins)
    far = result.r > 0.5 * r_max
    np.testing.assert_allclose(result.g[far], 1.0, atol=0.05)
    # the stated error is the scatter of the data: mean square ratio 1 +- 0.1 of 25 bins with 4 degrees each
    ratio = np.mean((result.g[far] - (1 - 1 / n)) ** 2) / np.mean(result.error[far] ** 2)
    assert 0.3 < ratio < 3.0


@pytest.mark.parametrize("repeat", [(1, 1, 1), (2, 3, 1), (4, 4, 4)])
def test_shells_of_fcc(repeat):
    a = 4.0
    system = System.build("fcc", a, "Ar", repeat)
    result = analysis.rdf(system.positions, system.box, 5.2, 520)
    shells = {a / np.sqrt(2): 12, a: 18, a * np.sqrt(1.5): 42}
    for distance, neighbors in shells.items():
        k = int(distance / 5.2 * 520)
        assert result.g[k - 1 : k + 2].max() > 10.0
        assert result.neighbors[k + 2] == neighbors
    assert np.count_nonzero(result.g) <= 6  # nothing between the shells; rounding may split one over two bins
    assert result.peak == pytest.approx(a / np.sqrt(2), abs=0.01)


def test_species_of_rocksalt():
    a = 5.64
    sodium = System.build("fcc", a, "Na", (2, 2, 2))
    positions = np.concatenate([sodium.positions, sodium.positions + np.array([a / 2, 0, 0])])
    species = np.repeat([0, 1], 32)
    result = analysis.rdf(positions, sodium.box, 4.5, 450, species, ("Na", "Cl"))
    assert set(result.pairs) == {"Na-Na", "Na-Cl", "Cl-Cl"}
    shell = 4 / 3 * np.pi * np.diff(np.linspace(0, 4.5, 451) ** 3)
    rho = 32 / sodium.box.volume

    def neighbors(name, r):
        return np.sum((result.pairs[name] * rho * shell)[: int(r * 100)])

    assert neighbors("Na-Cl", 3.0) == pytest.approx(6)
    assert neighbors("Na-Na", 3.0) == 0
    assert neighbors("Na-Na", 4.2) == pytest.approx(12) == neighbors("Cl-Cl", 4.2)
    mixed = (result.pairs["Na-Na"] + 2 * result.pairs["Na-Cl"] + result.pairs["Cl-Cl"]) / 4
    np.testing.assert_allclose(mixed, result.g, atol=1e-12)


def test_first_peak_by_a_parabola():
    r = np.linspace(0.0, 10.0, 401)
    g = 1.0 + 2.0 * np.exp(-(((r - 3.713) / 0.3) ** 2)) + 0.4 * np.exp(-(((r - 7.0) / 0.5) ** 2))
    g[r < 3.0] = 0.0
    position, height = analysis.first_peak(r, g)
    assert position == pytest.approx(3.713, abs=0.003) and height == pytest.approx(3.0, rel=0.02)
    assert np.isnan(analysis.first_peak(r, np.zeros_like(r))[0])
    spike = np.zeros_like(r)
    spike[100] = 5.0
    assert analysis.first_peak(r, spike)[0] == pytest.approx(r[100])


def test_g_of_r_needs_a_density():
    with pytest.raises(InputError, match="fully periodic"):
        analysis.rdf(np.zeros((2, 3)), Box.cubic(5.0, (True, True, False)), 2.0)
    with pytest.raises(InputError, match="r_max > 0"):
        analysis.rdf(np.zeros((2, 3)), Box.cubic(5.0), -2.0)


@pytest.mark.parametrize("shape", [(2, 1, 3), (17, 4, 3), (64, 3, 2), (33, 2, 1)])
def test_mean_square_displacement_as_by_hand(shape, monkeypatch):
    monkeypatch.setattr(diffusion_module, "FFT_BYTES", 3000)
    tracks = np.cumsum(np.random.default_rng(1).normal(size=shape), axis=0) + 1000.0
    expected = [np.mean(np.sum((tracks[m:] - tracks[: shape[0] - m]) ** 2, axis=2)) for m in range(shape[0])]
    np.testing.assert_allclose(analysis.mean_square_displacement(tracks), expected, rtol=1e-9, atol=1e-9)


def test_free_flight_is_ballistic():
    v = np.random.default_rng(4).normal(size=(1, 10, 3))
    msd = analysis.mean_square_displacement(np.arange(50.0)[:, None, None] * v)
    np.testing.assert_allclose(msd, np.mean(np.sum(v**2, axis=2)) * np.arange(50.0) ** 2, atol=1e-8)


def walk(rng, n_frames, n_atoms, sigma=0.1, dimensions=3):
    return np.cumsum(rng.normal(0.0, sigma, (n_frames, n_atoms, dimensions)), axis=0)


@pytest.mark.parametrize("dimensions", [1, 2, 3])
def test_a_random_walk_has_its_diffusion_coefficient(dimensions):
    """D = sigma^2 / (2 dt); Student's t with 4 degrees beyond 8.6 fails with 1e-3."""
    rng = np.random.default_rng(dimensions)
    result = analysis.diffusion(walk(rng, 2000, 300, 0.1, dimensions), 2.0)
    expected = 0.1**2 / 4.0
    assert abs(result.coefficient - expected) < 8.6 * result.error
    assert result.error < 0.15 * expected


def test_the_error_bar_covers_the_truth():
    """400 runs. D is unbiased: 4 sigma fail with 6e-5. 95 % of |D - D0| / error lie within Student's 2.78:
    the bounds, 4 sigma of the binomial (1.1 %) and 3 % for lags that tie blocks together, fail with 1e-4."""
    rng = np.random.default_rng(99)
    results = [analysis.diffusion(walk(rng, 400, 8), 1.0) for _ in range(400)]
    values = np.array([r.coefficient for r in results])
    expected = 0.1**2 / 2.0
    assert abs(values.mean() - expected) < 4.0 * values.std() / np.sqrt(400)
    covered = np.mean(np.abs(values - expected) < 2.776 * np.array([r.error for r in results]))
    assert 0.95 - 0.044 - 0.03 < covered < 0.95 + 0.044


def test_too_few_frames_for_diffusion():
    with pytest.raises(InputError, match="write frames more often, or run longer"):
        analysis.diffusion(np.zeros((30, 2, 3)), 1.0)
    with pytest.raises(InputError, match="shorter"):
        analysis.diffusion(np.zeros((300, 2, 3)), 1.0, window=(10.0, 80.0))
    with pytest.raises(InputError, match=r"over 10 to 80 fs .*, one every 2 fs, in 5 blocks"):
        analysis.diffusion(np.zeros((100, 2, 3)), 2.0, (10.0, 80.0), unit="fs")


def record(
    path, positions, box, symbols=("Ar",), species=None, units="metal", dt=50.0, steps=None, **options
):
    """Write true positions [frames, n, 3] as a run would: wrapped, with images."""
    n = positions.shape[1]
    species = np.zeros(n, dtype=np.int32) if species is None else np.asarray(species, dtype=np.int32)
    writer = H5MDWriter(path, 1, ("position",), {"version": "test", "seed": "1"}, **options)
    steps = range(len(positions)) if steps is None else steps
    for step, true in zip(steps, positions, strict=True):
        wrapped, images = box.wrap(true)
        snapshot = SimpleNamespace(
            step=step, time=step * dt, box=box, positions=wrapped, images=images, velocities=None,
            forces=None, species=species, symbols=symbols, masses=np.array([40.0, 20.0])[species],
            tags=np.arange(n), columns={}, bonds=None, totals={},
        )  # fmt: skip
        writer.write(snapshot, get(units))
    writer.close()
    return path


@pytest.mark.parametrize("units", ["metal", "lj"])
def test_a_trajectory_file_is_analysed(tmp_path, units):
    """Two species diffuse in a drifting, triclinic cell; t beyond 8.6 with 4 degrees fails with 1e-3."""
    pytest.importorskip("matplotlib")
    rng = np.random.default_rng(6)
    box = Box(2.0 * TRICLINIC)
    species = np.arange(60) % 2
    sigma = np.where(species == 0, 0.3, 0.1)[None, :, None]
    tracks = box.cartesian(rng.random((60, 3))) + walk(rng, 600, 60, 1.0) * sigma
    tracks += np.arange(600)[:, None, None] * [0.5, -0.2, 0.1]  # the drift must not count
    path = record(tmp_path / "run.h5md", tracks, box, ("A", "B"), species, units, dt=50.0)
    reference = {"rdf_peak": 3.7, "diffusion": 9e-5, "label": "a paper"}
    result = analysis.analyse(path, first_step=100, reference=reference)
    assert result.steps == (100, 599) and result.times == (5000.0, 29950.0)
    for name, step in (("A", 0.3), ("B", 0.1)):
        d = result.diffusion[name]
        assert d.n_frames == 500 and d.n_atoms == 30
        assert abs(d.coefficient - step**2 / 100.0 * (1 - 1 / 60)) < 8.6 * d.error
    numbers = json.loads((tmp_path / "run.analysis.json").read_text())
    scale = 0.1 if units == "metal" else 1.0  # Angstrom^2/fs in cm2/s
    assert numbers["diffusion"]["A"]["coefficient"] == pytest.approx(
        result.diffusion["A"].coefficient * scale
    )
    assert numbers["diffusion"]["A"]["unit"] == ("cm2/s" if units == "metal" else "sigma^2/tau")
    assert len(numbers["rdf"]["g"]) == 200 and set(numbers["rdf"]["pairs"]) == {"A-A", "A-B", "B-B"}
    assert numbers["provenance"]["version"] == "test"
    assert (tmp_path / "run.analysis.png").read_bytes()[:4] == b"\x89PNG"
    text = "\n".join(result.lines())
    assert "diffusion of A: " in text and "a paper" in text and "run.analysis.png" in text
    assert "pyplot" not in "".join(name for name in sys.modules if name == "matplotlib.pyplot")


@pytest.mark.parametrize("units", ["metal", "lj"])
def test_who_has_hardly_moved_is_not_said_to_diffuse(tmp_path, units):
    """A straight line through the start of a mean square displacement has a slope, and no meaning."""
    rng, box, species = np.random.default_rng(7), Box(2.0 * TRICLINIC), np.arange(60) % 2
    far = {"metal": 1.0, "lj": 0.3}[units] / np.sqrt(3.0 * 19.0)  # a step, with which 19 lags come to the limit
    sigma = np.where(species == 0, 1.5 * far, 0.5 * far)[None, :, None]
    tracks = box.cartesian(rng.random((60, 3))) + walk(rng, 200, 60, 1.0) * sigma
    path = record(tmp_path / "run.h5md", tracks, box, ("A", "B"), species, units, dt=50.0)
    text = "\n".join(analysis.analyse(path).lines())
    assert "that fit B has moved by" in text and "too short to tell diffusion" in text
    assert "that fit A has moved by" not in text


def test_slabs_wires_and_clusters(tmp_path):
    """Only the periodic directions count: across a slab the atoms hardly move."""
    rng = np.random.default_rng(12)
    steps = walk(rng, 400, 80, 0.2)
    expected = 0.2**2 / 2.0 * (1 - 1 / 80)
    for periodic, axes in (((True, False, True), [0, 2]), ((False, False, True), [2])):
        box = Box.orthorhombic(9.0, 50.0, 11.0, periodic, (0.0, -25.0, 0.0))
        tracks = steps * np.isin(range(3), axes)
        path = record(tmp_path / f"{len(axes)}.h5md", tracks, box, dt=1.0)
        result = analysis.analyse(path, SimpleNamespace(plot=False))
        assert result.rdf is None and "fully periodic" in result.lines()[1]
        d = result.diffusion["Ar"]
        assert abs(d.coefficient - expected) < 8.6 * d.error and d.error < 0.1 * expected
    path = record(tmp_path / "cluster.h5md", steps[:20], Box.around(steps.reshape(-1, 3)))
    result = analysis.analyse(path)
    assert result.rdf is None and not result.diffusion and len(result.notes) == 2
    assert not (tmp_path / "cluster.analysis.png").exists()


def test_uneven_frames_large_tracks_and_half_the_box(tmp_path, monkeypatch):
    rng = np.random.default_rng(3)
    tracks = walk(rng, 320, 40)
    steps = [*range(0, 200, 10), *range(200, 500)]
    path = record(tmp_path / "a.h5md", tracks, Box.cubic(8.0), dt=1.0, steps=steps)
    monkeypatch.setattr(report_module, "TRACK_BYTES", 300 * 20 * 24)
    monkeypatch.setattr(trajectory_module, "READ_BYTES", 36 * 40 * 7)
    settings = SimpleNamespace(rdf=True, rdf_max=10.0, rdf_bins=50, diffusion=True, plot=False)
    result = analysis.analyse(path, settings)
    assert result.rdf.r[-1] < 4.0 and len(result.rdf.r) == 50
    assert result.diffusion["Ar"].n_frames == 300 and result.diffusion["Ar"].n_atoms < 40
    text = "\n".join(result.notes)
    assert "half the box" in text and "unevenly spaced; 300" in text and "atom stands for all" in text


def test_what_can_not_be_done_is_said(tmp_path, monkeypatch):
    path = record(tmp_path / "a.h5md", walk(np.random.default_rng(0), 5, 10), Box.cubic(8.0))
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    result = analysis.analyse(path)
    text = "\n".join(result.lines())
    assert "no diffusion" in text and 'pip install "mdcore[plot]"' in text
    assert json.loads((tmp_path / "a.analysis.json").read_text())["rdf"]["n_frames"] == 5
    with pytest.raises(InputError, match="no frames from step 10"):
        analysis.analyse(path, first_step=10)
    with pytest.raises(InputError, match="No such file"):
        analysis.analyse(tmp_path / "b.h5md")
    with pytest.raises(OutputError, match="No such file or directory"):
        analysis.analyse(path, output=tmp_path / "nowhere" / "x")
    one = record(tmp_path / "one.h5md", np.zeros((1, 1, 3)), Box.cubic(8.0))
    assert analysis.analyse(one).rdf.n_frames == 1


@pytest.mark.parametrize(
    "value, error, text",
    [
        (2.4123e-5, 3.4e-7, "(2.41 +- 0.03)e-05"),
        (2.4123e-5, 1.4e-7, "(2.412 +- 0.014)e-05"),
        (3.7012, 0.0123, "3.701 +- 0.012"),
        (94.41, 3.0, "94 +- 3"),
        (3.7012, float("nan"), "3.701"),
        (0.0, 2e-9, "(0 +- 2)e-09"),
    ],
)
def test_digits_follow_the_error(value, error, text):
    assert report_module.uncertain(value, error) == text


def test_pictures_say_what_they_show(tmp_path, monkeypatch):
    """Composition, density, time, potential; bonds that are cut off with their height; bands of two standard errors."""
    pytest.importorskip("matplotlib")
    from mdcore.analysis import plot

    drawn = []
    monkeypatch.setattr(figures, "write_picture", lambda path, figure, dpi: drawn.append(figure))
    rng, box = np.random.default_rng(3), Box.cubic(20.0)
    places = np.array([(a, b, c) for a in range(6) for b in range(6) for c in range(6)]) * (20.0 / 6.0)
    places = places + 0.3 * rng.random((216, 3))
    molecules = np.concatenate([places, places + np.array([1.0, 0.0, 0.0])])
    tracks = molecules + np.tile(walk(rng, 60, 216, 0.02), (1, 2, 1))
    path = record(tmp_path / "run.h5md", tracks, box, ("A", "B"), np.repeat([0, 1], 216), dt=10.0)
    report = analysis.analyse(path)
    report.provenance |= {"title": "pairs", "potentials": "Lennard-Jones + ZBL"}
    plot.draw(report, tmp_path / "run.png")
    figure = drawn[-1]
    title = figure.get_suptitle()
    for word in ("pairs", "A216 B216", "0.59 ps", "Lennard-Jones + ZBL", "g/cm³"):
        assert word in title
    density = (216 * 40.0 + 216 * 20.0) / 8000.0 / get("metal").density
    assert report.conditions["density"] == pytest.approx(density) and report.conditions["atoms"] == 432
    g, axes = report.rdf, figure.axes[0]
    (clipped,) = (t.get_text() for t in axes.texts if "up to" in t.get_text())
    height = float(g.pairs["A-B"].max())
    assert clipped.startswith(f"A-B up to {height:.3g} at ") and height > axes.get_ylim()[1]
    assert len(axes.collections) == 3 + 1, "a band of each pair, and one in the legend"
    assert len(figure.axes[1].collections) == 2
    assert set(g.pair_errors) == set(g.pairs)
    assert np.all(np.isfinite(report.diffusion["A"].msd_error[:12]))
    assert np.isnan(report.diffusion["A"].msd_error[12:]).all(), "longer than a block of 12 frames"


def test_errors_of_the_mean_square_displacement():
    """Of a random walk: the scatter among many walks is the error that one tells."""
    rng, told, found = np.random.default_rng(8), [], []
    for _ in range(200):
        d = analysis.diffusion(walk(rng, 100, 10, 1.0), 1.0, (2.0, 8.0))
        told.append(d.msd_error[5])
        found.append(d.msd[5])
    assert np.sqrt(np.mean(np.square(told))) == pytest.approx(np.std(found), rel=0.25)


TABLE = "# from elsewhere\nr,B-A,A-A\n0.5,0,0\n1.5,2.5,0.5\n2.5,1,1.5\n3.5,1,1\n"


def test_pairs_beside_a_reference(tmp_path):
    """A liquid of A and B in the lattice of CsCl: its first neighbours are told and drawn beside a table's."""
    pytest.importorskip("matplotlib")
    (tmp_path / "known.csv").write_text(TABLE)
    table = analysis.read_table(tmp_path / "known.csv")
    cells = np.array([(a, b, c) for a in range(4) for b in range(4) for c in range(4)], dtype=float)
    positions = 3.0 * np.concatenate([cells, cells + 0.5])
    rng = np.random.default_rng(2)
    tracks = positions + 0.1 * rng.normal(size=(20, 128, 3))
    path = record(tmp_path / "run.h5md", tracks, Box(12.0 * np.eye(3)), ("A", "B"), np.repeat([0, 1], 64))
    result = analysis.analyse(path, reference={"rdf": table, "label": "a paper"})
    told = "\n".join(result.lines())
    assert re.search(r"g\(r\) A-B: first peak at 2\.(5[5-9]|6)\d*, height [\d.]+; reference 1.62, 2.53", told)
    assert re.search(r"g\(r\) A-A: first peak at (2.9\d|3.0\d|3), height [\d.]+; reference 2.67, 1.52", told)
    assert re.search(r"g\(r\) B-B: first peak at (2.9\d|3.0\d|3), height [\d.]+, a paper", told)
    assert json.loads((tmp_path / "run.analysis.json").read_text())["reference"]["rdf"]["B-A"] == [0, 2.5, 1, 1]
    assert (tmp_path / "run.analysis.png").stat().st_size > 10_000


@pytest.mark.parametrize(
    "names, told",
    [
        ("r,A-A", "g(r) A-A: first peak at 2.99, height"),
        ("r,A-B", "its g(r) is of A-B, and those of this run are of A-A"),
    ],
)
def test_one_species_beside_a_reference(names, told, tmp_path):
    """g(r) of all atoms is that of the only pair; a table of other pairs does not pass in silence."""
    (tmp_path / "known.csv").write_text(f"{names}\n0.5,0\n2.5,1.5\n3.5,1\n")
    positions = 3.0 * np.array([(a, b, c) for a in range(4) for b in range(4) for c in range(4)], dtype=float)
    tracks = positions + 0.01 * np.random.default_rng(2).normal(size=(5, 64, 3))
    path = record(tmp_path / "run.h5md", tracks, Box(12.0 * np.eye(3)), ("A",), np.zeros(64, int))
    result = analysis.analyse(path, reference={"rdf": analysis.read_table(tmp_path / "known.csv")})
    assert told in "\n".join(result.lines())
    assert ("; reference 2." in "\n".join(result.lines())) == (names == "r,A-A")


def test_a_pair_twice_is_refused(tmp_path):
    (tmp_path / "twice.csv").write_text("r,A-B,B-A\n1,0,0\n2,1,1\n")
    with pytest.raises(InputError, match="a pair is there twice"):
        analysis.read_table(tmp_path / "twice.csv")


@pytest.mark.parametrize(
    "text, fragment",
    [
        ("", "expected a first line r,A-B,..."),
        ("r,OO\n1,2\n2,3\n", "expected a first line r,A-B,..."),
        ("r,O-O\n1,2\n2\n", "expected 2 numbers in each line"),
        ("r,O-O\n1,2\n2,x\n", "expected 2 numbers in each line"),
        ("r,O-O\n1,2\n", "two lines of finite numbers or more, with r rising"),
        ("r,O-O\n2,2\n1,3\n", "two lines of finite numbers or more, with r rising"),
        ("r,O-O\n1,2\n2,nan\n", "two lines of finite numbers or more, with r rising"),
    ],
)
def test_a_table_that_is_none(text, fragment, tmp_path):
    (tmp_path / "known.csv").write_text(text)
    with pytest.raises(InputError, match=re.escape(fragment)):
        analysis.read_table(tmp_path / "known.csv")
    with pytest.raises(InputError, match="can't be read: No such file"):
        analysis.read_table(tmp_path / "other.csv")


class Log:
    """What of a trajectory tells its state."""

    def __init__(self, temperatures, density=1.374, n_atoms=864):
        n = len(temperatures)
        self.units, self.n_atoms = get("metal"), n_atoms
        self.table = {"step": np.arange(n) * 10, "temperature": np.array(temperatures), "density": np.full(n, density)}

    def thermo(self):
        return self.table if len(self.table["step"]) else {}


def noise(mean, rows, n_atoms):
    return mean * (1.0 + np.sqrt(2.0 / (3.0 * n_atoms)) * np.random.default_rng(5).normal(size=rows))


@pytest.mark.parametrize(
    ("temperatures", "options", "bath", "says"),
    [
        (noise(94.4, 24, 864), {}, (94.4,), None),
        (noise(95.5, 24, 864), {}, (), None),  # at constant energy a run settles a little beside
        (noise(94.4, 1, 32), {"n_atoms": 32}, (94.4,), None),
        (noise(94.4, 200, 64), {"n_atoms": 64}, (), None),
        (noise(130.0, 24, 864), {}, (130.0,), "its temperature is 94.4 K, that of this run 1"),
        (noise(98.0, 24, 864), {}, (98.0,), "its temperature is 94.4 K"),
        (noise(94.4, 24, 864), {}, (80.0, 110.0), "its temperature is 94.4 K"),
        (noise(102.0, 24, 864), {}, (), "its temperature is 94.4 K, that of this run 10"),
        (np.linspace(60.0, 129.0, 24), {}, (), "its temperature is 94.4 K, that of this run 94.5 K"),  # a ramp
        (noise(94.4, 24, 864), {"density": 1.2}, (), "its density is 1.374 g/cm3, that of this run 1.2 g/cm3"),
        (noise(94.4, 24, 864), {"density": np.nan}, (), "that of this run none"),
        ([], {}, (94.4,), "is not in its log (thermo_every)"),
    ],
)
def test_a_reference_counts_in_its_state_only(temperatures, options, bath, says):
    reference = {"rdf_peak": 3.7, "temperature": 94.4, "density": 1.374, "label": "Rahman (1964)"}
    told = mismatch(Log(temperatures, **options), 0, 10**6, reference, bath)
    if says is None:
        assert told is None
    else:
        assert told.startswith("reference (Rahman (1964)): not compared, ") and says in told
    assert mismatch(Log(temperatures, **options), 0, 10**6, {"rdf_peak": 3.7}, bath) is None  # of any state


@pytest.mark.parametrize(
    ("sets", "compared"),
    [
        ([], True),
        (["stage.1.trajectory_every=150", "output.thermo_every=1000"], True),  # one frame, no row between its steps
        (["stage.0.temperature=130", "stage.1.temperature=130"], False),
        (["structure.density=1.3"], False),
        (["analysis.reference.temperature=130"], False),
    ],
)
def test_argon_is_beside_rahman_at_his_temperature_and_density(sets, compared, tmp_path, monkeypatch, capsys):
    short = ["structure.replicate=[3,3,3]", "potential.0.cutoff=5.0", "stage.0.steps=200", "stage.1.steps=200"]
    short += ["stage.0.friction=0.01", "stage.1.friction=0.01", "output.thermo_every=20", "analysis.plot=false"]
    source = Path(__file__).parents[1] / "inputs" / "argon.toml"
    monkeypatch.chdir(tmp_path)
    assert main(["run", str(source), *(f"--set={item}" for item in [*short, *sets])]) == 0
    out = capsys.readouterr().out
    assert ("reference: first peak at 3.7 Angstrom, Rahman (1964)" in out) == compared
    assert ("reference (Rahman (1964)): not compared" in out) == (not compared)
    known = json.loads((tmp_path / "results" / "argon.analysis.json").read_text())["conditions"]
    assert known["temperature"] > 50.0  # also where no row of the log lies between the frames
