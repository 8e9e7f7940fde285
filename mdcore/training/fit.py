"""The loop: epoch after epoch, watch the errors, keep the best parameters, go on where it was stopped.

A `Fit` takes one set of networks through its optimisers. What counts are the errors of the validation set (of the
training set without one), as score.py makes one number of them; the start counts only until an epoch is no worse where
offsets can't help. Each optimiser begins at the best parameters so far, or afresh. The last one's state is kept at the
end: more epochs go on from it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import astuple, dataclass, field, replace

import numpy as np

from mdcore.base.errors import InputError, SimulationError
from mdcore.training.regression import Errors, Regression
from mdcore.training.score import Floors
from mdcore.training.settings import ALL, CHARGES, SEED, SHORT, OptimizerSettings

COUNTERS = ("stage", "epoch", "since", "best_epoch")
ON_ROOT = ("optimizer/covariance",)  # of a state: too large to be everywhere
ADDED = ("seconds",)  # that older states lack
SAME_START = 1e-6  # relative, and in units of a weight: ranks and machines round the start differently


@dataclass(frozen=True)
class Stage:
    """make(regression, seed) : the optimiser; epochs : at most; patience : epochs without a better score, 0: no end
    part : of the parameters, which it changes (settings.py); errors that these do not change do not count meanwhile
    fresh : it begins at the start, not at the best parameters so far
    follows : it ends what the stage before has found, so without a best epoch of that it is left out
    solves : each epoch is a solution with a smaller ridge, not a step from the one before
    """

    name: str
    make: Callable
    epochs: int
    patience: int = OptimizerSettings.patience
    part: str = ALL
    fresh: bool = False
    follows: bool = False
    solves: bool = False


@dataclass(eq=False)
class Fit:
    """One set of networks on its way. The model is in eV and Angstrom.

    training, validation : Regression of the same networks (validation may be None); stages : of Stage
    floors : below which errors of the set that is watched don't count; errors : the class of what both tell
    decided : each optimiser's last epoch is kept, whatever the errors: recipe.py has found these steps to be best
    ends : of steps along gradients only the last epoch counts: the best of many epochs is so by chance, too
    history : {"epoch": [...], "seconds": [...], "train energy": [...], ...}, RMSE in meV an atom, meV/Angstrom, GPa
    best : parameters with the lowest `score`, found in epoch `best_epoch`; initial : those at the start
    """

    training: Regression
    validation: Regression | None
    stages: list[Stage]
    seed: int = SEED
    floors: Floors = field(default_factory=Floors)
    errors: type = Errors
    decided: bool = False
    ends: bool = False
    history: dict[str, list[float]] = field(default_factory=dict)
    stage: int = 0
    epoch: int = 0  # of the stage
    since: int = 0  # epochs of the stage without a better score
    score: float = np.inf
    best_epoch: int = 0
    best: np.ndarray | None = None
    initial: np.ndarray | None = None
    optimizer: object = None
    start: Errors | None = None  # of the set that is watched, in epoch 0
    last: np.ndarray | None = None  # where the optimiser was, once the parameters are the best ones
    ended: dict | None = None  # a state that no optimiser is left for

    def epochs(self) -> Iterator[dict[str, float]]:
        """Train; after each epoch its errors, as a row of the history. Epoch 0 is the start."""
        if self.best is None:
            self.initial = self.training.parameters.copy()
            yield self._measure(0.0)
        while self.stage < len(self.stages):
            own = self.stages[self.stage]
            if self.optimizer is None:
                self._enter(own)
            while self._goes_on(own):
                began = time.perf_counter()
                with np.errstate(over="ignore", invalid="ignore"):  # errors that are no numbers are told of below
                    self.optimizer.epoch()
                self.epoch += 1
                yield self._measure(began)
            if not (later := self._later()):
                break
            self.optimizer, self.stage, self.epoch, self.since = None, later[0], 0, 0
        self.last = self.training.parameters
        self.training.set(self.best)

    def _later(self) -> list[int]:
        """Stages that come after this one, which is over."""
        better = self.best_epoch > len(self.history["epoch"]) - 1 - self.epoch  # than before it
        return [k for k in range(self.stage + 1, len(self.stages)) if better or not self.stages[k].follows]

    def _enter(self, own: Stage) -> None:
        """Begin with an optimiser; what is best is another thing to another part."""
        self.training.set(self.initial if own.fresh else self.best)
        for regression in filter(None, (self.training, self.validation)):
            regression.release(own.part)
        if self.stage and own.part != self.stages[self.stage - 1].part:
            watched = self.training if self.validation is None else self.validation
            watched.set(self.best)
            self.score = self.floors.score(counting(watched.errors(), own.part))
        self.optimizer = own.make(self.training, self.seed + self.stage)

    def _goes_on(self, own: Stage) -> bool:
        if self.epoch >= own.epochs or (own.patience and self.since >= own.patience):
            return False
        return not getattr(self.optimizer, "converged", False)

    def _measure(self, began: float) -> dict[str, float]:
        with np.errstate(over="ignore", invalid="ignore"):
            return self._measured(began)

    def _measured(self, began: float) -> dict[str, float]:
        train = self.training.errors()
        watched, errors = train, {"train": train}
        if self.validation is not None:
            self.validation.set(self.training.parameters)
            watched = errors["validation"] = self.validation.errors()
        number = len(self.history.get("epoch", ()))
        row = {"epoch": float(number), "seconds": time.perf_counter() - began if began else 0.0}
        for name, own in errors.items():
            row |= {f"{name} {q}": x * s for (q, s), x in zip(own.SHOWN.items(), astuple(own), strict=True)}
            if np.isnan(getattr(own, "charges", 0.0)):
                del row[f"{name} charge"]  # of most potentials
        part = self.stages[self.stage].part if self.stages else ALL
        watched = counting(watched, part)
        self.start, score = self.start or watched, self.floors.score(watched)
        if not np.isfinite(score):
            raise SimulationError(
                f"training: the errors are no finite numbers after epoch {number}; take smaller steps, or look for "
                "wrong labels with mdcore check"
            ).everywhere()
        learned = number and not self.best_epoch and self.floors.better(watched, self.start)
        if self.ends and number and not self.stages[self.stage].solves and self.epoch < self.stages[self.stage].epochs:
            self.since += 1
        elif score < self.score or learned or self.decided or self._alike(score, number):
            if not self._alike(score, number):
                self.score = score
            self.best, self.best_epoch, self.since = self.training.parameters.copy(), number, 0
        else:
            self.since += 1
        for name, value in row.items():
            self.history.setdefault(name, []).append(value)
        return row

    def _alike(self, score: float, number: int) -> bool:
        """Is a solution no better than one of this stage before it, but as good for all that few structures can tell?
        Then a smaller ridge is the better one."""
        own, here = self.stages[self.stage : self.stage + 1], self.best_epoch > number - self.epoch
        if not (own and own[0].solves and here) or own[0].follows:
            return False
        return self.score <= score <= alike((self.validation or self.training).n_total) * self.score

    @property
    def left(self) -> int:
        """Epochs that may still come."""
        if self.stage >= len(self.stages):
            return 0
        here = self.stages[self.stage]
        if not self._goes_on(here):
            return sum(self.stages[k].epochs for k in self._later())
        return here.epochs - self.epoch + sum(stage.epochs for stage in self.stages[self.stage + 1 :])

    # --- restart -----------------------------------------------------------------------------------------

    def state(self) -> dict[str, np.ndarray]:
        """All that the next epoch depends on; keys with a slash are the optimiser's and the history's.

        All ranks call it; what is in ON_ROOT is on rank 0 only.
        """
        if self.ended:
            return self.ended
        own = {name: np.array(getattr(self, name)) for name in (*COUNTERS, "score", "best", "initial")}
        own["unit"] = np.array(self.training.factor)
        own |= {f"history/{name}": np.array(values) for name, values in self.history.items()}
        if self.optimizer is not None:
            here = self.training.parameters
            self.training.set(here if self.last is None else self.last)
            own |= {f"optimizer/{name}": value for name, value in self.optimizer.state().items()}
            self.training.set(here)
            own["optimizer/type"] = np.array(self.stages[self.stage].name.encode())
        return own

    def restore(self, state: dict[str, np.ndarray] | None) -> None:
        """Go on from such a state, of rank 0: the same epochs follow, bit by bit on the same number of ranks.

        InputError if it is damaged, began with other parameters than this fit does, or was within another optimiser:
        parameters mean nothing without the data, descriptors, networks and seed that they came from.
        """
        comm = self.training.comm
        shared = comm.bcast({k: v for k, v in state.items() if k not in ON_ROOT} if comm.rank == 0 else None)
        state = state if comm.rank == 0 else shared
        sets = ["train"] if self.validation is None else ["train", "validation"]
        try:
            self._refuse(state)
            check_state(state, self.training.n_parameters, sets, self.errors.SHOWN)
        except (KeyError, ValueError, TypeError, OverflowError) as error:
            raise InputError(damaged(error)) from None
        for name in COUNTERS:
            setattr(self, name, int(state[name]))
        self.score, self.best, self.initial = float(state["score"]), np.array(state["best"]), np.array(state["initial"])
        self.history = {k.removeprefix("history/"): v.tolist() for k, v in state.items() if k.startswith("history/")}
        shown = {f"{sets[-1]} {q}": s for q, s in self.errors.SHOWN.items()}
        self.start = self.errors(*(self.history[name][0] / s for name, s in shown.items() if name in self.history))
        own = {k.removeprefix("optimizer/"): v for k, v in state.items() if k.startswith("optimizer/")}
        self.optimizer = None
        if self.stage >= len(self.stages):  # of fewer optimisers than it has gone through: nothing is left
            self.ended = state
        elif own:
            for regression in filter(None, (self.training, self.validation)):
                regression.release(self.stages[self.stage].part)
            self.optimizer = self.stages[self.stage].make(self.training, self.seed + self.stage)
            try:
                check_alike(own, self.optimizer.state())
                self.optimizer.restore(own)
            except (KeyError, ValueError, TypeError, OverflowError) as error:
                raise InputError(damaged(error)) from None

    def _refuse(self, state: dict[str, np.ndarray]) -> None:
        """InputError if this is the state of another training."""
        factor, stage = self.training.factor, int(state["stage"])
        start = np.append(self.training.parameters, 1.0)
        initial = np.append(state["initial"], state.get("unit", factor) / factor)
        if initial.shape != start.shape or not np.allclose(initial, start, rtol=SAME_START, atol=SAME_START):
            raise InputError(
                "began with other data or labels to train on, descriptors, networks or seed; go on with the settings "
                "that are in it (input), or train anew under another name, e.g. --set output.name=..."
            )
        if any(name.startswith("history/validation ") for name in state) != (self.validation is not None):
            raise InputError("began with a validation set, or without one, unlike now; go on with its data")
        kind = bytes(state.get("optimizer/type", b"")).decode()
        now = self.stages[stage].name if 0 <= stage < len(self.stages) else kind
        if kind and kind != now:
            raise InputError(
                f"was stopped within [[optimizer]] #{stage + 1}, {kind}, which is {now} now; let that one end "
                "(epochs = ...) and add others after it"
            )


def alike(n: int) -> float:
    """How much larger errors of n structures are by chance: about half of what those of others differ by."""
    return 1.0 + 0.5 / n**0.5


def damaged(error) -> str:
    """What is told of a state that can't be; error : with a key, or a text that begins with one"""
    return f"holds no whole state to go on from ({error!s}); train anew, with --overwrite"


def check_state(state: dict[str, np.ndarray], n_parameters: int, sets: list[str], quantities=Errors.SHOWN) -> None:
    """KeyError or ValueError unless numbers of a fit are there, as many as there must be."""
    columns = ["epoch", "seconds", *(f"{name} {quantity}" for name in sets for quantity in quantities)]
    columns = [name for name in columns if f"history/{name}" in state or not name.endswith(" charge")]
    n = np.size(state["history/epoch"])
    shapes = {**dict.fromkeys((*COUNTERS, "score"), ()), **dict.fromkeys(("best", "initial"), (n_parameters,))}
    shapes |= {f"history/{name}": (n,) for name in columns}
    for name, shape in shapes.items():
        own = state[name]
        if np.shape(own) != shape or own.dtype.kind != ("i" if name in COUNTERS else "f"):
            raise ValueError(f"{name}: {np.shape(own)} of type {own.dtype}, expected {shape}")
        if not (name.startswith("history/") or np.isfinite(own).all()):
            raise ValueError(f"{name}: no finite numbers")
        if name in COUNTERS and not 0 <= own < 2**31:
            raise ValueError(f"{name}: {own}")
    if {name for name in state if name.startswith("history/")} - shapes.keys() or not state["best_epoch"] < n:
        raise ValueError("history: of other epochs or errors")


def check_alike(state: dict[str, np.ndarray], fresh: dict[str, np.ndarray]) -> None:
    """KeyError or ValueError unless a state of an optimiser has what a fresh one has; some arrays may be longer."""
    for name, other in fresh.items():
        if other is None:  # on rank 0 only
            continue
        if name in ADDED and name not in state:
            continue
        own, free = state[name], name in ("random", "steps", "changes", "of")  # how many there are
        same = np.ndim(own) == np.ndim(other) and np.shape(own)[free:] == np.shape(other)[free:]
        if not same or own.dtype.kind != other.dtype.kind:
            raise ValueError(f"optimizer/{name}: {np.shape(own)} of type {own.dtype}, expected {np.shape(other)}")
    if np.shape(state.get("steps")) != np.shape(state.get("changes")):
        raise ValueError("optimizer/steps: not as many as changes")


def counting(errors, part: str):
    """What counts of the errors while a part of the parameters is trained."""
    if part == CHARGES:
        return Errors(np.nan, np.nan, np.nan, errors.charges)
    return replace(errors, charges=np.nan) if part == SHORT else errors
