"""How precisely are the charges of a network potential computed, and how many are there all together?"""

from dataclasses import dataclass

from mdcore.base.errors import InputError
from mdcore.base.ranges import choice, number, signed
from mdcore.potentials.charges.electrostatics import METHODS, Electrostatics, shortest_cutoff, too_short
from mdcore.potentials.charges.field import Interaction
from mdcore.potentials.networks.charge_model import ChargeModel
from mdcore.potentials.networks.native_units import Units

SUMS = ("converged", "n2p2")
LEAST_CUTOFF = 6.0  # Angstrom, of near pairs in periodic cells


@dataclass(frozen=True)
class ChargeSettings:
    """How charges of a network potential are computed; Angstrom, e.

    accuracy : of forces in periodic cells, as Electrostatics has it; cutoff : of near pairs there, None: as far as
        networks look, so that they share a list, or as the Gaussians need, 6 at least; method : of what is farther,
        "ewald", "mesh" or "auto"
    residual : of equilibrated charges, what is missing in them, root mean square, in dynamics; where no charges of
        steps before are known it is 1e-11 at most
    sums : over images, "converged", or "n2p2", cut off as the potential says n2p2 does it, to compare with its numbers
    total : charge of the whole, None: what the structure says ("charge" among its entries), 0 if it says nothing
    """

    accuracy: float = 1e-5
    cutoff: float | None = None
    method: str = "auto"
    residual: float = 1e-8
    sums: str = "converged"
    total: float | None = None

    def __post_init__(self):
        number("charge_accuracy", self.accuracy)
        if not 1e-10 <= self.accuracy <= 1e-2:
            raise InputError(f"charge_accuracy = {self.accuracy:g}: expected 1e-10 to 0.01")
        if self.cutoff is not None:
            number("charge_cutoff", self.cutoff, "length")
        choice("charge_method", self.method, METHODS)
        choice("charge_sums", self.sums, SUMS)
        if not 1e-14 <= number("charge_residual", self.residual) <= 1e-3:
            raise InputError(f"charge_residual = {self.residual:g}: expected 1e-14 to 0.001")
        if self.total is not None:
            signed("total_charge", self.total)

    def ewald(self, model: ChargeModel, units: Units, widths: dict[str, float] | None = None) -> Electrostatics:
        """The sum over images; widths : Angstrom, of the engine's species, None: those of the model's elements."""
        if widths is None:
            widths = {str(e): width * units.angstrom for e, width in enumerate(model.widths)}
        widths = None if model.points else widths
        shortest = shortest_cutoff(widths.values(), self.accuracy) if widths else 0.0
        if self.cutoff is not None and self.cutoff < shortest:
            raise InputError(f"charge_cutoff = {self.cutoff:g}: {too_short(widths.values(), self.accuracy)}")
        cutoff = self.cutoff or max(LEAST_CUTOFF, shortest, model.cutoff * units.angstrom)
        constant = model.constant * units.ev * units.angstrom
        return Electrostatics(None, accuracy=self.accuracy, cutoff=cutoff, widths=widths, method=self.method,
                              constant=constant)  # fmt: skip

    def interaction(self, model: ChargeModel, units: Units, element_of) -> Interaction:
        """How charges of the engine's species, which are these elements, feel each other."""
        widths = [model.widths[e] * units.angstrom for e in element_of]
        screening = None
        if model.screening:
            own = model.screening
            screening = (own.inner * units.angstrom, own.outer * units.angstrom, own.core)
        sums = self.ewald(model, units)
        return Interaction(widths, sums.constant, sums, screening)
