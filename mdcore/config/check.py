"""Do the settings fit together, and to the structure?"""

import os

from mdcore.base import elements
from mdcore.config.document import beside_input
from mdcore.config.mistakes import missing
from mdcore.config.problems import Problems, lookup
from mdcore.config.settings import Settings

OF_TENSORS = ("dielectric", "infrared", "raman")  # analyses of what a network of tensors tells


def check_document(problems: Problems):
    """What can be told from the document alone, also if some of its settings are wrong."""
    document = problems.origin.document
    for what, unnamed in (("stage", "stage{}"), ("group", "")):
        tables, seen = document.get(what), {}
        for i, table in enumerate(tables if isinstance(tables, list) else ()):
            name = table.get("name", unnamed.format(i + 1)) if isinstance(table, dict) else None
            if isinstance(name, str) and seen.setdefault(name, i) != i:
                text = f"{what} #{seen[name] + 1} has this name too; choose another"
                problems.add((what, i, "name"), text, name)
    file = lookup(document, ("structure", "file"))
    if isinstance(file, str) and file:
        path = beside_input(problems.origin.source, file)
        if not os.path.exists(path):
            problems.add(("structure", "file"), missing(path, problems.origin.source))
        elif os.path.isdir(path):
            problems.add(("structure", "file"), "is a directory; name a file in it")
    potentials = document.get("potential")
    for i, potential in enumerate(potentials if isinstance(potentials, list) else ()):
        pairs = potential.get("pair") if isinstance(potential, dict) else None
        parts = [(("potential", i, "pair", k), pair) for k, pair in enumerate(pairs if isinstance(pairs, list) else ())]
        for where, part in ((("potential", i), potential), *parts):
            file = part.get("file") if isinstance(part, dict) else None
            if not isinstance(file, str) or not file:
                continue
            path = beside_input(problems.origin.source, file)
            if not os.path.exists(path):
                text = missing(path, problems.origin.source, "file or folder")
                problems.add((*where, "file"), text)


def check_settings(settings: Settings, problems: Problems):
    """Do the sections fit together?"""
    limit = settings.limits.max_temperature
    if limit != "auto" and settings.temperatures and limit <= max(settings.temperatures):
        problems.add(
            ("limits", "max_temperature"),
            f"must exceed the highest temperature of the input, {max(settings.temperatures):g}",
        )
    for i, potential in enumerate(settings.potential):
        wanted = potential.in_units
        if settings.units not in wanted:
            problems.add(
                ("potential", i, "type"),
                f'has real units; run it with units = "{wanted[0]}", this input has units = "{settings.units}"',
            )
    if settings.analysis is not None:
        check_analysis(settings, problems)
    structure = settings.structure
    if structure.build and not (structure.substitute or structure.insert):
        check_masses(settings, (settings.structure.species,), problems)


def check_analysis(settings: Settings, problems: Problems):
    """Will the stage to analyse write a trajectory?"""
    names = [stage.name for stage in settings.stage]
    if settings.analysis.stage not in names:
        problems.add(("analysis", "stage"), f"no stage has this name; stages: {', '.join(names)}")
        return
    i, wanted, output = names.index(settings.analysis.stage), settings.analysis, settings.output
    stage = settings.stage[i]
    frames = wanted.rdf or wanted.diffusion or wanted.vibrations
    if frames and not stage.trajectory_every:
        problems.add(
            ("analysis",),
            f'needs the trajectory of stage "{stage.name}"; set trajectory_every in '
            "[output] or in the stage, e.g. trajectory_every = 20",
        )
    elif (wanted.rdf or wanted.diffusion) and "position" not in output.trajectory_fields:
        problems.add(("output", "trajectory_fields"), '[analysis] needs "position" in it')
    elif wanted.vibrations and "velocity" not in output.trajectory_fields:
        problems.add(("output", "trajectory_fields"), '[analysis] vibrations needs "velocity" in it')
    elif frames and stage.steps // stage.trajectory_every < 1:
        problems.add(
            ("stage", i, "trajectory_every"),
            f"[analysis] needs frames, and the stage has {stage.steps} steps only; choose a smaller interval",
            stage.trajectory_every,
        )
    for key in ("viscosity", "conductivity", *OF_TENSORS):
        if getattr(wanted, key) and not stage.thermo_every:
            problems.add(("analysis", key), f'needs the thermo log of stage "{stage.name}"; set thermo_every = 5, say')
    for key in OF_TENSORS:
        if getattr(wanted, key) and all(own.type != "tensors" for own in settings.potential):
            problems.add(("analysis", key), 'needs a [[potential]] with type = "tensors"')
    if wanted.conductivity and "heat_current" not in (output.thermo_columns or ()):
        problems.add(("analysis", "conductivity"), 'needs "heat_current" in [output] thermo_columns')


def check_masses(settings: Settings, symbols, problems: Problems):
    """Has every species a mass, and every mass a species?"""
    masses = settings.structure.masses
    for name in masses:
        if name not in symbols:
            problems.add(
                ("structure", "masses", name),
                f"no such species in the structure, which has {', '.join(symbols)}",
            )
    if settings.unit_system.default_mass is None:
        for name in symbols:
            if name not in elements.ATOMIC_MASSES and name not in masses:
                key = "species" if settings.structure.build else "masses"
                problems.add(
                    ("structure", key),
                    f"{name!r} is no chemical element; correct it, or give its mass: "
                    f"masses = {{ {name} = ... }}{elements.stranger(name)}",
                )


def validate_species(settings: Settings, symbols) -> None:
    """Has every species of the structure what it needs: a mass, and parameters in every potential?

    symbols : the distinct species of the structure. Raises InputError.
    """
    problems = Problems(settings.origin)
    check_masses(settings, tuple(symbols), problems)
    for i, potential in enumerate(settings.potential):
        for key, text in potential.check_species(tuple(symbols)):
            parts = (int(p) if p.isdigit() else p for p in key.split("."))
            problems.add(("potential", i, *parts), text)
    problems.raise_if_any()
