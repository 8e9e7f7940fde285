"""What do the files of weights of an n2p2 / RuNNer folder say? One network an element, with the layers of input.nn."""

import math
import warnings
from pathlib import Path

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError
from mdcore.base.files import MOST_TEXT, read_text
from mdcore.base.numerals import number as to_number
from mdcore.potentials.networks.model import ElementNetwork, n_parameters
from mdcore.potentials.networks.n2p2.settings import Settings

FILES = {"short": "weights", "electrostatic": "weightse"}


def text_of(path: Path, n_numbers: int = 0) -> str:
    """A text of so many numbers, with comments."""
    return read_text(path, "a text file of a network potential", min(MOST_TEXT, (1 << 20) + 256 * n_numbers))


def read_networks(folder: Path, settings: Settings, elements, n_inputs, of="short", charged=False):
    """The networks of all elements; of : "short", "electrostatic" """
    columns = zip(elements, n_inputs, strict=True)
    return tuple(_read_network(folder, settings, element, n, of, charged) for element, n in columns)


def column_of(path: Path, most: int) -> list[float]:
    """The first column of a file of so many numbers."""
    values = []
    for number, raw in enumerate(text_of(path, most).split("\n"), start=1):
        words = raw.split("#", 1)[0].split()
        if words:
            try:
                values.append(to_number(words[0]))
            except ValueError:
                values.append(math.nan)
            if not math.isfinite(values[-1]):
                raise InputError(f"{path}: line {number}: expected a finite number, found {words[0]!r}")
    return values


def _read_network(
    folder: Path, settings: Settings, element: str, n_inputs: int, of: str, charged: bool
) -> ElementNetwork:
    path = folder / f"{FILES[of]}.{ATOMIC_NUMBERS[element]:03d}.data"
    candidates = [(n_inputs, *hidden, 1) for hidden in _hidden_layers(settings, element, of)]
    values = column_of(path, max(map(n_parameters, candidates)))
    sizes = next((c for c in candidates if n_parameters(c) == len(values)), None)
    if sizes is None and charged and values and len(values) < n_parameters(candidates[0]):
        # n2p2 takes what stands in memory behind them, zeros as a rule; a published potential (Carbon_chain_4G) is so
        sizes = candidates[0]
        warnings.warn(
            f"{path}: {len(values)} weights and biases of {n_parameters(sizes)} ({'-'.join(map(str, sizes))}) that "
            f"{settings.path.name} asks for; the others are taken for 0, as n2p2 does. Are the numbers of nodes right?",
            stacklevel=5,
        )
        values += [0.0] * (n_parameters(sizes) - len(values))
    if sizes is None:
        wanted = " or ".join(f"{n_parameters(c)} ({'-'.join(map(str, c))})" for c in candidates)
        raise InputError(
            f"{path}: {len(values)} weights and biases, expected {wanted} from {settings.path.name}"
        )
    activations = _activations(settings, element, sizes, of)
    try:
        return ElementNetwork.from_flat(values, sizes, activations, "normalize_nodes" in settings)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _hidden_layers(settings: Settings, element: str, of: str) -> list[tuple[int, ...]]:
    """Hidden-layer sizes of the network of `element`; two readings where a line is ambiguous.

    ``element_nodes_short O 30 20`` lists all layers (n2p2); ``element_nodes_short O 2 20`` sets layer 2 to
    20 nodes (RuNNer). The number of weights decides.
    """
    own = settings.of_element(f"element_hidden_layers_{of}", element)
    depth_line = own[-1] if own else settings.required(f"global_hidden_layers_{of}")
    depth = depth_line.integer_at(1 if own else 0, "the number of hidden layers")
    if not 0 <= depth <= 64:
        raise depth_line.fail(f"{depth} hidden layers: expected 0 to 64")
    global_line = settings.one(f"global_nodes_{of}")
    base = () if global_line is None else global_line.integers("the nodes of a layer")
    lines = [
        line for line in settings.all(f"element_nodes_{of}") if line.argument(0, "an element") == element
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


def _activations(settings: Settings, element: str, sizes: tuple[int, ...], of: str) -> tuple[str, ...]:
    """One letter a layer; n2p2's list or RuNNer's node-by-node form, which must agree within a layer."""
    depth = len(sizes) - 1
    default = settings.one(f"global_activation_{of}")
    letters = () if default is None else default.activations()
    lines = settings.of_element(f"element_activation_{of}", element)
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
        line = settings.required(f"global_activation_{of}")
        raise line.fail(f"{len(letters)} activations given for {depth} layers (hidden and output)")
    for i, layer in enumerate(nodes):
        if len(set(layer)) != 1 or not layer[0]:
            raise (lines[-1] if lines else settings.required(f"global_activation_{of}")).fail(
                f"layer {i + 1} of {element} mixes or lacks activations; mdcore needs one a layer"
            )
    return tuple(layer[0] for layer in nodes)
