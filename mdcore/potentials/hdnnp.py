"""Behler-Parrinello network potentials in the engine: each atom's energy is a network of its surroundings.

E = sum_i E_i(G_i), G_i the symmetry functions of atom i. Behler and Parrinello, Phys. Rev. Lett. 98, 146401
(2007). The kernels (ext/symmetry.c, ext/network.c) work in the author's own units; positions, energies and
forces are converted on their way in and out.
"""

import numpy as np

from mdcore._hdnnp import PRECISIONS, Networks
from mdcore.errors import InputError
from mdcore.potentials.hdnnp_model import HDNNP
from mdcore.potentials.hdnnp_plan import energy_of, make_plan, network_tables
from mdcore.potentials.native_units import Units


class HDNNPotential:
    """A network potential, computed from its in-memory `model` (read_n2p2 or read_h5 make one).

    units : {"length": ..., "energy": ...} or Units, where the model doesn't state its own
    precision : "double", or "mixed": descriptors and their gradients in single precision, networks and sums in
    double. About 1.5 times as fast; published potentials: forces off by 2e-6 eV/Angstrom, energies by 3e-7 eV an atom
    InputError if units are missing, a descriptor can't be scaled or the precision has another name, and from
    `bind` for species the model does not know.
    """

    list_kinds = ("full",)
    ghost_columns = ("tags",)

    def __init__(self, model: HDNNP, units=None, *, precision: str = "double"):
        if precision not in PRECISIONS:
            raise InputError(f'precision = {precision!r}: expected one of {", ".join(PRECISIONS)}')
        self.model = model
        stated = Units.parse(units)
        native = stated or model.stated_units
        if model.units not in (None, native):
            raise InputError(
                f"units: {native.length}, {native.energy} given, but {model.name or 'the potential'} states "
                f"{model.units.length}, {model.units.energy}"
            )
        self.cutoff = model.cutoff * native.angstrom
        self._units = (1.0 / native.angstrom, native.ev, native.ev / native.angstrom, model.cutoff)
        self.networks = networks_of(model, precision)

    def bind(self, symbols) -> None:
        """Find the model's elements among the species of a system."""
        elements = self.model.elements
        if symbols != getattr(self, "symbols", symbols):
            raise InputError(
                f"this network potential serves a simulation of {', '.join(self.symbols)}; make another one for "
                f"{', '.join(symbols)}"
            )
        for symbol in symbols:
            if symbol not in elements:
                raise InputError(
                    f"potential {self.model.name or 'hdnnp'}: no network for species {symbol}; "
                    f"it knows {', '.join(elements)}"
                )
        self.symbols = symbols
        self._element_of = np.array([elements.index(s) for s in symbols], dtype=np.int32)
        self._species_of = np.array([symbols.index(e) if e in symbols else -1 for e in elements], dtype=np.int32)

    def compute(self, atoms, neighbors, domain, out) -> None:
        full = neighbors.full
        self.networks.energy_forces(
            atoms.x, atoms.f, full.first, full.index, full.bounds, self._species_of, self._element_of,
            self._units, out.limbs(), out.atom_energies,
        )  # fmt: skip
        out.add_limbs()

    def tail(self, counts, box) -> tuple[float, float]:
        return 0.0, 0.0


def networks_of(model: HDNNP, precision: str = "double") -> Networks:
    """The kernels' tables of a model, for "double" or "mixed" precision; InputError if a descriptor can't be scaled."""
    elements = []
    for e, (scaling, functions) in enumerate(zip(model.scaling, model.symmetry_functions, strict=True)):
        if scaling.degenerate.size:
            first = functions[scaling.degenerate[0]]
            raise InputError(
                f"{model.name or 'potential'}: symmetry function {first.label} has no width in scaling.data "
                "(min = max, or statistics are missing), so it can't be scaled"
            )
        slope, shift, base = scaling.affine()
        factor, offset = energy_of(model, e)
        layers = network_tables(model.networks[e])
        elements.append((make_plan(functions, model.elements), layers, slope, shift, base, factor, offset))
    return Networks(elements, np.array(model.atomic_numbers, dtype=np.float64), precision)
