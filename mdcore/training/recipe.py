"""How is a density network of one layer trained where nobody says?

Such that nothing is lost on the way. SOAP makes radial functions for a network whose hidden nodes give nothing: it is
linear in the weights of its products, and `smooth` keeps those small that oscillate fast. Least squares find the best
weights for these functions. Only then hidden nodes begin, from nothing, and the validation set says whether, and up to
which epoch, what they learn holds beyond the training set; without one they are left out.
"""

from mdcore.training.prepare import Prepared
from mdcore.training.settings import LINEAR, LeastSquaresSettings, OptimizerSettings, Plan, SoapSettings

SMOOTH = 2e-4
FUNCTIONS = SoapSettings(epochs=150, smooth=SMOOTH, part=LINEAR)
WEIGHTS = LeastSquaresSettings(epochs=10)
NODES = SoapSettings(epochs=100, step=2e-3, smooth=SMOOTH)
MOST = 5000  # weights of products that least squares are for: their time goes with the third power


def optimizers(plan: Plan, prepared: Prepared) -> tuple[OptimizerSettings, ...]:
    """Those of the plan; if it has none, of one layer, the usual ones for these data."""
    return plan.optimizer or (
        FUNCTIONS,
        *([WEIGHTS] if weights(prepared) <= MOST and not plan.loss.robust else []),
        *([NODES] if prepared.data.validation and prepared.design.hidden else []),
    )


def weights(prepared: Prepared) -> int:
    """How many weights all products of one layer have."""
    design = prepared.design
    return design.species * design.channels * design.program.n_invariants


def told(plan: Plan, prepared: Prepared) -> str:
    """Why the usual ones are these, to be added to their list; "" where the plan has its own."""
    if plan.optimizer:
        return ""
    found = ", as usual for one layer"
    if plan.loss.robust:
        found += "; errors are robust, so least squares, which are not, are left out"
    elif weights(prepared) > MOST:
        found += f"; {weights(prepared)} weights of products are too many for least squares"
    if prepared.design.hidden and not prepared.data.validation:
        found += "; nothing validates, so hidden nodes are left out"
    return found
