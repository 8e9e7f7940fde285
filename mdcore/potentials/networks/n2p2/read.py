"""How is a network potential read from an n2p2 / RuNNer folder?

``input.nn`` (settings), ``scaling.data`` (descriptor statistics), ``weights.ZZZ.data`` (one network an
element) and, if present, mdcore's own ``mdcore.toml`` (units, provenance, training metrics).
The other direction is n2p2/write.py.
"""

import math
import tomllib
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.base.files import MOST_TEXT, read_text
from mdcore.base.numerals import integer
from mdcore.base.numerals import number as to_number
from mdcore.potentials.networks.model import (
    HDNNP,
    ElementNetwork,
    Normalisation,
    Scaling,
    n_parameters,
)
from mdcore.potentials.networks.n2p2.settings import (
    Settings,
    element_list,
    read_settings,
    settings_text,
    symmetry_functions,
)
from mdcore.potentials.networks.native_units import Units, did_you_mean, unit_comments

TOML_NAME = "mdcore.toml"


def read_n2p2(folder, units: Units | dict | None = None) -> HDNNP:
    """The potential in `folder`; `units` as the user states them (they must agree with ``mdcore.toml``).

    Raises InputError naming file, line and keyword for anything that would change the energy.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(
            f"{folder}: no such folder; expected a folder with input.nn, scaling.data, weights.*.data"
        )
    path = folder / "input.nn"
    text = settings_text(path)
    settings = read_settings(path, text)
    _check_generation(settings)
    beside = read_toml(folder / TOML_NAME)
    stated = Units.parse(units, "units")
    if stated and beside["units"] and stated != beside["units"]:
        raise InputError(
            f"units: {stated.length}, {stated.energy} given, but {folder / TOML_NAME} states "
            f"{beside['units'].length}, {beside['units'].energy}"
        )
    provenance = beside["provenance"]
    hint = unit_comments(text)
    if hint and not (stated or beside["units"]):
        provenance.setdefault("unit_comments", hint)

    elements = element_list(settings)
    functions = symmetry_functions(settings, elements)
    ordered = tuple(
        tuple(sorted((f for f in functions if f.center == element), key=lambda f: f.sort_key))
        for element in elements
    )
    for element, own in zip(elements, ordered, strict=True):
        if not own:
            raise InputError(f"{path}: element {element} has no symmetry functions")
    return HDNNP(
        elements=elements,
        symmetry_functions=ordered,
        scaling=_read_scaling(folder / "scaling.data", settings, elements, ordered),
        networks=tuple(
            _read_network(folder, settings, element, len(own))
            for element, own in zip(elements, ordered, strict=True)
        ),
        atom_energies=_atom_energies(settings, elements),
        normalisation=_normalisation(settings),
        units=stated or beside["units"],
        provenance=provenance,
        training=beside["training"],
        name=folder.name,
    )


def _read(path: Path, n_numbers: int = 0) -> str:
    """A text of so many numbers, with comments."""
    return read_text(path, "a text file of a network potential", min(MOST_TEXT, (1 << 20) + 256 * n_numbers))


def read_toml(path: Path) -> dict:
    """{"units": Units | None, "provenance": {...}, "training": {...}} of ``mdcore.toml``, empty if absent."""
    content = {}
    if path.exists():
        try:
            content = tomllib.loads(_read(path))
        except (ValueError, RecursionError) as error:  # of TOML, and of integers or nesting beyond bounds
            raise InputError(f"{path}: {error}") from None
    known = ("units", "provenance", "training")
    for key in content:
        if key not in known:
            raise InputError(f"{path}: unknown key {key!r}{did_you_mean(key, known)}")
    for key in ("provenance", "training"):
        table = content.setdefault(key, {})
        if not isinstance(table, dict) or not all(isinstance(v, str | int | float) for v in table.values()):
            raise InputError(f"{path}: [{key}]: expected a table of texts and numbers")
    content["provenance"] = {key: str(value) for key, value in content["provenance"].items()}
    content["units"] = Units.parse(content.get("units"), f"{path}: units")
    return content


def _check_generation(settings: Settings) -> None:
    """Only second-generation (short-range, element) networks; others are refused by name."""
    for keyword in ("nnp_generation", "nnp_type"):
        line = settings.one(keyword)
        if line is not None:
            kind = line.argument(0, "the generation").upper().removesuffix("-HDNNP").removesuffix("G")
            if kind != "2":
                names = {
                    "3": " (environment-dependent charges)",
                    "4": " (charge equilibration)",
                    "Q": " (charges)",
                }
                raise line.fail(
                    f"{line.arguments[0]}{names.get(kind, '')}: mdcore supports generation 2 only"
                )
    line = settings.one("nn_type_short")
    if line is not None and line.integer_at(0, "the network type") != 1:
        raise line.fail(f"{line.arguments[0]}: mdcore supports type 1 (networks of single elements) only")
    line = settings.one("global_output_nodes_short")
    if line is not None and line.integer_at(0, "the number of outputs") != 1:
        raise line.fail("a network must have one output, the atomic energy")


def _atom_energies(settings: Settings, elements: tuple[str, ...]) -> tuple[float, ...]:
    energies = dict.fromkeys(elements, 0.0)
    seen = {}
    for line in settings.all("atom_energy"):
        element = line.element_at(0, elements)
        if element in seen:
            raise line.fail(f"{element} given twice (first at line {seen[element]})")
        seen[element] = line.number
        energies[element] = line.number_at(1, "the energy")
    # RuNNer (its inputs name a runner_mode) adds them only if the training had removed them.
    if "runner_mode" in settings and "remove_atom_energies" not in settings:
        return (0.0,) * len(elements)
    return tuple(energies.values())


def _normalisation(settings: Settings) -> Normalisation | None:
    keywords = ("mean_energy", "conv_energy", "conv_length")
    given = [keyword for keyword in keywords if keyword in settings]
    if not given:
        return None
    if len(given) < 3:
        missing = next(keyword for keyword in keywords if keyword not in given)
        raise settings.one(given[0]).fail(
            f"{missing} is missing: mean_energy, conv_energy and conv_length go together"
        )
    values = {keyword: settings.number(keyword, 0.0) for keyword in keywords}
    for keyword in ("conv_energy", "conv_length"):
        if not values[keyword] > 0:
            raise settings.one(keyword).fail(f"{values[keyword]}: it must be positive")
    return Normalisation(**values)


def _scaling_mode(settings: Settings) -> str:
    scale, center = "scale_symmetry_functions" in settings, "center_symmetry_functions" in settings
    if "scale_symmetry_functions_sigma" in settings:
        if scale or center:
            other = settings.one("scale_symmetry_functions") or settings.one("center_symmetry_functions")
            raise other.fail("can't be combined with scale_symmetry_functions_sigma")
        return "sigma"
    return {(0, 0): "none", (0, 1): "center", (1, 0): "scale", (1, 1): "scale_center"}[scale, center]


def _read_scaling(path: Path, settings: Settings, elements, functions) -> tuple[Scaling, ...]:
    """Statistics by element; 5 columns (RuNNer) or 6 (n2p2), perhaps a closing line of two energies."""
    mode = _scaling_mode(settings)
    tables = [np.tile([-np.inf, np.inf, np.nan, np.nan], (len(own), 1)) for own in functions]
    if path.exists() or mode != "none":
        seen = set()
        for number, raw in enumerate(_read(path, 6 * sum(map(len, functions))).split("\n"), start=1):
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
    low, high = settings.number("scale_min_short", 0.0), settings.number("scale_max_short", 1.0)
    if not low < high:
        line = settings.one("scale_max_short") or settings.one("scale_min_short")
        raise line.fail(f"the scaled range {low} to {high} is empty")
    scaling = tuple(Scaling(*table.T, mode=mode, target_min=low, target_max=high) for table in tables)
    for element, own, record in zip(elements, functions, scaling, strict=True):
        for index in record.degenerate[:1]:
            raise InputError(
                f"{path}: symmetry function {index + 1} of {element} ({own[index].label}) can't be scaled: "
                f"its {'sigma' if mode == 'sigma' else 'range'} is zero or missing; train without it"
            )
    return scaling


def _read_network(folder: Path, settings: Settings, element: str, n_inputs: int) -> ElementNetwork:
    path = folder / f"weights.{ATOMIC_NUMBERS[element]:03d}.data"
    candidates = [(n_inputs, *hidden, 1) for hidden in _hidden_layers(settings, element)]
    values = []
    for number, raw in enumerate(_read(path, max(map(n_parameters, candidates))).split("\n"), start=1):
        words = raw.split("#", 1)[0].split()
        if words:
            try:
                values.append(to_number(words[0]))
            except ValueError:
                values.append(math.nan)
            if not math.isfinite(values[-1]):
                raise InputError(f"{path}: line {number}: expected a finite number, found {words[0]!r}")
    sizes = next((c for c in candidates if n_parameters(c) == len(values)), None)
    if sizes is None:
        wanted = " or ".join(f"{n_parameters(c)} ({'-'.join(map(str, c))})" for c in candidates)
        raise InputError(
            f"{path}: {len(values)} weights and biases, expected {wanted} from {settings.path.name}"
        )
    activations = _activations(settings, element, sizes)
    try:
        return ElementNetwork.from_flat(values, sizes, activations, "normalize_nodes" in settings)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _hidden_layers(settings: Settings, element: str) -> list[tuple[int, ...]]:
    """Hidden-layer sizes of the network of `element`; two readings where a line is ambiguous.

    ``element_nodes_short O 30 20`` lists all layers (n2p2); ``element_nodes_short O 2 20`` sets layer 2 to
    20 nodes (RuNNer). The number of weights decides.
    """
    own = settings.of_element("element_hidden_layers_short", element)
    depth_line = own[-1] if own else settings.required("global_hidden_layers_short")
    depth = depth_line.integer_at(1 if own else 0, "the number of hidden layers")
    if not 0 <= depth <= 64:
        raise depth_line.fail(f"{depth} hidden layers: expected 0 to 64")
    global_line = settings.one("global_nodes_short")
    base = () if global_line is None else global_line.integers("the nodes of a layer")
    lines = [
        line for line in settings.all("element_nodes_short") if line.argument(0, "an element") == element
    ]
    candidates = []
    runner = list(base[:depth]) + [0] * (depth - len(base))
    numbers = [line.integers("the nodes of a layer", 1) for line in lines]
    if lines and all(len(n) == 2 and 1 <= n[0] <= depth for n in numbers):
        for layer, nodes in numbers:
            runner[layer - 1] = nodes
        candidates.append(tuple(runner))
    if len(lines) == 1 and len(numbers[0]) == depth:
        candidates.append(numbers[0])
    if not lines and (len(base) == depth or (own and len(base) > depth)):
        candidates.append(base[:depth])
    candidates = [c for c in candidates if min(c, default=1) > 0]
    if not candidates:
        line = (lines or [global_line or depth_line])[-1]
        raise line.fail(f"{element} has {depth} hidden layers: give {depth} positive numbers of nodes")
    return candidates


def _activations(settings: Settings, element: str, sizes: tuple[int, ...]) -> tuple[str, ...]:
    """One letter a layer; n2p2's list or RuNNer's node-by-node form, which must agree within a layer."""
    depth = len(sizes) - 1
    default = settings.one("global_activation_short")
    letters = () if default is None else default.activations()
    lines = settings.of_element("element_activation_short", element)
    nodes = [[letters[i] if i < len(letters) else ""] * sizes[i + 1] for i in range(depth)]
    for line in lines:
        if len(line.arguments) == 4 and line.arguments[1].isdigit():
            layer, node = line.integer_at(1, "the layer"), line.integer_at(2, "the node")
            if not (1 <= layer <= depth and 1 <= node <= sizes[layer]):
                raise line.fail(f"the network of {element} has no node {node} in layer {layer}")
            nodes[layer - 1][node - 1] = line.activations(3)[0]
        else:
            own = line.activations(1)
            if len(own) != depth:
                raise line.fail(f"{len(own)} activations given for {depth} layers (hidden and output)")
            nodes = [[letter] * sizes[i + 1] for i, letter in enumerate(own)]
    if not lines and len(letters) != depth:
        line = settings.required("global_activation_short")
        raise line.fail(f"{len(letters)} activations given for {depth} layers (hidden and output)")
    for i, layer in enumerate(nodes):
        if len(set(layer)) != 1 or not layer[0]:
            raise (lines[-1] if lines else settings.required("global_activation_short")).fail(
                f"layer {i + 1} of {element} mixes or lacks activations; mdcore needs one a layer"
            )
    return tuple(layer[0] for layer in nodes)
