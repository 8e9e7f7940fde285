"""When has a run gone beyond what its potential was trained on?

A run is doubtful if

often     OFTEN times as large a share of its atoms, in all steps together, was outside the range,
far       more than one of its atoms in a MILLION, over all steps, was more than FARTHER times as far outside as any
          that was held back (fewer are met in long runs of just what was trained on), or one was thrice as far as that;
          likewise by the distance to a nearest neighbour (potentials/networks/nearest.py says what is far),
disputed  in more than one of a THOUSAND looks, its members differed DISPUTED times as much about the force on an atom
          as about any of the data,
few       or so many atoms of what was held back were outside that the data say little of structures not in them.

A potential without these numbers (a folder of n2p2, an older file) is doubtful if an atom was EDGE of a range outside,
or by a distance far outside.
What is usual is in potentials: potentials/networks/known.py.
"""

from mdcore.potentials.networks.known import Known, percent

OFTEN, FEW, EDGE = 4.0, 0.1, 0.25
MILLION, THOUSAND = 1e-6, 1e-3  # shares


def often(known: Known | None, outside: int, atoms: int) -> float:
    """How many times as large the share of atoms outside is as usual; 0 where nothing is known."""
    return outside / atoms / known.share if known is not None and atoms else 0.0


def verdict(name: str, known: Known | None, count, differ=None, unit: str = "steps") -> tuple[bool, str]:
    """(is it doubtful, in a line) about what was seen.

    count : Count (extrapolation.py); differ : Disagreement (disagreement.py), or None
    unit : what count.looked counts
    """
    seen = (
        f"in {percent(count.steps / max(count.looked, 1))} of the {unit} up to {count.most} of {count.n_atoms} atoms "
        f"were outside what {name} was trained on"
    )
    times, excess = often(known, count.atoms, count.seen), count.farthest.excess if count.farthest else 0.0
    limit = EDGE if known is None else max(3.0 * known.far, EDGE)
    apart = count.apart.excess if count.apart else 0.0
    far = excess > limit or apart > (1.0 if known is None else 3.0)
    far |= known is not None and count.far > MILLION * count.seen
    why = None
    if far and apart > 1.0 and not excess > (limit if known is None else known.far):
        why = f"{seen}: {count.apart}"
    elif far:
        why = f"{seen}, by up to {percent(excess)} of a range" + (f"; {count.apart}" if apart > 1.0 else "")
    elif times > OFTEN:
        why = f"{seen}, {times:.0f} times as often as usual"
    elif known is not None and differ is not None and differ.disputed > THOUSAND * differ.looks:
        why = (
            f"the members of {name} differ by up to {differ.largest[0]:.3g} eV/Angstrom about an atom; about those of "
            f"its data by up to {known.disagreement:.3g}"
        )
    elif known is not None and known.share > FEW:
        why = (
            f"{name} was trained on too few structures: {percent(known.share)} of the atoms of held-back ones are "
            "outside the range of the others"
        )
    if why:
        return True, f"verdict: doubtful: {why}; see docs/networks.md"
    edge = f", or at its edge (by up to {percent(excess)} of a range)" if known is None and excess else ""
    return False, f"verdict: within what {name} was trained on{edge}"
