"""Density of the Lennard-Jones fluid at constant pressure, ours and LAMMPS's: python constant_pressure.py --lmp PATH

500 atoms, cutoff 2.5, no tail; three states; LAMMPS with its chains (fix npt), mdcore with stochastic cell rescaling,
and with the barostat of Martyna, Tobias and Klein. Means of --steps steps after a tenth of them, errors from 20 blocks.
"""

import tempfile
from pathlib import Path

import common
import numpy as np

import mdcore
from mdcore import Simulation, VelocityVerlet

STATES = ((0.9, 0.5), (1.2, 2.0), (2.0, 6.0))  # temperature, pressure
DT, EVERY = 0.004, 20


def mean(values) -> tuple[float, float]:
    """Of the values, and its standard error."""
    values = np.asarray(values)
    blocks = values[: len(values) // 20 * 20].reshape(20, -1).mean(axis=1)
    return float(blocks.mean()), float(blocks.std(ddof=1) / np.sqrt(20))


def of_lammps(executable: str, system, temperature: float, pressure: float, steps: int):
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "melt.data"
        common.write_data(system, data)
        commands = f"""\
unfix 1
neigh_modify every 1 delay 0 check yes
fix 1 all npt temp {temperature} {temperature} 0.2 iso {pressure} {pressure} 1.0
run {steps // 10}
reset_timestep 0
variable density equal density
variable energy equal pe
fix 2 all ave/time {EVERY} 1 {EVERY} v_density v_energy file {folder}/told
run {steps}
"""
        common.lammps(executable, data, commands, timestep=DT)
        rows = np.loadtxt(Path(folder) / "told")
    return mean(rows[1:, 1]), mean(rows[1:, 2])


def of_mdcore(system, barostat: str, temperature: float, pressure: float, steps: int):
    if barostat == "cell rescaling":
        parts = mdcore.VelocityRescaling(temperature, 0.2), mdcore.CellRescaling(pressure, 1.0, 0.1)
    else:
        parts = mdcore.NoseHoover(temperature, 0.2), mdcore.MartynaTobiasKlein(pressure, 1.0)
    sim = Simulation(system, common.lennard_jones(), VelocityVerlet(DT, *parts), seed=1)
    sim.run(steps // 10)
    rows = []
    sim.every(EVERY, lambda s: rows.append((s.density, s.potential_energy / s.n_atoms)))
    sim.run(steps)
    rows = np.array(rows)
    return mean(rows[:, 0]), mean(rows[:, 1])


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--steps", type=int, default=200_000)
    common.add_lammps(parser)
    options = parser.parse_args()
    print(common.machine(), flush=True)
    system = common.melt(5, 500)
    rows = []
    for state in STATES:
        theirs = of_lammps(options.lmp, system, *state, options.steps)
        ours = {name: of_mdcore(system, name, *state, options.steps) for name in ("cell rescaling", "MTK")}
        for name, found in (("LAMMPS", theirs), *ours.items()):
            own = [f"{value:.4f} +- {error:.4f}" for value, error in found]
            off = [abs(a - b) / np.hypot(da, db) for (a, da), (b, db) in zip(found, theirs, strict=True)]
            rows.append([*state, name, *own, "" if name == "LAMMPS" else f"{off[0]:.1f}, {off[1]:.1f}"])
            print(*rows[-1], sep=" | ", flush=True)
    header = ["temperature", "pressure", "by", "density", "potential energy an atom", "apart, errors"]
    print(common.table(header, rows))


if __name__ == "__main__":
    main()
