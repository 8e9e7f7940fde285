"""Is what explorers read right? Told before anything is calculated: all that is not there yet is a potential."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mdcore.base.elements import element_of
from mdcore.base.errors import InputError
from mdcore.config.load import kind_of_input, load
from mdcore.config.problems import at
from mdcore.learn.base import Explorer
from mdcore.learn.explorers._samples import Samples
from mdcore.learn.explorers.neb import Band
from mdcore.learn.explorers.relax import Relax
from mdcore.learn.explorers.run import NAME, Run
from mdcore.learn.explorers.saddle import Saddle
from mdcore.potentials.networks.files import read_model
from mdcore.structure.frames import systems
from mdcore.structure.system import System

OURS = (Band, Relax, Run, Saddle, Samples)
WHOLE = ("dump_atoms", "dump_fields")  # of [output]: structures are gathered from the dump
PRESSED = ("axes", "cell")  # keys of stages that let the cell follow a pressure


def rehearsed(explorer: Explorer, elements) -> Explorer:
    """The same, a run with the axes along which its stages move the cell; InputError for what is wrong in the input of
    a run, or in the files of a band, or if one starts from an element that is none of `elements`, which potentials will
    know."""
    if isinstance(explorer, Band):
        explorer.ends()
    if isinstance(explorer, OURS):
        _check_elements(explorer, elements)
    if not isinstance(explorer, Run):
        return explorer
    try:
        return replace(explorer, axes=_axes(explorer, elements))
    except InputError as error:
        lines = [f"explorer {explorer.name}: {line}" for line in str(error).split("\n")]
        raise InputError("\n".join(lines)) from None


def known_elements(settings, start: Sequence[System]) -> set[str]:
    """Those that potentials know: of the structures of the start, or of its potential; InputError for one that can't be
    read, or does not know the structures. settings : of the whole input"""
    own, found = settings.start.potential, _elements(start)
    if own is None:
        return found
    try:
        known = set(read_model(settings.beside(own)).elements)
    except InputError as error:
        raise at(settings, ("start", "potential"), str(error)) from None
    if strange := sorted(found - known):
        told = f"it knows {', '.join(sorted(known))}, and the structures of data have {', '.join(strange)}"
        raise at(settings, ("start", "potential"), told)
    return known


def _check_elements(explorer: Explorer, elements) -> None:
    for file in (getattr(explorer, key, None) for key in ("start", "end")):
        found = _elements(systems(file)) if isinstance(file, Path) else set()
        if strange := sorted(found - set(elements)):
            raise InputError(f"explorer {explorer.name}: {file}: {_unknown(strange)}")


def _elements(structures) -> set[str]:
    return {element_of(name) for system in structures for name in system.symbols}


def _unknown(strange) -> str:
    return (
        f"{', '.join(strange)}: nothing in [start] has it, so no potential will know it; add structures that have, "
        "with labels or without"
    )


def _begun_with(settings) -> set[str]:
    """The elements of the [structure] of a run."""
    own = settings.structure
    given = {"units": settings.units, "masses": own.masses or None, "labels": False}
    found = [one.by for one in own.substitute] + ([own.species] if own.build else [])
    if own.file:
        types = {"format": own.format, "types": own.types or None}
        found += System.read(settings.structure_path, own.frame, **types, **given).symbols
    for one in own.insert:
        found += System.read(settings.beside(one.file), **given).symbols
    return {element_of(name) for name in found}


def _axes(run: Run, elements) -> str:
    """Those along which its stages move the cell; InputError for what is wrong in its input."""
    if (kind := kind_of_input(run.input)) != "run":
        raise InputError(f"{run.input}: this is the input of mdcore {kind}; expected one of mdcore run")
    any_file = Path(run.input)  # in the place of potential and structure, which are not read here
    start = None if run.start is None else any_file
    # what may be said of density networks may be said of networks of descriptors
    settings = load(run.input, run.overrides(any_file, "hdnnp", True, Path(), 1, start))
    if start is None and (strange := sorted(_begun_with(settings) - set(elements))):
        raise at(settings, ("structure",), _unknown(strange))
    for key in WHOLE:
        if getattr(settings.output, key) != getattr(type(settings.output), key):
            raise at(settings, ("output", key), "a campaign needs whole structures; leave it out")
    if settings.output.name != NAME:
        raise at(settings, ("output", "name"), "a campaign says where its runs write; leave it out")
    for number, stage in enumerate(settings.stage):
        if stage.dump_every != run.every:
            told = f"a campaign says how often, by every = {run.every} of the explorer; leave it out"
            raise at(settings, ("stage", number, "dump_every"), told)
    if (most := sum(stage.steps for stage in settings.stage)) < run.every:
        told = f"stages of {most} steps end before every = {run.every}, so no frame would ever be judged; take fewer"
        raise InputError(f"{run.input}: {told}")
    moving = {axis for stage in settings.stage if stage.moves_cell in PRESSED for axis in stage.moving_axes}
    return "".join(sorted(moving))
