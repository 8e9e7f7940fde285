"""From what is prepared to fits: a model of the right size, its descriptors on all structures, a Fit a member."""

from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.comm import SelfComm
from mdcore.training import recipe
from mdcore.training.families import family
from mdcore.training.fit import Fit, Stage
from mdcore.training.optimizers.adam import Adam
from mdcore.training.optimizers.kalman import Kalman
from mdcore.training.optimizers.lbfgs import LBFGS
from mdcore.training.optimizers.least_squares import LeastSquares
from mdcore.training.optimizers.soap import Soap
from mdcore.training.prepare import Prepared, fitted_on, threads_of
from mdcore.training.score import floors
from mdcore.training.settings import (
    ALL,
    AdamSettings,
    Committee,
    KalmanSettings,
    LBFGSSettings,
    LeastSquaresSettings,
    Loss,
    OptimizerSettings,
    Plan,
    SoapSettings,
)

# name of an optimiser, and (regression, settings, seed) -> the optimiser
OPTIMIZERS = {
    KalmanSettings: ("kalman", Kalman),
    AdamSettings: ("adam", Adam),
    SoapSettings: ("soap", Soap),
    LBFGSSettings: ("lbfgs", lambda regression, settings, seed: LBFGS(regression, settings)),  # no chance in it
    LeastSquaresSettings: ("least-squares", lambda regression, settings, seed: LeastSquares(regression, settings)),
}


class Members:
    """What models see of training and validation set, and labels, computed once for all members of a committee.

    comm : ranks that share the structures of either set; family : of the models (families.py)
    """

    def __init__(self, plan: Plan, prepared: Prepared, comm=None):
        self.comm, self.threads, self.decision = comm or SelfComm(), threads_of(plan), None
        self.rehearsed, self.usual = recipe.rehearsed(plan, prepared, self.comm.size), not plan.optimizer
        self.plan = plan = replace(plan, optimizer=recipe.optimizers(plan, prepared, self.comm.size))
        self.family = family(plan, prepared)
        memory = plan.parallel.memory * 1e9
        train = fitted_on(prepared.left.train, plan.needed)
        validation = fitted_on(prepared.left.validation, plan.needed)
        share = len(train) / (len(train) + len(validation))
        self.train = self.family.share(train, self.threads, memory * share, self.comm)
        self.validation = None
        if validation:
            self.validation = self.family.share(validation, self.threads, memory * (1 - share), self.comm)
        self.weights = np.array([s.weight for s in train])  # of all ranks

    def memory(self) -> tuple[float, float]:
        """Gigabytes of what is seen of the training set, of all ranks; the share of its structures that is kept."""
        found = self.comm.sum(np.array([self.train.bytes / 1e9, self.train.kept / self.train.n_total]))
        return float(found[0]), float(found[1])

    def rehearsal(self) -> Fit | None:
        """A fit that shows how to train, before any member does; None: that is known. `decide` is to follow."""
        if self.rehearsed is None:
            return None
        plan = replace(self.plan, committee=Committee())
        return replace(Members(plan, self.rehearsed, self.comm).fit(0), ends=True)

    def decide(self, rehearsal: Fit) -> str:
        """Train all members as the rehearsal, which has ended, has shown to be best; what was decided, and by what."""
        self.decision = recipe.decide(rehearsal, self.plan.optimizer, self.rehearsed.data)
        return self.decision.told

    def fit(self, member: int) -> Fit:
        """The fit of one member of the committee: its own start, and its own sample if the plan says so."""
        plan, seed = self.plan, self.plan.seed + 1000 * member
        weights = self.weights
        if plan.committee.bootstrap:
            n = len(weights)
            drawn = np.random.default_rng(seed).integers(n, size=n)
            weights = weights * np.bincount(drawn, minlength=n)
        self.train.weights[:] = weights[self.train.begin :][: self.train.n_structures]
        model = self.family.start(self.train, seed, member)
        training, validation = (
            own and self.family.regression(model, own, self.threads, plan.loss) for own in (self.train, self.validation)
        )
        if self.decision:
            plan = replace(plan, optimizer=self.decision.optimizer)
        stages = [stage(own, *of) for own, of in zip(plan.optimizer, plan.parts, strict=True)]
        known = {"decided": bool(self.decision), "ends": self.usual and not self.decision}
        return Fit(training, validation, stages, seed, floors(validation or training), **known)


@dataclass(frozen=True, eq=False)
class Ended:
    """What is left of the fit of a member. model : with the best parameters, of epoch `best_epoch`; history : of Fit"""

    model: object
    history: dict[str, list[float]]
    best_epoch: int

    @classmethod
    def of(cls, fit: Fit) -> "Ended":
        return cls(fit.training.fitted(), fit.history, fit.best_epoch)


def name_of(settings: OptimizerSettings) -> str:
    """What its type is called in an input."""
    return OPTIMIZERS[type(settings)][0]


def stage(settings: OptimizerSettings, loss: Loss, part: str = ALL) -> Stage:
    """An optimiser, to be made when its turn comes, the loss as it is then, and what it changes."""
    name, kind = OPTIMIZERS[type(settings)]

    def make(regression, seed):
        regression.weigh(loss)
        return kind(regression, settings, seed)

    squares, fresh = isinstance(settings, LeastSquaresSettings), getattr(settings, "fresh", False)
    return Stage(name, make, settings.epochs, settings.patience, part, fresh, squares and part == ALL, squares)
