"""Is a run that was killed between two stages continued the same on any number of ranks?"""

from pathlib import Path

import numpy as np
import pytest

from mdcore.output import checkpoint
from tests.mpi import mpirun, needs_mpi

pytestmark = needs_mpi

INPUT = """
units = "lj"
[structure]
build = "fcc"
species = "A"
lattice_constant = 1.7
replicate = [3, 3, 3]
periodic = {periodic}
[velocities]
temperature = 0.3
[potential]
type = "lj"
cutoff = 2.2
truncation = "force-shifted"
species.A = {{ epsilon = 1.0, sigma = 1.0 }}
[[stage]]
ensemble = "langevin"
temperature = 0.3
friction = 1.0
timestep = 0.004
steps = 20
[[stage]]
ensemble = "nve"
timestep = 0.004
steps = 30
[output]
checkpoint_every = 10
"""


@pytest.mark.parametrize("periodic", ["true", "false"])
def test_at_the_border_of_two_stages(tmp_path, monkeypatch, periodic):
    """After Langevin dynamics the momentum is removed: on all ranks, also when the run begins there anew."""
    monkeypatch.chdir(tmp_path)
    Path("run.toml").write_text(INPUT.format(periodic=periodic))
    mpirun(1, "-m", "mdcore", "run", "run.toml", "--quiet")
    whole = checkpoint.read("run.checkpoint")
    for ranks in (1, 2, 3):
        command = ("-m", "mdcore", "run", "run.toml", "--quiet")
        mpirun(1, *command, "--overwrite", "--set", "stage.1.steps=0")
        mpirun(ranks, *command, "--restart", timeout=100)
        again = checkpoint.read("run.checkpoint")
        assert again["step"] == whole["step"] == 50
        for name in ("positions", "velocities"):
            assert np.array_equal(whole[name], again[name]), f"{name} on {ranks} ranks"
