"""What do the benchmarks of density networks share: random networks, and three systems to run them in."""

from pathlib import Path

import numpy as np

from mdcore import System
from mdcore.potentials.density.model import DensityNetwork, Design

ACAC = "acac_train_300K.xyz"  # its first structure
ACAC_HELP = "folder that holds acac_train_300K.xyz (BOTNet-datasets)"
WATER = Path(__file__).parents[1] / "inputs" / "water.extxyz"
SYSTEMS = {  # elements, neighbours of an atom within 5 Angstrom, time step in fs
    "silicon": (("Si",), 28.0, 1.0),
    "water": (("H", "O"), 52.0, 0.5),
    "acac": (("H", "C", "O"), 11.0, 0.01),  # nothing holds the molecule together
}


def start(name: str, reference=None, copies=(1, 1, 1)) -> System:
    """512 atoms of silicon, 64 molecules of water, one of acetylacetone; copies of them."""
    if name == "silicon":
        system = System.build("diamond", lattice_constant=5.43, species="Si").replicate((4, 4, 4))
    else:
        system = System.read(WATER if name == "water" else Path(reference) / ACAC, 0)
    return system.replicate(copies) if tuple(copies) != (1, 1, 1) else system


def network(elements, neighbours: float, *, scale: float = 0.01, seed: int = 1, **design) -> DensityNetwork:
    """Not trained; forces of some `scale` eV/Angstrom where an atom has so many neighbours, so atoms hardly feel it."""
    settings = {"cutoff": 5.0, "channels": 64, "l_max": 3, "factors": 3, "layers": 2, "radial": 8, "mixed": 8} | design
    design, rng = Design(elements=elements, neighbours=neighbours, scale=scale, **settings), np.random.default_rng(seed)
    flat, k = rng.normal(size=design.n_parameters), design.channels
    p = design.views(flat)
    for t in range(design.layers):
        p[f"radial.{t}"] /= np.sqrt(design.radial)
        p[f"W.{t}"] *= np.sqrt(neighbours * design.cutoff / design.mixed)
        typical = design.program.evaluate(rng.normal(size=(1000, design.program.n_components)))
        p[f"w.{t}"] /= np.sqrt(np.mean(typical**2, axis=0) * design.program.n_invariants)[:, None]
        for name in ("U", "V", "S", "c") if t else ("U", "c"):
            p[f"{name}.{t}"] /= np.sqrt(k)
        if f"w1.{t}" in p:
            p[f"w1.{t}"] /= np.sqrt(design.program.n_vectors)
        if f"V1.{t}" in p:
            p[f"V1.{t}"] /= np.sqrt(k)
            p[f"u.{t}"] *= 0.5
    if design.hidden:
        p["W1"] /= np.sqrt(k)
    return DensityNetwork(design=design, parameters=flat)
