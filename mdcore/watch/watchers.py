"""Who watches a potential in a run, and what was seen?"""

from mdcore.watch.disagreement import Disagreement
from mdcore.watch.extrapolation import Extrapolation
from mdcore.watch.verdict import verdict

MAKERS = {"extrapolation": Extrapolation, "disagreement": Disagreement}


def watchers_of(potential) -> list:
    """What its `policies` say: each is a watcher, or what one is made of (None: as usual)."""
    found = []
    for name, wish in potential.policies.items():
        maker = MAKERS[name]
        found.append(wish if isinstance(wish, maker) else maker() if wish is None else maker(wish))
    return found


def summaries(watchers) -> list[str]:
    """What was seen, in numbers, a line each. watchers : (watcher, bound potential)"""
    return [line for watcher, term in watchers for line in watcher.told(term.potential)]


def verdicts(watchers) -> list[tuple[bool, str]]:
    """(is the run doubtful, why, in a line) about each potential that was trained."""
    found = []
    for watch, term in watchers:
        if not isinstance(watch, Extrapolation):
            continue
        name, usual = term.potential.name, term.potential.usual
        differ = next((own for own, of in watchers if of is term and isinstance(own, Disagreement)), None)
        if watch.watches:
            found.append(verdict(name, usual, watch.total, differ))
        else:
            found.append((False, f'verdict: none about {name}: nobody looked (extrapolation = "ignore")'))
    return found


def left_training(watchers) -> tuple[str, int | None] | None:
    """(name of a potential whose training a run has left, the first step with atoms far outside)."""
    for watch, term in watchers:
        if isinstance(watch, Extrapolation):
            since = watch.total.since
            if (term.potential.usual is not None and since is not None) or verdicts([(watch, term)])[0][0]:
                return term.potential.name, since
    return None
