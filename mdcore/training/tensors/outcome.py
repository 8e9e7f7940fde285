"""From labelled structures and a plan to a trained network of tensors, and how good it is on every set."""

import os
from dataclasses import dataclass, replace

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.voigt import PLACE
from mdcore.output.provenance import collect
from mdcore.potentials.tensors.model import COMPONENTS, DIPOLE, POLARIZABILITY, Design, TensorNetwork
from mdcore.potentials.tensors.potential import make_test_vectors
from mdcore.training import metrics
from mdcore.training.data import dataset
from mdcore.training.data.labelled import elements_of
from mdcore.training.fit import Fit
from mdcore.training.members import OPTIMIZERS, Stage
from mdcore.training.prepare import check_reach
from mdcore.training.settings import Unsuited
from mdcore.training.tensors.data import TensorLabelled
from mdcore.training.tensors.regression import WEIGHTS, Best, TensorErrors, TensorRegression, start
from mdcore.training.tensors.sets import TensorSet
from mdcore.training.tensors.settings import TensorPlan


@dataclass(frozen=True, eq=False)
class Prepared:
    """Structures by what they are for, and the model's design."""

    data: dataset.Dataset
    design: Design

    @property
    def subsets(self) -> dict[str, tuple[TensorLabelled, ...]]:
        return self.data.subsets()


def prepare(plan: TensorPlan, groups) -> Prepared:
    """groups : (use, structures) of each file; Unsuited if data and plan don't go together."""
    groups, own = list(groups), plan.split
    dataset.check_distances([one for _, data in groups for one in data])
    try:
        data = dataset.split(
            groups, validation=own.validation, test=own.test, validation_tags=own.validation_tags,
            test_tags=own.test_tags, seed=plan.seed,
        )  # fmt: skip
    except InputError as error:
        raise Unsuited(str(error), ("split",)) from None
    elements = elements_of(data.train)
    for s in data.validation + data.test:
        if missing := [e for e in s.counts if e not in elements]:
            raise InputError(f"{s.where}: contains {', '.join(missing)}, which no structure to train on has")
    model = plan.model
    centers = model.centers or elements
    for center in centers:
        if center not in elements:
            raise Unsuited(f"the data have no {center}; they have {', '.join(elements)}", ("model", "centers"))
    check_reach(data.all, model.cutoff, ("model", "cutoff"))
    there = {q: getattr(plan.loss, q) > 0.0 and _has(data.train, q, centers) for q in COMPONENTS}
    if model.dipole == "none":
        there[DIPOLE] = False
    if not any(there.values()):
        raise Unsuited("no structure to train on has a label that counts", ("data",))
    try:
        design = Design(
            elements, tuple(e for e in elements if e in centers), model.cutoff, model.radial, model.mixed, model.hidden,
            model.dipole if there[DIPOLE] else "none", there[POLARIZABILITY], tuple(sorted(model.ions.items())),
            model.local_field and there[POLARIZABILITY],
        )  # fmt: skip
    except InputError as error:
        key = next((key for key in ("ions", "mixed", "radial") if str(error).startswith(key)), "centers")
        raise Unsuited(str(error), ("model", key)) from None
    if data.validation and not any(_has(data.validation, q, centers) for q in design.quantities):
        raise Unsuited(f"no structure that validates has {' or '.join(design.quantities)}", ("split",))
    return Prepared(data, design)


def _has(data, quantity: str, centers) -> bool:
    """Is there a label that counts, of the whole or of an atom that carries tensors?"""

    def of_atoms(s):
        own = s.atomic(quantity)
        return own is not None and np.isfinite(own[np.isin(s.symbols, centers)]).any()

    return any(s.whole(quantity) is not None or of_atoms(s) for s in data)


@dataclass(frozen=True, eq=False)
class Started:
    """A Fit (training/fit.py), and the sets of each subset that it knows."""

    fit: Fit
    sets: dict[str, TensorSet]
    spread: dict[str, float]


def started(plan: TensorPlan, prepared: Prepared, threads: int = 1) -> Started:
    """A model at the beginning, and what trains it."""
    data = prepared.data
    sets = {"train": TensorSet(prepared.design, data.train, threads)}
    if data.validation:
        sets["validation"] = TensorSet(prepared.design, data.validation, threads)
    model, spread = start(prepared.design, sets["train"], plan.loss, plan.seed)
    training, *watched = (TensorRegression(model, own, plan.loss, spread) for own in sets.values())
    stages = []
    for settings in plan.optimizer:
        name, kind = OPTIMIZERS[type(settings)]
        stages.append(Stage(name, _maker(kind, settings), settings.epochs, settings.patience))
    fit = Fit(training, watched[0] if watched else None, stages, plan.seed, Best(), TensorErrors)
    return Started(fit, sets, spread)


@dataclass(frozen=True, eq=False)
class Trained:
    """model, errors (metrics.Row of each subset, quantity and group), pairs : {subset: {quantity: (label, prediction)}}
    predictions : {subset: (structures, {quantity: of the whole})}; as text, the table of errors"""

    model: TensorNetwork
    errors: list
    pairs: dict
    predictions: dict

    def __str__(self):
        return metrics.table(self.errors)


def _maker(kind, settings):
    return lambda regression, seed: kind(regression, settings, seed)


def outcome(plan: TensorPlan, prepared: Prepared, begun: Started) -> Trained:
    """The best model with its card, and its errors on every subset; the test set is looked at here alone."""
    fit, model = begun.fit, begun.fit.training.fitted()
    rows, pairs, predictions = [], {}, {}
    for name, data in prepared.subsets.items():
        own = begun.sets.get(name) or TensorSet(prepared.design, data)
        regression = TensorRegression(model, own, plan.loss, begun.spread)
        wholes, atomic = regression.predict()
        pairs[name] = {}
        for q in prepared.design.quantities:
            rows += _rows(regression, q, wholes, atomic, name, pairs[name])
        for owner, ions in zip(own.owner, own.ions, strict=True):
            if DIPOLE in wholes:
                np.add.at(wholes[DIPOLE], owner, ions)
        predictions[name] = data, wholes
    notes = metrics.notes(rows)
    notes["epochs"] = len(fit.history["epoch"]) - 1
    notes["seconds"] = float(np.sum(fit.history["seconds"]))
    model = replace(model, provenance=card(plan, prepared), training=notes, name=plan.name)
    return Trained(replace(model, test_vectors=make_test_vectors(model)), rows, pairs, predictions)


def _rows(regression: TensorRegression, q: str, wholes, atomic, subset: str, pairs: dict) -> list[metrics.Row]:
    """Of a quantity: of atoms, all and each element's; of the whole."""
    data, found = regression.data, []
    w = WEIGHTS[q]
    names = [s.where for s in data.structures]
    label = [own[q] for own in regression.known]
    where = [[f"{names[k]}, atom {i} ({c})" for k, i in zip(owner, rows, strict=True)]
             for c, owner, rows in zip(regression.design.centers, data.owner, data.rows, strict=True)]  # fmt: skip
    groups = {"all": range(len(label))}
    if len(label) > 1:
        groups |= {f"element {c}": [k] for k, c in enumerate(regression.design.centers)}
    for group, own in groups.items():
        both = [np.concatenate([part[k] for k in own]) for part in (label, [each[q] for each in atomic])]
        places = [place for k in own for place in where[k]]
        row = _row(q, group, *both, w, places, subset)
        if row is not None:
            found.append(row)
            if group == "all":
                there = np.isfinite(both[0][:, 0])
                pairs[q] = _components(both[0][there]), _components(both[1][there])
    sizes = np.maximum(data.n, 1)[:, None]
    both = regression.known_wholes[q] / sizes, wholes[q] / sizes
    row = _row(f"cell-{q}", "all", *both, w, names, subset)
    if row is not None:
        found.append(row)
        there = np.isfinite(both[0][:, 0])
        pairs[f"cell-{q}"] = _components(both[0][there]), _components(both[1][there])
    return found


def _components(tensors: np.ndarray) -> np.ndarray:
    """All components [..], those of a matrix that stand twice in it twice."""
    return (tensors if tensors.shape[1] == 3 else tensors[:, PLACE]).ravel()


def _row(quantity: str, group: str, label, value, weights, places, subset: str) -> metrics.Row | None:
    there = np.flatnonzero(np.isfinite(label).all(axis=1))
    if not len(there):
        return None
    errors = np.abs(value - label)[there]
    mean = weights / weights.sum()
    worst = places[there[int(np.argmax(errors.max(axis=1)))]]
    rmse = float(np.sqrt(np.mean(errors**2 @ mean)))
    mae, largest = float(np.mean(errors @ mean)), float(errors.max())
    return metrics.Row(quantity, group, errors.size, rmse, mae, largest, worst, subset)


def card(plan: TensorPlan, prepared: Prepared) -> dict[str, str]:
    """The model card, as texts for its provenance."""
    data, made = prepared.data, collect(plan.text, seed=plan.seed)
    tags = sorted({s.tag for s in data.train if s.tag})
    return {
        **({"title": plan.title} if plan.title else {}), **plan.card,
        "program": f"mdcore {made['version']}", "date": made["date"], "seed": made["seed"], "settings": made["input"],
        "files": ", ".join(dict.fromkeys(os.path.basename(s.file) for s in data.all)),
        "structures": ", ".join(f"{name} {len(own)}" for name, own in data.subsets().items()),
        **({"tags": ", ".join(tags)} if tags else {}),
        "elements": ", ".join(prepared.design.elements),
    }  # fmt: skip
