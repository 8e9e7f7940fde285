"""Proton transfer in malonaldehyde: what does a campaign of active learning need, and what does random sampling?

    python benchmarks/proton_transfer.py oracle                      # its climbing-image band, by ASE
    python benchmarks/proton_transfer.py campaign --seeds 1 2 3      # inputs/learn/malonaldehyde/learn.toml
    python benchmarks/proton_transfer.py random --seeds 1 2 3
    python benchmarks/proton_transfer.py show --picture proton_transfer.png
    python benchmarks/proton_transfer.py barrier POTENTIAL.h5 ...     # of any potentials
    python benchmarks/proton_transfer.py explore POTENTIAL.h5 --disagreement 5     # how absurd a band may become
    python benchmarks/proton_transfer.py dynamics POTENTIAL.h5 --temperature 600 --ps 100

The oracle is GFN2-xTB (pip install tblite ase). Each potential's barrier is that on its own climbing-image band,
between ends that it relaxed. Random: structures drawn from the oracle's own dynamics (Langevin, 1 fs, from the one
basin), the first picosecond left out; the oracle is called at each step of them, but only what is trained on is
counted, which favours random sampling. They are trained as a campaign trains, on fewer epochs the more there are, so
that all take as many steps as 30 structures do. What is made is kept in --folder and not made again.
"""

import json
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import numpy as np
from common import machine, parser, table

from mdcore import ASEPotential, Langevin, Simulation, System, evaluate, maxwell_boltzmann, neb
from mdcore.base.errors import MdcoreError, SimulationError
from mdcore.engine.evaluation import open_potential
from mdcore.figures import COLORS, GREY, INK, figure, plain, save
from mdcore.learn.base import Visit
from mdcore.learn.explorers._journey import Limits
from mdcore.learn.explorers.neb import Band
from mdcore.learn.looks import looks_at
from mdcore.learn.report import coordinate
from mdcore.structure import extxyz
from mdcore.structure.frames import systems

HERE = Path(__file__).resolve().parents[1] / "inputs" / "learn" / "malonaldehyde"
LEFT, RIGHT = HERE / "left.extxyz", HERE / "right.extxyz"
PROTON = [[4, 5], [5, 3]]  # d(O-H) - d(H...O): below 0 the proton is at the oxygen where it began
IMAGES, FORCE = 9, 0.02  # between the ends; eV/Angstrom
SAMPLED, FRICTION = 1.0, 0.02  # fs, time step of the oracle, whose steps are dear; 1 / fs
EVERY, FIRST = 10, 1000  # steps between structures of dynamics, and before the first one of the oracle's
USUAL = 30  # structures: so many are trained as many epochs as train.toml says
MARGIN = 0.3  # Angstrom of the coordinate: nearer to the middle the proton belongs to neither oxygen
TOP = 0.15  # Angstrom of the coordinate: so near to the middle is the top of the barrier
ALLOWED = 13.0  # meV, 0.3 kcal/mol


def oracle():
    from tblite.ase import TBLite

    return TBLite(method="GFN2-xTB", verbosity=0)


# --- bands ---------------------------------------------------------------------------------------------------


def oracle_band(folder: Path) -> dict:
    """The oracle's band, by ASE alone: {"barrier": eV, "x": coordinates, "energies": eV from the start}."""
    kept = folder / "oracle.band.json"
    if not kept.exists():
        from ase.mep import NEB
        from ase.optimize import BFGS, FIRE

        images = [System.read(LEFT).to_ase() for _ in range(IMAGES + 1)] + [System.read(RIGHT).to_ase()]
        for image in images:
            image.calc = oracle()
        for end in (images[0], images[-1]):
            BFGS(end, logfile=None).run(fmax=FORCE / 4)
        for climb, force in ((False, 5 * FORCE), (True, FORCE)):
            band = NEB(images, k=0.1, climb=climb, method="improvedtangent")
            if not climb:
                band.interpolate()
            if not FIRE(band, logfile=None).run(fmax=force, steps=1000):
                sys.exit("the oracle's band did not converge")
        energies = np.array([image.get_potential_energy() for image in images])
        _keep(kept, energies, [System.from_ase(image) for image in images])
    return json.loads(kept.read_text())


def band(file: Path) -> dict:
    """The same of a potential, by mdcore neb, with a smooth "curve" [x, energies]; {"why": ...} if there is none."""
    kept = file.with_suffix(".band.json")
    if not kept.exists() or kept.stat().st_mtime < file.stat().st_mtime:
        try:
            found = neb(file, System.read(LEFT), System.read(RIGHT), images=IMAGES, max_force=FORCE, relax_ends=True)
            if not found.climbed or not found.converged:
                raise MdcoreError(f"not converged after {found.steps} steps")
            s = np.linspace(0.0, found.coordinates[-1], 101)
            x = np.interp(s, found.coordinates, [coordinate(system, PROTON) for system in found.systems])
            _keep(kept, found.energies, found.systems, [x.tolist(), (found.energy_at(s) - found.energies[0]).tolist()])
        except MdcoreError as error:
            kept.write_text(json.dumps({"why": str(error)}))
    return json.loads(kept.read_text())


def _keep(path: Path, energies, systems, curve=()) -> None:
    energies = energies - energies[0]
    x = [coordinate(system, PROTON) for system in systems]
    told = {"barrier": float(energies.max()), "x": x, "energies": energies.tolist(), "curve": curve}
    path.write_text(json.dumps(told))


# --- sampling ------------------------------------------------------------------------------------------------


def campaign(folder: Path, seed: int, sets) -> None:
    """Run a campaign, or go on with it."""
    own = folder / f"campaign-{seed}"
    command = [sys.executable, "-m", "mdcore", "learn", HERE / "learn.toml"]
    command += ["--restart"] if (own / "campaign.jsonl").exists() else []
    for each in (f"seed={seed}", f"campaign.directory={own}", *sets):
        command += ["--set", each]
    subprocess.run(list(map(str, command)), check=True)


def oracle_run(folder: Path, temperature: int, seed: int, steps: int) -> list[str]:
    """The text of each structure of the oracle's own dynamics, labelled."""
    path = folder / f"oracle-{temperature}K-{seed}.extxyz"
    if not path.exists():
        begin, partial = time.process_time(), path.with_suffix(".partial")
        with open(partial, "w") as stream:

            def write(sim, system):
                if sim.step >= FIRST:
                    extxyz.write_frame(stream, system, forces=sim.forces, energy=sim.potential_energy)

            dynamics(ASEPotential(oracle()), temperature, seed, SAMPLED, steps, write)
        partial.rename(path)
        print(f"{path}: {1e3 * (time.process_time() - begin) / steps:.2f} ms of processor time a step", flush=True)
    lines = path.read_text().splitlines(keepends=True)
    many = int(lines[0]) + 2
    return ["".join(lines[k : k + many]) for k in range(0, len(lines), many)]


def dynamics(potential, temperature: float, seed: int, timestep: float, steps: int, look) -> None:
    """look(simulation, System) every EVERY steps of dynamics that begin in the one basin."""
    system = System.read(LEFT)
    maxwell_boltzmann(system, temperature, seed)
    sim = Simulation(system, potential, Langevin(timestep, temperature, FRICTION), seed=seed)
    sim.every(EVERY, lambda sim: look(sim, System(system.box, sim.positions, system.names)))
    sim.run(steps)


def random(folder: Path, temperature: int, seed: int, steps: int, sizes, sets) -> None:
    """Train on structures of the oracle's dynamics drawn at random, more and more of the same draw."""
    wanted = {size: _drawn(folder, temperature, seed, size) for size in sizes}
    if all(path.exists() for path in wanted.values()):
        return
    structures = oracle_run(folder, temperature, seed, steps)
    order = np.random.default_rng(seed).permutation(len(structures))
    for size, path in wanted.items():
        if path.exists():
            continue
        if size > len(structures):
            sys.exit(f"{size} structures: the oracle's dynamics have {len(structures)}; more --steps")
        path.parent.mkdir(parents=True, exist_ok=True)
        (path.parent / "data.extxyz").write_text("".join(structures[k] for k in order[:size]))
        text = f'include = "{HERE / "train.toml"}"\n[[data]]\nfile = "data.extxyz"\n'
        text += f'[output]\nname = "potential"\ndirectory = "{path.parent}"\nplot = false\n'
        (path.parent / "train.toml").write_text(text)
        epochs = round(_epochs() * USUAL / size)
        command = [sys.executable, "-m", "mdcore", "train", path.parent / "train.toml", "--quiet", "--overwrite"]
        for each in (f"seed={seed}", f"optimizer.epochs={epochs}", *sets):
            command += ["--set", each]
        subprocess.run(list(map(str, command)), check=True)


def _epochs() -> int:
    return tomllib.loads((HERE / "train.toml").read_text())["optimizer"]["epochs"]


def _drawn(folder: Path, temperature, seed, size) -> Path:
    return folder / f"random-{temperature}K-{seed}" / str(size) / "potential.h5"


# --- what came of it -----------------------------------------------------------------------------------------


def curves(folder: Path) -> dict[tuple[str, int], list[tuple[int, dict, Path]]]:
    """{(how, seed): [(calls of the oracle, band, potential), ...]} of all there is."""
    found = {}
    for own in sorted(folder.glob("campaign-*")):
        events = [json.loads(line) for line in (own / "campaign.jsonl").read_text().splitlines()]
        calls = [event["generation"] for event in events if event["event"] in ("label", "failed")]
        trained = {event["generation"]: own / event["file"] for event in events if event["event"] == "trained"}
        rows = [(sum(g <= k for g in calls), band(path), path) for k, path in sorted(trained.items())]
        found["campaign", int(own.name.split("-")[1])] = rows
    for own in sorted(folder.glob("random-*K-*")):
        how, seed = own.name.replace("-", ", ", 1).replace("K", " K").rsplit("-", 1)
        files = sorted((int(path.parent.name), path) for path in own.glob("*/potential.h5"))
        found[how, int(seed)] = [(size, band(path), path) for size, path in files]
    return found


def needed(rows, barrier: float, within: float) -> int | None:
    """Calls from which on the error of the barrier stays within so many meV; None: not to the end."""
    calls = None
    for many, own, _ in reversed(rows):
        if "barrier" not in own or abs(1e3 * (own["barrier"] - barrier)) > within:
            break
        calls = many
    return calls


def show(folder: Path, picture: Path | None) -> None:
    true, found = oracle_band(folder), curves(folder)
    print(f"oracle: barrier {1e3 * true['barrier']:.1f} meV")
    rows = []
    for (how, seed), own in found.items():
        for calls, about, path in own:
            if "barrier" in about:
                told = f"{1e3 * about['barrier']:.1f}", f"{1e3 * (about['barrier'] - true['barrier']):+.1f}"
            else:
                told = "none", about["why"]
            rows.append((how, seed, calls, *told, path.relative_to(folder)))
    print(table(("sampled", "seed", "calls", "barrier, meV", "error", "potential"), rows))
    bounds = (ALLOWED, ALLOWED / 3)
    stays = {name: [needed(own, true["barrier"], bound) or "more" for bound in bounds] for name, own in found.items()}
    rows = [(*name, *calls) for name, calls in stays.items()]
    print(table(("sampled", "seed", *(f"calls to stay within {bound:.1f} meV" for bound in bounds)), rows))
    rows = [(path.stem, *near_the_top([path])) for path in sorted(folder.glob("oracle-*K-*.extxyz"))]
    for own in sorted(folder.glob("campaign-*")):
        files = [path for name in ("labelled", "held-back") for path in own.glob(f"generation-*/{name}.extxyz")]
        rows.append((own.name, *near_the_top(files)))
    print(table(("structures of", "all", f"within {TOP:g} Angstrom of the middle"), rows))
    if picture:
        draw(true, found, picture)


def near_the_top(files) -> tuple[int, int]:
    """How many structures there are, and how many where the proton is half-way."""
    x = [coordinate(system, PROTON) for path in files for system in systems(path)]
    return len(x), int(np.count_nonzero(np.abs(x) < TOP))


def draw(true: dict, found, path: Path) -> None:
    """The path of least energy, and errors over calls."""
    drawing = figure(9.6, 3.9)
    left, right = drawing.subplots(1, 2)
    left.plot(true["x"], 1e3 * np.array(true["energies"]), "o", color=INK, ms=5, mfc="none", label="GFN2-xTB")
    ends = {seed: rows[-1][1] for (how, seed), rows in found.items() if how == "campaign"}
    for (seed, own), color in zip(ends.items(), COLORS[:3], strict=False):
        if own.get("curve"):
            x, energies = np.array(own["curve"])
            left.plot(x, 1e3 * energies, "-", color=color, lw=1.2, label=f"campaign, seed {seed}")
    left.set(xlabel="d(O-H) - d(H...O), Å", ylabel="energy along the band, meV")
    styles, named = {}, set()
    for (how, _), rows in found.items():
        style = styles.setdefault(how, ("o-", "s--", "^:")[len(styles) % 3])
        color = COLORS[list(styles).index(how) % len(COLORS)]
        points = [(many, abs(1e3 * (own["barrier"] - true["barrier"]))) for many, own, _ in rows if "barrier" in own]
        x, y = np.reshape(points, (-1, 2)).T
        right.plot(x, y, style, color=color, ms=3.5, lw=1.0, label=None if how in named else how)
        named.add(how)
    right.axhline(ALLOWED, color=GREY, lw=0.8, ls=":")
    right.set(xscale="log", yscale="log", xlabel="calls of the oracle", ylabel="error of the barrier, meV")
    right.set_xticks([20, 50, 100, 200, 400, 800], ["20", "50", "100", "200", "400", "800"])
    right.minorticks_off()
    for axes in (left, right):
        axes.legend(frameon=False, fontsize=8)
        plain(axes)
    save(path, drawing)


def transfers(x) -> tuple[int, int]:
    """How often the proton went there and back, of the coordinate over time; near the middle it is where it was."""
    sides = np.sign(x)[np.abs(x) > MARGIN]
    steps = np.diff(sides)
    return int(np.count_nonzero(steps > 0)), int(np.count_nonzero(steps < 0))


def walk(file: Path, temperature: float, ps: float, timestep: float, seed: int) -> None:
    """Dynamics of a potential: transfers, and is the molecule whole at the end and on the way?"""
    x, longest, kinetic, begin = [], [0.0], [], time.process_time()
    start = System.read(LEFT)
    bonds = [(0, 1), (1, 2), (0, 3), (2, 4), (0, 6), (1, 7), (2, 8)]  # all but that of the proton
    a, b = np.array(bonds).T
    lengths = np.linalg.norm(start.positions[b] - start.positions[a], axis=1)

    def look(sim, system):
        now = system.positions
        longest[0] = max(longest[0], float((np.linalg.norm(now[b] - now[a], axis=1) / lengths).max()))
        held = float(min(np.linalg.norm(now[5] - now[3]), np.linalg.norm(now[5] - now[4])))
        x.append((coordinate(system, PROTON), held))
        kinetic.append(sim.temperature)

    steps, ended = round(ps * 1e3 / timestep), "whole"
    try:
        dynamics(open_potential(file), temperature, seed, timestep, steps, look)
    except SimulationError as error:
        ended = str(error)
    along, held = np.transpose(x)
    there, back = transfers(along)
    told = (file, f"{temperature:g}", seed, f"{(len(x) - 1) * EVERY * timestep / 1e3:g}", there, back,
            f"{longest[0]:.2f}", f"{held.max():.2f}", f"{np.mean(kinetic):.0f}", ended)  # fmt: skip
    head = ("potential", "K", "seed", "ps", "there", "back", "longest bond", "O-H", "mean K", "ended")
    print(table(head, [told]))
    print(f"{time.process_time() - begin:.0f} s of processor time; longest bond: over its length at rest, O-H: the "
          f"largest distance of the proton from the nearer oxygen, Angstrom")  # fmt: skip


def explore(file: Path, disagreement: float) -> None:
    """What the explorer `transfer` of the campaign ends with, were it to stop at that disagreement; the oracle about
    it."""
    explorer = Band(name="transfer", start=LEFT, end=RIGHT, images=IMAGES, limits=Limits(disagreement=disagreement))
    found = explorer.explore(Visit(potential=file, folder=file.parent, seed=1, generation=1))
    looks, true = looks_at(file), ASEPotential(oracle())
    zero = [own.energy for own in (looks.about(System.read(LEFT)), evaluate(true, System.read(LEFT)))]
    rows = []
    for own in found.candidates[-IMAGES - 2 :]:
        energies = looks.about(own.system).energy - zero[0], evaluate(true, own.system).energy - zero[1]
        rows.append((own.place, *(f"{energy:.2f}" for energy in energies), f"{own.disagreement.max():.2f}"))
    print(f"{file}: {found.ended}")
    print(table(("image", "energy, eV", "by the oracle", "disagreement, eV/Angstrom"), rows), flush=True)


def main() -> None:
    options = parser(__doc__)
    options.add_argument("what", choices=("oracle", "campaign", "random", "show", "barrier", "explore", "dynamics"))
    options.add_argument("files", nargs="*", type=Path, help="potentials, of barrier, explore and dynamics")
    options.add_argument("--folder", type=Path, default=Path("results/proton"))
    options.add_argument("--seeds", type=int, nargs="+", default=[1])
    options.add_argument("--temperatures", type=int, nargs="+", default=[300, 600], help="of random sampling, K")
    options.add_argument("--sizes", type=int, nargs="+", default=[20, 50, 100, 200, 400, 800])
    options.add_argument("--steps", type=int, default=10000, help="of the oracle's dynamics")
    options.add_argument("--set", action="append", default=[], help="as for mdcore learn or train")
    options.add_argument("--temperature", type=float, default=300.0, help="of dynamics, K")
    options.add_argument("--ps", type=float, default=100.0)
    options.add_argument("--timestep", type=float, default=0.5, help="of dynamics, fs")
    options.add_argument("--disagreement", type=float, default=1.0, help="eV/Angstrom, at which explore stops")
    options.add_argument("--picture", type=Path)
    it = options.parse_args()
    it.folder = it.folder.resolve()
    it.folder.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    if it.what == "oracle":
        print(f"barrier {1e3 * oracle_band(it.folder)['barrier']:.1f} meV")
    for seed in it.seeds:
        if it.what == "campaign":
            campaign(it.folder, seed, it.set)
        for temperature in it.temperatures if it.what == "random" else ():
            random(it.folder, temperature, seed, it.steps, it.sizes, it.set)
        for file in it.files if it.what == "dynamics" else ():
            walk(file, it.temperature, it.ps, it.timestep, seed)
    for file in it.files if it.what == "explore" else ():
        explore(file, it.disagreement)
    if it.what == "barrier":
        rows = [(file, own.get("why") or f"{1e3 * own['barrier']:.1f}") for file in it.files for own in (band(file),)]
        print(table(("potential", "barrier, meV"), rows))
    if it.what == "show":
        show(it.folder, it.picture)


if __name__ == "__main__":
    main()
