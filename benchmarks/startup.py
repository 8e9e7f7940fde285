"""How long until something happens: `import mdcore`, and from the command to the first step?

The import is timed in a new process, from before the import to after it, and whole (Python's own start
included). The command is `mdcore run` of 108 argon atoms; the clock stops when the line of step 1 arrives.
"""

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common

INPUT = """
[structure]
build = "fcc"
species = "Ar"
lattice_constant = 5.26
replicate = [3, 3, 3]
[velocities]
temperature = 50.0
[potential]
type = "lj"
cutoff = 8.5
species = { Ar = { epsilon = 0.0103, sigma = 3.4 } }
[[stage]]
ensemble = "nve"
timestep = 5.0
steps = 100
[output]
thermo_every = 1
"""
IMPORT = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def import_seconds(what: str) -> float:
    command = [sys.executable, "-c", IMPORT.format(what)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


def python_seconds() -> float:
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.perf_counter() - begin


def first_step_seconds() -> float:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "small.toml").write_text(INPUT)
        begin = time.perf_counter()
        command = [sys.executable, "-m", "mdcore", "run", "small.toml"]
        with subprocess.Popen(
            command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        ) as run:
            seconds = next(
                (time.perf_counter() - begin for line in run.stdout if line.split()[:1] == ["1"]), None
            )
            run.stdout.read()
    if seconds is None:
        sys.exit(f"{' '.join(command)} printed no line of step 1")
    return seconds


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--repeats", type=int, default=11)
    arguments = parser.parse_args()
    print(common.machine())
    runs = {
        "python -c '' (for comparison)": python_seconds,
        "import numpy (for comparison)": lambda: import_seconds("numpy"),
        "import mdcore": lambda: import_seconds("mdcore"),
        "import mdcore, and Simulation, System, LennardJones": lambda: import_seconds(
            "mdcore; mdcore.Simulation, mdcore.System, mdcore.LennardJones"
        ),
        "mdcore run: command to first step": first_step_seconds,
    }
    rows = []
    for name, function in runs.items():
        function()  # files come into the cache of the system
        seconds = [function() for _ in range(arguments.repeats)]
        rows.append((name, f"{statistics.median(seconds):.3f}", f"{min(seconds):.3f}", f"{max(seconds):.3f}"))
    print(common.table(("what", "median s", "min s", "max s"), rows))


if __name__ == "__main__":
    main()
