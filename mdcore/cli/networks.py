"""Which network potentials does an input name, what do their files say, and who is told what they see?"""

import json

from mdcore.base import console
from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.base.threads import number_of_threads
from mdcore.cli import committees
from mdcore.config.problems import at
from mdcore.config.settings import Settings
from mdcore.faces.base import PotentialSettings
from mdcore.potentials.base import leaves
from mdcore.potentials.families import TYPES, family, potential_of
from mdcore.potentials.networks.charge_settings import ChargeSettings
from mdcore.potentials.networks.files import read_model
from mdcore.potentials.networks.trained import Model, fingerprint
from mdcore.watch.disagreement import Disagreement
from mdcore.watch.extrapolation import Extrapolation

SAVED, DISPUTED = "-extrapolated.extxyz", "-disputed.extxyz"
OF_COMMITTEES = ("disagreement_save", "disagreement_stop", "disagreement_every")


def of(settings: Settings) -> list[tuple[int, PotentialSettings]]:
    """Index and settings of every network potential."""
    return [(i, s) for i, s in enumerate(settings.potential) if s.type in TYPES]


def saves(settings: Settings) -> bool:
    """May this run write structures from outside the range of training?"""
    return any(s.extrapolation in ("save", "stop") for _, s in of(settings))


def disputes(settings: Settings) -> bool:
    """May this run write structures about which the members of a committee disagree?"""
    return any(s.disagreement_save or s.disagreement_stop for _, s in of(settings))


def read_models(settings: Settings, symbols) -> dict[int, Model]:
    """{index in [[potential]]: model}, each checked as it will run, against the species of the structure; InputError.

    For rank 0, which shares them: the other ranks need not read files.
    """
    models = {}
    for i, s in of(settings):
        path = settings.beside(s.file)
        try:
            model = read_model(path, getattr(s, "units", None) or None)
        except InputError as error:
            raise at(settings, ("potential", i, "file"), str(error)) from None
        if (name := family(model).name) != s.type:
            raise at(settings, ("potential", i, "type"), f'{s.file} is of the other type; write type = "{name}"')
        if model.units is None:
            try:
                model.stated_units  # noqa: B018  (says where units can be stated)
            except InputError as error:
                raise at(settings, ("potential", i, "units"), str(error)) from None
        strangers = [symbol for symbol in symbols if element_of(symbol) not in model.elements]
        if strangers:
            raise at(
                settings,
                ("potential", i, "file"),
                f"no network for {', '.join(strangers)}, which the structure contains; it knows "
                f"{', '.join(model.elements)}",
            )
        make(settings, i, model)
        models[i] = model
    return models


def make(settings: Settings, index: int, model: Model):
    """The potential of `model` as [[potential]] number `index` wants it run; InputError."""
    s, threads = settings.potential[index], settings.parallel.threads
    try:
        threads = number_of_threads(None if threads == "auto" else threads)
    except InputError as error:
        raise at(settings, ("parallel", "threads"), str(error)) from None
    watch = Extrapolation(s.extrapolation, limit=s.extrapolation_limit, every=s.extrapolation_every)
    differ = None
    for key in OF_COMMITTEES:
        if getattr(s, key) is not None and not model.others:
            raise at(
                settings,
                ("potential", index, key),
                f"applies to a committee; {s.file} is one network. Take the key out, or make a committee: [committee] "
                "members = 5 of mdcore train, or mdcore convert A.h5 B.h5 ... COMMITTEE.h5",
            )
    if model.others:
        differ = Disagreement(
            s.disagreement_every, save=s.disagreement_save, stop=s.disagreement_stop, pause=s.disagreement_pause
        )
    own = getattr(s, "charges", {})
    charged = getattr(model, "charges", None)
    if own and not charged:
        key = next(key for key in vars(s) if "charge" in key and getattr(s, key) is not None)
        raise at(settings, ("potential", index, key), f"{s.file} has no charges; take the key out")
    try:
        more = {"charges": ChargeSettings(**own)} if charged else {}
        return potential_of(
            model, precision=s.precision, threads=threads, extrapolation=watch, disagreement=differ, **more
        )
    except InputError as error:
        raise at(settings, ("potential", index, "file"), str(error)) from None


def compare(read: dict[int, object], path: str, written: dict[str, str]) -> None:
    """Tell if the checkpoint at `path`, with the provenance `written`, is of a run with other networks."""
    before = [about["sha256"] for about in json.loads(written.get("potential_files", "[]"))]
    if before != [fingerprint(model) for model in read.values() if isinstance(model, Model)]:
        tell(f"{path} was written with other network potentials; the run continues with those of today")


def running(potential) -> list:
    """The network potentials among the terms of a potential."""
    return [term for term in leaves(potential) if term.trained]


def connect(sim, extrapolated, disputed) -> None:
    """Give what networks see at a run files and a voice."""
    for watcher, _ in sim.watchers:
        if isinstance(watcher, Extrapolation):
            watcher.saver.dump, watcher.tell = extrapolated, tell
        elif isinstance(watcher, Disagreement):
            watcher.saver.dump = disputed


def tell(text: str) -> None:
    console.tell("warning", text)


def verdicts(sim, doubtful: bool = False) -> list[str]:
    """Whether to trust this run, a line for each potential that was trained; doubtful : only those that say no."""
    return [text for doubt, text in sim.verdicts() if doubt or not doubtful]


def provenance(settings: Settings, potential) -> dict[str, str]:
    """Of networks and what is added to them, for every output: who they are, how they run, where they come from."""
    networks = running(potential)
    if not networks:
        return {}
    sections = [settings.potential[i] for i in committees.order(settings)]
    files = [settings.beside(s.file) for s in sections if s.type in TYPES]
    about = [
        {
            "file": file,
            "sha256": fingerprint(n.model),
            "provenance": dict(n.model.provenance),
            "training": dict(n.model.training),
        }
        for file, n in zip(files, networks, strict=True)
    ]
    terms = zip(sections, leaves(potential), strict=True)
    lines = [f"{s.type} {t.describe()}" if t.trained else s.title for s, t in terms]
    return {
        "potential": "\n".join([*lines, *committees.told(settings)]),
        "potential_files": json.dumps(about),
        "threads": str(networks[0].threads),
    }
