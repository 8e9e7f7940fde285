"""Does the cost of a network potential grow like the number of atoms, and does its memory?

Liquid water with a published potential (--potential; made for H2O_RPBE-D3): 180 molecules at the density of its
structure, from a lattice with random orientations brought to 300 K, then copies of them, 540 to 103,680 atoms. Each
size in a process of its own, on one core: microseconds a step and atom at constant energy, and the largest resident
memory (VmHWM). The goal: flat within 10 %.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import common
import networks
import numpy as np

from mdcore import Box, Langevin, Simulation, System, VelocityVerlet
from mdcore.output.progress import peak_memory
from mdcore.potentials.networks.hdnnp import HDNNPotential

SKIN, TIMESTEP = 0.6, 0.5  # Angstrom, fs
MOLECULES = (6, 6, 5)  # of the smallest system, along the edges
COPIES = ((1, 1, 1), (2, 1, 1), (2, 2, 1), (2, 2, 2), (4, 2, 2), (4, 4, 2), (4, 4, 4), (6, 6, 5), (8, 6, 4))


def lattice(volume: float) -> System:
    """Water molecules on a cubic lattice, `volume` Angstrom^3 each, turned at random; O, H, H."""
    rng, edge = np.random.default_rng(1), volume ** (1.0 / 3.0)
    half = np.radians(0.5 * 104.5)
    molecule = 0.97 * np.array([[0.0, 0.0, 0.0], [np.sin(half), np.cos(half), 0.0], [-np.sin(half), np.cos(half), 0.0]])
    places = np.stack(np.meshgrid(*map(np.arange, MOLECULES), indexing="ij"), axis=-1).reshape(-1, 3) * edge
    turns = [np.linalg.qr(rng.normal(size=(3, 3)))[0] for _ in places]
    x = np.concatenate([place + molecule @ turn for place, turn in zip(places, turns, strict=True)])
    return System(Box(np.diag(MOLECULES) * edge), x, ["O", "H", "H"] * len(places))


def equilibrate(model, volume: float, steps: int) -> System:
    """180 molecules at 300 K: gently first, as the lattice knows nothing of hydrogen bonds."""
    sim = Simulation(lattice(volume), HDNNPotential(model), seed=1, skin=SKIN)
    sim.run(steps, Langevin(0.1, 300.0, friction=0.5))
    sim.run(steps, Langevin(0.5, 300.0, friction=0.05))
    print(f"{sim.system.n_atoms} atoms at {sim.temperature:.0f} K", file=sys.stderr)
    frame = sim.snapshot()
    return System(
        Box(sim.box.matrix), frame.positions, species=frame.species, symbols=frame.symbols, velocities=frame.velocities
    )


def save(system: System, path: Path) -> None:
    x, v = system.positions, system.velocities
    np.savez(path, matrix=system.box.matrix, positions=x, velocities=v, names=system.names)


def restore(path) -> System:
    with np.load(path) as data:
        box, names = Box(data["matrix"]), data["names"].tolist()
        return System(box, data["positions"], names, velocities=data["velocities"])


def measure(path: str, folder: str, units: list, copies: list, steps: int) -> None:
    """Print microseconds a step and atom, memory and list builds a step."""
    potential = HDNNPotential(networks.open_potential(folder, units))
    system = restore(path).replicate(copies)
    sim = Simulation(system, potential, VelocityVerlet(TIMESTEP), skin=SKIN)
    sim.run(max(2, steps // 10))
    built, begin = sim.neighbors.builds, time.perf_counter()
    sim.run(steps)
    seconds = time.perf_counter() - begin
    builds = (sim.neighbors.builds - built) / steps
    print(json.dumps({"us": 1e6 * seconds / steps / system.n_atoms, "bytes": peak_memory(), "builds": builds}))


def main() -> None:
    if "--child" in sys.argv:
        measure(*map(json.loads, sys.argv[sys.argv.index("--child") + 1 :]))
        return
    parser = common.parser(__doc__)
    networks.add_potential(parser)
    parser.add_argument("--atom-steps", type=float, default=1e6, help="work a size: steps = this / atoms, 10 at least")
    parser.add_argument("--least", type=int, default=0, help="leave out systems of fewer atoms")
    parser.add_argument("--most", type=int, default=200_000, help="leave out systems of more atoms")
    parser.add_argument("--equilibrate", type=int, default=1000, help="steps, gentle ones and normal ones each")
    parser.add_argument("--repeats", type=int, default=3, help="runs a size; the fastest counts")
    arguments = parser.parse_args()

    print(common.machine(), flush=True)
    model = networks.open_potential(arguments.potential, arguments.units)
    published = networks.first_structure(arguments.potential, model)
    volume = published.box.volume / published.names.count("O")
    rows, times = [], []
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch) / "start.npz"
        save(equilibrate(model, volume, arguments.equilibrate), start)
        for copies in COPIES:
            n = 3 * int(np.prod(MOLECULES) * np.prod(copies))
            if not arguments.least <= n <= arguments.most:
                continue
            steps = max(10, round(arguments.atom_steps / n))
            words = (str(start), str(arguments.potential), arguments.units, copies, steps)
            runs = [common.child(__file__, "--child", *map(json.dumps, words)) for _ in range(arguments.repeats)]
            best = min(runs, key=lambda run: run["us"])
            times.append(best["us"])
            rows.append(
                (f"{n:,}", steps, f"{best['us']:.2f}", f"{1.0 / best['builds']:.0f}" if best["builds"] else "",
                 f"{best['bytes'] / 2**20:,.0f}", f"{best['bytes'] / n:,.0f}")
            )  # fmt: skip
            print("  " + "  ".join(map(str, rows[-1])), file=sys.stderr, flush=True)
    header = ("atoms", "steps", "us a step and atom", "steps a list", "memory, MiB", "bytes an atom")
    print(common.table(header, rows))
    print(f"slowest to fastest: {max(times) / min(times):.3f}")


if __name__ == "__main__":
    main()
