"""Which symmetry functions do the networks of an n2p2 / RuNNer folder see, in which order, and how are they scaled?"""

from pathlib import Path

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.numerals import integer
from mdcore.base.numerals import number as to_number
from mdcore.potentials.networks.model import Scaling
from mdcore.potentials.networks.n2p2.settings import Settings, symmetry_functions
from mdcore.potentials.networks.n2p2.weights import text_of


def ordered_functions(settings: Settings, elements, of: str) -> tuple[tuple, ...]:
    """The symmetry functions of each element as its network has them."""
    functions = symmetry_functions(settings, elements, of)
    ordered = tuple(
        tuple(sorted((f for f in functions if f.center == element), key=lambda f: f.sort_key))
        for element in elements
    )
    for element, own in zip(elements, ordered, strict=True):
        if not own:
            what = "symmetry functions" if of == "short" else "symmetry functions of charges (symfunction_elec)"
            raise InputError(f"{settings.path}: element {element} has no {what}")
    return ordered


def _scaling_mode(settings: Settings) -> str:
    scale, center = "scale_symmetry_functions" in settings, "center_symmetry_functions" in settings
    if "scale_symmetry_functions_sigma" in settings:
        if scale or center:
            other = settings.one("scale_symmetry_functions") or settings.one("center_symmetry_functions")
            raise other.fail("can't be combined with scale_symmetry_functions_sigma")
        return "sigma"
    return {(0, 0): "none", (0, 1): "center", (1, 0): "scale", (1, 1): "scale_center"}[scale, center]


def read_scaling(
    path: Path, settings: Settings, elements, functions, ends=("scale_min_short", "scale_max_short")
) -> tuple[Scaling, ...]:
    """Statistics by element; 5 columns (RuNNer) or 6 (n2p2), perhaps a closing line of two energies."""
    mode = _scaling_mode(settings)
    tables = [np.tile([-np.inf, np.inf, np.nan, np.nan], (len(own), 1)) for own in functions]
    if path.exists() or mode != "none":
        seen = set()
        for number, raw in enumerate(text_of(path, 6 * sum(map(len, functions))).split("\n"), start=1):
            words = raw.split("#", 1)[0].split()
            where = f"{path}: line {number}"
            if not words or len(words) == 2:
                continue
            try:
                e, f = (integer(word) - 1 for word in words[:2])
                numbers = [to_number(word) for word in words[2:]]
            except ValueError:
                raise InputError(f"{where}: expected 2 integers and 3 or 4 numbers: {raw.strip()}") from None
            if len(numbers) not in (3, 4):
                raise InputError(f"{where}: expected 5 or 6 columns, found {len(words)}")
            if not (0 <= e < len(elements) and 0 <= f < len(functions[e])):
                raise InputError(f"{where}: {settings.path.name} has no function {f + 1} of element {e + 1}")
            if (e, f) in seen:
                raise InputError(f"{where}: symmetry function {f + 1} of {elements[e]} given twice")
            seen.add((e, f))
            tables[e][f, : len(numbers)] = numbers
        for e, own in enumerate(functions):
            for f, function in enumerate(own):
                if (e, f) not in seen:
                    raise InputError(f"{path}: symmetry function {f + 1} ({function.label}) is missing")
    low, high = settings.number(ends[0], 0.0), settings.number(ends[1], 1.0)
    if not low < high:
        line = settings.one(ends[1]) or settings.one(ends[0])
        raise line.fail(f"the scaled range {low} to {high} is empty")
    scaling = tuple(Scaling(*table.T, mode=mode, target_min=low, target_max=high) for table in tables)
    for element, own, record in zip(elements, functions, scaling, strict=True):
        for index in record.degenerate[:1]:
            raise InputError(
                f"{path}: symmetry function {index + 1} of {element} ({own[index].label}) can't be scaled: "
                f"its {'sigma' if mode == 'sigma' else 'range'} is zero or missing; train without it"
            )
    return scaling
