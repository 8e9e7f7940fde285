"""What came out of a training: one potential of all members with its model card, and how good it is on every set."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.engine.evaluation import evaluate
from mdcore.engine.single import Evaluation
from mdcore.output.provenance import collect
from mdcore.potentials.counted import as_text
from mdcore.potentials.families import committee, potential_of
from mdcore.potentials.networks import walls
from mdcore.potentials.networks.h5 import write_h5
from mdcore.potentials.networks.trained import CONTAINS, Model
from mdcore.potentials.networks.vectors import make_test_vectors
from mdcore.training import metrics, warm
from mdcore.training.data.labelled import Labelled
from mdcore.training.known import has_room, known_of
from mdcore.training.latent_signs import aligned
from mdcore.training.members import Ended
from mdcore.training.prepare import Prepared, threads_of
from mdcore.training.settings import CHOICES, LABELLED, LATENT, Plan

Found = dict[str, tuple[Sequence[Labelled], metrics.Predictions]]  # {subset: (structures, what is said of them)}


@dataclass(frozen=True, eq=False)
class Trained:
    """What `mdcore.train` returns; as text, the table of errors.

    model : a committee if there are several members; `HDNNPotential(model)` (DensityPotential) computes with it
    errors : metrics.Row of each subset ("train", "validation", "test"), quantity and group, of the potential
    histories : of each member, {"epoch": [...], "train energy": [...], "validation force": [...], ...}, an entry an
    epoch from epoch 0, the start: RMSE in meV an atom, meV/Angstrom, GPa, me (10^-3 e); best_epochs : which one each
    member is from
    predictions : {subset: (structures, Predictions)}; each : (errors, predictions) of each of several members
    path : the file of the potential, if one was written; decided : what a rehearsal decided, and by what (recipe.py)
    """

    model: Model
    errors: list[metrics.Row]
    histories: list[dict[str, list[float]]]
    best_epochs: list[int]
    predictions: Found
    each: tuple[tuple[list[metrics.Row], Found], ...] = ()
    path: str | None = None
    decided: str = ""

    def rmse(self, quantity: str, subset: str = "validation") -> float:
        """Of "energy" (meV an atom), "force" (meV/Angstrom), "stress" (GPa), "charge" (me); nan where there is none."""
        found = (r.rmse for r in self.errors if (r.quantity, r.subset, r.group) == (quantity, subset, "all"))
        return next(found, float("nan"))

    def write(self, path, overwrite: bool = False) -> None:
        """Write the potential as a .h5 file, which `HDNNPotential`, inputs and `mdcore info` read; OutputError. On
        several ranks one of them writes: `if comm.rank == 0`."""
        if not str(path).lower().endswith(".h5"):
            raise InputError(f"{path}: a potential is a .h5 file; name it so")
        write_h5(replace(self.model, name=Path(path).stem), path, overwrite)

    def __str__(self):
        told = metrics.table(self.errors)
        if self.each:
            members = members_table(self.errors, [rows for rows, _ in self.each])
            told = f"the mean of {len(self.each)} members\n{told}\n\n{members}"
        return f"{told}\n\n{self.decided}" if self.decided else told


def outcome(plan: Plan, prepared: Prepared, members: Sequence[Ended], decided: str = "") -> Trained:
    """One potential of all members, and its errors; on one rank. decided : by a rehearsal, for the card, too"""
    threads, models = threads_of(plan), [own.model for own in members]
    if plan.long_range and plan.long_range.charges == LATENT:
        models = aligned(models, prepared.data.train)
    model = replace(committee(models), provenance=card(plan, prepared, decided))
    potential, train, told = potential_of(model, extrapolation="ignore"), prepared.subsets().get("train", []), {}
    rows, found = errors_of(potential, prepared, threads, told if has_room(train) else None)
    validation, answers = prepared.data.validation, told.get("train")
    known, nearest = known_of(model, train, validation, threads, answers, prepared.shortest)
    model = replace(model, known=known, nearest=nearest)
    alone = [potential_of(own, extrapolation="ignore") for own in models if len(models) > 1]
    each = tuple(errors_of(own, prepared, threads) for own in alone)
    notes = metrics.notes(rows)
    notes["epochs"] = sum(len(own.history["epoch"]) - 1 for own in members)
    notes["seconds"] = float(sum(np.sum(own.history["seconds"]) for own in members))
    model = replace(model, training=notes, test_vectors=make_test_vectors(potential.answers))
    histories, best = [own.history for own in members], [own.best_epoch for own in members]
    return Trained(model, rows, histories, best, found, each, decided=decided)


def errors_of(
    potential, prepared: Prepared, threads: int, told: dict | None = None
) -> tuple[list[metrics.Row], Found]:
    """Rows of the table, and predictions, of a potential on all sets; told : gets the evaluations of the training set,
    with descriptors."""
    rows, found = [], {}
    for name, data in prepared.subsets().items():
        wanted = told is not None and name == "train"
        answers = answers_of(potential, data, threads, wanted)
        if wanted:
            told[name] = answers
        found[name] = data, metrics.Predictions.of(answers)
        rows += metrics.rows(*found[name], name)
    return rows, found


def answers_of(potential, data: Sequence[Labelled], threads: int, seen: bool = False) -> list[Evaluation]:
    """Evaluations of labelled structures, with charges of a potential that has some; seen : with descriptors, too"""
    charged = bool(getattr(potential.model, "charges", None))
    structures = [s.structure for s in data]
    return evaluate(potential, structures, threads=threads, descriptors=seen, findings=charged)


def members_table(mean, each) -> str:
    """RMSE of each member and of their mean, a line each, of validation and test set (of training without them)."""
    columns = [(r.subset, r.quantity, r.unit) for r in mean if r.group == "all"]
    columns = [column for column in columns if column[0] != "train"] or columns
    lines = [f"{'RMSE':<10}" + "".join(f" {f'{subset} {quantity}':>18}" for subset, quantity, _ in columns)]
    lines.append(f"{'':<10}" + "".join(f" {unit:>18}" for *_, unit in columns))
    for name, rows in [*((f"member {k}", own) for k, own in enumerate(each, start=1)), ("mean", mean)]:
        found = {(r.subset, r.quantity, r.unit): r.rmse for r in rows if r.group == "all"}
        lines.append(f"{name:<10}" + "".join(f" {found[column]:>18.4g}" for column in columns))
    return "\n".join(lines)


def told_of(plan: Plan, data) -> str:
    """Of the model card: where charges come from, and what the short-range networks were trained on."""
    own, totals = plan.long_range, ", ".join(f"{q:g}" for q in sorted({s.total_charge for s in data.train}))
    what = {
        LATENT: "latent, found by energies and forces",
        LABELLED: "trained on labels of charges" + (", together with energies and forces" if own.joint else ", first"),
    }
    told = "fixed" if own.fixed else what[own.charges]
    told += "; equilibrated" if own.equilibrate else "" if own.fixed else "; predicted"
    if own.fixed or own.first:
        told += "; their energy and forces were subtracted before the short-range networks were trained"
    return f"{told}; total charges in the training set: {totals} e"


def card(plan: Plan, prepared: Prepared, decided: str = "") -> dict[str, str]:
    """The model card: what a user of the potential must know, as texts for its provenance; decided : by a rehearsal"""
    data, made = prepared.data, collect(plan.text, seed=plan.seed)
    ranges = ", ".join(f"{a}-{b} {r:.3f}" for (a, b), r in prepared.shortest.items() if np.isfinite(r))
    tags, choices = sorted({s.tag for s in data.train if s.tag}), warm.choices_of(plan, prepared.start)
    return {
        **({"title": plan.title} if plan.title else {}),
        **plan.card,
        "program": f"mdcore {made['version']}",
        "date": made["date"],
        "seed": made["seed"],
        "settings": made["input"],
        **({CHOICES: choices} if choices else {}),
        "files": ", ".join(dict.fromkeys(os.path.basename(s.file) for s in data.all)),
        "structures": ", ".join(f"{name} {len(own)}" for name, own in data.subsets().items()),
        **({"tags": ", ".join(tags)} if tags else {}),
        "elements": ", ".join(data.elements),
        **({"charges": told_of(plan, data)} if plan.long_range else {}),
        **({} if plan.contains is None else {CONTAINS: as_text(plan.contains)}),
        **({"subtracted": "; ".join(map(repr, plan.subtract))} if plan.subtract else {}),
        **({"rehearsal": decided.removeprefix("rehearsal: ").replace("\n", "; ")} if decided else {}),
        walls.SHORTEST: ranges,
    }
