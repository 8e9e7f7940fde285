"""Does a sum of potentials have dispersion or electrostatics twice?"""

import os

from mdcore.cli import committees
from mdcore.config.problems import at
from mdcore.config.settings import Settings
from mdcore.potentials.counted import KINDS, twice


def check(settings: Settings, terms) -> None:
    """InputError that names the section to leave out; terms : of each [[potential]], itself or its model."""
    if settings.double_counting != "refuse":
        return
    sums = ([term.has if i in own else {} for i, term in enumerate(terms)] for own in committees.together(settings))
    if (found := next(filter(None, map(twice, sums)), None)) is None:
        return
    (one, other), (why, own) = found.which, found.why
    if files(settings, other) and not files(settings, one):  # what stands beside a network can go
        one, other, why, own = other, one, own, why
    raise at(
        settings, ("potential", other, "type"),
        f"a second time {found.kind} ({own}): {_name(settings, one)} has it, too ({why}); leave out one of them, or "
        'say at the top of the file that both are meant: double_counting = "allow"',
    )  # fmt: skip


def doubts(settings: Settings, potential_terms) -> list[str]:
    """A line for each network whose card does not say whether it has what another [[potential]] adds."""
    lines = []
    terms = dict(zip(committees.order(settings), potential_terms, strict=True))
    for k, term in sorted(terms.items()):
        if not term.trained or term.model.says or settings.double_counting == "allow":
            continue
        beside = {i for own in committees.together(settings) if k in own for i in own - {k}}
        others = {kind for i in beside for kind in terms[i].has}
        unsaid = [kind for kind in KINDS if kind in others and kind not in term.has]
        if unsaid:
            lines.append(
                f"{_name(settings, k)}: its card does not say what its labels contain; if {' or '.join(unsaid)} is in "
                "them, it is counted twice within its cutoff. mdcore convert --contains tells, or double_counting = "
                '"allow" if it is known to be right'
            )
    return lines


def files(settings: Settings, index: int) -> tuple[str, ...]:
    return settings.potential[index].files


def _name(settings: Settings, index: int) -> str:
    file = next(map(os.path.basename, files(settings, index)), "")
    return f"[[potential]] #{index + 1}, {file or settings.potential[index].type}"
