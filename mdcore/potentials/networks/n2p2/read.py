"""How is a network potential read from an n2p2 / RuNNer folder?

``input.nn`` (settings), ``scaling.data`` (descriptor statistics), ``weights.ZZZ.data`` (one network an
element) and, if present, mdcore's own ``mdcore.toml`` (units, provenance, training metrics). Of the fourth
generation also ``weightse.ZZZ.data`` (networks of electronegativities) and ``hardness.ZZZ.data``.
The other direction is n2p2/write.py.
"""

import tomllib
from pathlib import Path

from mdcore.base.errors import InputError
from mdcore.potentials.networks.model import HDNNP, Normalisation
from mdcore.potentials.networks.n2p2.charges import read_charges
from mdcore.potentials.networks.n2p2.scaling import ordered_functions, read_scaling
from mdcore.potentials.networks.n2p2.settings import Settings, element_list, read_settings, settings_text
from mdcore.potentials.networks.n2p2.weights import read_networks, text_of
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
    charged = _generation(settings) == "4"
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
    ordered = ordered_functions(settings, elements, "short")
    scaling = read_scaling(folder / "scaling.data", settings, elements, ordered)
    normalisation = _normalisation(settings)
    return HDNNP(
        elements=elements,
        symmetry_functions=ordered,
        scaling=scaling,
        networks=read_networks(folder, settings, elements, [len(own) + charged for own in ordered], charged=charged),
        atom_energies=_atom_energies(settings, elements),
        normalisation=normalisation,
        charges=read_charges(folder, settings, elements, ordered, scaling, normalisation) if charged else None,
        units=stated or beside["units"],
        provenance=provenance,
        training=beside["training"],
        name=folder.name,
    )


def read_toml(path: Path) -> dict:
    """{"units": Units | None, "provenance": {...}, "training": {...}} of ``mdcore.toml``, empty if absent."""
    content = {}
    if path.exists():
        try:
            content = tomllib.loads(text_of(path))
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


def _generation(settings: Settings) -> str:
    """"2" (short-range networks) or "4" (charge equilibration), of elements; others are refused by name."""
    generation = "2"
    for keyword in ("nnp_generation", "nnp_type"):
        line = settings.one(keyword)
        if line is not None:
            kind = line.argument(0, "the generation").upper().removesuffix("-HDNNP").removesuffix("G")
            if kind not in ("2", "4"):
                names = {"3": " (environment-dependent charges)", "Q": " (charges)"}
                raise line.fail(
                    f"{line.arguments[0]}{names.get(kind, '')}: mdcore reads generations 2 and 4 only"
                )
            generation = kind
    line = settings.one("use_electrostatics")
    if line is not None and generation == "2":
        raise line.fail("mdcore does not support electrostatic energies of the third generation; the fourth is "
                        "nnp_generation 4")  # fmt: skip
    line = settings.one("nn_type_short")
    if line is not None and line.integer_at(0, "the network type") != 1:
        raise line.fail(f"{line.arguments[0]}: mdcore supports type 1 (networks of single elements) only")
    for of, what in (("short", "the atomic energy"), ("electrostatic", "the electronegativity")):
        line = settings.one(f"global_output_nodes_{of}")
        if line is not None and line.integer_at(0, "the number of outputs") != 1:
            raise line.fail(f"a network must have one output, {what}")
    return generation


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
