"""What can be chosen of optimisers and descriptors, and what is chosen unless somebody says otherwise?

The one place of these defaults: those of an input file (config/optimizers.py) are taken from here.
"""

from dataclasses import dataclass

# the most standard deviations a value of a generated function may lie above the mean. A function with a long tail looks
# where atoms hardly ever are: a network learns nothing about its values there, and dynamics soon finds some
RARE = 8.0


@dataclass(frozen=True)
class Loss:
    """What counts how much: weights of errors over what is usual. That is the spread of the labels (Adam, L-BFGS), or
    the running error (the filter: its noise is that over the weight). 0: not looked at
    power : errors of energies are over N^(power / 2); 2 is an error an atom, less trusts large structures more
    """

    energy: float = 3.0
    forces: float = 1.0
    stress: float = 0.0
    power: float = 2.0


@dataclass(frozen=True)
class KalmanSettings:
    """variance : of each parameter before training. rows : force components an update, of `structures` structures, each
    of which gives its energy (and one component of its stress), too
    threshold : only force components with an error above so many times the structure's average
    fading : 1, or less, at which the filter forgets (0.99 to 1); noise : added to P an update
    """

    variance: float = 100.0
    rows: int = 32
    structures: int = 4
    threshold: float = 1.0
    fading: float = 1.0
    noise: float = 0.0


@dataclass(frozen=True)
class AdamSettings:
    """batch : structures a step; step, last_step : sizes of steps; epochs : over which the size falls from one to the
    other; decay : of weights, not biases, a step and unit of step size (decoupled); average : 0, or how much of the
    average of the parameters a step keeps; clip : longest gradient in units of its
    running length, 0: no limit"""

    batch: int = 4
    step: float = 2e-3
    last_step: float = 2e-5
    epochs: int = 100
    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-12
    decay: float = 0.0
    average: float = 0.0
    clip: float = 5.0


@dataclass(frozen=True)
class LBFGSSettings:
    """memory : steps that tell the curvature; decrease, curvature : of Wolfe's conditions; trials : losses a step
    l2 : regularisation: times the sum of squares of all weights, without biases, is added to the loss
    """

    memory: int = 30
    decrease: float = 1e-4
    curvature: float = 0.9
    trials: int = 20
    l2: float = 0.0
