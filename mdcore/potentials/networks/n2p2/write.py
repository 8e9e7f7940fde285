"""How is a network potential written as an n2p2 folder, so that n2p2 reads the same bits?

Numbers are written with as many digits as they need to be read back to the last bit; the files of a folder are
replaced together. The other direction is n2p2/read.py.
"""

import os
from pathlib import Path

import numpy as np

from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError, OutputError
from mdcore.base.writing import plain, write_texts
from mdcore.potentials.networks.committee import single
from mdcore.potentials.networks.model import COMPACT_TYPES, HDNNP, ElementNetwork, SymmetryFunction
from mdcore.potentials.networks.n2p2.settings import SYMFUNCTION_ARGUMENTS

FILES = ("scaling.data", "weights.*.data", "mdcore.toml", "input.nn")  # of a folder


def member_folders(folder, n_members: int) -> list[Path]:
    """Where the members of a potential go: the folder itself, or of a committee folder-1, ...; OutputError."""
    named, folder = str(folder), Path(folder)
    if not named or (n_members > 1 and folder.name in ("", "..")):
        raise OutputError(f"{named!r}: no name of a folder, or of folders NAME-1, NAME-2, ... of a committee; give one")
    if "\0" in named:
        raise OutputError(f"{named!r}: no folder can have such a name")
    if n_members == 1:
        return [folder]
    return [folder.with_name(f"{folder.name}-{k}") for k in range(1, n_members + 1)]


def folder_files(folder) -> list[Path]:
    """What `write_n2p2` would replace in a folder; OutputError if there is something else of its name."""
    folder = Path(folder)
    if os.path.lexists(folder) and not folder.is_dir():
        raise OutputError(f"{folder}: is no folder, and one of that name is to be written; choose another name")
    return [found for pattern in FILES for found in folder.glob(pattern)]


def write_n2p2(model: HDNNP, folder, overwrite: bool = False) -> list[Path]:
    """Write `model` as an n2p2 folder, a committee as a folder a member (`member_folders`), created if needed.

    Returns the folders; OutputError if one holds a potential already.
    """
    if model.kind != SymmetryFunction.kind:
        raise InputError(
            f"{model.name or 'potential'}: n2p2 knows symmetry functions, and its descriptors are of the kind "
            f'{model.kind}: keep it as .h5, or train one with kind = "symmetry" in [descriptors]'
        )
    if model.subtracted:
        raise InputError(
            f"{model.name or 'potential'}: {', '.join(map(repr, model.subtracted))} was subtracted in training and "
            "belongs to its energy, which a folder of n2p2 has no place for; keep it as .h5"
        )
    if model.charges:
        raise InputError(
            f"{model.name or 'potential'}: has charges, and folders of the fourth generation are read, not written; "
            "keep it as .h5"
        )
    folders = member_folders(folder, len(model.members))
    for own in folders:
        if (own / "input.nn").exists() and not overwrite:
            raise OutputError(f"{own / 'input.nn'} exists; choose another folder or allow overwriting")
    for k, own in enumerate(folders):
        _write_one(single(model, k), own, overwrite)
    return folders


def _write_one(model: HDNNP, folder: Path, overwrite: bool) -> None:
    texts = {}
    if any(np.isfinite(s.mean).any() for s in model.scaling):
        texts["scaling.data"] = _scaling_text(model)
    for element, network in zip(model.elements, model.networks, strict=True):
        texts[f"weights.{ATOMIC_NUMBERS[element]:03d}.data"] = _weights_text(network)
    if model.units or model.provenance or model.training:
        texts["mdcore.toml"] = _toml_text(model)
    texts["input.nn"] = _settings_text(model)  # last: a folder with input.nn is complete
    write_texts(folder, texts, overwrite=overwrite, instead_of=FILES)


def _settings_text(model: HDNNP) -> str:
    functions = [f for own in model.symmetry_functions for f in own]
    cutoffs = {(f.cutoff_type, f.alpha) for f in functions if f.type not in COMPACT_TYPES}
    if len(cutoffs) > 1:
        raise OutputError(f"{model.name}: input.nn can hold one cutoff type only; use .h5")
    cutoff_type, alpha = cutoffs.pop() if cutoffs else (functions[0].cutoff_type, functions[0].alpha)
    if len({(s.mode, s.target_min, s.target_max) for s in model.scaling}) > 1:
        raise OutputError(f"{model.name}: input.nn can hold one scaling mode only; use .h5")
    if len({n.normalize_nodes for n in model.networks}) > 1:
        raise OutputError(f"{model.name}: normalize_nodes must be the same for all elements; use .h5")
    scaling, first = model.scaling[0], model.networks[0]
    lines = ["# Neural network potential written by mdcore."]
    if model.units:
        lines += [f"# Length unit     : {model.units.length}", f"# Energy unit     : {model.units.energy}"]
    if model.normalisation:
        lines += [f"{k} {v!r}" for k, v in vars(model.normalisation).items()]
    lines += [f"number_of_elements {len(model.elements)}", f"elements {' '.join(model.elements)}"]
    lines += [
        f"atom_energy {element} {energy!r}"
        for element, energy in zip(model.elements, model.atom_energies, strict=True)
        if energy
    ]
    lines += [f"cutoff_type {cutoff_type} {alpha!r}"]
    lines += {
        "none": [],
        "center": ["center_symmetry_functions"],
        "scale": ["scale_symmetry_functions"],
        "scale_center": ["scale_symmetry_functions", "center_symmetry_functions"],
        "sigma": ["scale_symmetry_functions_sigma"],
    }[scaling.mode]
    lines += [f"scale_min_short {scaling.target_min!r}", f"scale_max_short {scaling.target_max!r}"]
    hidden = first.layer_sizes[1:-1]
    lines += [f"global_hidden_layers_short {len(hidden)}"]
    lines += [f"global_nodes_short {' '.join(map(str, hidden))}"] if hidden else []
    lines += [f"global_activation_short {' '.join(first.activations)}"]
    lines += ["normalize_nodes"] if first.normalize_nodes else []
    for element, network in zip(model.elements[1:], model.networks[1:], strict=True):
        own = network.layer_sizes[1:-1]
        if len(own) != len(hidden):
            lines += [f"element_hidden_layers_short {element} {len(own)}"]
        if own != hidden and own:
            lines += [f"element_nodes_short {element} {' '.join(map(str, own))}"]
        if network.activations != first.activations:
            lines += [f"element_activation_short {element} {' '.join(network.activations)}"]
    lines += [_symfunction_line(f) for f in functions]
    return "\n".join(lines) + "\n"


def _symfunction_line(function: SymmetryFunction) -> str:
    words = ["symfunction_short", function.center, str(function.type), *function.neighbors]
    for name in SYMFUNCTION_ARGUMENTS[function.type]:
        if name not in ("e1", "e2"):
            value = getattr(function, name.rstrip("?"))
            words.append(value if isinstance(value, str) else repr(float(value)))
    return " ".join(words)


def _scaling_text(model: HDNNP) -> str:
    lines = ["# Symmetry function scaling data.", "# e_index sf_index sf_min sf_max sf_mean sf_sigma"]
    for e, scaling in enumerate(model.scaling, start=1):
        sigma_known = np.isfinite(scaling.sigma).all()
        if not sigma_known and np.isfinite(scaling.sigma).any():
            raise OutputError(f"{model.name}: scaling.data has the sigma of all functions or of none; use .h5")
        columns = [scaling.min, scaling.max, scaling.mean] + ([scaling.sigma] if sigma_known else [])
        for f, row in enumerate(zip(*columns, strict=True), start=1):
            lines.append(f"{e} {f} " + " ".join(repr(float(value)) for value in row))
    return "\n".join(lines) + "\n"


def _weights_text(network: ElementNetwork) -> str:
    lines = [
        "# Neural network connection values (weights and biases).",
        "# connection t index l_s n_s l_e n_e",
    ]
    for layer, (weights, biases) in enumerate(zip(network.weights, network.biases, strict=True), start=1):
        for (i, j), value in np.ndenumerate(weights):
            lines.append(f"{float(value)!r} a {len(lines) - 1} {layer - 1} {i + 1} {layer} {j + 1}")
        for j, value in enumerate(biases):
            lines.append(f"{float(value)!r} b {len(lines) - 1} {layer} {j + 1}")
    return "\n".join(lines) + "\n"


def _toml_text(model: HDNNP) -> str:
    lines = []
    if model.units:
        lines += [f'units = {{length = "{model.units.length}", energy = "{model.units.energy}"}}']
    for name in ("provenance", "training"):
        table = getattr(model, name)
        if table:
            lines += ["", f"[{name}]", *(f"{_toml(str(k))} = {_toml(v)}" for k, v in table.items())]
    return "\n".join(lines).lstrip() + "\n"


def _toml(value) -> str:
    """A TOML key or value: text, boolean, integer or float."""
    if isinstance(value, str):
        escaped = plain(value).replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in escaped) + '"'
    return str(value).lower() if isinstance(value, bool) else repr(value)
