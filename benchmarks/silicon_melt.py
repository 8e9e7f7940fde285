"""Silicon learnt from crystal to melt: how good is the potential where its campaign never was, and does it melt alike?

    python inputs/learn/silicon/start.py
    for k in 1 2 3; do
        mdcore learn inputs/learn/silicon/learn.toml --set seed=$k --set campaign.directory=results/silicon-$k
    done
    python benchmarks/silicon_melt.py results/silicon-1 results/silicon-2 results/silicon-3

The law that was learnt is Stillinger and Weber's, by LAMMPS (inputs/learn/silicon/oracle.py). mdcore has the same law,
to rounding (the first lines say how near), and is fast: it makes the test structures and runs the reference dynamics;
labels of the test structures are LAMMPS's. Nothing of this is known to the campaign. What was made is kept in --folder,
so a second call goes on.

1. test: liquid (1700 to 2500 K), amorphous (quenched at 10 K/ps; networks), surfaces ((100) and (111), relaxed and
   hot), vacancies (relaxed and hot), all by the dynamics of the law; errors of each generation's potential.
2. dynamics: the liquid at the melting temperature of the law, 1691 K (J. Q. Broughton, X. P. Li, Phys. Rev. B 35, 9120
   (1987)), and no pressure, by the law and by the last potential of the first campaign: density, energy, and g(r).
   Errors are those of means over blocks of 30 ps; whether they are honest is seen by the law against itself, some of
   its blocks against the others.
3. weights: structures that the law met, weighted by exp(-(E_learnt - E_law) / kT), belong to the dynamics of a learnt
   potential; so they tell by how much its density and its g(r) are others, of each campaign, almost without noise.
4. a picture of all, silicon_melt.png.
"""

import importlib.util
import json
import time
from copy import copy
from pathlib import Path

import numpy as np
from common import machine, parser, rms, table

import mdcore
from mdcore import Box, CellRescaling, Simulation, StillingerWeber, System, VelocityRescaling, VelocityVerlet
from mdcore.analysis import RDFAccumulator, rdf
from mdcore.engine.evaluation import open_potential
from mdcore.figures import COLORS, GREY, INK, figure, plain, save
from mdcore.learn.structures import read_start
from mdcore.output.averages import uncertain
from mdcore.structure import extxyz

ORACLE = Path(__file__).parents[1] / "inputs" / "learn" / "silicon" / "oracle.py"
DT, PS = 2.0, 500  # fs; steps in a picosecond
MELTING, HOT = 1691.0, 3500.0  # K
KINDS = ("liquid", "amorphous", "surface", "vacancy")
LAMBDA, TETRAHEDRAL = 3, 26.0  # number of lambda in the oracle's SILICON, 21; more holds harder to the angle
R_MAX, BINS, BLOCK = 8.0, 160, 30.0  # Angstrom, ps
BOND = 2.9  # Angstrom
BLOCKS, MET = ("density", "energy", "g"), ("positions", "cell", "energy", "density", "g")
KB = 8.617333262e-5  # eV/K
TARGETS = {"forces": 100.0, "energy": 5.0}  # meV/Angstrom, meV/atom


def the_oracle():
    spec = importlib.util.spec_from_file_location("oracle", ORACLE)
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


# --- structures, all by the law ------------------------------------------------------------------------------


def simulation(law, system: System, temperature, seed: int, cell: bool = True) -> Simulation:
    """At a temperature, or a ramp of two, and no pressure; or with the cell held."""
    barostat = [CellRescaling(0.0, relaxation=500.0, compressibility=0.02)] if cell else []
    if system.velocities is None:
        mdcore.maxwell_boltzmann(system, np.atleast_1d(temperature)[0], seed)
    return Simulation(system, law, VelocityVerlet(DT, VelocityRescaling(temperature, 100.0), *barostat), seed=seed)


def after(law, system: System, temperature, ps: float, seed: int, cell: bool = True) -> System:
    sim = simulation(law, system, temperature, seed, cell)
    sim.run(round(ps * PS))
    return sim.snapshot().to_system()


def crystal() -> System:
    return System.build("diamond", 5.43, "Si", repeat=(3, 3, 3))


def melt(law, temperature: float, seed: int) -> System:
    """216 atoms, melted at HOT, cooled to the temperature, and held there for 10 ps."""
    hot = after(law, crystal(), HOT, 10, seed)
    return after(law, after(law, hot, (HOT, temperature), 10, seed), temperature, 10, seed)


def snapshots(law, system: System, temperature: float, count: int, seed: int, cell: bool = True, ps: float = 4.0):
    """So many structures, some picoseconds apart."""
    found = []
    for _ in range(count):
        system = after(law, system, temperature, ps, seed, cell)
        found.append(system)
    return found


def liquid(law):
    return [s for k, t in enumerate((1700, 2100, 2500)) for s in snapshots(law, melt(law, t, 10 + k), t, 6, k)]


def amorphous(law):
    """Quenched by the law, which leaves more than four neighbours; then networks, quenched by a law that holds harder
    to the angle, and annealed by the right one."""
    entry = ("Si", "Si", "Si")
    harder = StillingerWeber({entry: [TETRAHEDRAL if k == LAMBDA else v for k, v in enumerate(the_oracle().SILICON)]})
    made = [(seed, after(law, melt(law, 2000, seed), (2000, 300), 170, seed)) for seed in (20, 21, 22)]
    for seed in (23, 24):
        network = after(harder, melt(law, 2800, seed), (2800, 300), 125, seed)
        made.append((seed, after(law, after(law, network, 900, 10, seed), 300, 10, seed)))
    return [
        each
        for seed, glass in made
        for each in [glass, *snapshots(law, glass, 300, 2, seed), *snapshots(law, glass, 900, 2, seed)]
    ]


def relaxed_and_hot(law, system: System, seed: int):
    """At rest, and at three temperatures, in its cell."""
    relaxed = mdcore.relax(law, system.displace(0.05, seed), steps=500).system
    hot = [s for t in (300, 900, 1500) for s in snapshots(law, copy(relaxed), t, 3, seed, cell=False)]
    return [relaxed, *hot]


def surface(law):
    hexagonal = System.build("diamond", 5.43, "Si").orient([[1, -1, 0], [0, 1, -1], [1, 1, 1]]).replicate((2, 2, 2))
    hexagonal.positions = hexagonal.positions - [0.0, 0.0, 1.2]  # so that the face cuts one bond of each atom
    slabs = [slab.add_vacuum([0, 0, 12.0]) for slab in (crystal(), hexagonal)]
    return [s for k, slab in enumerate(slabs) for s in relaxed_and_hot(law, slab, 30 + k)]


def vacancy(law):
    return [s for k in (1, 4) for s in relaxed_and_hot(law, crystal().vacancies({"Si": k}, seed=k), 40 + k)]


def labelled(law, oracle, folder: Path) -> dict[str, list]:
    """{kind: [(System, Labels by LAMMPS)]}, made or read."""
    found = {}
    for kind in KINDS:
        path = folder / f"{kind}.extxyz"
        if not path.exists():
            began, made = time.process_time(), globals()[kind](law)
            with open(path.with_suffix(".new"), "w") as stream:
                for system in made:
                    system.velocities = None
                    energy, forces, _ = oracle.stillinger_weber(system.positions, system.box.matrix)
                    extxyz.write_frame(stream, system, energy=energy, forces=forces)
            path.with_suffix(".new").rename(path)
            print(f"{kind}: {len(made)} structures, {time.process_time() - began:.0f} s", flush=True)
        found[kind] = read_start(path)
        energy, forces = (np.abs(off).max() for off in off_by(law, found[kind]))
        near = [rdf(system.positions, system.box, BOND, 10).neighbors[-1] for system, _ in found[kind]]
        print(f"{kind}: {len(near)} structures; {min(near):.2f} to {max(near):.2f} neighbours within {BOND} Angstrom")
        told = f"mdcore's law is off LAMMPS's by {energy:.1e} meV/atom, {forces:.1e} meV/Angstrom"
        print(f"    {told}")
    return found


# --- errors --------------------------------------------------------------------------------------------------


def off_by(potential, structures) -> tuple[np.ndarray, np.ndarray]:
    """Errors of energies [structures], meV an atom, and of forces [atoms, 3], meV/Angstrom."""
    told = mdcore.evaluate(potential, [system for system, _ in structures])
    pairs = [(own, labels) for own, (_, labels) in zip(told, structures, strict=True)]
    energy = [1e3 * (own.energy - labels.energy) / len(labels.forces) for own, labels in pairs]
    return np.array(energy), np.concatenate([1e3 * (own.forces - labels.forces) for own, labels in pairs])


def record(campaign: Path) -> list[dict]:
    return [json.loads(line) for line in (campaign / "campaign.jsonl").read_text().splitlines()]


def errors(campaign: Path, test: dict[str, list]) -> list[dict]:
    """Of each generation's potential: calls of the oracle, and for each kind energy (meV/atom) and forces
    (meV/Angstrom), root mean squares."""
    events = record(campaign)
    calls, found = 0, []
    for generation in range(1 + max(e["generation"] for e in events if e["event"] == "trained")):
        calls += sum(e["event"] in ("label", "failed") and e["generation"] == generation for e in events)
        row = {"generation": generation, "calls": calls}
        path = campaign / f"generation-{generation:03d}" / "potential.h5"
        for kind, structures in test.items():
            energy, forces = off_by(str(path), structures)
            row[kind] = {"energy": rms(energy), "forces": rms(forces)}
        found.append(row)
    rows = [
        [row["generation"], row["calls"], *(f"{row[kind]['energy']:.2f}, {row[kind]['forces']:.1f}" for kind in test)]
        for row in found
    ]
    print(table(["generation", "calls", *(f"{kind}: meV/atom, meV/Angstrom" for kind in test)], rows))
    return found


# --- dynamics ------------------------------------------------------------------------------------------------


def sampled(potential, name: str, start, ps: float, seed: int, folder: Path, equilibrate: float) -> dict:
    """From a structure, start(). Means over blocks: density [blocks], g/cm3, energy [blocks], eV an atom, g [blocks,
    bins]; and every 0.4 ps what weights need: met_positions, met_cell, met_energy, met_density, met_g."""
    path = folder / f"{name}-{seed}.npz"
    if not path.exists():
        began, rows, met = time.process_time(), [], {key: [] for key in MET}
        sim = simulation(potential, start(), MELTING, seed)
        sim.run(round(equilibrate * PS))
        sim.every(20, lambda it: rows.append((it.density, it.potential_energy / it.n_atoms)))
        counted = RDFAccumulator(np.zeros(sim.n_atoms, dtype=np.int32), ("Si",), R_MAX, BINS)

        def look(it):
            counted.add(it.positions, it.box)
            if it.step % 200 == 0:
                now = it.positions.copy(), it.box.matrix.copy(), it.potential_energy, it.density, counted.frames[-1][0]
                for values, value in zip(met.values(), now, strict=True):
                    values.append(value)

        sim.every(50, look)
        sim.run(round(ps * PS))
        blocks = round(ps / BLOCK)
        density, energy = _blocks(np.array(rows), blocks).T
        g = _blocks(np.array(counted.frames)[:, 0], blocks)
        np.savez(path, density=density, energy=energy, g=g, **{f"met_{key}": values for key, values in met.items()})
        print(f"{name}, run {seed}: {ps:g} ps, {time.process_time() - began:.0f} s", flush=True)
    with np.load(path) as data:
        return dict(data)


def _blocks(rows, count: int):
    """Means [count, ...] of so many parts."""
    return np.array([part.mean(axis=0) for part in np.array_split(rows, count)])


def of_law(law, options) -> dict:
    """A long run of the law."""
    return sampled(law, "law", lambda: melt(law, MELTING, 1), options.law_ps, 5, options.folder, 10)


def of_learnt(campaign: Path, met: list[System], options) -> dict:
    """Runs of a campaign's last potential, each from another structure that the law met, long after the one before."""
    potential = open_potential(last(campaign), precision="mixed")
    starts = [met[k * len(met) // options.runs] for k in range(options.runs)]
    runs = [
        sampled(potential, campaign.name, lambda start=start: start, BLOCK, k, options.folder, 5)
        for k, start in enumerate(starts, 1)
    ]
    return {key: np.concatenate([run[key] for run in runs]) for key in BLOCKS}


def last(campaign: Path) -> str:
    return str(sorted(campaign.glob("generation-*/potential.h5"))[-1])


def systems(run: dict) -> list[System]:
    return [System(Box(cell), at, "Si") for at, cell in zip(run["met_positions"], run["met_cell"], strict=True)]


def mean(blocks) -> tuple:
    """(mean, its error) of independent blocks [n, ...]."""
    return blocks.mean(axis=0), blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks))


def apart(a, b):
    """Means of the blocks b less those of a, over their error: (n_a + n_b - 2) degrees of freedom tell how much a block
    scatters, the same in both (the law and what has learnt it); 0 where there is nothing, at short distances."""
    squares = sum(np.sum((x - x.mean(axis=0)) ** 2, axis=0) for x in (a, b))
    error = np.sqrt(squares / (len(a) + len(b) - 2) * (1 / len(a) + 1 / len(b)))
    return (b.mean(axis=0) - a.mean(axis=0)) / np.where(error > 0, error, np.inf)


def there(g) -> np.ndarray:
    return g.mean(axis=0) > 0.01


def itself(blocks, count: int) -> np.ndarray:
    """The law against itself: by how many errors `count` of its blocks, drawn at random, are apart from the others,
    root mean square over the bins, 2000 times."""
    rng, found = np.random.default_rng(1), []
    for _ in range(2000):
        order = rng.permutation(len(blocks))
        found.append(rms(apart(blocks[order[count:]], blocks[order[:count]])))
    return np.array(found)


def dynamics(law: dict, learnt: dict) -> None:
    """Tables. law, learnt : what was sampled"""
    rows = []
    for key, unit in (("density", "g/cm3"), ("energy", "eV/atom")):
        a, b = law[key], learnt[key]
        told = f"{np.corrcoef(a[:-1], a[1:])[0, 1]:+.2f}"
        rows.append([f"{key}, {unit}", uncertain(*mean(a)), uncertain(*mean(b)), f"{apart(a, b):+.1f}", told])
    header = [f"liquid, {MELTING:g} K", "law", "learnt", "apart, errors", "correlation of a block and the next"]
    print(table(header, rows))
    a, b = law["g"], learnt["g"]
    seen = there(a)
    z, own = apart(a, b)[seen], itself(a[:, seen], len(b))
    print(
        f"g(r): {len(z)} bins of {R_MAX / BINS:g} Angstrom apart by {rms(z):.2f} of their errors (root mean square), "
        f"{100 * np.mean(np.abs(z) < 1):.0f} % by less than one, {100 * np.mean(np.abs(z) < 2):.0f} % by less than "
        f"two; at most {np.abs(a.mean(0) - b.mean(0)).max():.3f}\n"
        f"the law against itself, {len(b)} blocks against the others: apart by {rms(own):.2f}, between "
        f"{np.quantile(own, 0.05):.2f} and {np.quantile(own, 0.95):.2f} nine times of ten; in "
        f"{100 * np.mean(own > rms(z)):.0f} % of all draws by more than what was learnt is"
    )


def reweighted(campaign: Path, law: dict, folder: Path) -> dict:
    """Learnt less law, by weights on structures of the law: {"density": (shift, its error), "g": (shift [bins],
    errors), "effective": as good as this share of the structures}; errors by the jackknife over the law's blocks."""
    path = folder / f"weights-{campaign.name}.npz"
    if not path.exists():
        np.savez(path, energy=[own.energy for own in mdcore.evaluate(last(campaign), systems(law))])
    with np.load(path) as data:
        off = data["energy"] - law["met_energy"]
    weights = np.exp(-(off - off.mean()) / (KB * MELTING))
    found = {"effective": weights.sum() ** 2 / np.sum(weights**2) / len(weights)}
    parts = np.array_split(np.arange(len(off)), len(law["density"]))
    for key in ("density", "g"):
        values = law[f"met_{key}"]
        left = [_shift(np.delete(values, part, axis=0), np.delete(weights, part)) for part in parts]
        found[key] = _shift(values, weights), np.sqrt((len(parts) - 1) * np.var(left, axis=0))
    return found


def _shift(values, weights):
    """By how much weights change a mean."""
    return np.average(values, axis=0, weights=weights) - values.mean(axis=0)


def compared(campaigns: dict[Path, list], law: dict, weighted: dict[Path, dict]) -> None:
    """Tables: how all campaigns ended."""
    rows = [
        [
            folder.name, found[-1]["calls"], record(folder)[-1].get("why", "still runs"),
            *(f"{found[-1][kind]['energy']:.2f}, {found[-1][kind]['forces']:.1f}" for kind in KINDS),
        ]
        for folder, found in campaigns.items()
    ]  # fmt: skip
    print(table(["campaign", "calls", "ends", *(f"{kind}: meV/atom, meV/Angstrom" for kind in KINDS)], rows))
    rows, seen, error = [], there(law["g"]), {key: mean(law[key])[1] for key in ("density", "g")}
    for folder, found in weighted.items():
        (density, own), (g, _) = found["density"], found["g"]
        told = f"{rms(g[seen] / error['g'][seen]):.2f}, {np.abs(g).max():.4f}"
        value = f"{density:+.5f} +- {own:.5f} ({density / error['density']:+.1f})"
        rows.append([folder.name, value, told, f"{100 * found['effective']:.0f} %"])
    print("The liquid, learnt less law, by weights on the law's structures; errors are those of the law's whole run")
    header = ["density, g/cm3 (errors)", "g(r), errors (root mean square), at most", "as good as so many of them"]
    print(table(["campaign", *header], rows))


# --- the picture ---------------------------------------------------------------------------------------------


def draw(path: Path, campaigns: dict[Path, list], sampled: dict, learnt: dict, weighted: dict) -> None:
    picture = figure(9.0, 6.6)
    (forces, energy), (radial, off) = picture.subplots(2, 2)
    for axes, key, label in ((forces, "forces", "forces, meV/Angstrom"), (energy, "energy", "energy, meV/atom")):
        for k, found in enumerate(campaigns.values()):
            for kind, color in zip(KINDS, COLORS, strict=False):
                calls, errors = zip(*((row["calls"], row[kind][key]) for row in found), strict=True)
                axes.plot(calls, errors, "o-", color=color, ms=4, alpha=0.4 if k else 1.0, label=None if k else kind)
        axes.axhline(TARGETS[key], color=GREY, lw=0.8, ls="--")
        axes.set(yscale="log", xlabel="calls of the oracle", ylabel=f"error of {label}")
    forces.legend(frameon=False, fontsize=9)
    r = (np.arange(BINS) + 0.5) * (R_MAX / BINS)
    (law, error), (own, scatter) = (mean(each["g"]) for each in (sampled, learnt))
    radial.plot(r, law, color=INK, lw=1.5, label="Stillinger-Weber")
    radial.plot(r[::2], own[::2], "o", color=COLORS[0], ms=3, label="learnt")
    radial.set(xlabel="r, Angstrom", ylabel=f"g(r) of the liquid, {MELTING:g} K", xlim=(1.5, R_MAX))
    radial.legend(frameon=False, fontsize=9)
    off.fill_between(r, -error, error, color=GREY, alpha=0.4, lw=0, label="error of Stillinger-Weber's")
    off.errorbar(r[::2], (own - law)[::2], yerr=scatter[::2], fmt="o", ms=3, lw=0.8, color=COLORS[0], label="two runs")
    for k, each in enumerate(weighted.values()):
        label = None if k else "weights, each campaign"
        off.plot(r, each["g"][0], color=COLORS[1], lw=1.0, alpha=0.5 if k else 1.0, label=label)
    off.set(xlabel="r, Angstrom", ylabel="g(r), learnt less Stillinger-Weber's", xlim=(1.5, R_MAX))
    off.legend(frameon=False, fontsize=9)
    for axes in (forces, energy, radial, off):
        plain(axes)
    save(path, picture, "Silicon, learnt from crystal to melt: errors about structures it was never given")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("campaigns", type=Path, nargs="+", help="folders of campaigns; dynamics are of the first")
    options.add_argument("--folder", type=Path, default=Path("results/silicon_melt"))
    options.add_argument("--runs", type=int, default=6, help="of the learnt potential, 30 ps each")
    options.add_argument("--law-ps", type=float, default=600.0, help="of the run of the law")
    options = options.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    oracle = the_oracle()
    law = StillingerWeber({("Si", "Si", "Si"): oracle.SILICON})
    test = labelled(law, oracle, options.folder)
    campaigns = {each: errors(each, test) for each in options.campaigns}
    run = of_law(law, options)
    weighted = {each: reweighted(each, run, options.folder) for each in options.campaigns}
    compared(campaigns, run, weighted)
    learnt = of_learnt(options.campaigns[0], systems(run), options)
    dynamics(run, learnt)
    draw(options.folder / "silicon_melt.png", campaigns, run, learnt, weighted)


if __name__ == "__main__":
    main()
