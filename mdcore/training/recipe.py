"""How is a density network of one layer trained where nobody says?

Such that nothing is lost on the way. SOAP makes radial functions for a network whose hidden nodes give nothing: it is
linear in the weights of its products, and `smooth` keeps those small that oscillate fast. Least squares find the best
weights for these functions, those of energies above all. Only then hidden nodes begin, from nothing, and the validation
set says whether what they learn holds beyond the training set. Bonds of molecules are not smooth, so then all begins
afresh, for long, without `smooth`; and least squares end that if it was better. What counts of each step is how it
ends: the best of many epochs is so by chance, too.

Where nothing validates there is a rehearsal: all of that with a part held back. Its errors say which steps are worth it
and which ridges are the best; then all structures are trained on, that way.
"""

from dataclasses import astuple, dataclass, replace
from math import ceil

import numpy as np

from mdcore.training import metrics
from mdcore.training.data.dataset import Dataset, split
from mdcore.training.fit import Fit, alike
from mdcore.training.prepare import Prepared, has
from mdcore.training.settings import ALL, LINEAR, LeastSquaresSettings, OptimizerSettings, Plan, SoapSettings

SMOOTH = 2e-4
FUNCTIONS = SoapSettings(epochs=150, smooth=SMOOTH, part=LINEAR)
WEIGHTS = LeastSquaresSettings(epochs=9, emphasis=10.0)
NODES = SoapSettings(epochs=100, step=2e-3, smooth=SMOOTH)
AFRESH = SoapSettings(epochs=600, fresh=True)
STEPS, FEWEST = 50_000, 100  # after which it ends, but after so many epochs at least
END = replace(WEIGHTS, ridge=1e-3, epochs=7, part=ALL)
MOST = 5000  # weights of products that least squares are for: their time goes with the third power
HELD, LEAST = 0.12, 3  # of the structures are held back; at least so many, and one a rank
MOST_HELD = 0.3  # of them are so few that none are


@dataclass(frozen=True)
class Decision:
    """How to train on all; told : the decision and its reasons"""

    optimizer: tuple[OptimizerSettings, ...]
    told: str


def optimizers(plan: Plan, prepared: Prepared, ranks: int = 1) -> tuple[OptimizerSettings, ...]:
    """Those of the plan; if it has none, of one layer, the usual ones for these data."""
    if plan.optimizer:
        return plan.optimizer
    held = held_back(plan, prepared, ranks)
    solved = weights(prepared) <= MOST and not plan.loss.robust
    first = (FUNCTIONS, WEIGHTS) if solved else (FUNCTIONS,)
    if not prepared.design.hidden or not (prepared.data.validation or held):
        return first
    batches = ceil(len((held or prepared.data).train) / AFRESH.batch)
    afresh = replace(AFRESH, epochs=min(AFRESH.epochs, max(FEWEST, STEPS // batches)))
    return *first, NODES, afresh, *([END] if solved else [])


def name_of(step: OptimizerSettings) -> str:
    """What it does."""
    if isinstance(step, LeastSquaresSettings):
        return "least squares"
    return "functions" if step.part == LINEAR else "all afresh" if step.fresh else "hidden nodes"


def weights(prepared: Prepared) -> int:
    """How many weights all products of one layer have."""
    design = prepared.design
    return design.species * design.channels * design.program.n_invariants


def held_back(plan: Plan, prepared: Prepared, ranks: int = 1) -> Dataset | None:
    """What is trained on, dealt out for a rehearsal; None: there is none, for something validates, or of few structures
    none can be spared."""
    own = [s for s in prepared.left.train if not s.isolated]
    if prepared.data.validation or (least := max(LEAST, ranks)) > MOST_HELD * len(own):
        return None
    found = split([("split", own)], validation=max(HELD, least / len(own)), test=0.0, seed=plan.seed)
    known = {e for s in found.train for e in s.counts}
    alone = tuple(s for s in found.validation if not known.issuperset(s.counts))  # the only ones of an element
    rest = tuple(s for s in found.validation if known.issuperset(s.counts))
    found = Dataset(found.train + alone, rest)
    both = len(rest) >= least and all(has(part, k) for part in (found.train, rest) for k in plan.needed)
    return found if both else None


def rehearsed(plan: Plan, prepared: Prepared, ranks: int = 1) -> Prepared | None:
    """What a rehearsal is trained on; None: there is none."""
    if plan.optimizer or len(optimizers(plan, prepared, ranks)) == 1:
        return None
    found = held_back(plan, prepared, ranks)
    return found and replace(prepared, data=found, left=found)


def unlike(plan: Plan, prepared: Prepared, before: int, ranks: int) -> str:
    """Why a training on as many ranks as `before` can't go on with others: each rank needs one of what a rehearsal
    holds back, so that may be another set, or none. "" if it can."""
    found = [rehearsed(plan, prepared, n) for n in (before, ranks)]
    held = [own.data.validation if own else () for own in found]
    if [*map(id, held[0])] == [*map(id, held[1])]:
        return ""
    return (
        f"began with ranks = {before}, where a rehearsal holds back {len(held[0]) or 'no'} structures; where ranks = "
        f"{ranks} it holds back {len(held[1]) or 'none'}; go on with as many ranks as before"
    )


def ridge_of(step: OptimizerSettings) -> str:
    """" (ridge 1e-05)", if it has one"""
    return f" (ridge {step.ridge:.0e})" if isinstance(step, LeastSquaresSettings) else ""


def decide(fit: Fit, usual: tuple[OptimizerSettings, ...], data: Dataset) -> Decision:
    """What a rehearsal by the `usual` optimisers, with these data, says: by how each step ends, as it will on all
    structures; of least squares the smallest ridge that is as good as the best, as far as few structures can tell."""
    best, chosen, told, at = np.inf, (), [], 0
    for step in usual:
        if at + 1 == len(fit.history["epoch"]):
            break  # the step before it was no better than others, so it was left out
        epochs, at = range(at + 1, at + 1 + step.epochs), at + step.epochs
        errors = {k: _errors(fit, k) for k in epochs}
        squares = isinstance(step, LeastSquaresSettings)
        scores = {k: fit.floors.score(errors[k]) for k in epochs}
        least = min(scores.values()) if squares else scores[at]
        allowed = alike(len(data.validation)) if getattr(step, "part", ALL) == LINEAR else 1.0
        end = max(k for k in epochs if scores[k] <= allowed * least) if squares else at
        told.append(f"{name_of(step)} {_shown(errors[end])}")
        if squares:
            step = replace(step, epochs=1, ridge=step.ridge * step.fall ** (end - epochs.start))
            told[-1] += ridge_of(step)
        if least < best:
            best = scores[end]  # a fit goes on from there, so what comes next is measured by it
            chosen = (step,) if getattr(step, "fresh", False) else (*chosen, step)
    held, total = len(data.validation), len(data.all)
    steps = [name_of(step) + ridge_of(step) for step in chosen]
    return Decision(
        chosen,
        f"rehearsal: errors of {held} of {total} structures, held back from it: {'; '.join(told)}\n"
        f"so all {total} structures are trained on: {', then '.join(steps)}",
    )


def _errors(fit: Fit, epoch: int):
    """Of what is held back, after an epoch."""
    names = {f"validation {q}": unit for q, unit in fit.errors.SHOWN.items()}
    return fit.errors(*(fit.history[name][epoch] / unit for name, unit in names.items() if name in fit.history))


def _shown(errors) -> str:
    units = zip(astuple(errors), errors.SHOWN.items(), strict=True)
    found = ((q, value * unit) for value, (q, unit) in units)
    return ", ".join(f"{value:.3g} {metrics.UNITS[q]}" for q, value in found if not np.isnan(value))


def told(plan: Plan, prepared: Prepared, ranks: int = 1) -> str:
    """Why the usual ones are these, to be added to their list; "" where the plan has its own."""
    if plan.optimizer:
        return ""
    found = ", as usual for one layer"
    if plan.loss.robust:
        found += "; errors are robust, so least squares, which are not, are left out"
    elif weights(prepared) > MOST:
        found += f"; {weights(prepared)} weights of products are too many for least squares"
    if prepared.data.validation:
        return found
    if own := rehearsed(plan, prepared, ranks):
        what = "steps and ridges" if NODES in optimizers(plan, own) else "the ridge"
        found += (
            f"; nothing validates, so a rehearsal without {len(own.data.validation)} of {len(own.data.all)} structures "
            f"decides on {what}; then all are trained on"
        )
    elif prepared.design.hidden:
        found += "; nothing validates, and too few structures can be held back, so hidden nodes are left out"
    return found
