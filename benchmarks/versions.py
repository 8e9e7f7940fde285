"""Has anything become slower?  python versions.py BEFORE AFTER --reference FOLDER: two checkouts, built, taking turns.

Lennard-Jones (32,000 atoms), water and Cu2S at constant energy, in seconds a step; a short training, and start-up
(`import mdcore`, the commands `mdcore --version` and `mdcore check` of a small input), in seconds. Each run is a
process of its own. The ratio is the median of those of neighbours in time,
smallest and largest beside.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import common
import startup
from common import alternate

TRAIN = """\
seed = 1
[[data]]
file = "data.xyz"
[split]
validation = 0.2
[descriptors]
cutoff = 5.0
radial = 6
angular = 3
keep = 24
[network]
hidden = [12, 12]
[[optimizer]]
type = "kalman"
epochs = 20
patience = 99
[[optimizer]]
type = "adam"
epochs = 60
patience = 99
[output]
name = "net"
plot = false
"""
IMPORT = startup.IMPORT.format("mdcore")


def step_seconds(name: str, reference: str, steps: int) -> float:
    """Seconds of a step, in this process."""
    if name == "LJ":
        from mdcore import Simulation, VelocityVerlet

        sim = Simulation(common.melt(20, 20), common.lennard_jones(), VelocityVerlet(common.TIMESTEP))
    else:
        import mdcore

        sys.path.insert(0, str(Path(mdcore.__file__).parents[1] / "benchmarks"))  # they know its modules
        import hdnnp_speed
        import networks

        from mdcore import HDNNPotential, Simulation, VelocityVerlet, maxwell_boltzmann

        own, copies, units, skin, timestep, _ = hdnnp_speed.SYSTEMS[name]
        model = networks.open_potential(Path(reference) / own, units)
        system = networks.first_structure(Path(reference) / own, model).replicate(copies)
        maxwell_boltzmann(system, 300.0, seed=1)
        sim = Simulation(system, HDNNPotential(model), VelocityVerlet(timestep), skin=skin)
    sim.run(max(5, steps // 10))
    begin = time.perf_counter()
    sim.run(steps)
    return (time.perf_counter() - begin) / steps


def python(checkout: Path, folder: str, *arguments) -> str:
    """What Python prints with the mdcore of a checkout."""
    environment = {**os.environ, "PYTHONPATH": str(checkout), "OPENBLAS_NUM_THREADS": "1"}
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True, check=True).stdout


def clocked(checkout: Path, folder: str, *arguments) -> float:
    begin = time.perf_counter()
    python(checkout, folder, "-m", "mdcore", *arguments)
    return time.perf_counter() - begin


def label(folder: str) -> None:
    """Data for the training: copper by Lennard-Jones."""
    import numpy as np

    from mdcore import LennardJones, System, evaluate
    from mdcore.structure import extxyz

    potential = LennardJones(5.0, 0.4, 2.3, truncation="force-shifted")
    with open(Path(folder) / "data.xyz", "w") as stream:
        for k in range(60):
            system = System.build("fcc", 3.6, "Cu", (2, 2, 2))
            system.positions = system.positions + np.random.default_rng(k).normal(scale=0.06, size=(32, 3))
            answer = evaluate(potential, system)
            extxyz.write_frame(stream, system, energy=answer.energy, forces=answer.forces)


def main() -> None:
    if "--child" in sys.argv:
        name, reference, steps = sys.argv[sys.argv.index("--child") + 1 :]
        print(step_seconds(name, reference, int(steps)))
        return
    parser = common.parser(__doc__)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("--reference", type=Path, help="folder that holds H2O_RPBE-D3 and Cu2S_PBE; none: without them")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--only", nargs="+", help="these rows")
    arguments = parser.parse_args()
    checkouts = {"before": arguments.before.resolve(), "after": arguments.after.resolve()}
    for checkout in checkouts.values():  # what has never been imported takes longer
        subprocess.run([sys.executable, "-m", "compileall", "-q", checkout / "mdcore"], check=True)
    print(common.machine(), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "train.toml").write_text(TRAIN)
        Path(folder, "run.toml").write_text(startup.INPUT)
        sys.path.insert(0, str(checkouts["before"]))
        label(folder)

        def stepping(name, steps):
            child = ("--child", name, arguments.reference and arguments.reference.resolve(), steps)
            return lambda checkout: float(python(checkout, folder, Path(__file__).resolve(), *child))

        kinds = {"LJ, 32,000 atoms": stepping("LJ", 300)}
        if arguments.reference:
            kinds |= {"water": stepping("water", 40), "Cu2S": stepping("Cu2S", 40)}
        kinds |= {
            "training": lambda checkout: clocked(checkout, folder, "train", "train.toml", "--quiet", "--overwrite"),
            "import": lambda checkout: float(python(checkout, folder, "-c", IMPORT)),
            "version": lambda checkout: clocked(checkout, folder, "--version"),
            "check": lambda checkout: clocked(checkout, folder, "check", "run.toml"),
        }
        rows = []
        for name, measure in kinds.items():
            if arguments.only and name not in arguments.only:
                continue
            runs = {which: lambda m=measure, c=checkout: m(c) for which, checkout in checkouts.items()}
            found = alternate(runs, arguments.repeats)
            before, after = (statistics.median(found[which]) for which in ("before", "after"))
            ratios = sorted(b / a for a, b in zip(found["before"], found["after"], strict=True))
            ratio = f"{statistics.median(ratios):.3f} ({ratios[0]:.3f} to {ratios[-1]:.3f})"
            rows.append([name, f"{before:.4g}", f"{after:.4g}", ratio])
            print(rows[-1], flush=True)
    print(common.table(["seconds", "before", "after", "after / before"], rows))


if __name__ == "__main__":
    main()
