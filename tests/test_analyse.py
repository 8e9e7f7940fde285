"""Do vibrations, Green-Kubo integrals and diffusion in a moving cell come out as they must; does the command tell?"""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mdcore import InputError, Trajectory
from mdcore.analysis import transport
from mdcore.analysis.correlation import autocorrelation, green_kubo
from mdcore.analysis.diffusion import diffusion, unwrapped
from mdcore.analysis.vibrations import spectrum, vibrations
from mdcore.base.units import LJ, METAL
from mdcore.cli import main
from tests.mpi import mpirun, needs_mpi
from tests.test_rerun import INPUT

COLUMNS = '["temperature", "heat_current"]'


def ornstein_uhlenbeck(n, columns, tau, variance, seed):
    """Numbers [n, columns] with <x(0) x(t)> = variance exp(-t / tau), one a unit of time."""
    rng, c = np.random.default_rng(seed), np.exp(-1.0 / tau)
    noise = rng.normal(size=(n, columns)) * np.sqrt(variance * (1.0 - c**2))
    x = np.empty((n, columns))
    x[0] = rng.normal(size=columns) * np.sqrt(variance)
    for k in range(1, n):
        x[k] = c * x[k - 1] + noise[k]
    return x


def test_autocorrelation_as_the_definition_reads():
    rng = np.random.default_rng(1)
    a, weights = rng.normal(size=(37, 3)), np.array([1.0, 2.0, 0.5])
    slow = [sum(weights @ (a[k] * a[k + lag]) for k in range(37 - lag)) / (37 - lag) for lag in range(12)]
    assert np.allclose(autocorrelation(a, 12, weights), slow, rtol=1e-12)


def test_integral_of_a_known_process():
    """tau times the variance; the trapezoidal rule adds 1 / (12 tau^2) of it, the end of the integral takes exp(-6)."""
    tau, variance = 8.0, 2.0
    found = green_kubo(ornstein_uhlenbeck(40_000, 3, tau, variance, 3), 0.5, 10.0)
    right = 10.0 * 0.5 * tau * variance
    assert found.value == pytest.approx(right, abs=4.0 * found.error) and 0.002 < found.error / right < 0.05
    assert found.end == pytest.approx(6.0 * tau * 0.5, rel=0.15)
    longer = green_kubo(ornstein_uhlenbeck(40_000, 3, tau, variance, 3), 0.5, 10.0, end=40.0)
    assert longer.end == 40.0 and longer.value == longer.running[80]


def test_error_of_the_integral_is_that_of_repetitions():
    found = [green_kubo(ornstein_uhlenbeck(4000, 2, 4.0, 1.0, seed), 1.0, blocks=10, end=24.0) for seed in range(24)]
    scatter = np.std([one.value for one in found], ddof=1)
    assert scatter == pytest.approx(np.mean([one.error for one in found]), rel=0.4)


@pytest.mark.parametrize(
    ("series", "options", "says"),
    [
        (np.ones((30, 1)), {}, "30 rows are too few for 5 blocks"),
        (np.zeros((500, 1)), {}, "it is zero throughout"),
        (np.random.default_rng(2).normal(size=(500, 3)), {}, "write them more often"),
        (np.ones((500, 1)), {}, "correlations outlast half a block"),
        (np.ones((500, 1)), {"end": 2.0}, "an integral up to 2 needs"),
        (np.ones((500, 1)), {"end": 1000.0}, "blocks longer than 2000"),
    ],
)
def test_what_can_not_be_integrated(series, options, says):
    with pytest.raises(InputError, match=says):
        green_kubo(series, 1.0, **options)


def test_spectrum_of_oscillators():
    """Two species at 4 and 9 THz with energies equal: half the area each; the whole area is 1."""
    rng, interval, n = np.random.default_rng(4), 4.0, 3000
    times, frequency, masses = interval * np.arange(n)[:, None, None], np.array([0.004, 0.009]), np.array([1.0, 16.0])
    species = np.arange(20) % 2
    phase = rng.uniform(0.0, 2.0 * np.pi, size=(1, 20, 3))
    v = np.cos(2.0 * np.pi * frequency[species][None, :, None] * times + phase)
    v /= np.sqrt(masses[species])[None, :, None]
    found = vibrations(v, masses[species], interval, species, ("H", "O"))
    step = found.frequencies[1]
    assert found.vacf[0] == 1.0 and found.resolution == pytest.approx(1.0 / (300 * interval))
    assert np.sum(found.spectrum) * step - 0.5 * step * found.spectrum[0] == pytest.approx(1.0, abs=0.01)
    for name, right in (("H", 0.004), ("O", 0.009)):
        part = found.by_species[name]
        assert found.frequencies[part.argmax()] == pytest.approx(right, abs=0.5 * found.resolution)
        assert part.sum() * step == pytest.approx(0.5, abs=0.02)
    assert np.allclose(sum(found.by_species.values()), found.spectrum)


def test_spectrum_as_the_definition_reads():
    c, dt = np.exp(-np.arange(40) / 7.0), 0.3
    frequencies, found = spectrum(c[None], dt)
    faded = c * np.cos(0.5 * np.pi * np.arange(40) / 40) ** 2
    t, weights = np.arange(40) * dt, np.array([0.5, *[1.0] * 39])
    slow = [4.0 * dt * np.sum(weights * faded * np.cos(2.0 * np.pi * f * t)) for f in frequencies]
    assert np.allclose(found[0], slow, atol=1e-12)


def test_transport_in_user_units():
    """By hand: 1 GPa^2 over tau fs in V at T, in SI."""
    n, tau, volume, temperature = 20_000, 6.0, 8000.0, 300.0
    x = ornstein_uhlenbeck(n, 5, tau, 1.0, 7)
    log = {"time": np.arange(n) * 2.0, "temperature": np.full(n, temperature)}
    zero = np.zeros(n)
    stress = np.stack([2.0 * x[:, 0], zero, 2.0 * x[:, 1], x[:, 2], x[:, 3], x[:, 4]], axis=1)
    eta = transport.viscosity(log | {"stress": stress}, volume, METAL)
    pascal = 1e18 * volume * 1e-30 / (1.380649e-23 * temperature) * 2.0 * tau * 1e-15
    assert eta.value == pytest.approx(1e3 * pascal, rel=0.15)
    log |= {f"heat_current_{axis}": x[:, k] for k, axis in enumerate("xyz")}
    kappa = transport.conductivity(log, volume, METAL)
    joule = (1.602176634e-19 * 1e-10 / 1e-15) ** 2 * 2.0 * tau * 1e-15
    assert kappa.value == pytest.approx(joule / (volume * 1e-30 * 1.380649e-23 * temperature**2), rel=0.15)
    reduced = transport.viscosity(log | {"stress": stress}, 10.0, LJ)
    assert reduced.value == pytest.approx(10.0 / 300.0 * 2.0 * tau, rel=0.15)


def test_diffusion_in_a_cell_that_breathes():
    """Walkers that have crossed many cells: scaled coordinates in the mean cell give D, images times the cell don't."""
    rng, n_frames, n, d = np.random.default_rng(8), 400, 60, 0.02
    edge = 10.0 * (1.0 + 0.02 * np.sin(np.arange(n_frames) / 3.0))
    steps = rng.normal(size=(n_frames, n, 3)) * np.sqrt(2.0 * d) / 10.0
    scaled = np.cumsum(steps, axis=0) + rng.integers(-40, 40, size=(n, 3))  # of the edge
    images, masses = np.floor(scaled).astype(int), np.ones(n)
    mean = np.eye(3) * edge.mean()

    def path(mean):
        rows = []
        for k in range(n_frames):
            matrix = np.eye(3) * edge[k]
            rows.append(unwrapped((scaled[k] - images[k]) @ matrix, images[k], matrix, masses, mean))
        return np.array(rows)

    right, wrong = diffusion(path(mean), 1.0), diffusion(path(None), 1.0)
    assert right.coefficient == pytest.approx(d, abs=4.0 * right.error) and right.error < 0.1 * d
    assert wrong.msd[5] > 20.0 * right.msd[5]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A short run with all there is to analyse, and what [analysis] made of it."""
    folder = tmp_path_factory.mktemp("analyse")
    text = INPUT.replace("steps = 12", "steps = 400").replace("dump_every = 3\n", "").replace("every = 3", "every = 2")
    text = text.replace("[output]\n", f"[output]\nthermo_columns = {COLUMNS}\nscreen_every = 100\n")
    (folder / "run.toml").write_text(text + "[analysis]\nvibrations = true\nviscosity = true\nconductivity = true\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["run", "run.toml", "--quiet"]) == 0
    return folder


@pytest.fixture
def folder(results, tmp_path, monkeypatch):
    for name in ("run.toml", "run.h5md", "run.analysis.json"):
        (tmp_path / name).write_bytes((results / name).read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_command_and_the_input_say_the_same(folder, capsys):
    what = "rdf,diffusion,vibrations,viscosity,conductivity,means"
    assert main(["analyse", "run.h5md", "--what", what, "--output", "own"]) == 0
    out = capsys.readouterr().out
    assert "run.h5md: steps 0 to 400, 0 to 2000 fs" in out and "wrote own.json" in out and "means of 201 rows" in out
    one, two = json.loads(Path("own.json").read_text()), json.loads(Path("run.analysis.json").read_text())
    for name in ("vibrations", "viscosity", "conductivity", "diffusion"):
        assert one.get(name) == two.get(name)
        assert name in one or f"no {name}" in out
    assert {"vibrations", "diffusion", "means"} <= one.keys()
    assert one["vibrations"]["frequency_unit"] == "THz" and one["vibrations"]["resolution"] == pytest.approx(5.0)
    with Trajectory("run.h5md") as trajectory:
        log = trajectory.thermo()
    assert one["means"]["pressure"]["mean"] == pytest.approx(log["pressure"].mean(), rel=1e-12)
    assert Path("own.png").stat().st_size > 10_000


def test_without_words_it_takes_what_there_is(folder, capsys):
    assert main(["analyse", "run.h5md", "--first", "100", "--overwrite"]) == 0
    out = capsys.readouterr().out
    assert "steps 100 to 400" in out and "vibrations:" in out and "means of 151 rows" in out and "g(r)" in out
    assert main(["analyse", "run.h5md"]) == 4
    assert "run.analysis.json: exists" in capsys.readouterr().err


def test_a_log_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    text = INPUT.replace("steps = 12", "steps = 60").replace("trajectory_every = 3\ndump_every = 3\n", "")
    Path("log.toml").write_text(text)
    main(["run", "log.toml", "--quiet"])
    assert main(["analyse", "log.h5md", "--what", "viscosity,means"]) == 0
    out = capsys.readouterr().out
    assert "means of 21 rows" in out and 'thermo_columns = ["volume"] tells it' in out


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("run.h5md --what msd", "no 'msd'; known: rdf, diffusion"),
        ("run.h5md --what viscosty", "did you mean 'viscosity'?"),
        ("run.h5md --blocks 1", "expected 2 or more"),
        ("run.h5md --end -3", "expected a number > 0"),
        ("run.h5md --first 1000 --output a", "from step 1000"),
        ("none.h5md", "none.h5md"),
        ("run.toml", "run.toml"),
        ("run.h5md --output none/a", "there is no such folder"),
    ],
)
def test_refusals(folder, capsys, words, says):
    assert main(["analyse", *words.split()]) in (2, 4)
    assert says in capsys.readouterr().err


@pytest.mark.parametrize(
    ("setting", "says"),
    [
        ('output.trajectory_fields=["position"]', 'vibrations needs "velocity" in it'),
        ("stage.0.thermo_every=0", "needs the thermo log of stage"),
        ('output.thermo_columns=["time"]', 'needs "heat_current" in [output] thermo_columns'),
        ("stage.0.trajectory_every=0", "needs the trajectory of stage"),
    ],
)
def test_inputs_that_would_not_do(folder, capsys, setting, says):
    assert main(["check", "run.toml", "--set", setting]) == 2
    assert says in capsys.readouterr().err


def test_even_rows_of_an_uneven_log():
    from mdcore.analysis.report import _even

    log = {"time": np.array([0.0, 2.0, 4.0, 6.0, 7.0]), "temperature": np.arange(5.0)}
    assert _even(log)["temperature"].tolist() == [0.0, 1.0, 2.0, 3.0]
    with pytest.raises(InputError, match="uneven intervals"):
        transport.interval_of(SimpleNamespace(**log).__dict__)


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_one_rank_tells(self, folder):
        words = ["analyse", "run.h5md", "--what", "means", "--output", "b"]
        assert mpirun(2, "-m", "mdcore", *words).stdout.count("wrote") == 1
