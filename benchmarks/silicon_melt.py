"""Silicon learnt from crystal to melt: how good is the potential where its campaign never was, and does it melt alike?

    python inputs/learn/silicon/start.py
    mdcore learn inputs/learn/silicon/learn.toml --set campaign.directory=results/silicon
    python benchmarks/silicon_melt.py results/silicon

The law that was learnt is Stillinger and Weber's, by LAMMPS (inputs/learn/silicon/oracle.py). mdcore has the same law,
to rounding (the first lines say how near), and is fast: it makes the test structures and runs the reference dynamics;
labels of the test structures are LAMMPS's. Nothing of this is known to the campaign. What was made is kept in --folder,
so a second call goes on.

1. test: liquid (1700 to 2500 K), amorphous (quenched at 10 K/ps; networks), surfaces ((100) and (111), relaxed and
   hot), vacancies (relaxed and hot), all by the dynamics of the law; errors of each generation's potential.
2. dynamics: liquid and crystal at the melting temperature of the law, 1691 K (J. Q. Broughton, X. P. Li, Phys. Rev. B
   35, 9120 (1987)), and no pressure, by the law and by the last potential: density, energy, and g(r) of the liquid.
3. a picture of all, silicon_melt.png.
"""

import importlib.util
import json
import time
from copy import copy
from pathlib import Path

import numpy as np
from common import machine, parser, table

import mdcore
from mdcore import CellRescaling, Simulation, StillingerWeber, System, VelocityRescaling, VelocityVerlet
from mdcore.analysis import RDFAccumulator, rdf
from mdcore.engine.evaluation import open_potential
from mdcore.figures import COLORS, GREY, INK, figure, plain, save
from mdcore.learn.structures import read_start
from mdcore.output.averages import block_error, uncertain
from mdcore.structure import extxyz

ORACLE = Path(__file__).parents[1] / "inputs" / "learn" / "silicon" / "oracle.py"
DT, PS = 2.0, 500  # fs; steps in a picosecond
MELTING, HOT = 1691.0, 3500.0  # K
KINDS = ("liquid", "amorphous", "surface", "vacancy")
STATES = ("liquid", "crystal")
LAMBDA, TETRAHEDRAL = 3, 26.0  # number of lambda in the oracle's SILICON, 21; more holds harder to the angle
R_MAX, BINS, BLOCKS = 8.0, 160, 10
BOND = 2.9  # Angstrom
EQUILIBRATE = 10  # ps
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


def errors(campaign: Path, test: dict[str, list], folder: Path) -> list[dict]:
    """Of each generation's potential: calls of the oracle, and for each kind energy (meV/atom) and forces
    (meV/Angstrom), root mean squares."""
    events = [json.loads(line) for line in (campaign / "campaign.jsonl").read_text().splitlines()]
    calls, found = 0, []
    for generation in range(1 + max(e["generation"] for e in events if e["event"] == "trained")):
        calls += sum(e["event"] in ("label", "failed") and e["generation"] == generation for e in events)
        row = {"generation": generation, "calls": calls}
        path = campaign / f"generation-{generation:03d}" / "potential.h5"
        for kind, structures in test.items():
            energy, forces = off_by(str(path), structures)
            row[kind] = {"energy": rms(energy), "forces": rms(forces)}
        found.append(row)
    (folder / "errors.json").write_text(json.dumps(found))
    rows = [
        [row["generation"], row["calls"], *(f"{row[kind]['energy']:.2f}, {row[kind]['forces']:.1f}" for kind in test)]
        for row in found
    ]
    print(table(["generation", "calls", *(f"{kind}: meV/atom, meV/Angstrom" for kind in test)], rows))
    return found


def rms(values) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


# --- dynamics ------------------------------------------------------------------------------------------------


def sampled(potential, name: str, start: System, ps: float, seed: int, folder: Path) -> dict:
    """Density (g/cm3) and potential energy (eV an atom) every 40 fs, g(r) every 100 fs, after EQUILIBRATE."""
    path = folder / f"{name}-{seed}.npz"
    if not path.exists():
        began, rows = time.process_time(), []
        sim = simulation(potential, copy(start), MELTING, seed)
        sim.run(EQUILIBRATE * PS)
        sim.every(20, lambda it: rows.append((it.density, it.potential_energy / it.n_atoms)))
        counted = RDFAccumulator(np.zeros(start.n_atoms, dtype=np.int32), ("Si",), R_MAX, BINS)
        sim.every(50, lambda it: counted.add(it.positions, it.box))
        sim.run(round(ps * PS))
        g, (density, energy) = counted.result(BLOCKS), np.array(rows).T
        np.savez(path, density=density, energy=energy, r=g.r, g=g.g, error=g.error)
        print(f"{name}, run {seed}: {ps:g} ps, {time.process_time() - began:.0f} s", flush=True)
    with np.load(path) as data:
        return dict(data)


def joined(runs: list[dict]) -> dict:
    """Means of runs, and errors from the blocks of each: {"density": (mean, error), "energy": ...}; r, g, error."""
    found = {"r": runs[0]["r"], "g": np.mean([run["g"] for run in runs], axis=0)}
    found["error"] = of_mean([run["error"] for run in runs])
    for key in ("density", "energy"):
        found[key] = np.mean([run[key].mean() for run in runs]), of_mean([block_error(run[key]) for run in runs])
    return found


def of_mean(errors):
    """The error of the mean of independent values that have these errors."""
    return np.sqrt(np.sum(np.square(errors), axis=0)) / len(errors)


def starts(law, folder: Path) -> dict[str, System]:
    path = folder / "melt.extxyz"
    if not path.exists():
        with open(path, "w") as stream:
            extxyz.write_frame(stream, melt(law, MELTING, 1))
    return {"liquid": System.read(path), "crystal": crystal()}


def dynamics(law, learnt, options) -> dict:
    """{(state, "law" or "learnt"): what was sampled}, and tables."""
    found, rows = {}, []
    for state, start in starts(law, options.folder).items():
        many = range(1, 1 + (options.runs if state == "liquid" else options.runs // 2))
        for name, potential, ps, seeds in (("law", law, options.law_ps, [5]), ("learnt", learnt, options.ps, many)):
            own = [sampled(potential, f"{state}-{name}", start, ps, seed, options.folder) for seed in seeds]
            found[state, name] = joined(own)
        for key, unit in (("density", "g/cm3"), ("energy", "eV/atom")):
            (a, da), (b, db) = (found[state, name][key] for name in ("law", "learnt"))
            off = f"{(b - a) / np.hypot(da, db):+.1f}"
            rows.append([f"{state}, {key}, {unit}", uncertain(a, da), uncertain(b, db), off])
    print(table([f"{MELTING:g} K, no pressure", "law", "learnt", "apart, errors"], rows))
    z = apart(found["liquid", "law"], found["liquid", "learnt"])
    a, b = (found["liquid", name]["g"] for name in ("law", "learnt"))
    print(
        f"g(r) of the liquid: {len(z)} bins of {R_MAX / BINS:g} Angstrom apart by {rms(z):.2f} of their errors "
        f"(root mean square), {100 * np.mean(np.abs(z) < 1):.0f} % by less than one, "
        f"{100 * np.mean(np.abs(z) < 2):.0f} % by less than two; at most {np.abs(a - b).max():.3f}"
    )
    return found


def reweighted(law, learnt: str, start: System, folder: Path) -> None:
    """By how much the learnt potential's density of the liquid is another one: structures of the law's dynamics, each
    with the weight exp(-(E_learnt - E_law) / kT), belong to the learnt potential. Nearly free of the noise of two runs,
    as both densities are of the same structures."""
    path = folder / "reweighted.npz"
    if not path.exists():
        sim, met, energy = simulation(law, copy(start), MELTING, 77), [], []
        sim.run(EQUILIBRATE * PS)
        sim.every(200, lambda it: (met.append(it.snapshot().to_system()), energy.append(it.potential_energy)))
        sim.run(160 * PS)
        off = [own.energy - one for own, one in zip(mdcore.evaluate(learnt, met), energy, strict=True)]
        np.savez(path, du=off, rho=[system.density for system in met])
    with np.load(path) as data:
        off, density = data["du"], data["rho"]
    weights = np.exp(-(off - off.mean()) / (KB * MELTING))

    def shift(part) -> float:
        return np.average(density[part], weights=weights[part]) - density[part].mean()

    everything = np.arange(len(off))
    error = np.std([shift(part) for part in np.array_split(everything, 8)], ddof=1) / np.sqrt(8)
    print(
        f"liquid, density, learnt less law, by weights on {len(off)} structures of the law (as good as "
        f"{weights.sum() ** 2 / np.sum(weights**2):.0f}): {shift(everything):+.4f} +- {error:.4f} g/cm3"
    )


def apart(a: dict, b: dict) -> np.ndarray:
    """Differences of g(r) over their errors, where there is anything."""
    there = (a["g"] > 0.01) & (b["g"] > 0.01)
    return (b["g"] - a["g"])[there] / np.hypot(a["error"], b["error"])[there]


# --- the picture ---------------------------------------------------------------------------------------------


def draw(path: Path, found: list[dict], sampled: dict) -> None:
    picture = figure(9.0, 6.6)
    (forces, energy), (radial, density) = picture.subplots(2, 2)
    calls = [row["calls"] for row in found]
    for axes, key, label in ((forces, "forces", "forces, meV/Angstrom"), (energy, "energy", "energy, meV/atom")):
        for kind, color in zip(KINDS, COLORS, strict=False):
            axes.plot(calls, [row[kind][key] for row in found], "o-", color=color, ms=4, label=kind)
        axes.axhline(TARGETS[key], color=GREY, lw=0.8, ls="--")
        axes.set(yscale="log", xlabel="calls of the oracle", ylabel=f"error of {label}")
    forces.legend(frameon=False, fontsize=9)
    law, learnt = (sampled["liquid", name] for name in ("law", "learnt"))
    radial.plot(law["r"], law["g"], color=INK, lw=1.5, label="Stillinger-Weber")
    radial.plot(learnt["r"][::2], learnt["g"][::2], "o", color=COLORS[0], ms=3, label="learnt")
    radial.set(xlabel="r, Angstrom", ylabel=f"g(r) of the liquid, {MELTING:g} K", xlim=(1.5, R_MAX))
    radial.legend(frameon=False, fontsize=9)
    ticks = []
    for k, state in enumerate(STATES):
        for name, color, shift in (("law", INK, -0.12), ("learnt", COLORS[0], 0.12)):
            value, error = sampled[state, name]["density"]
            density.errorbar(k + shift, value, yerr=error, fmt="o", ms=4, capsize=4, color=color)
        ticks.append(state)
    density.set(xticks=range(len(ticks)), xticklabels=ticks, xlim=(-0.6, len(ticks) - 0.4))
    density.set(ylabel=f"density at {MELTING:g} K, g/cm3")
    for axes in (forces, energy, radial, density):
        plain(axes)
    save(path, picture, "Silicon, learnt from crystal to melt: errors about structures it was never given")


def main() -> None:
    options = parser(__doc__)
    options.add_argument("campaign", type=Path, help="folder of the campaign")
    options.add_argument("--folder", type=Path, default=Path("results/silicon_melt"))
    options.add_argument("--runs", type=int, default=6, help="of the learnt potential's liquid; half of the crystal")
    options.add_argument("--ps", type=float, default=30.0, help="of each of these")
    options.add_argument("--law-ps", type=float, default=600.0, help="of the run of the law, each state")
    options = options.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    print(machine(), flush=True)
    oracle = the_oracle()
    law = StillingerWeber({("Si", "Si", "Si"): oracle.SILICON})
    found = errors(options.campaign, labelled(law, oracle, options.folder), options.folder)
    last = sorted(options.campaign.glob("generation-*/potential.h5"))[-1]
    told = dynamics(law, open_potential(str(last), precision="mixed"), options)
    reweighted(law, str(last), starts(law, options.folder)["liquid"], options.folder)
    draw(options.folder / "silicon_melt.png", found, told)


if __name__ == "__main__":
    main()
