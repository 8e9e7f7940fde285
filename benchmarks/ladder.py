"""The ladder: what does a force call cost, and how wrong is it, from Lennard-Jones to density functional theory?

One structure, 64 molecules of water (inputs/water.extxyz); microseconds of the processor an atom for energy and forces,
one thread. The engine's in dynamics, lists and integration included; GFN2-xTB (tblite) and DFT (PySCF, PBE, small
basis) once, in the Python of --peers, DFT of 1, 2 and 4 molecules cut from the structure, and from the last two a
power law to all 64: an extrapolation, drawn hollow. Errors of forces, root mean square in meV/Angstrom of the test set
of the water that ships (PBE0+TS), from docs/benchmarks.md or by --errors NAME=NUMBER; none is known of the others.

    python benchmarks/ladder.py --peers PYTHON --picture docs/images/ladder.png
"""

import json
import subprocess
import sys
from pathlib import Path

import common
import density_networks
import numpy as np

from mdcore import LennardJones, Simulation, VelocityVerlet, figures, maxwell_boltzmann
from mdcore.potentials.density.potential import DensityPotential
from mdcore.potentials.families import potential_of
from mdcore.potentials.networks.files import read_model

SHIPPED = Path(__file__).parents[1] / "potentials" / "water_PBE0-TS.h5"
MOLECULES = (1, 2, 4)  # for DFT
BASIS = "def2-svp"
TICKS = {1e-1: "0.1 µs", 1e1: "10 µs", 1e3: "1 ms", 1e5: "0.1 s", 1e7: "10 s", 1e9: "1000 s"}
PEERS = f"""
import json, sys, time, warnings
import numpy as np
from ase.io import read
what, structure, molecules = sys.argv[1], read(sys.argv[2]), int(sys.argv[3])
if what == "xtb":
    from tblite.ase import TBLite
    structure.calc = TBLite(method="GFN2-xTB", verbosity=0)
    begin = time.process_time()
    structure.get_forces()
else:
    from pyscf import dft, gto, lib
    lib.num_threads(1)
    o = np.flatnonzero(structure.numbers == 8)
    near = o[np.argsort(structure.get_distances(o[0], o, mic=True))[:molecules]]
    atoms = []
    for k in near:
        h = np.flatnonzero(structure.numbers == 1)
        h = h[np.argsort(structure.get_distances(k, h, mic=True))[:2]]
        centre = structure.get_distance(o[0], k, mic=True, vector=True) if k != o[0] else np.zeros(3)
        atoms.append(("O", centre))
        atoms += [("H", centre + structure.get_distance(k, j, mic=True, vector=True)) for j in h]
    molecule = gto.M(atom=atoms, basis="{BASIS}", verbose=0)
    begin = time.process_time()
    scf = dft.RKS(molecule, xc="pbe").density_fit()
    scf.kernel()
    scf.nuc_grad_method().kernel()
print(json.dumps(time.process_time() - begin))
"""


def engine(potentials: dict, steps: int, repeats: int) -> dict[str, float]:
    """{name: microseconds an atom and step}, in turn, medians."""
    system = density_networks.start("water")
    maxwell_boltzmann(system, 300.0, seed=1)
    sims = {}
    for name, (potential, n) in potentials.items():
        sims[name] = Simulation(system, potential, VelocityVerlet(0.5), skin=0.5), n * steps
        sims[name][0].run(5)

    def timed(name):
        sim, n = sims[name]
        return common.us_a_step(sim, n)

    found = common.alternate({name: lambda name=name: timed(name) for name in sims}, repeats)
    return {name: float(np.median(values)) for name, values in found.items()}


def outside(python, what: str, molecules: int = 0) -> float:
    """Seconds of energy and forces by another program."""
    command = [str(python), "-c", PEERS, what, str(density_networks.WATER), str(molecules)]
    environment = {"OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment)
    if done.returncode:
        sys.exit(f"{what} failed with code {done.returncode}")
    seconds = json.loads(done.stdout.splitlines()[-1])
    print(f"  {what} {molecules or ''}: {seconds:.4g} s", file=sys.stderr, flush=True)
    return seconds


def draw(path, rows) -> None:
    """Costs on a logarithmic axis, a line each, errors beside."""
    picture = figures.figure(6.5, 0.45 * len(rows) + 0.8)
    axes = picture.add_subplot()
    for y, (name, us, error, guessed) in enumerate(rows):
        colour = figures.RED if name.startswith("density") else figures.COLORS[0]
        axes.plot([1e-1, us], [y, y], color=figures.GREY, lw=0.6)
        axes.plot(us, y, "o", ms=8, color=colour, mfc="white" if guessed else colour)
        note = f"  {us:.3g} us" if us < 1e3 else f"  {us / 1e6:.2g} s" if us > 1e5 else f"  {us / 1e3:.3g} ms"
        axes.text(us * 1.2, y, note + (f", {error:g} meV/Å" if error else ""), va="center", fontsize=8)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.set(xscale="log", xlim=(1e-1, rows[-1][1] * 1000), xlabel="energy and forces, time of one core an atom")
    ticks = [t for t in TICKS if t < rows[-1][1] * 1000]
    axes.set_xticks(ticks, [TICKS[t] for t in ticks])
    axes.minorticks_off()
    axes.invert_yaxis()
    figures.plain(axes)
    figures.save(path, picture, "The ladder: 64 molecules of water, one core")


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--peers", type=Path, help="the Python that has ase, tblite and pyscf")
    parser.add_argument("--picture", type=Path, help="where the picture goes")
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trained", nargs="*", default=[], help="density networks in files, measured too")
    parser.add_argument("--errors", nargs="*", default=[], metavar="NAME=NUMBER", help="of forces, meV/Angstrom")
    arguments = parser.parse_args()
    print(common.machine(), flush=True)
    errors = {k: float(v) for k, v in (own.rsplit("=", 1) for own in arguments.errors)}

    elements, neighbours, _ = density_networks.SYSTEMS["water"]
    oxygen, others = (0.0067, 3.166), (1e-6, 1.0)
    lj = LennardJones(10.0, pairs={("O", "O"): oxygen, ("H", "O"): others, ("H", "H"): others})
    network = potential_of(read_model(SHIPPED), threads=1)
    member = {"Lennard-Jones, 10 Å": (lj, 20), "symmetry functions, five networks": (network, 1)}
    for layers in (1, 2):
        for channels in (32, 64):
            model = density_networks.network(elements, neighbours, layers=layers, channels=channels)
            word = "layer" if layers == 1 else "layers"
            name = f"density, {layers} {word} of {channels}"
            member[name] = (DensityPotential(model, threads=1), 1)
    for path in arguments.trained:
        model = read_model(path)
        member[f"density, {Path(path).stem}"] = (potential_of(model, threads=1), 1)
    rows = [(n, us, errors.get(n), False) for n, us in engine(member, arguments.steps, arguments.repeats).items()]
    if arguments.peers:
        rows.append(("GFN2-xTB (tblite)", 1e6 * outside(arguments.peers, "xtb") / 192, None, False))
        seconds = [outside(arguments.peers, "dft", n) for n in MOLECULES]
        print(f"DFT, {BASIS}: " + ", ".join(f"{n} H2O {t:.2f} s" for n, t in zip(MOLECULES, seconds, strict=True)))
        power = np.log2(seconds[-1] / seconds[-2]) / np.log2(MOLECULES[-1] / MOLECULES[-2])
        rows.append((f"PBE/{BASIS}, {MOLECULES[-1]} H2O (PySCF)", 1e6 * seconds[-1] / 3 / MOLECULES[-1], None, False))
        all_64 = seconds[-1] * (64 / MOLECULES[-1]) ** power
        print(f"power {power:.2f}, 64 H2O: {all_64:.0f} s")
        rows.append((f"PBE/{BASIS}, 64 H2O, extrapolated", 1e6 * all_64 / 192, None, True))
    rows.sort(key=lambda row: row[1])
    cells = [(n, f"{us:,.4g}", f"{192 * us / 1e6:.3g}", e or "") for n, us, e, _ in rows]
    print(common.table(("potential", "us an atom", "s a call, 192 atoms", "force error, meV/Angstrom"), cells))
    if arguments.picture:
        draw(arguments.picture, rows)


if __name__ == "__main__":
    main()
