"""Is a run that was killed between two stages continued the same on any number of ranks?"""

import shutil
from pathlib import Path

import numpy as np

from mdcore.cli import main
from mdcore.output import checkpoint
from tests.mpi import commands, needs_mpi

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


def test_at_the_border_of_two_stages(tmp_path, monkeypatch):
    """After Langevin dynamics the momentum is removed: on all ranks, also when the run begins there anew."""
    monkeypatch.chdir(tmp_path)
    names = ("bulk", "cluster")
    for name in names:
        Path(f"{name}.toml").write_text(INPUT.format(periodic="true" if name == "bulk" else "false"))
        for more in (["output.directory=whole"], ["output.directory=border", "--set", "stage.1.steps=0"]):
            assert main(["run", f"{name}.toml", "--quiet", "--set", *more]) == 0
    for ranks in (1, 2, 3):
        shutil.copytree("border", f"on {ranks}")
        where = ("--quiet", "--restart", "--set", f"output.directory=on {ranks}")
        commands(ranks, *(("run", f"{name}.toml", *where) for name in names))
        for name in names:
            whole, again = (checkpoint.read(f"{folder}/{name}.checkpoint") for folder in ("whole", f"on {ranks}"))
            assert again["step"] == whole["step"] == 50
            for column in ("positions", "velocities"):
                assert np.array_equal(whole[column], again[column]), f"{name}: {column} on {ranks} ranks"
