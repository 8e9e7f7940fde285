"""From the settings of a training to objects: data, descriptors, model, regression, optimisers."""

import os
from dataclasses import dataclass, replace
from itertools import combinations_with_replacement

import numpy as np

from mdcore.comm import SelfComm, on_root
from mdcore.config.optimizers import AdamSettings, KalmanSettings, LBFGSSettings
from mdcore.config.problems import at
from mdcore.config.training import ACTIVATIONS, CUTOFF_FUNCTIONS, TrainingSettings
from mdcore.errors import InputError
from mdcore.exact import SHARE_LIMIT
from mdcore.potentials import walls
from mdcore.potentials.hdnnp_model import HDNNP, ElementNetwork, n_parameters
from mdcore.potentials.native_units import Units
from mdcore.threads import number_of_threads
from mdcore.training import adam, dataset, descriptors, kalman, lbfgs, sources, symmetry_sets
from mdcore.training.environments import Environments
from mdcore.training.fit import Fit, Stage
from mdcore.training.labelled import Labelled, elements_of, need
from mdcore.training.labels import Labels
from mdcore.training.loss import NetworkRegression
from mdcore.training.pairs import PairDistances, distances
from mdcore.training.score import floors
from mdcore.training.settings import Loss
from mdcore.training.start import initialised

MOST_NEIGHBOURS = 5_000  # of an atom; the work goes with the square


@dataclass(frozen=True, eq=False)
class Prepared:
    """data : the Dataset; atom_energies : eV; descriptors; shortest : {pair: Angstrom}, of what is trained on; walls"""

    data: dataset.Dataset
    atom_energies: dict[str, float]
    descriptors: descriptors.Descriptors
    shortest: dict[tuple[str, str], float]
    walls: tuple[walls.Wall, ...]


def read_data(settings: TrainingSettings) -> dataset.Dataset:
    """The structures, dealt out and weighted; InputError names the section, or the file and structure."""
    groups = []
    for i, s in enumerate(settings.data):
        labels = Labels(
            s.energy, s.forces, s.stress, s.stress_unit, " ".join(s.stress_order), s.stress_sign, s.tag_key,
            settings.needed,
        )  # fmt: skip
        try:
            data = sources.read(
                settings.beside(s.file), format=s.format, units=s.units or None, labels=labels, tag=s.tag,
                weight=s.weight,
            )  # fmt: skip
        except InputError as error:
            raise at(settings, ("data", i, "file"), str(error)) from None
        groups.append((s.use, [_weighted(settings, one) for one in data]))
    dataset.check_units([data for _, data in groups])
    dataset.check_distances([one for _, data in groups for one in data])
    tags = {one.tag for _, data in groups for one in data}
    for tag in settings.loss.tags:
        if tag not in tags:
            raise at(settings, ("loss", "tags", tag), f"no structure has this tag; tags: {', '.join(sorted(tags))}")
    own = settings.split
    try:
        found = dataset.split(
            groups, validation=own.validation, test=own.test, validation_tags=own.validation_tags,
            test_tags=own.test_tags, seed=settings.seed,
        )  # fmt: skip
    except InputError as error:
        raise at(settings, ("split",), str(error)) from None
    if all(one.isolated for one in found.train):
        raise at(settings, ("data",), "no structures are left to train on: all that are to train are lone atoms")
    found = found.without_strangers()
    own = [one for one in found.train if not one.isolated]
    need(own, *(label for label in settings.needed if not has(own, label)))
    if found.validation and not any(has(found.validation, label) for label in settings.needed):
        what = " or ".join(settings.needed)
        raise at(settings, ("split",), f"no structure that validates has {what}; choose others, or validation = 0")
    strangers = [one for one in found.validation + found.test if set(one.counts) - set(_elements(found.train))]
    if strangers:
        missing = ", ".join(sorted(set(strangers[0].counts) - set(_elements(found.train))))
        raise InputError(f"{strangers[0].where}: contains {missing}, which no structure to train on has")
    return found


def has(data, label: str) -> bool:
    return any(getattr(one, label) is not None for one in data)


def _elements(data) -> set[str]:
    return {e for s in data for e in s.counts}


def _weighted(settings: TrainingSettings, s: Labelled) -> Labelled:
    factor = settings.loss.tags.get(s.tag, 1.0)
    return s if factor == 1.0 else replace(s, weight=s.weight * factor)


def fitted_on(data, needed) -> list[Labelled]:
    """The structures as a fit sees them: no lone atoms, which say nothing of interactions; only labels that count."""
    unwanted = {name: None for name in ("energy", "forces", "stress") if name not in needed}
    return [replace(s, **unwanted) if unwanted else s for s in data if not s.isolated]


def read(settings: TrainingSettings) -> tuple[dataset.Dataset, dict[str, float]]:
    """Data, and the zero of energy of each element."""
    data, how = read_data(settings), settings.network.atom_energies
    unneeded = {e for one in data.strangers for e in one.counts}
    if isinstance(how, dict):
        how = {e: energy for e, energy in how.items() if e not in unneeded}
    elif how == "fit" and not settings.loss.energy and not has(data.train, "energy"):
        how = "none"
    try:
        energies = dataset.atom_energies(data.train, how)
        for element, energy in energies.items():
            if not abs(energy) < SHARE_LIMIT:
                raise InputError(
                    f"{energy:g} eV for {element}; energies of atoms must lie within +-{SHARE_LIMIT:.3g} eV: take a "
                    "constant off the energies of all structures, for each atom"
                )
        return data, energies
    except InputError as error:
        told = str(error).removeprefix("atom_energies: ")
        told = told.removeprefix(f'atom_energies = "{settings.network.atom_energies}": ')
        raise at(settings, ("network", "atom_energies"), told) from None


def prepare(settings: TrainingSettings, comm=None) -> Prepared:
    """Data, read by rank 0; zero of energy, and descriptors chosen on what is trained on, the same on all ranks."""
    comm = comm or SelfComm()
    data, energies = on_root(comm, lambda: read(settings), share=True)
    train, s, elements = fitted_on(data.train, settings.needed), settings.descriptors, tuple(energies)
    check_reach(settings, data.all, s.cutoff or 6.0, "cutoff")
    pairs = distances_of(train, s.cutoff or 6.0, comm)
    shortest = {pair: own.shortest for pair, own in pairs.items()}
    seen = {pair: own.seen for pair, own in pairs.items()}
    cutoff_type = CUTOFF_FUNCTIONS[s.cutoff_function]
    try:
        if s.is_given:
            functions = (
                symmetry_sets.from_input_nn(settings.beside(s.file), elements, s.units)
                if s.file
                else symmetry_sets.from_lines(s.functions, elements, cutoff_type)
            )
            longest = max((f.cutoff for own in functions.values() for f in own), default=0.0)
            check_reach(settings, data.all, longest, "file" if s.file else "functions")
            chosen = descriptors.given(train, functions, s.scaling, comm)
        else:
            candidates = symmetry_sets.generate(
                elements, shortest, s.cutoff, radial=s.radial, angular=s.angular, zetas=s.zetas,
                angular_shells=s.angular_shells, angular_cutoff=s.angular_cutoff, wide=s.wide, cutoff_type=cutoff_type,
                seen=seen,
            )  # fmt: skip
            chosen = descriptors.choose(
                train, candidates, s.keep, method=s.method, mode=s.scaling, seed=settings.seed,
                rare=s.rare, comm=comm,
            )
    except InputError as error:
        named = "keep" if "descriptors: keep " in str(error) else "cutoff"
        key = "file" if s.file else "functions" if s.functions else named
        told = InputError("\n".join(str(at(settings, ("descriptors", key), m)) for m in str(error).splitlines()))
        told.collective = True
        raise told from None
    check_memory(settings, chosen, comm.size)
    reach = min(s.cutoff or 6.0, max(f.cutoff for own in chosen.functions for f in own))
    return Prepared(data, energies, chosen, shortest, walls_of(settings, shortest, data, reach, comm))


def check_reach(settings: TrainingSettings, data, cutoff: float, key: str) -> None:
    """Refuse descriptors that see so many neighbours that nobody would wait for them."""
    for s in data:
        widths, periodic = s.box.widths, s.periodic
        images = np.prod([1.0 + 2.0 * cutoff / w if p else 1.0 for w, p in zip(widths, periodic, strict=True)])
        around = s.n * min(images, 4.19 * cutoff**3 / s.box.volume if all(periodic) else np.inf)
        if around > MOST_NEIGHBOURS:
            error = at(
                settings, ("descriptors", key),
                f"{s.where}: an atom has about {around:,.0f} neighbours within {cutoff:g} Angstrom; take a smaller "
                "cutoff, 6 to 8 Angstrom do; or are its lengths in another unit?",
            )  # fmt: skip
            error.collective = True
            raise error


def check_memory(settings: TrainingSettings, chosen: descriptors.Descriptors, ranks: int) -> None:
    """Refuse networks so large that the matrix of the filter fills the memory."""
    if not any(isinstance(s, KalmanSettings) for s in settings.optimizer):
        return
    n = sum(n_parameters((len(own), *settings.network.hidden, 1)) for own in chosen.functions)
    need = 4.0 * n**2 / ranks
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if need > have:
        error = at(
            settings, ("network", "hidden"),
            f"{n:,} parameters: the matrix of the Kalman filter would take {need / 2**30:,.0f} GiB of each rank, the "
            f"machine has {have / 2**30:,.0f}; take smaller layers (25, 25 do), another optimiser, or more machines",
        )  # fmt: skip
        error.collective = True
        raise error


def distances_of(data, reach: float, comm) -> dict[tuple[str, str], PairDistances]:
    """The distances up to `reach` of each pair of elements; each rank looks at a share of the structures."""
    found = {pair: PairDistances(reach) for pair in combinations_with_replacement(elements_of(data), 2)}
    for own in comm.allgather(distances(data[comm.rank :: comm.size], reach).pairs):
        for pair, part in own.items():
            found[pair].counts += part.counts
            found[pair].shortest = min(found[pair].shortest, part.shortest)
    return found


def walls_of(settings: TrainingSettings, shortest, data: dataset.Dataset, reach: float, comm) -> tuple[walls.Wall, ...]:
    """What `zbl` asks for, Angstrom; InputError for a wall that structures to train or validate on would feel.

    So training need not know of walls: their energy and forces are zero there, not small.
    """
    if settings.zbl == "off":
        return ()
    for pair, own in distances_of([s for s in data.validation if not s.isolated], reach, comm).items():
        shortest = shortest | {pair: min(own.shortest, shortest[pair])}
    made = {wall.pair: wall for wall in walls.from_distances(shortest, reach)}
    for name, span in settings.zbl.items() if isinstance(settings.zbl, dict) else ():
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
            error = at(settings, ("zbl", name), trouble)
            error.collective = True
            raise error
        made[wall.pair] = wall
    return walls.ordered(made.values())


def blank_model(settings: TrainingSettings, prepared: Prepared) -> HDNNP:
    """The model with networks of the right size, all zero."""
    networks = []
    for own in prepared.descriptors.functions:
        sizes = (len(own), *settings.network.hidden, 1)
        letters = ACTIVATIONS[settings.network.activation] * len(settings.network.hidden) + "l"
        networks.append(ElementNetwork.from_flat(np.zeros(n_parameters(sizes)), sizes, tuple(letters)))
    elements = prepared.descriptors.elements
    return HDNNP(
        elements=elements, symmetry_functions=prepared.descriptors.functions, scaling=prepared.descriptors.scaling,
        networks=tuple(networks), atom_energies=tuple(prepared.atom_energies[e] for e in elements),
        walls=prepared.walls, units=Units("angstrom", "ev"), name=settings.output.name,
    )  # fmt: skip


def threads_of(settings: TrainingSettings) -> int:
    wish = settings.parallel.threads
    return number_of_threads(None if wish == "auto" else wish)


class Sets:
    """Descriptors and labels of training and validation set, computed once for all members of a committee.

    comm : ranks that share the structures of either set
    """

    def __init__(self, settings: TrainingSettings, prepared: Prepared, comm=None):
        self.settings, self.model, self.threads = settings, blank_model(settings, prepared), threads_of(settings)
        memory = settings.parallel.memory * 1e9
        train = fitted_on(prepared.data.train, settings.needed)
        validation = fitted_on(prepared.data.validation, settings.needed)
        share = len(train) / (len(train) + len(validation))
        self.train = Environments(self.model, train, self.threads, memory * share, comm)
        self.validation = None
        if validation:
            self.validation = Environments(self.model, validation, self.threads, memory * (1 - share), comm)
        self.weights = np.array([s.weight for s in train])  # of all ranks

    def memory(self) -> tuple[float, float]:
        """Gigabytes of derivatives of the training set, of all ranks; the share of its structures that they cover."""
        found = self.train.comm.sum(np.array([self.train.bytes / 1e9, self.train.kept / self.train.n_total]))
        return float(found[0]), float(found[1])

    def fit(self, member: int) -> Fit:
        """The fit of one member of the committee: its own start, and its own sample if the settings say so."""
        settings, seed = self.settings, self.settings.seed + 1000 * member
        weights = self.weights
        if settings.committee.bootstrap:
            n = len(weights)
            drawn = np.random.default_rng(seed).integers(n, size=n)
            weights = weights * np.bincount(drawn, minlength=n)
        self.train.weights[:] = weights[self.train.begin :][: self.train.n_structures]
        model = initialised(self.model, self.train, seed)
        loss = settings.loss
        counts = Loss(energy=loss.energy, forces=loss.forces, stress=loss.stress, power=loss.power)
        training = NetworkRegression(model, self.train, self.threads, counts)
        validation = NetworkRegression(model, self.validation, self.threads, counts) if self.validation else None
        return Fit(training, validation, stages(settings), seed, floors(validation or training))


def stages(settings: TrainingSettings) -> list[Stage]:
    """The optimisers, one after the other."""

    def stage(s):
        if isinstance(s, KalmanSettings):
            own = kalman.KalmanSettings(
                variance=s.variance, rows=s.rows, structures=s.structures, threshold=s.threshold, fading=s.fading,
                noise=s.noise,
            )
            make = lambda regression, seed: kalman.Kalman(regression, own, seed)  # noqa: E731
        elif isinstance(s, AdamSettings):
            own = adam.AdamSettings(
                batch=s.batch, step=s.step, last_step=s.last_step, epochs=s.epochs, decay=s.decay, average=s.average,
                clip=s.clip,
            )
            make = lambda regression, seed: adam.Adam(regression, own, seed)  # noqa: E731
        else:
            assert isinstance(s, LBFGSSettings)
            own = lbfgs.LBFGSSettings(memory=s.memory, l2=s.l2)
            make = lambda regression, seed: lbfgs.LBFGS(regression, own)  # noqa: E731
        return Stage(s.type, make, s.epochs, s.patience)

    return [stage(s) for s in settings.optimizer]


def card(settings: TrainingSettings, prepared: Prepared) -> dict[str, str]:
    """The model card: what a user of the potential must know, as texts for its provenance."""
    from mdcore.provenance import collect

    data, made = prepared.data, collect(settings.text, seed=settings.seed)
    ranges = ", ".join(f"{a}-{b} {r:.3f}" for (a, b), r in prepared.shortest.items() if np.isfinite(r))
    tags = sorted({s.tag for s in data.train if s.tag})
    return {
        **({"title": settings.title} if settings.title else {}),
        **settings.card,
        "program": f"mdcore {made['version']}",
        "date": made["date"],
        "seed": made["seed"],
        "settings": made["input"],
        "files": ", ".join(dict.fromkeys(os.path.basename(s.file) for s in data.all)),
        "structures": ", ".join(f"{name} {len(own)}" for name, own in data.subsets().items()),
        **({"tags": ", ".join(tags)} if tags else {}),
        "elements": ", ".join(data.elements),
        walls.SHORTEST: ranges,
    }
