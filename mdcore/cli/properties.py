"""What have ``mdcore relax``, ``elastic``, ``eos``, ``neb``, ``saddle``, ``phonons`` in common: files in, files out."""

import json
import os

import numpy as np

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError, OutputError
from mdcore.base.writing import writing_text
from mdcore.cli.clashes import refuse
from mdcore.cli.evaluate import PICTURES, potential_files, with_units
from mdcore.cli.potential import parse_units


def prepared(arguments, kind: str, comm, inputs=(), outputs=()):
    """(potential, System) on every rank; the JSON's name is STRUCTURE.kind.json unless given; inputs, outputs : further
    files of the command"""
    stem = os.path.splitext(os.path.basename(arguments.structure))[0]
    arguments.output = arguments.output or f"{stem}.{kind}.json"
    return on_root(comm, lambda: _prepare(arguments, inputs, outputs), share=True)


def _prepare(arguments, inputs, outputs):
    plot = arguments.plot
    if plot and not plot.lower().endswith(PICTURES):
        raise InputError(f"--plot {plot}: end the name with {', '.join(PICTURES[:-1])} or {PICTURES[-1]}")
    return read(arguments, [*filter(None, (arguments.output, plot)), *outputs], inputs)


def read(arguments, outputs, inputs=()):
    """(potential, System) of a command whose files can be written; InputError, OutputError."""
    from mdcore.structure.system import System

    _protect(outputs, [arguments.structure, *inputs, *potential_files(arguments.potential)], arguments.overwrite)
    potential, units = with_units(arguments.potential, parse_units(arguments.units))
    return potential, System.read(arguments.structure, arguments.frame, units, labels=False)


def _protect(outputs, inputs, overwrite: bool) -> None:
    """InputError or OutputError if files can't be written, or not without destroying something."""
    refuse(outputs, inputs)
    for name in outputs:
        if os.path.lexists(name) and not overwrite:
            raise OutputError(f"{name}: exists; choose another name, or add --overwrite")
        if not os.path.isdir(os.path.dirname(os.path.realpath(name))):
            raise OutputError(f"{name}: there is no such folder")


def write_json(path: str, content: dict, overwrite: bool) -> None:
    """Numbers and arrays under their names; what is not a number is null."""
    with writing_text(path, overwrite=overwrite) as stream:
        json.dump({key: _plain(value) for key, value in content.items()}, stream, indent=1)
        stream.write("\n")


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    return None if isinstance(value, float) and not np.isfinite(value) else value


def counting(comm):
    """Tells what was relaxed, on rank 0."""

    def tell(what, found):
        if comm.rank == 0:
            left = f"largest force left {found.largest_force:.2g}"
            print(f"{what}: {found.calls} evaluations of forces, {left}", flush=True)

    return tell
