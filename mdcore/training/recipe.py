"""How is a density network of one layer trained where nobody says?

Such that nothing is lost on the way. SOAP makes radial functions for a network whose hidden nodes give nothing: it is
linear in the weights of its products, and `smooth` keeps those small that oscillate fast. Least squares find the best
weights for these functions. Only then hidden nodes begin, from nothing, and the validation set says whether, and up to
which epoch, what they learn holds beyond the training set; without one they are left out.
"""

from mdcore.training.settings import LINEAR, LeastSquaresSettings, OptimizerSettings, Plan, SoapSettings

SMOOTH = 2e-4
FUNCTIONS = SoapSettings(epochs=150, smooth=SMOOTH, part=LINEAR)
WEIGHTS = LeastSquaresSettings(epochs=10)
NODES = SoapSettings(epochs=100, step=2e-3, smooth=SMOOTH)


def optimizers(plan: Plan, validates: bool) -> tuple[OptimizerSettings, ...]:
    """Those of the plan; if it has none, of one layer, the usual ones. validates : is there a validation set?"""
    if plan.optimizer:
        return plan.optimizer
    return (FUNCTIONS, WEIGHTS, NODES) if validates and plan.model.hidden else (FUNCTIONS, WEIGHTS)
