"""Do thermostats and barostats sample their ensembles? python ensemble_validation.py

Each is run at two temperatures, barostats at two pressures as well, on the Lennard-Jones liquid (108 atoms) and, where
the ensemble is one for solids, the fcc crystal; with --silicon on 8 atoms of silicon with the network that ships. The
witness is the package physical_validation (pip install physical_validation; P. T. Merz, M. R. Shirts, PLOS ONE 13,
e0202764 (2018)): the kinetic energy against its gamma distribution, equipartition over axes and thirds of the atoms,
and the ratio of the distributions of the energy (and of the volume) at two states, which is known whatever the system
(M. R. Shirts, J. Chem. Theory Comput. 9, 909 (2013)). Numbers are probabilities, and distances in standard
errors: one in 370 is beyond 3.
"""

import contextlib
import io
import math
from pathlib import Path

import common
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
    name, dt, tau, compressibility = "liquid", 0.002, 0.1, 0.1
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
    name, dt, tau, compressibility = "silicon", 1.0, 50.0, 0.01
    temperatures, pressures = (500, 600), (0.0, 2.0)

    def __init__(self):
        self.system = System.build("diamond", lattice_constant=5.46, species="Si")
        root = Path(__file__).resolve().parents[1]
        self.potential = mdcore.HDNNPotential(mdcore.read_model(root / "potentials" / "silicon.h5"))


def integrators(it, coupling: str, temperature: float, pressure: float) -> dict:
    """{name: integrator}, of ensembles at constant volume (coupling "") or pressure"""
    tau, dt = it.tau, it.dt
    if not coupling:
        made = {name: VelocityVerlet(dt, make(temperature, tau)) for name, make in THERMOSTATS.items()}
        return {"Langevin": mdcore.Langevin(dt, temperature, 1.0 / tau), **made}
    csr = mdcore.CellRescaling(pressure, 5.0 * tau, it.compressibility, coupling=coupling)
    mtk = mdcore.MartynaTobiasKlein(pressure, 5.0 * tau, coupling=coupling)
    rescaling, chain = (THERMOSTATS[name](temperature, tau) for name in ("velocity rescaling", "Nose-Hoover chain"))
    pairs = {"cell rescaling": (rescaling, csr), "MTK": (chain, mtk)}
    return {f"{name}, {coupling}": VelocityVerlet(dt, *parts) for name, parts in pairs.items()}


def sample(it, integrator, temperature: float, steps: int, seed: int, every: int = 20):
    """(kinetic, potential, volume) float64 [times] each, velocities [times, n, 3], motions"""
    maxwell_boltzmann(it.system, temperature, seed)
    sim = Simulation(it.system, it.potential, integrator, seed=seed)
    sim.run(steps // 10)
    rows, speeds = [], []

    def look(s):
        rows.append((s.kinetic_energy, s.potential_energy, s.cell.volume))
        speeds.append(s.velocities)

    sim.every(every, look)
    sim.run(steps)
    return np.array(rows).T, np.array(speeds), sim.degrees_of_freedom


def judge(it, samples, states):
    """(p of the kinetic energy, largest distance of a third's share, [distances of the ensemble])"""
    import physical_validation as pv

    boltzmann = it.system.units.boltzmann
    units = pv.data.UnitData(boltzmann, 1, 1, 1, 1, 1 / 6.022140857e-2, 1)  # its P V is in bar nm^3
    data = []
    for (rows, _, free), (temperature, pressure) in zip(samples, states, strict=True):
        kinetic, potential, volume = rows
        n = it.system.n_atoms
        constant = pressure is None
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
        data.append(pv.data.SimulationData(units=units, ensemble=ensemble, system=system, observables=observed))
    with contextlib.redirect_stdout(io.StringIO()):
        kinetic = min(pv.kinetic_energy.distribution(one, strict=True, verbosity=0) for one in data)
        distances = pv.ensemble.check(data[0], data[1], verbosity=0)
    return kinetic, shares(it, samples, states), distances


def shares(it, samples, states) -> float:
    """The largest distance, in standard errors, of what an axis, or a third of the atoms, has of the kinetic energy."""
    worst = 0.0
    for (_, speeds, free), (temperature, _) in zip(samples, states, strict=True):
        thermal, n = it.system.units.boltzmann * temperature, it.system.n_atoms
        masses = it.system.masses * it.system.units.velocity**2
        twice = masses[None, :, None] * speeds**2 / thermal  # [times, n, 3]
        lacking = (3 * n - free) / 3.0  # an axis
        parts = [(twice[:, :, a].sum(axis=1), n - lacking) for a in range(3)]
        for k in range(3):
            own = slice(k, None, 3)
            held = lacking * 3 * it.system.masses[own].sum() / it.system.masses.sum()
            parts.append((twice[:, own].sum(axis=(1, 2)), 3 * len(it.system.masses[own]) - held))
        for values, motions in parts:
            blocks = values[: len(values) // 50 * 50].reshape(50, -1).mean(axis=1)
            worst = max(worst, abs(blocks.mean() - motions) / (blocks.std(ddof=1) / math.sqrt(50)))
    return worst


def draw(found, path: str) -> None:
    """ln of the ratio of the distributions of the potential energy at two temperatures, and what it must be."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 3, figsize=(10, 5.6), constrained_layout=True)
    for axis, (name, (low, high), slope) in zip(axes.flat, found[:6], strict=False):
        edges = np.linspace(np.quantile(high, 0.02), np.quantile(low, 0.98), 15)
        a, b = np.histogram(low, edges)[0], np.histogram(high, edges)[0]
        keep = (a > 5) & (b > 5)
        x = 0.5 * (edges[1:] + edges[:-1])[keep]
        y, error = np.log(b[keep] / len(high) / (a[keep] / len(low))), np.sqrt(1 / a[keep] + 1 / b[keep])
        axis.errorbar(x, y, error, fmt="o", ms=3)
        axis.plot(x, y.mean() + slope * (x - x.mean()), color="k", lw=1)
        axis.set(title=name, xlabel="potential energy", ylabel="ln P(U; T2) / P(U; T1)")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = common.parser(__doc__)
    parser.add_argument("--steps", type=int, default=200_000)
    parser.add_argument("--silicon", action="store_true", help="8 atoms of silicon with the network that ships")
    parser.add_argument("--picture", help="where to draw the ratios of distributions")
    options = parser.parse_args()
    print(common.machine(), flush=True)
    cases = [(Liquid(), ""), (Liquid(), "isotropic"), (Crystal(), "anisotropic"), (Crystal(), "flexible")]
    if options.silicon:
        cases = [(Silicon(), ""), (Silicon(), "isotropic"), (Silicon(), "flexible")]
    rows, drawn = [], []
    for it, coupling in cases:
        (cold, warm), (low, high) = it.temperatures, it.pressures
        states = [(cold, low), (warm, low), (cold, high)] if coupling else [(cold, None), (warm, None)]
        made = [integrators(it, coupling, *state) for state in states]
        for name in made[0]:
            runs = enumerate(zip(made, states, strict=True), 1)
            own = [sample(it, m[name], state[0], options.steps, k) for k, (m, state) in runs]
            others = zip(own[1:], states[1:], strict=True)
            told = [judge(it, [own[0], other], [states[0], state]) for other, state in others]
            rows.append([
                it.name, name, f"{min(t[0] for t in told):.2g}", f"{max(t[1] for t in told):.1f}",
                f"{told[0][2][0]:.1f}", f"{told[1][2][0]:.1f}" if coupling else "",
            ])  # fmt: skip
            print(*rows[-1], sep=" | ", flush=True)
            boltzmann = it.system.units.boltzmann
            if not coupling:
                drawn.append((name, (own[0][0][1], own[1][0][1]), 1 / (boltzmann * cold) - 1 / (boltzmann * warm)))
    header = ["system", "ensemble by", "p of K", "equipartition", "two temperatures", "two pressures"]
    print(common.table(header, rows))
    if options.picture:
        draw(drawn, options.picture)


if __name__ == "__main__":
    main()
