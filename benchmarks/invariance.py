"""Why must a descriptor be invariant, and why is that not enough? Butane, turned as a whole and about its middle bond.

Two ways to describe atoms that fail: the coordinates themselves, whose energy changes when the molecule is turned;
and counts of neighbours (or anything that reaches as far as bonds and angles do), which are invariant, but do not see a
torsion, so that no network can learn one from them. Symmetry functions do neither. Draws docs/images/invariance.png.
docs/invariance.md tells the story, tests/test_invariance.py holds it to the figures.
"""

import argparse
from pathlib import Path

import numpy as np

from mdcore import Box, Simulation, System
from mdcore.base.units import KCAL_PER_MOL, KJ_PER_MOL
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.model import HDNNP, ElementNetwork, Scaling, SymmetryFunction
from mdcore.potentials.networks.native_units import Units

ELEMENTS = ("H", "C")
FIGURE = Path(__file__).resolve().parents[1] / "docs" / "images" / "invariance.png"

# --- the molecule ------------------------------------------------------------------------------------

CC, CH, CCC, HCH = 1.53, 1.09, 112.0, 109.5  # Angstrom, degrees: textbook values of alkanes


def place(bond, angle, azimuth):
    """A neighbour of an atom at the origin whose other bond is along +z; angle to that bond, degrees."""
    angle, azimuth = np.radians([angle, azimuth])
    return bond * np.array([np.sin(angle) * np.cos(azimuth), np.sin(angle) * np.sin(azimuth), np.cos(angle)])


def half():
    """C2 at the origin, C1 and all their hydrogens; C3 would be on +z. C1 has azimuth 0."""
    c1 = place(CC, CCC, 0.0)
    hydrogens = [place(CH, HCH, azimuth) for azimuth in (120.0, -120.0)]
    # the methyl group: its own z axis points from C1 to C2; staggered to C3
    z = -c1 / CC
    y = np.array([0.0, 1.0, 0.0])
    frame = np.array([np.cross(y, z), y, z])
    hydrogens += [c1 + place(CH, HCH, azimuth) @ frame for azimuth in (60.0, 180.0, 300.0)]
    return np.array([np.zeros(3), c1, *hydrogens])


def turn(angle, axis=(0.0, 0.0, 1.0)):
    """Rotation matrix q by `angle` degrees about an axis: x @ q (Rodrigues)."""
    x, y, z = np.asarray(axis) / np.linalg.norm(axis)
    k = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    a = np.radians(angle)
    return (np.eye(3) + np.sin(a) * k + (1.0 - np.cos(a)) * k @ k).T


SYMBOLS = ("C", "C", *"HHHHH", "C", "C", *"HHHHH")  # C2, C1, ..., C3, C4, ...


def butane(dihedral: float) -> np.ndarray:
    """Positions [14, 3], Angstrom, with the dihedral C1-C2-C3-C4 in degrees: 180 is trans, 0 is cis."""
    other = half() * (1.0, -1.0, -1.0) + (0.0, 0.0, CC)  # turned about x, moved to C3
    return np.vstack([half(), other @ turn(dihedral)])


def torsion_energy(dihedral):
    """kJ/mol. W. L. Jorgensen, J. D. Madura, C. J. Swenson, J. Am. Chem. Soc. 106, 6638 (1984): OPLS butane."""
    phi = np.radians(dihedral)
    v1, v2, v3 = 1.522, -0.315, 3.207  # kcal/mol
    energy = 0.5 * (v1 * (1 + np.cos(phi)) + v2 * (1 - np.cos(2 * phi)) + v3 * (1 + np.cos(3 * phi)))
    return energy * KCAL_PER_MOL / KJ_PER_MOL


# --- descriptors ---------------------------------------------------------------------------------------


def counts(center):
    """How many bonded atoms of each element: a hard cutoff, no width."""
    return [function(center, 2, (e,), cutoff=1.7, cutoff_type=0) for e in ELEMENTS]


def radial(center, cutoff):
    return [function(center, 2, (e,), cutoff, eta=eta) for e in ELEMENTS for eta in (0.02, 0.1, 0.5, 2.0)]


def angular(center, cutoff, kind=3):
    """kind 9 does not ask for the distance of the two neighbours, so it sees all angles between bonds."""
    return [
        function(center, kind, pair, cutoff, eta=0.02, lambda_=sign, zeta=zeta)
        for pair in (("H", "H"), ("H", "C"), ("C", "C"))
        for sign in (-1.0, 1.0)
        for zeta in (1.0, 4.0)
    ]


def function(center, kind, neighbors, cutoff, cutoff_type=6, **parameters):
    return SymmetryFunction(
        type=kind, center=center, neighbors=neighbors, cutoff=cutoff, cutoff_type=cutoff_type, **parameters
    )


BONDED = 1.9  # Angstrom: bonds, and what is fixed by them and their angles
REACH = 6.0
SETS = {
    "counts of bonds": counts,
    "bonds and angles": lambda center: radial(center, BONDED) + angular(center, BONDED, kind=9),
    f"radial, {REACH:.0f} Angstrom": lambda center: radial(center, REACH),
    f"angular, {REACH:.0f} Angstrom": lambda center: angular(center, REACH),
}


def descriptors(potential: HDNNPotential, positions) -> np.ndarray:
    """The engine's symmetry functions of every atom, [n_atoms, n_functions]."""
    kinds = np.array([ELEMENTS.index(s) for s in SYMBOLS], dtype=np.int32)
    edges, first = [], []
    for i, x in enumerate(positions):
        rows = [np.flatnonzero((kinds == e) & (np.arange(len(kinds)) != i)) for e in range(len(ELEMENTS))]
        begin = sum(map(len, edges))
        first.append(begin + np.cumsum([0, *map(len, rows)]))
        edges += [positions[row] - x for row in rows]
    x, y, z = np.ascontiguousarray(np.vstack(edges).T)
    return potential.networks.values(kinds, np.array(first, dtype=np.int64), x, y, z)


# --- networks ------------------------------------------------------------------------------------------

HIDDEN = 12


def network_potential(name: str, seed: int = 1, dihedrals=None) -> HDNNPotential:
    """A potential on the descriptors SETS[name] with random weights.

    dihedrals : if given, the last layer is fitted to `torsion_energy` at these angles by least squares
    """
    rng = np.random.default_rng(seed)
    functions = [tuple(sorted(SETS[name](e), key=lambda f: f.sort_key)) for e in ELEMENTS]
    first = [rng.normal(size=(len(own), HIDDEN)) / np.sqrt(len(own)) for own in functions]
    biases = [rng.normal(size=HIDDEN) for _ in ELEMENTS]
    last, constant = [rng.normal(size=HIDDEN) for _ in ELEMENTS], 0.0
    kinds = np.array([ELEMENTS.index(s) for s in SYMBOLS])

    def build(layers):
        return HDNNPotential(
            HDNNP(
                elements=ELEMENTS,
                symmetry_functions=tuple(functions),
                scaling=tuple(Scaling(*np.zeros((4, len(own)))) for own in functions),  # mode "none"
                networks=tuple(
                    ElementNetwork((w, v[:, None]), (b, np.full(1, constant)), ("t", "l")) for w, b, v in layers
                ),
                units=Units("angstrom", "ev"),
                name=name,
            )
        )

    # inputs of order one: scale each by its spread over atoms and angles, around its mean; folded into the first layer
    grid = np.arange(0.0, 181.0, 15.0) if dihedrals is None else np.asarray(dihedrals)
    raw = build(zip(first, biases, last, strict=True))
    g = np.array([descriptors(raw, butane(angle)) for angle in grid])  # [angle, atom, function]
    hidden = []
    for e in range(len(ELEMENTS)):
        own = g[:, kinds == e, : len(functions[e])]
        mean, spread = own.mean(axis=(0, 1)), own.std(axis=(0, 1))
        spread = np.maximum(spread, 1e-3 * np.abs(mean) + 1e-3)
        first[e] = first[e] / spread[:, None]
        biases[e] = biases[e] - mean @ first[e]
        hidden.append(np.tanh(own @ first[e] + biases[e]).sum(axis=1))  # [angle, HIDDEN]
    if dihedrals is not None:
        features = np.hstack([*hidden, np.full((len(grid), 1), len(kinds))])
        wanted = torsion_energy(grid) * KJ_PER_MOL
        weights = np.linalg.lstsq(features, wanted, rcond=1e-6)[0]
        last, constant = [weights[:HIDDEN], weights[HIDDEN : 2 * HIDDEN]], weights[-1]
    return build(zip(first, biases, last, strict=True))


def energy(potential: HDNNPotential, positions) -> float:
    """kJ/mol, by the engine."""
    box = Box(50.0 * np.eye(3), (False,) * 3)
    system = System(box, positions, [*SYMBOLS])
    return Simulation(system, potential).potential_energy / KJ_PER_MOL


def raw_energy(positions, seed: int = 1) -> float:
    """A network fed with the coordinates, the centre of the molecule at the origin; random weights, kJ/mol."""
    rng = np.random.default_rng(seed)
    x = (positions - positions.mean(axis=0)).ravel()
    return float(np.tanh(x @ rng.normal(size=(x.size, HIDDEN)) / np.sqrt(x.size)) @ rng.normal(size=HIDDEN))


# --- the figure ----------------------------------------------------------------------------------------


def draw(path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11.0, 3.4), layout="constrained")
    rotation, change, profile = figure.subplots(1, 3)
    angles, axis, trans = np.arange(0.0, 361.0, 5.0), (1.0, 2.0, 0.5), butane(180.0)
    symmetric = network_potential(f"angular, {REACH:.0f} Angstrom")
    raw = np.array([raw_energy(trans @ turn(a, axis)) for a in angles])
    kept = np.array([energy(symmetric, trans @ turn(a, axis)) for a in angles])
    rotation.plot(angles, raw - raw[0], label="coordinates")
    rotation.plot(angles, kept - kept[0], label="symmetry functions")
    rotation.set(title="the molecule turns as a whole", xlabel="angle, degrees", ylabel="energy, kJ/mol")

    dihedrals, train = np.arange(0.0, 361.0, 2.5), np.arange(0.0, 181.0, 10.0)
    for name, style in zip(SETS, ("-", "--", "-", "-"), strict=True):
        fitted = network_potential(name, dihedrals=train)
        g = np.array([descriptors(fitted, butane(a)) for a in dihedrals])
        g = np.abs(g - g[len(g) // 2]).max(axis=(1, 2)) / np.abs(g).max()
        change.plot(dihedrals, g, style, label=name)
        energies = np.array([energy(fitted, butane(a)) for a in dihedrals])
        profile.plot(dihedrals, energies, style, label=name, zorder=3)
        error = np.sqrt(np.mean((energies - torsion_energy(dihedrals)) ** 2))
        print(f"{name:20s} change {g.max():.1e}, barrier {np.ptp(energies):7.3f} kJ/mol, rms error {error:.1e}")
    profile.plot(dihedrals, torsion_energy(dihedrals), "k:", linewidth=3, alpha=0.5, label="reference")
    change.set(title="its middle bond turns: descriptors", xlabel="dihedral, degrees", ylabel="relative change")
    profile.set(title="... and what networks can learn", xlabel="dihedral, degrees", ylabel="energy, kJ/mol")
    for axes in (rotation, change, profile):
        axes.legend(fontsize=7)
        axes.set_xticks(range(0, 361, 90))
    figure.savefig(path, dpi=160)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=FIGURE, help="the picture; default: %(default)s")
    draw(parser.parse_args().output)
