"""From labelled structures and a plan to what training needs: a dealt-out set, zero of energy, descriptors, walls."""

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from mdcore.base.comm import SelfComm, on_root
from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.exact import SHARE_LIMIT
from mdcore.base.threads import number_of_threads
from mdcore.base.units import GIGAPASCAL
from mdcore.engine.evaluation import evaluate
from mdcore.potentials.base import Sum
from mdcore.potentials.density.model import Design
from mdcore.potentials.networks import walls
from mdcore.potentials.networks.model import n_parameters
from mdcore.potentials.networks.trained import Model
from mdcore.training import descriptors, symmetry_sets, warm
from mdcore.training import reach as reach_of
from mdcore.training.candidates import CANDIDATES
from mdcore.training.data import dataset
from mdcore.training.data.labelled import Labelled, elements_of, need
from mdcore.training.pairs import PairDistances, distances
from mdcore.training.settings import CUTOFF_FUNCTIONS, LABELS, DensitySettings, KalmanSettings, Plan, Unsuited

MOST_FILTERED = 10_000  # parameters of a density network that the Kalman filter takes
NOT_ADDED_UP = 0.02  # e, times the root of the number of atoms: rounding of charges in files
ROUNDED, TOO_MUCH = 1e-6, 0.5  # of the largest charge: what each atom gets more is rounding, is no correction
MOST_NEIGHBOURS = 5_000  # of an atom; the work goes with the square
Groups = Sequence[tuple[str, Sequence[Labelled]]]  # (use, structures) of each file


@dataclass(frozen=True, eq=False)
class Prepared:
    """data : the Dataset; left : the same with what is left of its labels, which is fitted; atom_energies : eV;
    descriptors, or None; design : of a density network, or None; reach : how far is looked for neighbours, Angstrom;
    shortest : {pair: Angstrom}, of what is trained on; walls; start : a potential that training goes on from, or None
    """

    data: dataset.Dataset
    left: dataset.Dataset
    atom_energies: dict[str, float]
    descriptors: descriptors.Descriptors | None
    design: Design | None
    reach: float
    shortest: dict[tuple[str, str], float]
    walls: tuple[walls.Wall, ...]
    start: Model | None = None

    def subsets(self) -> dict[str, list[Labelled]]:
        """{name: structures} without lone atoms, which say nothing of interactions."""
        found = {name: [s for s in data if not s.isolated] for name, data in self.data.subsets().items()}
        return {name: data for name, data in found.items() if data}


def prepare(plan: Plan, groups: Callable[[], Groups], comm=None) -> Prepared:
    """Data, told by `groups` on rank 0; zero of energy, and descriptors chosen on what is trained on, the same on all
    ranks. Unsuited if data and plan don't go together."""
    comm = comm or SelfComm()
    start = on_root(comm, lambda: warm.read_start(plan), share=True) if plan.warm_start else None
    data = on_root(comm, lambda: deal(plan, groups()), share=True)
    left = subtracted(plan, data, comm) if plan.subtract else data
    energies = on_root(comm, lambda: zeros_of_energy(plan, left, start), share=True)
    train = fitted_on(left.train, plan.needed)
    design = design_of(reach_of.settled(plan.model, train, start, comm), energies) if plan.model else None
    longest = reach = design.cutoff if design else plan.descriptors.reach
    check_reach(data.all, reach, ("model" if plan.model else "descriptors", "cutoff"))
    pairs = distances_of(train, reach, comm)
    shortest = {pair: own.shortest for pair, own in pairs.items()}
    if plan.model:
        chosen = None
        if np.isinf(list(shortest.values())).all():
            told = f"no two atoms to train on are closer than {reach:g} Angstrom; say more"
            raise Unsuited(f"{told}; or is the data's unit another?", ("model", "cutoff")).everywhere()
        if start:
            warm.check_design(start, design)
    elif start:
        chosen = warm.descriptors_of(start, train, comm)
    else:
        chosen = descriptors_of(plan, data, train, tuple(energies), pairs, comm)
    if chosen:
        reach = min(reach, max(f.cutoff for own in chosen.functions for f in own))
    check_memory(plan, chosen, design, comm.size)
    made = walls_of(plan, shortest, data, reach, comm)
    return Prepared(data, left, energies, chosen, design, longest, shortest, made, start)


def descriptors_of(plan: Plan, data, train, elements, pairs, comm) -> descriptors.Descriptors:
    """Those that are given, or chosen on what is trained on."""
    s = plan.descriptors
    cutoff_type = CUTOFF_FUNCTIONS[s.cutoff_function]
    try:
        if s.is_given:
            functions = (
                symmetry_sets.from_input_nn(s.file, elements, s.units)
                if s.file
                else symmetry_sets.from_lines(s.functions, elements, cutoff_type)
            )
            longest = max((f.cutoff for own in functions.values() for f in own), default=0.0)
            check_reach(data.all, longest, ("descriptors", "file" if s.file else "functions"))
            return descriptors.given(train, functions, s.scaling, comm)
        candidates = CANDIDATES[s.kind](s, elements, pairs)
        return descriptors.choose(
            train, candidates, s.keep, method=s.method, mode=s.scaling, seed=plan.seed, rare=s.rare, comm=comm,
        )  # fmt: skip
    except InputError as error:
        named = "keep" if "descriptors: keep " in str(error) else "cutoff"
        key = "file" if s.file else "functions" if s.functions else named
        raise Unsuited(str(error), ("descriptors", key)).everywhere() from None


def design_of(s: DensitySettings, elements) -> Design:
    """Of the density network of a plan; its mean number of neighbours and scale are found at the start."""
    try:
        return Design(
            elements=tuple(elements), cutoff=s.cutoff, l_max=s.l_max, factors=s.factors, layers=s.layers,
            channels=s.channels, radial=s.radial, mixed=s.mixed, hidden=s.hidden, element_rank=s.element_rank,
            message_l=s.message_l, envelope=s.envelope,
        )  # fmt: skip
    except InputError as error:
        raise Unsuited(str(error), ("model",)).everywhere() from None


def check_reach(data, cutoff: float, path: tuple[str, str]) -> None:
    """Refuse a model that sees so many neighbours that nobody would wait for them."""
    for s in data:
        widths, periodic = s.box.widths, s.periodic
        images = np.prod([1.0 + 2.0 * cutoff / w if p else 1.0 for w, p in zip(widths, periodic, strict=True)])
        around = s.n * min(images, 4.19 * cutoff**3 / s.box.volume if all(periodic) else np.inf)
        if around > MOST_NEIGHBOURS:
            told = (
                f"{s.where}: an atom has about {around:,.0f} neighbours within {cutoff:g} Angstrom; take a smaller "
                "cutoff, 6 to 8 Angstrom do; or are its lengths in another unit?"
            )
            raise Unsuited(told, path).everywhere()


def check_memory(plan: Plan, chosen: descriptors.Descriptors | None, design: Design | None, ranks: int) -> None:
    """Refuse models so large that the matrix of the filter fills the memory, or that nobody would wait for it."""
    if not any(isinstance(s, KalmanSettings) for s in plan.optimizer):
        return
    if chosen is None:
        n = design.n_parameters
        if n > MOST_FILTERED:
            told = (
                f"{n:,} parameters are too many for the Kalman filter, whose work goes with the square: it takes up to "
                f"{MOST_FILTERED:,} of a density network; take adam, or fewer channels"
            )
            raise Unsuited(told, ("model", "channels")).everywhere()
        return
    n, own = sum(n_parameters((len(own), *plan.network.hidden, 1)) for own in chosen.functions), plan.long_range
    if own and not own.fixed:
        more = sum(n_parameters((len(f), *(own.hidden or plan.network.hidden), 1)) for f in chosen.functions)
        n = max(n, more) if own.first else n + more  # the filter knows of those that change
    need = 4.0 * n**2 / ranks
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need > have:
        told = (
            f"{n:,} parameters: the matrix of the Kalman filter would take {need / 2**30:,.0f} GiB of each rank, the "
            f"machine has {have / 2**30:,.0f}; take smaller layers (25, 25 do), another optimiser, or more machines"
        )
        raise Unsuited(told, ("network", "hidden")).everywhere()


def distances_of(data, reach: float, comm) -> dict[tuple[str, str], PairDistances]:
    """The distances up to `reach` of each pair of elements; each rank looks at a share of the structures."""
    found = {pair: PairDistances(reach) for pair in combinations_with_replacement(elements_of(data), 2)}
    for own in comm.allgather(distances(data[comm.rank :: comm.size], reach).pairs):
        for pair, part in own.items():
            found[pair].counts += part.counts
            found[pair].shortest = min(found[pair].shortest, part.shortest)
    return found


def walls_of(plan: Plan, shortest, data: dataset.Dataset, reach: float, comm) -> tuple[walls.Wall, ...]:
    """What `zbl` asks for, Angstrom; InputError for a wall that structures to train or validate on would feel.

    So training need not know of walls: their energy and forces are zero there, not small.
    """
    if plan.zbl == "off":
        return ()
    for pair, own in distances_of([s for s in data.validation if not s.isolated], reach, comm).items():
        shortest = shortest | {pair: min(own.shortest, shortest[pair])}
    made = {wall.pair: wall for wall in walls.from_distances(shortest, reach)}
    for name, span in plan.zbl.items() if isinstance(plan.zbl, dict) else ():
        wall, trouble = walls.Wall(tuple(name.split("-")), *span), None
        if wall.pair not in made:
            known = ", ".join(own.name for own in made.values())
            trouble = f"the data have no such pair of elements; they have {known}"
        elif not wall.cutoff < shortest[wall.pair]:
            trouble = (
                f"the wall reaches to {wall.cutoff:g} Angstrom, and the data have {name} at {shortest[wall.pair]:.4g}: "
                "give a smaller cutoff, for the networks learn the whole energy there"
            )
        if trouble:
            raise Unsuited(trouble, ("zbl", name)).everywhere()
        made[wall.pair] = wall
    return walls.ordered(made.values())


# --- the set ---------------------------------------------------------------------------------------------


def deal(plan: Plan, groups: Groups) -> dataset.Dataset:
    """The structures, dealt out and weighted."""
    groups = [(use, [_weighted(plan, one) for one in data]) for use, data in groups]
    dataset.check_units([data for _, data in groups])
    dataset.check_distances([one for _, data in groups for one in data])
    tags = {one.tag for _, data in groups for one in data}
    for tag in plan.loss.tags:
        if tag not in tags:
            there = ", ".join(sorted(filter(None, tags))) or "none"
            raise Unsuited(f"no structure has this tag; tags: {there}", ("loss", "tags", tag))
    own = plan.split
    try:
        found = dataset.split(
            groups, validation=own.validation, test=own.test, validation_tags=own.validation_tags,
            test_tags=own.test_tags, seed=plan.seed,
        )  # fmt: skip
    except InputError as error:
        raise Unsuited(str(error), ("split",)) from None
    if all(one.isolated for one in found.train):
        raise Unsuited("no structures are left to train on: all that are to train are lone atoms", ("data",))
    found = found.without_strangers()
    own = [one for one in found.train if not one.isolated]
    if plan.long_range:
        check_charges(plan, found.all)
        if plan.long_range.fixed and plan.long_range.conserve:
            check_fixed(plan.long_range.charges, found.all)
    need(own, *(label for label in plan.needed if not has(own, label)))
    if found.validation and not any(has(found.validation, label) for label in plan.needed):
        what = " or ".join(plan.needed)
        raise Unsuited(f"no structure that validates has {what}; choose others, or validation = 0", ("split",))
    strangers = [one for one in found.validation + found.test if set(one.counts) - set(_elements(found.train))]
    if strangers:
        missing = ", ".join(sorted(set(strangers[0].counts) - set(_elements(found.train))))
        raise InputError(f"{strangers[0].where}: contains {missing}, which no structure to train on has")
    return found


def check_charges(plan: Plan, data) -> None:
    """Unsuited for structures that no sum over charges is known for, or whose charges do not add up, and for elements
    that nothing is said of."""
    for name in ("charges", "widths"):
        own, elements = getattr(plan.long_range, name), elements_of(data)
        missing = [e for e in elements if e not in own] if isinstance(own, dict) else []
        if missing:
            told = f"none for {', '.join(missing)}; give one for each of {', '.join(elements)}"
            raise Unsuited(told, ("long_range", name))
    for s in data:
        if any(s.periodic) and not all(s.periodic):
            raise Unsuited(
                f"{s.where}: periodic along some axes; charges are trained on clusters, and on cells that are periodic "
                "along all three: give it vacuum, and all three",
                ("long_range",),
            )
        if s.charges is None or "charges" not in plan.needed:
            continue
        off = float(s.charges.sum()) - s.total_charge
        if plan.long_range.conserve and abs(off) > NOT_ADDED_UP * max(1.0, np.sqrt(s.n)):
            raise Unsuited(
                f"{s.where}: its charges add up to {s.charges.sum():.4g} e, and its total charge is "
                f'{s.total_charge:g}; name the key that holds it, e.g. total_charge = "charge", or let charges be as '
                "they come: conserve = false",
                ("data",),
            )


def check_fixed(charges: dict[str, float], data) -> None:
    """A warning if charges of elements must be shifted for those of structures to add up, by more than rounding is;
    Unsuited if what is added is no correction but another set of charges. LAMMPS and GROMACS warn of such a total, and
    shift nothing."""
    shifts = {s.where: (s.total_charge - sum(charges[e] * k for e, k in s.counts.items())) / s.n for s in data}
    where = max(shifts, key=lambda own: abs(shifts[own]))
    worst, largest = shifts[where], max(map(abs, charges.values()))
    off = [own for own, shift in shifts.items() if abs(shift) > ROUNDED * largest]
    many = f"{len(off)} of {len(shifts)} structures"
    told = f"fixed charges do not add up to the total charge in {many}: in {where} each atom"
    cure = "correct the charges, name the key of the total charge (total_charge in [[data]]), or conserve = false"
    if abs(worst) > TOO_MUCH * largest:
        told = f"{told} would have {worst:+.3g} e more, and the largest charge is {largest:g} e; {cure}"
        raise Unsuited(told, ("long_range", "charges"))
    if off:
        warnings.warn(f"{told} gets {worst:+.3g} e more, the most; if that is not meant, {cure}", stacklevel=2)


def has(data, label: str) -> bool:
    return any(getattr(one, label) is not None for one in data)


def _elements(data) -> set[str]:
    return {e for s in data for e in s.counts}


def _weighted(plan: Plan, s: Labelled) -> Labelled:
    factor = plan.loss.tags.get(s.tag, 1.0)
    return s if factor == 1.0 else replace(s, weight=s.weight * factor)


def threads_of(plan: Plan) -> int:
    wish = plan.parallel.threads
    return number_of_threads(None if wish == "auto" else wish)


def fitted_on(data, needed) -> list[Labelled]:
    """The structures as a fit sees them: no lone atoms, which say nothing of interactions; only labels that count."""
    unwanted = {name: None for name in LABELS if name not in needed}
    return [replace(s, **unwanted) if unwanted else s for s in data if not s.isolated]


def subtracted(plan: Plan, data: dataset.Dataset, comm) -> dataset.Dataset:
    """The structures with the labels that are left to fit; each rank looks at a share of them. Unsuited."""
    law = plan.subtract[0] if len(plan.subtract) == 1 else Sum(*plan.subtract)
    own = data.all[comm.rank :: comm.size]
    found, told = [], None
    try:
        law.bind(data.elements)
        answers = evaluate(law, [s.structure for s in own], threads=threads_of(plan))
        found = [_less(s, answer) for s, answer in zip(own, answers, strict=True)]
    except MdcoreError as error:
        told = str(error)
    shares, troubles = zip(*comm.allgather((found, told)), strict=True)
    for told in filter(None, troubles):
        raise Unsuited(told, ("subtract",)).everywhere()
    all_left = iter([shares[k % comm.size][k // comm.size] for k in range(len(data.all))])
    sets = (tuple(next(all_left) for _ in getattr(data, name)) for name in dataset.SUBSETS)
    return dataset.Dataset(*sets, strangers=data.strangers)


def _less(s: Labelled, answer) -> Labelled:
    """A structure without what a potential says of it in its labels."""
    return replace(
        s, energy=None if s.energy is None else s.energy - answer.energy,
        forces=None if s.forces is None else s.forces - answer.forces,
        stress=None if s.stress is None or s.volume is None else s.stress - answer.stress * GIGAPASCAL,
    )  # fmt: skip


def zeros_of_energy(plan: Plan, data: dataset.Dataset, start: Model | None) -> dict[str, float]:
    """The zero of energy of each element, eV, which is that of the start if there is one."""
    how = plan.atom_energies
    if start:
        warm.check_elements(start, data.elements)
        how = warm.zeros_of(start)
    unneeded = {e for one in data.strangers for e in one.counts}
    if isinstance(how, dict):
        how = {e: energy for e, energy in how.items() if e not in unneeded}
    elif how == "fit" and "energy" not in plan.needed and not has(data.train, "energy"):
        how = "none"
    try:
        energies = dataset.atom_energies(data.train, how)
        for element, energy in energies.items():
            if not abs(energy) < SHARE_LIMIT:
                raise InputError(
                    f"{energy:g} eV for {element}; energies of atoms must lie within +-{SHARE_LIMIT:.3g} eV: take a "
                    "constant off the energies of all structures, for each atom"
                )
        return energies
    except InputError as error:
        told = str(error).removeprefix("atom_energies: ")
        told = told.removeprefix(f'atom_energies = "{plan.atom_energies}": ')
        raise Unsuited(told, ("model" if plan.model else "network", "atom_energies")) from None
