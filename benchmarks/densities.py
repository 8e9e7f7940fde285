"""Densities at constant pressure of what ships, and whether they drift: python densities.py water --ps 500

Water (64 molecules, 300 K, 1 bar), silicon (64 atoms, 300 K) and argon (500 atoms, 94.4 K, 0.01 GPa) by velocity
rescaling and isotropic cell rescaling, at one or several timesteps. Runs are kept in --folder; the same command goes on
with one that was stopped or is to be longer, and --ps 0 only looks at what there is. A tenth (at most 20 ps) is left
out as equilibration. Errors are those of the means of 20 blocks; the drift is that of a straight line through them,
over the whole time, with what the blocks scatter about it. Where neighbouring blocks are alike, these two grow by
sqrt((1 + c) / (1 - c)), c their correlation.
"""

import os
import subprocess
import sys
from pathlib import Path

import common
import h5py
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
CASES = {
    "water": (
        0.5,
        """\
[structure]
file = "{root}/inputs/water.extxyz"
masses = {{ H = 1.00794, O = 15.9994 }}
[potential]
type = "hdnnp"
file = "{root}/potentials/water_PBE0-TS.h5"
precision = "mixed"
""",
        {
            "temperature": 300.0,
            "relaxation": 100.0,
            "pressure": 1e-4,
            "compressibility": 0.45,
            "pressure_relaxation": 1000.0,
        },
    ),
    "silicon": (
        2.0,
        """\
[structure]
build = "diamond"
species = "Si"
lattice_constant = 5.47
replicate = [2, 2, 2]
[potential]
type = "hdnnp"
file = "{root}/potentials/silicon.h5"
""",
        {
            "temperature": 300.0,
            "relaxation": 100.0,
            "pressure": 1e-4,
            "compressibility": 0.011,
            "pressure_relaxation": 200.0,
        },
    ),
    "argon": (
        5.0,
        """\
[structure]
build = "fcc"
species = "Ar"
density = 1.374
replicate = [5, 5, 5]
[potential]
type = "lj"
cutoff = 8.5
tail_corrections = true
species.Ar = {{ epsilon = 0.0103408, sigma = 3.4 }}
""",
        {
            "temperature": 94.4,
            "relaxation": 500.0,
            "pressure": 0.01,
            "compressibility": 2.0,
            "pressure_relaxation": 2000.0,
        },
    ),
}
STAGES = """\
seed = {seed}
[velocities]
temperature = {temperature}
{before}[[stage]]
name = "npt"
ensemble = "npt"
timestep = {timestep}
steps = {steps}
temperature = {temperature}
relaxation = {relaxation}
pressure = {pressure}
pressure_relaxation = {pressure_relaxation}
compressibility = {compressibility}
[output]
directory = "{folder}"
thermo_every = {every}
screen_every = {screen}
checkpoint_minutes = 5
"""
MELT = """\
[[stage]]
name = "melt"
ensemble = "langevin"
timestep = 5.0
steps = 4000
temperature = [180.0, 94.4]
friction = 0.002
"""
BLOCKS = 20


def run(name: str, timestep: float, ps: float, seed: int, folder: Path) -> Path:
    """The H5MD file of the run, which goes on if it has begun."""
    _, text, settings = CASES[name]
    path = folder / f"{name}-{timestep:g}fs-{seed}.toml"
    if ps > 0:
        folder.mkdir(parents=True, exist_ok=True)
        steps = round(1000.0 * ps / timestep)
        stages = STAGES.format(
            seed=seed, timestep=timestep, steps=steps, folder=folder, every=round(20.0 / timestep),
            screen=round(10_000.0 / timestep), before=MELT if name == "argon" else "", **settings,
        )  # fmt: skip
        path.write_text(stages.split("\n", 1)[0] + "\n" + text.format(root=ROOT) + stages.split("\n", 1)[1])
        begun = path.with_suffix(".checkpoint").exists()
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        command = [sys.executable, "-m", "mdcore", "run", str(path), "--restart" if begun else "--overwrite"]
        subprocess.run(command, check=True, env=environment, stdout=sys.stderr)
    return path.with_suffix(".h5md")


def told(path: Path) -> list[str]:
    """Length, density, drift and fluctuation of the volume, of the log."""
    with h5py.File(path) as file:
        density = file["thermo/density"][:]
        time = file["thermo/time"][:] / 1000.0  # ps
    keep = time > min(0.1 * time[-1], 20.0)
    time, density = time[keep], density[keep]
    pieces = np.array_split(density, BLOCKS)
    means = np.array([piece.mean() for piece in pieces])
    middles = np.array([piece.mean() for piece in np.array_split(time, BLOCKS)])
    off = means - means.mean()
    alike = float(np.clip(off[1:] @ off[:-1] / (off @ off), 0.0, 0.9))
    slow = np.sqrt((1.0 + alike) / (1.0 - alike))
    error = slow * means.std(ddof=1) / np.sqrt(BLOCKS)
    (slope, _), spread = np.polyfit(middles, means, 1, cov=True)
    length = time[-1] - time[0]
    volume = 1.0 / density
    without = [np.delete(volume, np.s_[a : a + len(p)]) for a, p in zip(starts(pieces), pieces, strict=True)]
    jack = np.array([one.std() / one.mean() for one in without])
    scatter = np.sqrt((BLOCKS - 1) * np.mean((jack - jack.mean()) ** 2))
    return [
        f"{length:.0f}", f"{density.mean():.4f} +- {error:.4f}",
        f"{slope * length:+.4f} +- {slow * np.sqrt(spread[0, 0]) * length:.4f}",
        f"{100 * volume.std() / volume.mean():.3f} +- {100 * scatter:.3f}",
    ]  # fmt: skip


def starts(pieces) -> np.ndarray:
    return np.cumsum([0, *(len(piece) for piece in pieces[:-1])])


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("system", choices=CASES)
    parser.add_argument("--ps", type=float, default=500.0)
    parser.add_argument("--timestep", type=float, nargs="+", help="fs; default: 0.5, of silicon 2, of argon 5")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--folder", type=Path, default=Path("results/densities"))
    it = parser.parse_args()
    print(common.machine(), flush=True)
    rows = []
    for timestep in it.timestep or [CASES[it.system][0]]:
        path = run(it.system, timestep, it.ps, it.seed, it.folder.resolve())
        rows.append([it.system, f"{timestep:g}", *told(path)])
    header = ["", "timestep, fs", "ps", "density, g/cm3", "drift in that time", "fluctuation of the volume, %"]
    print(common.table(header, rows))


if __name__ == "__main__":
    main()
