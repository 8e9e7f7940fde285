"""What do a potential's errors on held-back structures look like beyond their root mean squares, and what does it cost?

    python benchmarks/errors.py FILE.h5 ../shared/reference/datasets/Si_mlearn_test.xyz

Energies an atom: root mean square and mean absolute error. Force components: both, the largest, and the root mean
square of the frame in the middle: where a few structures far off decide the mean square, it is far below. Cost: atoms
at constant energy from 300 K, processor time of one core, lists included; --copies of the first structure.
"""


import numpy as np
from common import machine, parser, rms, table, us_a_step

import mdcore
from mdcore import Simulation, System, VelocityVerlet, maxwell_boltzmann
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model
from mdcore.training.data import sources


def errors(potential, path: str) -> list[str]:
    data = [s for s in sources.read(path) if s.n > 1]
    answers = mdcore.evaluate(potential, [s.structure for s in data])
    pairs = list(zip(answers, data, strict=True))
    energies = 1e3 * np.array([(a.energy - s.energy) / s.n for a, s in pairs if s.energy is not None])
    frames = [1e3 * (a.forces - s.forces) for a, s in pairs if s.forces is not None]
    told = [f"{len(data)}", f"{rms(energies):.3g}", f"{np.abs(energies).mean():.3g}"]
    if not frames:
        return [*told, *"----"]
    forces = np.concatenate(frames)
    middle = np.median([rms(own) for own in frames])
    return [*told, f"{rms(forces):.3g}", f"{np.abs(forces).mean():.3g}", f"{np.abs(forces).max():.0f}", f"{middle:.3g}"]


def cost(model, path: str, copies, precision: str, steps: int, repeats: int) -> str:
    """us an atom-step: the middle one of some runs"""
    system = System.read(path, 0)
    system = system.replicate(tuple(copies)) if max(copies) > 1 else system
    maxwell_boltzmann(system, 300.0, seed=1)
    potential = potential_of(model, precision=precision, extrapolation="ignore")
    sim, found = Simulation(system, potential, VelocityVerlet(timestep=0.5), skin=0.5), []
    sim.run(steps // 10)
    for _ in range(repeats):
        found.append(us_a_step(sim, steps))
    return f"{np.median(found):.1f} ({min(found):.1f} to {max(found):.1f})"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("potential")
    options.add_argument("data", nargs="+")
    options.add_argument("--copies", type=int, nargs=3, default=(1, 1, 1))
    options.add_argument("--steps", type=int, default=200)
    options.add_argument("--repeats", type=int, default=5)
    arguments = options.parse_args()
    model = read_model(arguments.potential)
    potential = potential_of(model, extrapolation="ignore")
    header = ("data", "structures", "energy, meV/atom", "MAE", "force, meV/Angstrom", "MAE", "largest", "median frame")
    print(machine())
    print(table(header, [(path.rpartition("/")[2], *errors(potential, path)) for path in arguments.data]))
    for precision in ("double", "mixed"):
        told = cost(model, arguments.data[0], arguments.copies, precision, arguments.steps, arguments.repeats)
        print(f"{precision}: {told} us an atom-step")


if __name__ == "__main__":
    main()
