"""Has the thermo log the columns asked for, are its averages right, and is it told as text?"""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from mdcore import (
    InputError,
    LennardJones,
    Simulation,
    System,
    ThermoLog,
    Trajectory,
    VelocityVerlet,
    maxwell_boltzmann,
)
from mdcore.cli import main
from mdcore.output import averages
from mdcore.output.h5md import H5MDFile
from tests.mpi import mpirun, needs_mpi
from tests.test_rerun import INPUT

COLUMNS = ["time", "stress", "volume", "cell", "heat_current", "enthalpy"]
OUTPUT = f"[output]\nthermo_csv = true\nthermo_columns = {json.dumps(COLUMNS)}\n"
ASKED = INPUT.replace("thermo_every = 3", "thermo_every = 1").replace("[output]\n", OUTPUT)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.toml").write_text(ASKED)
    return tmp_path


def log(path="run.h5md") -> dict:
    with Trajectory(path) as trajectory:
        return trajectory.thermo()


def test_what_is_asked_for_is_shown_and_kept(capsys):
    assert main(["run", "run.toml", "--set", "output.screen_every=4"]) == 0
    out = capsys.readouterr().out
    head = next(line for line in out.splitlines() if line.split()[:1] == ["step"]).split()
    assert head[:8] == ["step", "time", "stress_xx", "stress_yy", "stress_zz", "stress_yz", "stress_xz", "stress_xy"]
    assert head[8:] == ["volume", *"abc", "alpha", "beta", "gamma", *(f"heat_current_{x}" for x in "xyz"), "enthalpy"]
    steps = [line.split()[0] for line in out.splitlines() if len(line.split()) == len(head)]
    assert steps == ["step", "0", "4", "8", "12"] and "wrote run.thermo.csv" in out
    found = log()
    assert len(found["step"]) == 13
    assert np.allclose(found["volume"], found["a"] * found["b"] * found["c"], rtol=1e-12)
    assert np.allclose(found["enthalpy"], found["total"] + found["pressure"] * found["volume"] * 0.0062415091)
    assert (found["gamma"] == 90.0).all()


def test_heat_current_is_the_simulations():
    system = System.build("fcc", 5.4, "Ar", (3, 3, 3))
    maxwell_boltzmann(system, 60.0, seed=2)
    sim = Simulation(system, LennardJones(7.0, epsilon=0.0104, sigma=3.4), VelocityVerlet(5.0))
    file = H5MDFile("own.h5md")
    sim.add_observer(ThermoLog(2, None, file, columns=["heat_current", "temperature"]))
    sim.run(4)
    now = sim.heat_current
    file.close()
    found = log("own.h5md")
    assert [found[f"heat_current_{x}"][-1] for x in "xyz"] == now.tolist()
    with pytest.raises(InputError, match="no column 'heat'; there are volume"):
        ThermoLog(1, columns=["heat"])


def test_text_is_the_log(capsys):
    main(["run", "run.toml", "--quiet"])
    assert main(["convert", "run.h5md", "again.csv"]) == 0
    assert Path("again.csv").read_bytes() == Path("run.thermo.csv").read_bytes()
    rows, found = list(csv.DictReader(Path("again.csv").read_text().splitlines())), log()
    assert [float(row["pressure"]) for row in rows] == found["pressure"].tolist()
    assert [float(row["stress_xy"]) for row in rows] == found["stress"][:, 5].tolist()
    assert main(["convert", "run.h5md", "again.csv"]) == 4
    assert main(["run", "run.toml", "--overwrite", "--quiet"]) == 0


def test_means_at_the_end_of_a_stage(capsys):
    assert main(["run", "run.toml", "--set", "stage.0.steps=40"]) == 0
    out, found = capsys.readouterr().out, log()
    assert "means of stage1, 40 rows" in out
    value = next(line for line in out.splitlines() if line.startswith("  temperature ")).split()
    assert float(value[1]) == pytest.approx(found["temperature"][1:].mean(), abs=float(value[3])) and value[4] == "K"
    assert main(["run", "run.toml", "--overwrite"]) == 0  # 12 rows are too few for an error
    assert "means of" not in capsys.readouterr().out


def test_block_error_of_correlated_numbers():
    """x(k) = c x(k-1) + noise: the error of the mean of n is sqrt(variance (1 + c) / (1 - c) / n)."""
    rng, n, c, trials = np.random.default_rng(5), 4096, 0.8, 40
    errors, found = [], []
    for _ in range(trials):
        noise, x = rng.normal(size=n), np.zeros(n)
        for k in range(1, n):
            x[k] = c * x[k - 1] + noise[k]
        errors.append(averages.block_error(x))
        found.append(x.mean())
    right = np.sqrt(1.0 / (1.0 - c**2) * (1.0 + c) / (1.0 - c) / n)
    assert right < np.mean(errors) < 1.5 * right  # the largest of some estimates
    assert np.std(found) == pytest.approx(right, rel=0.35)
    assert np.isnan(averages.block_error([1.0] * 7)) and averages.block_error([1.0] * 8) == 0.0


def test_what_a_potential_does_not_tell(capsys, folder):
    (folder / "own.py").write_text("def energy(positions, **more):\n    return 0.0, 0.0 * positions\n")
    text = ASKED.replace('type = "lj"\ncutoff = 7.0', 'type = "python"\nfile = "own.py"\nfunction = "energy"')
    (folder / "own.toml").write_text(text.replace("[potential.species.Ar]\nepsilon = 0.0104\nsigma = 3.4\n", ""))
    for command in ("check", "run"):
        assert main([command, "own.toml"]) == 2
        err = capsys.readouterr().err
        assert "thermo_columns" in err and "does not tell the virial of each atom" in err
    assert main(["check", "run.toml", "--set", "output.thermo_columns=['temp']"]) == 2


class TestOnSeveralRanks:
    pytestmark = needs_mpi

    def test_same_bits_and_across_a_restart(self, folder):
        main(["run", "run.toml", "--quiet"])
        one = Path("run.thermo.csv").read_bytes()
        own = ["--quiet", "--set", "output.name=b", "--set", "output.checkpoint_every=7"]
        mpirun(3, "-m", "mdcore", "run", "run.toml", *own, "--set", "stage.0.steps=7")
        mpirun(2, "-m", "mdcore", "run", "run.toml", *own, "--restart")
        assert Path("b.thermo.csv").read_bytes() == one
