"""Which structures train, validate and test, and where is the zero of energy?"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.units import HARTREE, KCAL_PER_MOL, KJ_PER_MOL
from mdcore.engine import sanity
from mdcore.training.data.labelled import Labelled, composition, elements_of
from mdcore.training.settings import SEED, NetworkSettings, Split

USES = ("split", "train", "validation", "test")
SUBSETS = USES[1:]
SAME_ATOM = 1e-3  # eV; energies of isolated atoms of one element may differ by so much
UNIT_RATIOS = {"hartree": HARTREE, "rydberg": HARTREE / 2, "kcal/mol": 1 / KCAL_PER_MOL, "kJ/mol": 1 / KJ_PER_MOL}
UNIT_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class Dataset:
    """Structures by what they are for; tuples of Labelled. strangers : lone atoms of elements that only these are of"""

    train: tuple[Labelled, ...]
    validation: tuple[Labelled, ...] = ()
    test: tuple[Labelled, ...] = ()
    strangers: tuple[Labelled, ...] = ()

    @property
    def all(self) -> tuple[Labelled, ...]:
        return self.train + self.validation + self.test

    @property
    def elements(self) -> tuple[str, ...]:
        return elements_of(self.all)

    def without_strangers(self) -> "Dataset":
        """The same without lone atoms of elements that nothing to train on but lone atoms contains."""
        known = {e for s in self.train if not s.isolated for e in s.counts}
        strangers = {id(s): s for s in self.all if s.isolated and not known.issuperset(s.counts)}
        kept = (tuple(s for s in getattr(self, name) if id(s) not in strangers) for name in SUBSETS)
        return Dataset(*kept, self.strangers + tuple(strangers.values()))

    def subsets(self) -> dict[str, tuple[Labelled, ...]]:
        """Those that are not empty, by name."""
        return {name: getattr(self, name) for name in SUBSETS if getattr(self, name)}


def split(
    groups: Iterable[tuple[str, Sequence[Labelled]]], *, validation: float = Split.validation, test: float = Split.test,
    validation_tags=Split.validation_tags, test_tags=Split.test_tags, seed: int = SEED,
) -> Dataset:  # fmt: skip
    """Deal structures out.

    groups : (use, structures) of each file; use is "train", "validation", "test", or "split": by tag and chance
    validation_tags, test_tags : whole tags among those to split
    validation, test : fractions of the rest, at random, each tag in proportion; isolated atoms stay for training
    seed : the same seed, the same data: the same split

    InputError for a tag that no structure has, and if nothing is left to train on.
    """
    dealt: dict[str, list[Labelled]] = {name: [] for name in SUBSETS}
    rest = []
    for use, data in groups:
        if use not in USES:
            raise InputError(f"use = {use!r}: expected one of {', '.join(USES)}")
        (rest if use == "split" else dealt[use]).extend(data)
    if not 0 <= validation + test < 1:
        raise InputError(f"validation = {validation:g} and test = {test:g}: fractions that leave something to train on")
    known = sorted({s.tag for s in rest})
    for name, tags in (("validation", validation_tags), ("test", test_tags)):
        for tag in tags:
            if tag not in known:
                there = ", ".join(filter(None, known)) or "none"
                raise InputError(f"{name}_tags: no structure to split has the tag {tag!r}; tags: {there}")
        dealt[name] += [s for s in rest if s.tag in tags]
        rest = [s for s in rest if s.tag not in tags]
    dealt["train"] += [s for s in rest if s.isolated]
    rest = [s for s in rest if not s.isolated]
    order = np.random.default_rng(seed).permutation(len(rest))
    order = order[np.argsort(np.array([rest[k].tag for k in order]), kind="stable")]
    chosen = _every(order, test)
    dealt["test"] += [rest[k] for k in sorted(chosen)]
    order = np.array([k for k in order if k not in chosen], dtype=int)
    second = _every(order, validation / (1 - test))
    dealt["validation"] += [rest[k] for k in sorted(second)]
    dealt["train"] += [rest[k] for k in sorted(set(order.tolist()) - second)]
    if not dealt["train"]:
        raise InputError("no structures are left to train on: name a file for it, or make the other fractions smaller")
    return Dataset(*(tuple(dealt[name]) for name in SUBSETS))


def _every(order: np.ndarray, fraction: float) -> set[int]:
    """So large a fraction of `order`, evenly spread over it."""
    steps = np.floor(np.arange(len(order) + 1) * fraction + 0.5)
    return {int(k) for k in order[np.diff(steps) > 0]}


# --- the zero of energy ------------------------------------------------------------------------------


def atom_energies(data: Sequence[Labelled], how=NetworkSettings.atom_energies) -> dict[str, float]:
    """The energy of each element that is taken off before training, eV.

    how : {element: energy} as given; "fit": least squares of the energies an atom on the compositions (of smallest
    norm where these leave a choice); "isolated": of the structures that are one atom alone; "none": zero
    InputError for elements without one, or energies that contradict each other.
    """
    elements = elements_of(data)
    if isinstance(how, Mapping):
        for element in how:
            if element not in elements:
                raise InputError(f"atom_energies: the data have no {element}; they have {', '.join(elements)}")
        missing = [e for e in elements if e not in how]
        if missing:
            wanted = ", ".join(elements)
            raise InputError(f"atom_energies: none for {', '.join(missing)}; give one for each of {wanted}")
        return {e: float(how[e]) for e in elements}
    if how == "none":
        return dict.fromkeys(elements, 0.0)
    if how == "isolated":
        return {e: _alone(data, e) for e in elements}
    if how != "fit":
        raise InputError(f'atom_energies = {how!r}: expected "fit", "isolated", "none" or {{ element = energy, ... }}')
    known = [s for s in data if s.energy is not None]
    if not known:
        raise InputError('atom_energies = "fit": no structure has an energy')
    counts = composition(known, elements)
    n = counts.sum(axis=1)
    fitted = np.linalg.lstsq(counts / n[:, None], np.array([s.energy for s in known]) / n, rcond=1e-10)[0]
    return dict(zip(elements, fitted.tolist(), strict=True))


def _alone(data: Sequence[Labelled], element: str) -> float:
    alone = [s for s in data if s.isolated and s.symbols == (element,) and s.energy is not None]
    if not alone:
        raise InputError(
            f'atom_energies = "isolated": no structure is one {element} atom alone (not periodic, or in a wide cell); '
            'add one, give the energies as { element = energy, ... }, or use "fit"'
        )
    low, high = (pick(alone, key=lambda s: s.energy) for pick in (min, max))
    if high.energy - low.energy > SAME_ATOM:
        raise InputError(
            f'atom_energies = "isolated": {low.where} says {low.energy:.6f} eV for {element}, {high.where} '
            f"{high.energy:.6f} eV; keep one"
        )
    return low.energy


def check_distances(data: Iterable[Labelled]) -> None:
    """InputError for a structure whose atoms are too close to be in Angstrom (sanity.py)."""
    for s in data:
        it = s.structure
        try:
            sanity.refuse(it.box, it.positions, it.species, it.symbols)
        except InputError as error:
            raise InputError(f"{s.where}: {error}") from None


def check_units(groups: Iterable[Sequence[Labelled]]) -> None:
    """InputError if two files with the same mix of elements have energies that differ by the factor of a unit."""
    means = []
    for data in groups:
        known = [s for s in data if s.energy is not None and not s.isolated]
        if known:
            counts = composition(known, elements_of(known)).sum(axis=0)
            mix = dict(zip(elements_of(known), np.round(counts / counts.sum(), 3), strict=True))
            means.append((mix, float(np.mean([s.energy / s.n for s in known])), known[0].file))
    for k, (mix, mean, file) in enumerate(means):
        for other_mix, other, other_file in means[:k]:
            small, large = sorted((abs(mean), abs(other)))
            if mix != other_mix or small == 0 or mean * other < 0:
                continue
            for unit, ratio in UNIT_RATIOS.items():
                if abs(large / small / ratio - 1) < UNIT_TOLERANCE:
                    which = file if abs(mean) == large * (ratio < 1) + small * (ratio > 1) else other_file
                    raise InputError(
                        f"contradictory units: energies are {mean:.6g} eV an atom in {file} and {other:.6g} in "
                        f"{other_file}, the ratio of {unit} to eV; state the units of {which}, e.g. units = "
                        f'{{length = "angstrom", energy = "{unit.lower()}"}}'
                    )
