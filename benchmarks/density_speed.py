"""How fast are density networks on one core, next to symmetrix-xl and MACE on torch, and on two ranks or threads? And
their training?

Random networks of 64 channels, l_max 3, products of three, cutoff 5 (atoms hardly feel them) at constant energy from
300 K: atom-steps/s of 512 atoms of silicon, 64 molecules of water and, with --reference, one of acetylacetone. One
thread is timed by its processor time, so that a busy machine does not count; two by the clock. --peers names the Python
that has symmetrix-xl, mace-torch and matscipy; they compute energy and forces of a network of the same shape in turn
with ours (density_peers.py). Training: acetylacetone in batches of five, energies and forces, SOAP here and Adam with
MACE on torch, in turn. The goals: 5 times symmetrix-xl, 50 times torch, mixed precision 1.6 times double, training 10
times torch.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import common
import density_networks

from mdcore import Simulation, VelocityVerlet, maxwell_boltzmann
from mdcore.potentials.density.model import Design
from mdcore.potentials.density.potential import DensityPotential
from mdcore.training.data import dataset, sources
from mdcore.training.density import DensityRegression
from mdcore.training.density_start import initialised
from mdcore.training.graphs import Graphs
from mdcore.training.optimizers.soap import Soap
from mdcore.training.settings import BALANCED, Loss, SoapSettings

SKIN = 0.5  # Angstrom
PROGRAMS = ("symmetrix float64", "symmetrix float32", "torch float64", "torch float32")
STRUCTURES, BATCH = 450, 5  # of acetylacetone, in an epoch and in a step of training


def measure(told: dict) -> None:
    """Print atom-steps/s, in a process of its own (or on several ranks)."""
    elements, neighbours, timestep = density_networks.SYSTEMS[told["system"]]
    system = density_networks.start(told["system"], told["reference"], told["copies"])
    maxwell_boltzmann(system, 300.0, seed=1)
    model = density_networks.network(elements, neighbours, channels=told["channels"], layers=told["layers"],
                                     message_l=told["message_l"])  # fmt: skip
    potential = DensityPotential(model, precision=told["precision"], threads=told["threads"])
    sim = Simulation(system, potential, VelocityVerlet(timestep), skin=SKIN)
    sim.run(max(2, told["steps"] // 10))
    clock = time.process_time if sim.comm.size * told["threads"] == 1 else time.perf_counter
    sim.comm.barrier()
    built, begin = sim.neighbors.builds, clock()
    sim.run(told["steps"])
    sim.comm.barrier()
    rate = told["steps"] * system.n_atoms / (clock() - begin)
    if sim.comm.rank == 0:
        builds = (sim.neighbors.builds - built) / told["steps"]
        print(json.dumps({"rate": rate, "atoms": system.n_atoms, "builds": builds, "ghosts": sim.atoms.n_ghost}))


def learn(told: dict) -> None:
    """Print structures/s of an epoch of training, in a process of its own; one before it warms up."""
    data = [replace(s, stress=None) for s in sources.read(Path(told["reference"]) / density_networks.ACAC)[:STRUCTURES]]
    energies = dataset.atom_energies(data)
    design = Design(elements=tuple(energies), cutoff=5.0, radial=8, **told["design"])
    graphs = Graphs(design.elements, design.cutoff, data)
    start = initialised(design, graphs, energies)
    regression = DensityRegression(start, graphs, 1, Loss(energy=BALANCED), told["precision"])
    soap = Soap(regression, SoapSettings(epochs=100, batch=BATCH))
    soap.epoch()
    begin = time.process_time()
    soap.epoch()
    print(json.dumps({"rate": len(data) / (time.process_time() - begin)}))


def mdcore(arguments, name: str, ranks=1, **told) -> dict:
    plain = {"system": name, "copies": (1, 1, 1), "channels": arguments.channels, "layers": 2, "message_l": 0,
             "precision": "double", "threads": 1, "reference": str(arguments.reference or "")}  # fmt: skip
    told = plain | told
    atoms = density_networks.start(name, told["reference"]).n_atoms
    for n in told["copies"]:
        atoms *= n
    told.setdefault("steps", max(4, round(arguments.atom_steps / atoms)))
    return common.child(__file__, "--child", json.dumps(told), ranks=ranks)


def peer(python, *words) -> dict:
    command = [str(python), str(Path(__file__).with_name("density_peers.py")), *map(str, words)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed with code {done.returncode}")
    return json.loads(done.stdout.splitlines()[-1])


def compare(arguments, name: str, scratch: Path) -> list[tuple]:
    """Rows of the table of one system: all programs in turn."""

    def own(**told):
        return lambda: mdcore(arguments, name, **told)["rate"]

    runs = {"mdcore": own(), "mdcore, mixed": own(precision="mixed"), "mdcore, one layer": own(layers=1),
            "mdcore, vectors": own(message_l=1)}
    if arguments.peers:
        import ase.io

        model, structure = scratch / f"{name}.model", scratch / f"{name}.xyz"
        ase.io.write(structure, density_networks.start(name, arguments.reference).to_ase())
        numbers = sorted(set(ase.io.read(structure).numbers.tolist()))
        peer(arguments.peers, "make", model, arguments.channels, 2, *numbers)
        for program in arguments.programs:
            calls = 3 if program.startswith("torch") else arguments.calls
            words = ("time", model, *program.split(), structure, calls)
            runs[program] = lambda words=words: peer(arguments.peers, *words)["rate"]
    rates = common.alternate(runs, arguments.repeats)
    rows = []
    for program, values in rates.items():
        median = statistics.median(values)
        note = "" if program == "mdcore" else common.median_ratio(rates["mdcore"], values)
        if program == "mdcore, mixed":
            note = "1 / " + common.median_ratio(values, rates["mdcore"])
        rows.append((name, program, f"{median:,.0f}", f"{1e6 / median:.1f}", note))
    return rows


def training(arguments) -> None:
    """Structures/s of a training step, beside MACE's."""

    def own(precision="double", message_l=0):
        design = {"channels": arguments.channels, "layers": 2, "message_l": message_l}
        told = {"learn": True, "design": design, "precision": precision, "reference": str(arguments.reference)}
        return lambda: common.child(__file__, "--child", json.dumps(told))["rate"]

    runs = {"mdcore": own(), "mdcore, mixed": own("mixed"), "mdcore, vectors": own(message_l=1)}
    with tempfile.TemporaryDirectory() as scratch:
        if arguments.peers:
            model = Path(scratch) / "acac.model"
            peer(arguments.peers, "make", model, arguments.channels, 2, 1, 6, 8)
            for program in (own for own in arguments.programs if own.startswith("torch")):
                words = ("train", model, program.split()[1], arguments.reference / density_networks.ACAC, BATCH, 12)
                runs[f"MACE, {program}"] = lambda words=words: peer(arguments.peers, *words)["rate"]
        rates = common.alternate(runs, arguments.repeats)
    rows = []
    for program, values in rates.items():
        median = statistics.median(values)
        note = "" if program == "mdcore" else common.median_ratio(rates["mdcore"], values)
        rows.append((program, f"{median:.1f}", f"{STRUCTURES / median:.2f}", note))
    header = ("acetylacetone", "structures/s", f"s an epoch of {STRUCTURES}", "mdcore is so many times faster")
    print(common.table(header, rows))


def scaling(arguments) -> None:
    """Sizes on one core, then two cores."""
    rows, us = [], []
    for copies in arguments.copies:
        found = mdcore(arguments, "silicon", copies=(copies,) * 3 if copies < 100 else (5, 5, 4))
        us.append(1e6 / found["rate"])
        bytes_sent = 8 * arguments.channels * found["ghosts"]
        rows.append((f"{found['atoms']:,}", f"{us[-1]:.1f}", f"{found['builds']:.3f}", f"{found['ghosts']:,}",
                     f"{bytes_sent / 1e6:.2f}"))  # fmt: skip
        print("  ", *rows[-1], file=sys.stderr, flush=True)
    header = ("atoms", "us a step and atom", "lists a step", "ghosts", "MB a step, layer and direction")
    print(common.table(header, rows))
    print(f"slowest to fastest: {max(us) / min(us):.3f}")


def cores(arguments) -> None:
    """Two ranks and two threads to one core, by the clock, in turn."""
    runs = {"1": lambda: mdcore(arguments, "silicon", copies=(2, 2, 2))["rate"]}
    if common.mpiexec():
        runs["2 ranks"] = lambda: mdcore(arguments, "silicon", ranks=2, copies=(2, 2, 2))["rate"]
    runs["2 threads"] = lambda: mdcore(arguments, "silicon", threads=2, copies=(2, 2, 2))["rate"]
    rates = common.alternate(runs, arguments.repeats)
    rows = [(n, f"{statistics.median(v):,.0f}", common.median_ratio(v, rates["1"])) for n, v in rates.items()]
    print(common.table(("cores", "atom-steps/s, 4096 atoms of Si", "to 1"), rows))


def main() -> None:
    if "--child" in sys.argv:
        told = json.loads(sys.argv[sys.argv.index("--child") + 1])
        (learn if "learn" in told else measure)(told)
        return
    parser = common.parser(__doc__)
    parser.add_argument("--reference", type=Path, help=density_networks.ACAC_HELP)
    parser.add_argument("--peers", type=Path, help="the Python that has symmetrix-xl, mace-torch, matscipy")
    parser.add_argument("--programs", nargs="+", choices=PROGRAMS, default=list(PROGRAMS), help="of the peers")
    what = ("speed", "sizes", "cores", "training")
    parser.add_argument("--what", nargs="+", choices=what, default=list(what), help="training: of --reference only")
    names = list(density_networks.SYSTEMS)
    parser.add_argument("--systems", nargs="+", choices=names, default=names)
    parser.add_argument("--channels", type=int, default=64)
    parser.add_argument("--atom-steps", type=float, default=4e4, help="work of a run: steps = this / atoms")
    parser.add_argument("--calls", type=int, default=8, help="timed calls of symmetrix-xl a run")
    parser.add_argument("--copies", type=int, nargs="+", default=(1, 2, 3, 100), help="sizes; 100: 51,200 atoms")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    if arguments.reference is None:
        arguments.systems = [name for name in arguments.systems if name != "acac"]

    print(common.machine(), flush=True)
    if "speed" in arguments.what:
        rows = []
        with tempfile.TemporaryDirectory() as scratch:
            for name in arguments.systems:
                rows += compare(arguments, name, Path(scratch))
        print(common.table(("system", "program", "atom-steps/s", "us an atom", "mdcore is so many times faster"), rows))
    if "sizes" in arguments.what:
        scaling(arguments)
    if "cores" in arguments.what:
        cores(arguments)
    if "training" in arguments.what and arguments.reference:
        training(arguments)


if __name__ == "__main__":
    main()
