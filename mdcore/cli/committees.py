"""Committees that are biased, or that other potentials of the input take over from."""

from mdcore.base.errors import InputError, MdcoreError
from mdcore.config.problems import at
from mdcore.config.settings import Settings
from mdcore.engine.zeros import fitted_shifts, member_zeros
from mdcore.faces.potential._committee import MOST
from mdcore.potentials.base import Sum
from mdcore.potentials.committees.bias import BiasedPotential
from mdcore.potentials.committees.fallback import FallbackPotential
from mdcore.structure.frames import systems

KEYS = ("bias", "fallback")


def _which(settings: Settings) -> tuple[int, str] | None:
    """(index in [[potential]], key) of the committee that is biased or has a baseline; InputError for several."""
    found = [(i, key) for i, s in enumerate(settings.potential) for key in KEYS if getattr(s, key, None) is not None]
    if len(found) > 1:
        raise at(settings, ("potential", *found[1]), "one bias or fallback an input; take one of them out")
    return found[0] if found else None


def _baseline(settings: Settings, index: int) -> list[int]:
    """The potentials that take over from number `index`; InputError."""
    wanted = settings.potential[index].fallback.baseline
    others = [i for i in range(len(settings.potential)) if i != index]
    types = [settings.potential[i].type for i in others]
    for word in wanted:
        if word not in types:
            there = ", ".join(dict.fromkeys(types)) or "none"
            where = ("potential", index, "fallback", "baseline")
            raise at(settings, where, f"no other [[potential]] has type = {word!r}; there are: {there}")
    return [i for i, own in zip(others, types, strict=True) if own in wanted]


def order(settings: Settings) -> list[int]:
    """Indices in [[potential]], as their potentials come in the whole (leaves of `joined`)."""
    indices, found = list(range(len(settings.potential))), _which(settings)
    if found is None or found[1] == "bias":
        return indices
    first = [found[0], *_baseline(settings, found[0])]
    return first + [i for i in indices if i not in first]


def together(settings: Settings) -> list[set[int]]:
    """Indices in [[potential]] of what adds up: a baseline that takes over does not add to the network."""
    found, every = _which(settings), set(range(len(settings.potential)))
    if found is None or found[1] == "bias" or settings.potential[found[0]].fallback.weights == "correction":
        return [every]
    return [every - {found[0]}, every - set(_baseline(settings, found[0]))]


def told(settings: Settings) -> list[str]:
    """What banners say of it."""
    if (found := _which(settings)) is None:
        return []
    s = settings.potential[found[0]]
    if found[1] == "bias":
        whose = "of each atom" if s.bias.of == "atoms" else "of the whole"
        return [f"biased towards disagreement {whose}: up to {s.bias.depth:g} eV, width {s.bias.width:g} eV an atom"]
    of = {"structure": "of the structure", "atoms": "of each atom", "correction": "of each atom's correction"}
    names = ", ".join(settings.potential[i].type for i in _baseline(settings, found[0]))
    half = f"half at an uncertainty of {s.fallback.uncertainty:g} eV of an atom"
    return [f"{names} takes over by the weight {of[s.fallback.weights]}, {half}"]


def read_reference(settings: Settings, make) -> dict:
    """What structures that a committee knows say: `zeros` and `shifts`, for `joined`; InputError. For rank 0, which
    shares them. make() : the potentials of all [[potential]]"""
    found = _which(settings)
    if found is None or (name := settings.potential[found[0]].reference) is None:
        return {}
    index, key = found
    s, terms = settings.potential[index], make()
    try:
        every = list(systems(settings.beside(name), settings.units))
        some = every[:: max(1, -(-len(every) // MOST))]
        read = {"zeros": member_zeros(terms[index], some)}
        if key == "fallback" and s.fallback.weights != "correction":
            shifts = fitted_shifts(terms[index], _together([terms[i] for i in _baseline(settings, index)]), some)
            read["shifts"] = shifts | s.fallback.shifts
        return read
    except MdcoreError as error:
        raise at(settings, ("potential", index, key, "reference"), str(error)) from None


def joined(settings: Settings, terms: list, read: dict):
    """The potential of all [[potential]], which add up but for what is said of a committee; read : what its reference
    says (read_reference); InputError."""
    found, terms = _which(settings), list(terms)
    if found is not None:
        index, key = found
        own = vars(getattr(settings.potential[index], key)) | read
        own = {name: value for name, value in own.items() if name not in ("baseline", "reference")}
        try:
            if key == "bias":
                terms[index] = BiasedPotential(terms[index], **own)
            else:
                theirs = _baseline(settings, index)
                own["double_counting"] = settings.double_counting
                whole = FallbackPotential(terms[index], _together([terms[i] for i in theirs]), **own)
                terms = [whole, *(terms[i] for i in order(settings)[1 + len(theirs) :])]
        except InputError as error:
            raise at(settings, ("potential", index, key), str(error)) from None
    return _together(terms, settings.double_counting)


def _together(terms: list, double_counting="allow"):
    return terms[0] if len(terms) == 1 else Sum(*terms, double_counting=double_counting)
