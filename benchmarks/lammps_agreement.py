"""Do mdcore and LAMMPS agree on the Lennard-Jones melt, at the start and for 100 steps?

LAMMPS's in.lj: both programs read the same positions and velocities, every digit of them. Compared:
potential energy, pressure, temperature. Differences grow with time, as the trajectories of a liquid
diverge; at step 0 they are rounding alone.
"""

import re
import tempfile
from pathlib import Path

import common
import numpy as np

from mdcore import Simulation, VelocityVerlet

COLUMNS = ("potential energy", "pressure", "temperature")


def of_mdcore(system, steps: int, every: int) -> dict[int, tuple]:
    """{step: (potential energy, pressure, temperature)}"""
    rows = {}

    def record(sim):
        now = sim.thermo()
        rows[sim.step] = (now.potential, now.pressure, now.temperature)

    sim = Simulation(system, common.lennard_jones(), VelocityVerlet(common.TIMESTEP), skin=common.SKIN)
    sim.every(every, record)
    sim.run(steps)
    return rows


def of_lammps(executable: str, system, steps: int, every: int) -> dict[int, tuple]:
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "start.data"
        common.write_data(system, data)
        commands = f"""\
neigh_modify every 1 delay 0 check yes
thermo_style custom step pe press temp
thermo_modify norm no format float %.17g
thermo {every}
run {steps}"""
        output = common.lammps(executable, data, commands)
    rows = re.findall(r"^\s*(\d+)\s+(\S+)\s+(\S+)\s+(\S+)\s*$", output, re.MULTILINE)
    return {int(row[0]): tuple(map(float, row[1:])) for row in rows}


def main() -> None:
    parser = common.parser(__doc__)
    common.add_lammps(parser)
    parser.add_argument("--cells", type=int, default=20, help="fcc cells along an edge; 20: 32,000 atoms")
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--every", type=int, default=10)
    parser.add_argument("--melt", type=int, default=0, help="steps before; 0: compare from the lattice")
    arguments = parser.parse_args()
    print(common.machine())
    system = common.melt(arguments.cells, arguments.melt)
    ours = of_mdcore(system, arguments.steps, arguments.every)
    theirs = of_lammps(arguments.lmp, system, arguments.steps, arguments.every)
    rows = []
    for step, values in ours.items():
        relative = np.abs(np.array(values) / np.array(theirs[step]) - 1.0)
        rows.append((step, *(f"{value:.10g}" for value in values), *(f"{one:.1e}" for one in relative)))
    print(f"{len(system.positions):,} atoms; values of mdcore, then |mdcore / LAMMPS - 1|")
    print(common.table(("step", *COLUMNS, *(f"d {name}" for name in COLUMNS)), rows))
    first = max(float(value) for value in rows[0][-3:])
    verdict = "below" if first < 1e-6 else "ABOVE"
    print(f"step {rows[0][0]}: largest relative difference {first:.1e}, {verdict} 1e-6")


if __name__ == "__main__":
    main()
