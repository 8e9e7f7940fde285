"""Is the energy conserved whatever acts beyond the cutoff? Every kind of it, in one table, beside the network alone.

    python benchmarks/nve.py [--reference FOLDER]         # twenty minutes

Water of inputs/water.extxyz by the first member of the network potential that ships, and with it: charges, fixed or of
the structure (charge column), damped where they are near; charges that networks predict (third generation), that are
equilibrated (fourth) or latent (Gaussians that nothing screens, a total that nothing keeps); D3; Lennard-Jones with all
images between oxygens. The networks of charges have random weights, so that charges change with their surroundings by
some 0.05 e about those of water: what is looked at is whether forces are those of the energy, not chemistry. FOLDER has
a published potential of the fourth generation (H2O_RPBE-D3_4G), trained in earnest, which comes as a last row.

Each kind is brought to temperature by Langevin dynamics of its own. Then, as in water_nve.py, at constant energy:
fluctuations at the time step and at half of it, whose ratio is 4 where the error is of second order (16 of the shadow
energy), and the trend of the shadow energy over a longer run.
"""

import sys
from dataclasses import replace
from pathlib import Path

import common
import networks
import numpy as np
from water_nve import equilibrate, run, slope

from mdcore import D3, Electrostatics, LongLennardJones, Sum, System, read_model
from mdcore.base.units import COULOMB
from mdcore.potentials.networks.charge_model import EQUILIBRATED, PREDICTED, ChargeModel, Screening
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.committee import single
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import ElementNetwork

FOLDER = Path(__file__).parents[1]
WATER, SHIPPED = FOLDER / "inputs" / "water.extxyz", FOLDER / "potentials" / "water_PBE0-TS.h5"
CHARGES = {"O": -0.4, "H": 0.2}  # e
VARIES = 0.05  # of them, by networks
ELECTRONEGATIVITY, HARDNESS = {"O": 8.0, "H": -8.0}, 20.0  # eV / e, eV / e^2
WIDTHS = {"O": 0.75, "H": 0.55}  # Angstrom
LATENT = 0.5**0.5  # width, Angstrom, of every element
SCREENING = Screening(2.0, 5.0, "p2")  # with two continuous derivatives; the cosine has one
OXYGEN, SIZE = {"O": (0.00674, 2.8), "H": (0.0, 1.0)}, 6.0  # Lennard-Jones, eV and Angstrom; its cutoff
HIDDEN = 8
WARM = 1000  # steps of the network alone before all


def network(n: int, mean: float, spread: float, rng) -> ElementNetwork:
    """Of n descriptors, scaled; it says about `mean`."""
    first, last = rng.normal(size=(n, HIDDEN)) / np.sqrt(n), rng.normal(size=(HIDDEN, 1)) / np.sqrt(HIDDEN)
    return ElementNetwork((first, spread * last), (np.zeros(HIDDEN), np.array([mean])), ("t", "l"))


def charged(model, kind: str, means: dict, spread: float, widths: dict, **options):
    """The model with charges of random networks of its own descriptors."""
    rng = np.random.default_rng(5)
    elements = zip(model.elements, model.symmetry_functions, strict=True)
    own = [network(len(functions), means[e], spread, rng) for e, functions in elements]
    charges = ChargeModel(
        kind=kind, symmetry_functions=model.symmetry_functions, scaling=model.scaling, networks=own,
        widths=[widths[e] for e in model.elements], constant=COULOMB, **options,
    )  # fmt: skip
    return replace(model, charges=charges)


def potential(model, residual: float) -> HDNNPotential:
    settings = ChargeSettings(residual=residual) if model.charges else None
    return HDNNPotential(model, extrapolation="ignore", charges=settings)


def kinds(model, residual: float) -> dict:
    """{name: potential}"""
    plain = potential(model, residual)
    near = {"damping": "polynomial", "inner": SCREENING.inner, "outer": SCREENING.outer}
    hardness = [HARDNESS] * len(model.elements)
    four = charged(model, EQUILIBRATED, ELECTRONEGATIVITY, 1.0, WIDTHS, hardness=hardness, screening=SCREENING)
    three = charged(model, PREDICTED, CHARGES, VARIES, WIDTHS, screening=SCREENING)
    latent = charged(model, PREDICTED, CHARGES, VARIES, dict.fromkeys(WIDTHS, LATENT), conserve=False, own_energy=True)

    def with_it(term) -> Sum:
        """The network counts that already: what is asked here is whether the sum conserves its energy."""
        return Sum(plain, term, double_counting="allow")

    return {
        "network alone": plain,
        "fixed charges": with_it(Electrostatics(CHARGES, **near)),
        "charges of the structure": with_it(Electrostatics(None, **near)),
        "predicted charges (3G)": potential(three, residual),
        "equilibrated charges (4G)": potential(four, residual),
        "latent charges": potential(latent, residual),
        "D3, with triples": with_it(D3("pbe0", s9=1.0, cutoff=9.0, cn_cutoff=6.0, triple_cutoff=6.0, width=1.5)),
        "Lennard-Jones, all images": with_it(LongLennardJones(SIZE, species=OXYGEN)),
    }


def row(name: str, system, potential, arguments) -> tuple:
    """A line of the table; system : near its temperature"""
    dt = arguments.timestep

    def steps(ps: float, timestep: float = dt) -> int:
        return round(1000 * ps / timestep)

    system = equilibrate(system, potential, 300.0, dt, steps(arguments.equilibrate_ps), 1)
    system.charges = np.array([CHARGES[symbol] for symbol in np.array(system.symbols)[system.species]])
    spreads = []
    for timestep, every in ((dt, 2), (dt / 2, 4)):
        recorder, _ = run(system, potential, timestep, steps(arguments.order_ps, timestep), every)
        spreads.append((np.std(recorder.energies), np.std(recorder.shadows)))
    recorder, _ = run(system, potential, dt, steps(arguments.ps), 2)
    ratios, (trend, error) = np.divide(*spreads), slope(recorder.shadows, arguments.ps)
    told = np.std(recorder.energies), np.std(recorder.shadows)
    found = name, len(system.positions), *(f"{1e3 * value:.2g}" for value in told), f"{trend} +- {error}"
    found = (*found, *(f"{ratio:.2f}" for ratio in ratios))
    print("  ", *found, file=sys.stderr, flush=True)
    return found


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("--reference", type=Path, help="folder of a published potential, in bohr and hartree")
    options.add_argument("--only", nargs="+", help="these kinds")
    options.add_argument("--timestep", type=float, default=0.5, help="fs")
    options.add_argument("--residual", type=float, default=ChargeSettings.residual, help="of charges in dynamics, e")
    options.add_argument("--ps", type=float, default=5.0, help="length of the run that tells the trend")
    options.add_argument("--order-ps", type=float, default=0.5, help="length of each run that tells the order")
    options.add_argument("--equilibrate-ps", type=float, default=0.5, help="of each kind; the network alone begins")
    arguments = options.parse_args()
    print(common.machine(), flush=True)
    terms = kinds(single(read_model(SHIPPED), 0), arguments.residual)
    if arguments.reference:
        model = networks.open_potential(arguments.reference, ("bohr", "hartree"))
        published = model.name or arguments.reference.name
        terms[published] = potential(model, arguments.residual)
        if arguments.only:
            arguments.only.append(published)
    system = equilibrate(System.read(WATER), terms["network alone"], 300.0, arguments.timestep, WARM, 1)
    rows = []
    for name, term in terms.items():
        if not arguments.only or name in arguments.only:
            system.charges = np.array([CHARGES[symbol] for symbol in np.array(system.symbols)[system.species]])
            rows.append(row(name, system, term, arguments))
    header = (
        "kind", "atoms", "fluctuation, meV/atom", "of the shadow energy", "its trend, eV/atom/ns",
        "fluctuation, dt to dt/2", "of the shadow energy",
    )  # fmt: skip
    print(common.table(header, rows))


if __name__ == "__main__":
    main()
