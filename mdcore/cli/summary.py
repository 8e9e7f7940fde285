"""What is about to run? In words, for the screen."""

import math
import os
from collections import Counter
from datetime import datetime

from mdcore.cli import committees
from mdcore.config.settings import Settings
from mdcore.faces.schema import Choice, keys, toml
from mdcore.potentials.base import leaves


def of_system(symbols, counts, box, units) -> list[str]:
    """Atoms, species and box."""
    label = units.labels["length"]
    species = ", ".join(f"{count} {name}" for name, count in zip(symbols, counts, strict=True))
    lines = [f"atoms       {sum(counts)} ({species})"]
    if box.is_orthorhombic:
        size = " x ".join(f"{math.sqrt(float(row @ row)):.6g}" for row in box.matrix)
        lines.append(f"box         {size} {label}, {boundary(box)}")
    else:
        rows = ", ".join("(" + " ".join(f"{x:.6g}" for x in row) + ")" for row in box.matrix)
        lines.append(f"box         {rows} {label}, {boundary(box)}")
    return lines


def of_settings(settings: Settings, potential) -> list[str]:
    """Potentials and neighbours."""
    unit = settings.unit_system.labels["length"]
    lines = []
    sections = [settings.potential[i] for i in committees.order(settings)]
    for s, term in zip(sections, leaves(potential), strict=True):
        text = term.describe(unit)
        lines.append(f"potential   {s.type}, {text}")
        lines += [f"read from   {settings.beside(file)}" for file in s.files]
        if term.trained:
            lines.append(f"threads     {term.threads} of each rank")
    lines += [f"{'':11} {text}" for text in committees.told(settings)]
    lines.append(f"neighbours  skin {settings.neighbors.skin:g} {unit}")
    return lines


def of_stage(stage, n_stages: int, units) -> str:
    """``stage 2 of 2: produce, nve, 20000 steps of 5 fs``"""
    s = stage.settings
    text = f"{s.name}, {s.ensemble}, {s.steps} steps"
    if s.timestep:
        text += f" of {s.timestep:g} {units.labels['time']}"
    if s.temperatures:
        path = " to ".join(f"{t:g}" for t in s.temperatures)
        text += f" at {path} {units.labels['temperature']}"
    return f"stage {stage.index + 1} of {n_stages}: {text}"


DETAILS = ("pressure", "force", "time", "friction", "rate", "compressibility")  # quantities


def details(stage, units) -> list[str]:
    """What else a stage says, in a line: ``            relaxation 500 fs, pressure 0.01 GPa``; nothing if nothing."""
    s, words = stage.settings, []
    for name, field in keys(type(s)).items():
        value, quantity = getattr(s, name), field.metadata["quantity"]
        chosen = isinstance(field.metadata["kind"], Choice) and value != field.default
        if chosen and name != "ensemble":
            words.append(f"{name} {value}")
        elif name != "timestep" and value is not None and quantity in DETAILS:
            shown = f"{value:g}" if isinstance(value, int | float) else toml(value)
            words.append(f"{name} {shown} {units.labels[quantity]}")
    return ["            " + ", ".join(words)] if words else []


def of_restart(path: str, sim) -> str:
    """``after step 5000, 50000 fs, of results/argon.checkpoint, written 2026-01-31 12:00:00``"""
    written = datetime.fromtimestamp(os.path.getmtime(path)).isoformat(sep=" ", timespec="seconds")
    return f"after step {sim.step}, {sim.time:g} {sim.units.labels['time']}, of {path}, written {written}"


def boundary(box) -> str:
    """``periodic along a, b``"""
    names = [name for name, flag in zip("abc", box.periodic, strict=True) if flag]
    return f"periodic along {', '.join(names)}" if names else "not periodic (a cluster)"


def counts(system) -> list[int]:
    """Atoms of each species."""
    number = Counter(system.species.tolist())
    return [number[k] for k in range(len(system.symbols))]
