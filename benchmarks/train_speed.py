"""How long does training take to a given error, by each optimiser, with descriptors and networks others published?

Sets (--data: the folder that holds n2p2_training/ and datasets/):
  cu2s   20 structures of 144 atoms (PBE), 89 and 90 functions, 2 x 15 nodes; training errors
  water  320 structures of 64 molecules (PBE0+TS), 27 and 30 functions, 2 x 25 nodes; errors on 80 others

The clock runs from structures in memory: statistics of the descriptors, environments, initial weights, epochs and the
errors of the training set after each. It stands still for the errors of the test set. Wall and processor seconds.

Under mpirun -n N ranks share the structures; processor seconds are those of all.
"""

import os
import time
from functools import partial
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # threads share panels of matrices; BLAS itself has one

import numpy as np
from common import machine, parser, table

from mdcore.base.comm import connect
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, n_parameters
from mdcore.training import descriptors, symmetry_sets
from mdcore.training.data import dataset, sources
from mdcore.training.environments import Environments
from mdcore.training.loss import NetworkRegression
from mdcore.training.misfit import Weights
from mdcore.training.optimizers.adam import Adam
from mdcore.training.optimizers.kalman import Kalman
from mdcore.training.optimizers.lbfgs import LBFGS
from mdcore.training.settings import AdamSettings, KalmanSettings, Loss
from mdcore.training.start import initialised

ATOMIC = {"length": "bohr", "energy": "hartree"}
METAL = {"length": "angstrom", "energy": "ev"}
# folder of input.nn, its units, hidden layers, activations, scaling; RMSE to reach: meV/Angstrom, meV an atom (or None)
SETS = {
    "cu2s": ("Cu2S_PBE", METAL, (15, 15), "ppl", "sigma", 42.0, 0.4),
    "water": ("water_pbe0ts", ATOMIC, (25, 25), "ttl", "scale_center", 46.0, None),
}
WEIGHTS = Weights(energy=2e5, forces=1.0)
COUNTS = Loss(energy=1.5)  # of the filter
KALMAN = KalmanSettings(threshold=0.7)


class Clock:
    """Wall and processor seconds, without what happens inside `pause`."""

    def __init__(self, comm):
        self.comm = comm
        comm.barrier()
        self.began = self._now()

    def _now(self):
        return np.array([time.perf_counter(), *self.comm.sum(np.array([time.process_time()]))])

    def read(self):
        return self._now() - self.began

    def pause(self, function):
        began = self._now()
        result = function()
        self.began += self._now() - began
        return result


def read(data: Path, name: str):
    """(training structures, test structures or None)"""
    if name == "cu2s":
        return sources.read(data / "n2p2_training" / "Cu2S_PBE" / "input.data", units=METAL), None
    return [sources.read(data / "datasets" / f"water_pbe0ts_{part}.xyz") for part in ("train", "test")]


def model_of(data: Path, name: str, train, comm) -> HDNNP:
    """Descriptors and networks of the published input, networks of zeros."""
    folder, units, hidden, letters, mode, *_ = SETS[name]
    energies = dataset.atom_energies(train)
    functions = symmetry_sets.from_input_nn(data / "n2p2_training" / folder, tuple(energies), units)
    chosen = descriptors.given(train, functions, mode, comm)
    sizes = [(len(own), *hidden, 1) for own in chosen.functions]
    networks = tuple(ElementNetwork.from_flat(np.zeros(n_parameters(s)), s, letters) for s in sizes)
    return HDNNP(
        elements=chosen.elements, symmetry_functions=chosen.functions, scaling=chosen.scaling, networks=networks,
        atom_energies=tuple(energies[e] for e in chosen.elements),
    )  # fmt: skip


OPTIMISERS = {
    "kalman": lambda regression, epochs, seed: Kalman(regression, KALMAN, seed),
    "adam": lambda regression, epochs, seed: Adam(regression, AdamSettings(epochs=epochs, step=1e-2), seed),
    "lbfgs": lambda regression, epochs, seed: LBFGS(regression),
}


def run(comm, data: Path, name: str, optimiser: str, threads: int, epochs: int, seed: int, show: bool):
    """A row of the table: preparation, an epoch, time to the target (wall, processor), epochs to it, last errors."""
    train, test = read(data, name)
    force_target, energy_target = SETS[name][-2:]
    clock = Clock(comm)
    model = model_of(data, name, train, comm)
    environments = Environments(model, train, threads, comm=comm)
    model = initialised(model, environments, seed)
    regression = NetworkRegression(model, environments, threads, COUNTS)
    regression.weights = WEIGHTS  # of the loss
    check = None
    if test:
        check = clock.pause(lambda: NetworkRegression(model, Environments(model, test, threads, comm=comm), threads))
    method = OPTIMISERS[optimiser](regression, epochs, seed)
    prepared, reached = clock.read(), None
    for epoch in range(1, epochs + 1):
        method.epoch()
        errors = regression.errors()
        if check:
            errors = clock.pause(partial(errors_of, check, regression.parameters))
        force, energy = 1e3 * errors.forces, 1e3 * errors.energy
        seconds = clock.read()[0]
        if show and comm.rank == 0:
            print(f"{optimiser} epoch {epoch}: {force:.1f} meV/A, {energy:.3f} meV/atom, {seconds:.1f} s", flush=True)
        if reached is None and force <= force_target and (energy_target is None or energy <= energy_target):
            reached = epoch, clock.read()
    seconds = (clock.read() - prepared) / epochs
    first = ("-", "-", "-") if reached is None else (reached[0], *(f"{s:.1f}" for s in reached[1]))
    return (
        name, optimiser, comm.size, threads,
        f"{prepared[0]:.1f} / {prepared[1]:.1f}", f"{seconds[0]:.3f} / {seconds[1]:.3f}",
        *first, f"{force:.1f}", f"{energy:.3f}", f"{clock.read()[0]:.0f}",
    )  # fmt: skip


def errors_of(regression: NetworkRegression, parameters: np.ndarray):
    regression.set(parameters)
    return regression.errors()


def main() -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--data", type=Path, required=True, help="the folder of reference data")
    arguments.add_argument("--set", nargs="+", choices=SETS, default=list(SETS))
    arguments.add_argument("--optimiser", nargs="+", choices=OPTIMISERS, default=["kalman"])
    arguments.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    arguments.add_argument("--epochs", type=int, default=10)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--show", action="store_true", help="every epoch")
    own = arguments.parse_args()
    comm = connect()
    rows = [
        run(comm, own.data, name, optimiser, threads, own.epochs, own.seed, own.show)
        for name in own.set
        for optimiser in own.optimiser
        for threads in own.threads
    ]
    head = ("set", "optimiser", "ranks", "threads", "prepare, s wall / CPU", "epoch, s wall / CPU", "epochs to target",
            "s wall", "s CPU", "last meV/A", "last meV/atom", "after s")  # fmt: skip
    if comm.rank == 0:
        print(machine())
        print(table(head, rows))


if __name__ == "__main__":
    main()
