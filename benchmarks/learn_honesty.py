"""Does the potential of a campaign know how wrong it is? Each is judged again by the structures that came after it.

    python benchmarks/learn_honesty.py learn results/silicon ...        # folders of campaigns, finished or not

Each generation's potential is asked about the structures of the next one, which it was not trained on, and calibrated
as mdcore does today, by what was known before they had labels; so campaigns of older versions are judged alike, and no
oracle is called. Tells the rank correlations of sigma and error, of atoms and of root mean squares over structures, and
the share of errors within one sigma (of generation 1 there is no calibration yet); last the same (ranks, share in %) of
all generations together that had one. Atoms of one structure are alike, and a generation has few structures: so it also
tells how many generations would be within the bounds if each had its true factor (`by_chance`).
"""

import math
from pathlib import Path

import common
import numpy as np

from mdcore.learn import questions
from mdcore.learn.calibration import LEAST, WITHIN, rank_correlation, updated
from mdcore.learn.history import History
from mdcore.learn.judge import Judgement, compared, judge, rms
from mdcore.learn.looks import Looks
from mdcore.learn.record import NAME, Record

TARGET_RANK, TARGET_WITHIN = 0.6, 0.07


def main() -> None:
    options = common.parser(__doc__)
    options.add_argument("folders", nargs="+", type=Path, help="of campaigns")
    given, rows, judgements, chances = options.parse_args(), [], [], []
    for folder in given.folders:
        found, together, own = judged(folder)
        judgements += found
        chances += own
        columns = [(own.rank, own.rank_of_structures, own.within) for own in found], [together]
        told = [[" ".join(map(*own)) for own in zip(FORMS, zip(*c, strict=True), strict=True)] for c in columns]
        rows.append((folder, len(found), *told[0], ", ".join(told[1])))
    heads = ("campaign", "generations", "rank of atoms", "of structures", "within one sigma, %", "together")
    print(common.table(heads, rows) + "\n")
    for what, values, good in (
        (f"rank of atoms >= {TARGET_RANK}", [own.rank for own in judgements], lambda x: x >= TARGET_RANK),
        (
            f"rank of structures >= {TARGET_RANK}", [own.rank_of_structures for own in judgements],
            lambda x: x >= TARGET_RANK,
        ),
        (
            f"within one sigma {percent(WITHIN)} +- {percent(TARGET_WITHIN)} %", [own.within for own in judgements],
            lambda x: abs(x - WITHIN) <= TARGET_WITHIN,
        ),
    ):  # fmt: skip
        there = [x for x in values if np.isfinite(x)]
        print(f"{what}: {sum(map(good, there))} of {len(there)}")
    if chances:
        print(f"of these, with the true factor of each generation: {np.nansum(chances):.1f} expected")


def judged(folder: Path) -> tuple[list[Judgement], tuple[float, float, float], list[float]]:
    """(Judgement of each generation's potential; rank of atoms, of structures, share within one sigma of all that had a
    calibration from before; of each of these `by_chance`)"""
    record = Record(folder / NAME, write=False)
    history, found, everything, chances = History(record), [], [], []
    for event in {event["generation"]: event for event in record.of("trained")}.values():
        n, looks = event["generation"], Looks(folder / event["file"])
        fresh = questions.fresh(looks, history.labelled(n + 1))
        if not fresh:
            continue
        before = None
        if found:
            before = updated([own.calibration for own in found], *compared(questions.fresh(looks, history.labelled(n))))
            told = [compared([own]) for own in fresh]
            each = [(before.apply(sigma, species), errors) for sigma, errors, species in told]
            everything += each
            chances.append(by_chance(each))
        found.append(judge(fresh, {}, before, np.inf, np.inf))
    if not everything:
        return found, (float("nan"),) * 3, []
    sigma, errors = (np.concatenate(own) for own in zip(*everything, strict=True))
    of_structures = rank_correlation(*([rms(own) for own in each] for each in zip(*everything, strict=True)))
    together = rank_correlation(sigma, errors), of_structures, float(np.mean(errors <= sigma))
    return found, together, chances


def by_chance(structures) -> float:
    """How probable is a share within the bounds, were the factor true? structures : (sigma, errors), each [n], of each

    With the factor that fits this generation as many errors are within one sigma as should be; how this share scatters
    between structures, drawn anew as a whole (a ratio of sums, in first order), is what the true factor would show.
    """
    ratios = [errors / np.maximum(sigma, LEAST) for sigma, errors in structures]
    if len(ratios) < 2:
        return float("nan")
    fits = np.quantile(np.concatenate(ratios), WITHIN)
    more = np.array([np.count_nonzero(own <= fits) - WITHIN * len(own) for own in ratios])
    error = math.sqrt(np.sum(more**2) * len(ratios) / (len(ratios) - 1)) / sum(map(len, ratios))
    return math.erf(TARGET_WITHIN / (math.sqrt(2.0) * error)) if error else 1.0


def rank(number: float) -> str:
    return "-" if np.isnan(number) else f"{number:.2f}"


def percent(number: float) -> str:
    return "-" if np.isnan(number) else f"{100.0 * number:.0f}"


FORMS = (rank, rank, percent)

if __name__ == "__main__":
    main()
