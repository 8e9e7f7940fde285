"""Do thermostats and barostats sample their ensembles? python ensemble_validation.py

Each is run at two temperatures, barostats at two pressures as well, on the Lennard-Jones liquid (108 atoms) and, where
the ensemble is one for solids, the fcc crystal; and on 8 atoms of silicon with the network that ships. The
witness is the package physical_validation (pip install physical_validation; P. T. Merz, M. R. Shirts, PLOS ONE 13,
e0202764 (2018)): the kinetic energy against its gamma distribution (Kolmogorov, Smirnov), and the ratio of the
distributions of the energy (and of the volume) at two states, which is known whatever the system (M. R. Shirts, J.
Chem. Theory Comput. 9, 909 (2013)). It gets samples that are independent: two statistical inefficiencies apart. (One,
as it takes by itself, leaves a correlation of 0.14, and p below 0.05 in 7 to 8 of 100 right runs.) Mean and variance of
the kinetic energy, and what axes and thirds of the atoms have of it, are from all samples, with errors of 20 blocks,
by Student's t. Blocks must be longer than anything lasts: their correlation with the next one is told, 0 if they are.
p is of all runs of a row together. The last lines tell how often chance alone is as far off as these numbers.
"""

import contextlib
import io
import itertools
import math
from pathlib import Path
from typing import NamedTuple

import numpy as np

import mdcore
from mdcore import LennardJones, Simulation, System, VelocityVerlet, maxwell_boltzmann

THERMOSTATS = {
    "velocity rescaling": lambda t, tau: mdcore.VelocityRescaling(t, tau),
    "Nose-Hoover chain": lambda t, tau: mdcore.NoseHoover(t, tau),
    "Andersen": lambda t, tau: mdcore.Andersen(t, 2.0 * tau),
    "Berendsen (no ensemble)": lambda t, tau: mdcore.Berendsen(t, tau),
}


class Liquid:
    name, dt, tau, compressibility, steps = "liquid", 0.002, 0.1, 0.1, 200_000
    temperatures, pressures = (1.2, 1.3), (1.0, 1.3)

    def __init__(self):
        self.system = System.build("fcc", density=0.75, species="A", units="lj", repeat=(3, 3, 3))
        self.system.masses[::3] = 3.0
        self.potential = LennardJones(2.2, 1.0, 1.0, truncation="force-shifted")


class Crystal(Liquid):
    name, temperatures, pressures, compressibility = "crystal", (0.4, 0.43), (1.0, 1.6), 0.02

    def __init__(self):
        super().__init__()
        self.system = System.build("fcc", density=1.0, species="A", units="lj", repeat=(3, 3, 3))


class Silicon:
    name, dt, tau, compressibility, steps = "silicon", 1.0, 50.0, 0.01, 300_000
    temperatures, pressures = (1000, 1200), (0.0, 3.0)

    def __init__(self):
        self.system = System.build("diamond", lattice_constant=5.46, species="Si")
        root = Path(__file__).resolve().parents[1]
        self.potential = mdcore.HDNNPotential(mdcore.read_model(root / "potentials" / "silicon.h5"))


SYSTEMS = {
    "liquid": (Liquid, ("", "isotropic")),
    "crystal": (Crystal, ("semi-isotropic", "anisotropic", "flexible")),
    "silicon": (Silicon, ("", "isotropic", "flexible")),
}
BLOCKS = 20


def names(coupling: str) -> list[str]:
    """Of the integrators of an ensemble, at constant volume (coupling "") or pressure."""
    if not coupling:
        return ["Langevin", *THERMOSTATS]
    return [f"cell rescaling, {coupling}", f"Martyna, Tobias, Klein, {coupling}"]


def integrators(it, coupling: str, temperature: float, pressure: float) -> dict:
    """{name: integrator}, of ensembles at constant volume (coupling "") or pressure"""
    tau, dt = it.tau, it.dt
    if not coupling:
        made = {name: VelocityVerlet(dt, make(temperature, tau)) for name, make in THERMOSTATS.items()}
        return {"Langevin": mdcore.Langevin(dt, temperature, 1.0 / tau), **made}
    csr = mdcore.CellRescaling(pressure, 2.0 * tau, it.compressibility, coupling=coupling)
    mtk = mdcore.MartynaTobiasKlein(pressure, 5.0 * tau, coupling=coupling)
    rescaling, chain = (THERMOSTATS[name](temperature, tau) for name in ("velocity rescaling", "Nose-Hoover chain"))
    pairs = {"cell rescaling": (rescaling, csr), "Martyna, Tobias, Klein": (chain, mtk)}
    return {f"{name}, {coupling}": VelocityVerlet(dt, *parts) for name, parts in pairs.items()}


def sample(it, integrator, temperature: float, steps: int, seed: int, every: int = 20):
    """float64 [9, times]: kinetic and potential energy, volume, twice the kinetic energy over kT of three axes and of
    three thirds of the atoms; motions"""
    maxwell_boltzmann(it.system, temperature, seed)
    sim = Simulation(it.system, it.potential, integrator, seed=seed)
    sim.run(steps // 10)
    weights = it.system.masses[:, None] * it.system.units.velocity**2 / (it.system.units.boltzmann * temperature)
    rows = []

    def look(s):
        own = weights * s.velocities**2
        thirds = [own[k::3].sum() for k in range(3)]
        rows.append((s.kinetic_energy, s.potential_energy, s.cell.volume, *own.sum(axis=0), *thirds))

    sim.every(every, look)
    sim.run(steps)
    return np.array(rows).T, sim.degrees_of_freedom


class Verdict(NamedTuple):
    """How far is a row from right?"""

    kinetic: list[float]  # p of the kinetic energy, of each run
    moments: list[float]  # distance of its mean, of its variance, likewise
    parts: list[float]  # distances of the shares of axes and thirds
    ensemble: list[float]  # of the ratio of distributions of the first run and each other one
    apart: float  # correlation of neighbouring blocks

    @property
    def distances(self) -> list[float]:
        return self.moments + self.parts + self.ensemble


def study(it, coupling: str, name: str, steps: int, seeds):
    """(Verdict, samples) of an integrator by name, at two temperatures, and two pressures if the cell moves; steps : of
    all runs together."""
    (cold, warm), (low, high) = it.temperatures, it.pressures
    states = [(cold, low), (warm, low), (cold, high)] if coupling else [(cold, None), (warm, None)]
    made = (integrators(it, coupling, *state)[name] for state in states)
    steps //= len(states)
    samples = [sample(it, one, state[0], steps, next(seeds)) for one, state in zip(made, states, strict=True)]
    return judge(it, samples, states), samples


def judge(it, samples, states) -> Verdict:
    import physical_validation as pv

    data, moments, parts, blocks = [], [], [], []
    for (rows, free), state in zip(samples, states, strict=True):
        thermal = it.system.units.boltzmann * state[0]
        lacking = (3 * it.system.n_atoms - free) / 3.0  # an axis
        held = [lacking * 3 * it.system.masses[k::3].sum() / it.system.masses.sum() for k in range(3)]
        shares = [it.system.n_atoms - lacking] * 3 + [3 * len(it.system.masses[k::3]) - held[k] for k in range(3)]
        known = [(rows[0] / thermal, 0.5 * free), ((rows[0] / thermal - 0.5 * free) ** 2, 0.5 * free)]
        known += zip(rows[3:], shares, strict=True)
        found = [distance(*one) for one in known]
        moments, parts = moments + found[:2], parts + found[2:]
        blocks += [neighbours(values) for values, _ in known]
        data.append(described(it, independent(rows[:3]), free, *state))
    with contextlib.redirect_stdout(io.StringIO()):
        told = {"verbosity": 0, "data_is_uncorrelated": True}
        kinetic = [pv.kinetic_energy.distribution(one, strict=True, **told) for one in data]
        if states[0][1] is None:
            try:
                ensemble = [float(pv.ensemble.check(data[0], other, **told)[0]) for other in data[1:]]
            except pv.util.error.InputError:  # energies of two temperatures hardly overlap: far too narrow
                ensemble = [math.inf]
        else:  # for whose forty bins without a gap barostats give too few samples
            ensemble = [ratio(it, samples[0][0], other[0], states[0], state)
                        for other, state in zip(samples[1:], states[1:], strict=True)]  # fmt: skip
    return Verdict(kinetic, moments, parts, ensemble, float(np.mean(blocks)))


def ratio(it, first, second, state, other) -> float:
    """Distance of the slope of ln of the ratio of two distributions, of enthalpies at two temperatures or of volumes at
    two pressures, by maximum likelihood without bins (Shirts' eq. 12), from what it must be."""
    boltzmann, pressure = it.system.units.boltzmann, state[1] * it.system.units.pressure
    if state[0] != other[0]:
        values = [rows[1] + pressure * rows[2] for rows in map(independent, (first[:3], second[:3]))]
        wanted = 1.0 / (boltzmann * state[0]) - 1.0 / (boltzmann * other[0])
    else:
        values = [rows[2] for rows in map(independent, (first[:3], second[:3]))]
        wanted = -(other[1] - state[1]) * it.system.units.pressure / (boltzmann * state[0])
    x, middle = np.concatenate(values), np.mean(np.concatenate(values))
    design = np.stack([np.ones(len(x)), x - middle])
    found, is_second = np.zeros(2), np.arange(len(x)) >= len(values[0])
    for _ in range(50):
        chance = 1.0 / (1.0 + np.exp(-(found @ design)))
        curvature = (design * chance * (1.0 - chance)) @ design.T
        found = found + np.linalg.solve(curvature, design @ (is_second - chance))
    return float((found[1] - wanted) / math.sqrt(np.linalg.inv(curvature)[1, 1]))


def independent(rows):
    """Of the rows [kind, times], those that know nothing of each other."""
    from pymbar.timeseries import statistical_inefficiency

    every = max(statistical_inefficiency(row) for row in rows if np.ptp(row) > 0.0)
    return rows[:, :: math.ceil(2.0 * every)]


def described(it, rows, free, temperature, pressure):
    """As physical_validation wants it."""
    import physical_validation as pv

    kinetic, potential, volume = rows
    n, boltzmann = it.system.n_atoms, it.system.units.boltzmann
    constant = pressure is None
    units = pv.data.UnitData(boltzmann, 1, 1, 1, 1, 1 / 6.022140857e-2, 1)  # its P V is in bar nm^3
    ensemble = pv.data.EnsembleData(
        "NVT" if constant else "NPT", natoms=n, temperature=temperature, volume=volume[0] if constant else None,
        pressure=None if constant else pressure * it.system.units.pressure,
    )  # fmt: skip
    system = pv.data.SystemData(
        natoms=n, nconstraints=0, ndof_reduction_tra=3 * n - free, ndof_reduction_rot=0, mass=it.system.masses,
        molecule_idx=np.arange(n), nconstraints_per_molecule=np.zeros(n),
    )  # fmt: skip
    observed = pv.data.ObservableData(
        kinetic_energy=kinetic, potential_energy=potential, total_energy=kinetic + potential, volume=volume
    )
    return pv.data.SimulationData(units=units, ensemble=ensemble, system=system, observables=observed)


def means(values):
    """Of blocks."""
    return values[: len(values) // BLOCKS * BLOCKS].reshape(BLOCKS, -1).mean(axis=1)


def distance(values, wanted: float) -> float:
    """Of their mean, in standard errors, as a normal deviate as rare as this one of Student's t."""
    from scipy.stats import norm, t

    blocks = means(values)
    off = float(blocks.mean() - wanted) / (blocks.std(ddof=1) / math.sqrt(BLOCKS))
    return math.copysign(float(norm.isf(t.sf(abs(off), BLOCKS - 1))), off)


def neighbours(values) -> float:
    """Correlation of neighbouring blocks; of blocks that know nothing of each other, 0 on average."""
    off = means(values) - values.mean()
    return float(off[1:] @ off[:-1] / (off @ off)) + 1.0 / BLOCKS


def draw(found, path: str) -> None:
    """ln of the ratio of the distributions of energy or volume at two states, and what it must be."""
    from mdcore import figures

    across = 5
    down = -(-len(found) // across)
    picture = figures.figure(2.3 * across, 2.4 * down)
    for k, (name, label, first, second, slope) in enumerate(found):
        axis = picture.add_subplot(down, across, k + 1)
        both = np.concatenate([first, second])
        edges = np.linspace(np.quantile(both, 0.02), np.quantile(both, 0.98), 13)
        a, b = np.histogram(first, edges)[0], np.histogram(second, edges)[0]
        keep = (a > 20) & (b > 20)
        x, a, b = 0.5 * (edges[1:] + edges[:-1])[keep], a[keep], b[keep]
        y, error = np.log(b / len(second) / (a / len(first))), np.sqrt(1 / a + 1 / b)
        axis.errorbar(x, y, error, fmt="o", ms=3, lw=1, color=figures.COLORS[0])
        weight = error**-2 / np.sum(error**-2)
        axis.plot(x, weight @ y + slope * (x - weight @ x), color=figures.RED, lw=1.2)
        title = name.replace(": ", "\n").replace("Martyna, Tobias, Klein", "Martyna et al.")
        axis.set_title(title, fontsize=8, color=figures.INK)
        axis.set_xlabel(label, fontsize=8, color=figures.INK)
        figures.plain(axis)
        axis.tick_params(labelsize=7)
    figures.save(path, picture, "ln of the ratio of two distributions: sampled, and as it must be", dpi=90)


def chances(kinetic: list[float], distances: list[float]) -> str:
    """How far off are all numbers together?"""
    n, largest = len(distances), max(map(abs, distances))
    beyond = sum(abs(d) > 2.0 for d in distances)
    alone, least = math.erfc(largest / math.sqrt(2.0)), min(kinetic)
    return (
        f"{n} distances: {beyond} beyond 2 standard errors ({n * math.erfc(math.sqrt(2)):.1f} by chance), largest "
        f"{largest:.1f} (chance {1 - (1 - alone) ** n:.2g})\n{len(kinetic)} p of kinetic energies: "
        f"{sum(p < 0.05 for p in kinetic)} below 0.05 ({0.05 * len(kinetic):.1f} by chance), smallest {least:.2g} "
        f"(chance {1 - (1 - least) ** len(kinetic):.2g})"
    )


def main() -> None:
    import common

    parser = common.parser(__doc__)
    parser.add_argument("--steps", type=int, help="of all runs of a row; default: " + ", ".join(
        f"{one.steps} ({name})" for name, (one, _) in SYSTEMS.items()))  # fmt: skip
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the others follow")
    parser.add_argument("--system", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--ensemble", nargs="+", choices=("nvt", "npt"), default=["nvt", "npt"])
    parser.add_argument("--picture", help="where to draw the ratios of distributions")
    options = parser.parse_args()
    print(common.machine(), flush=True)
    seeds = itertools.count(options.seed)  # of one seed, velocity rescaling has the same noise in every system
    rows, drawn, kinetic, distances = [], [], [], []
    cases = ((SYSTEMS[name][0](), c) for name in options.system for c in SYSTEMS[name][1])
    for it, coupling in cases:
        if ("npt" if coupling else "nvt") not in options.ensemble:
            continue
        for name in names(coupling):
            found, samples = study(it, coupling, name, options.steps or it.steps, seeds)
            largest = [max(map(abs, one)) for one in (found.moments[::2], found.moments[1::2], found.parts)]
            together = 1.0 - (1.0 - min(found.kinetic)) ** len(found.kinetic)
            rows.append([
                it.name, name, f"{together:.2g}", *(f"{one:.1f}" for one in (*largest, *map(abs, found.ensemble))),
                *([] if coupling else [""]), f"{found.apart:+.2f}",
            ])  # fmt: skip
            print(*rows[-1], sep=" | ", flush=True)
            if "no ensemble" not in name:
                kinetic, distances = kinetic + found.kinetic, distances + found.distances
            drawn.append(compared(it, coupling, name, samples))
    header = ["system", "ensemble by", "p of K", "mean of K", "variance of K", "equipartition", "two temperatures"]
    print(common.table([*header, "two pressures", "blocks"], rows))
    print(chances(kinetic, distances))
    if options.picture:
        draw(drawn, options.picture)


def compared(it, coupling: str, name: str, samples):
    """What `draw` needs of a row: title, label, values at two states, slope."""
    (cold, warm), (low, high) = it.temperatures, it.pressures
    title, boltzmann = f"{it.name}: {name}", it.system.units.boltzmann
    if coupling:
        slope = -(high - low) * it.system.units.pressure / (boltzmann * cold)
        return title, "volume", samples[0][0][2], samples[2][0][2], slope
    slope = 1 / (boltzmann * cold) - 1 / (boltzmann * warm)
    return title, "potential energy", samples[0][0][1], samples[1][0][1], slope


if __name__ == "__main__":
    main()
