"""What may stand in an input file? Writes the pages of the reference from the settings' own definitions.

python -m mdcore.config.reference > docs/input.md
python -m mdcore.config.reference train > docs/train-input.md
python -m mdcore.config.reference tensors > docs/tensors-input.md
python -m mdcore.config.reference learn > docs/learn-input.md
"""

import inspect
import re
import sys
from dataclasses import Field

from mdcore.base import units
from mdcore.config.learn import LearnSettings
from mdcore.config.settings import Settings
from mdcore.config.training import TrainingSettings
from mdcore.config.training_tensors import TensorTrainingSettings
from mdcore.faces.schema import NamedSections, Section, Sections, Table, is_required, keys, toml

EXAMPLE = """\
# argon.toml
title = "liquid argon"

[structure]
build = "fcc"
species = "Ar"
density = 1.374                  # g/cm3
replicate = [6, 6, 6]            # 864 atoms

[velocities]
temperature = 94.4               # K

[potential]
type = "lj"
cutoff = 8.5                     # Angstrom

[potential.species.Ar]
epsilon = 0.01034                # eV
sigma = 3.405                    # Angstrom

[[stage]]
name = "equilibrate"
ensemble = "langevin"
timestep = 5.0                   # fs
steps = 5000
temperature = 94.4
friction = 0.002                 # 1/fs

[[stage]]
name = "produce"
ensemble = "nve"
timestep = 5.0
steps = 20000
trajectory_every = 20

[output]
thermo_every = 500
checkpoint_minutes = 10

[analysis]
stage = "produce"
"""

INTRODUCTION = """\
# The input file

<!-- Written by `python -m mdcore.config.reference > docs/input.md`; do not edit. -->

An input is a [TOML](https://toml.io) file. Run it with `mdcore run input.toml`; `mdcore check input.toml`
tells what it would do, and everything that is wrong with it, without running. A complete example:

```toml
{example}```

Every key of every section is listed below. A key that is not listed is an error, as is a value of the
wrong type: nothing is guessed. Numbers may be written as integers; text stands in quotes. `[section]` is
written once, `[[section]]` as often as needed, in order.

## Changing a setting for one run

`mdcore run input.toml --set section.key=value` overrides one key; it may be repeated. The value is TOML, or
a bare word. Entries of `[[stage]]` and `[[potential]]` are named by index, counted from 0, or by their
`name`:

```sh
mdcore run argon.toml --set seed=7 --set stage.produce.steps=100000 --set stage.0.temperature=120 \\
    --set potential.0.cutoff=10 --set structure.replicate=[4,4,4] --set output.name=argon-7
```

## Units

{units}
"""

TRAINING_EXAMPLE = """\
# train.toml
title = "silicon, a first training"

[card]
data = "structures of inputs/labels.toml, labelled by potentials/silicon.h5"

[[data]]
file = "results/labels.extxyz"   # extended xyz: eV, Angstrom; a second [[data]] with use = "test" for a test set

[split]
validation = 0.1                 # of what is not for testing

[descriptors]
cutoff = 5.0                     # Angstrom
keep = 24                        # of the candidates, each element

[network]
hidden = [15, 15]

[optimizer]
type = "kalman"
epochs = 20
patience = 5
"""

TRAINING_INTRODUCTION = """\
# The input of a training

<!-- Written by `python -m mdcore.config.reference train > docs/train-input.md`; do not edit. -->

`mdcore train train.toml` turns labelled structures into a network potential; `mdcore check train.toml` reads the data
and tells what is in them and what would be trained, and everything that is wrong, without training. How it works:
[training](training.md). A complete example, for structures that a potential labels (or yours, by quantum mechanics):

```sh
mdcore run inputs/labels.toml     # makes results/labels.extxyz
```

```toml
{example}```

Every key of every section is listed below; a key that is not is an error. `[section]` is written once, `[[section]]`
as often as needed. `--set section.key=value` overrides one key for one run, as for
[runs](input.md#changing-a-setting-for-one-run); entries of `[[data]]` and `[[optimizer]]` are named by index. Units are
eV and Angstrom.
"""

TENSORS_EXAMPLE = """\
# tensors.toml
title = "dipole moments of water"

[[data]]
file = "water_dipoles.extxyz"    # atomic_dipole at O in e Angstrom, or dipole of the whole

[split]
validation = 0.15

[model]
type = "tensors"
centers = ["O"]
ions = { H = 1.0 }               # e; what is learnt is of the electrons

[optimizer]
type = "adam"
epochs = 60
batch = 8
decay = 2.0
average = 0.99
"""

TENSORS_LABELS = """\
import numpy as np

rng = np.random.default_rng(1)
with open("water_dipoles.extxyz", "w") as file:
    for _ in range(200):
        turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
        x = ([[0, 0, 0], [0.76, 0.59, 0], [-0.76, 0.59, 0]] + rng.normal(scale=0.08, size=(3, 3))) @ turn
        dipole = " ".join(map(str, 0.4 * (x[1] + x[2] - 2 * x[0])))
        print(f'3\\nProperties=species:S:1:pos:R:3 pbc="F F F" dipole="{dipole}"', file=file)
        for symbol, place in zip("OHH", x, strict=True):
            print(symbol, *place, file=file)
"""

TENSORS_INTRODUCTION = """\
# The input of a training of tensors

<!-- Written by `python -m mdcore.config.reference tensors > docs/tensors-input.md`; do not edit. -->

`mdcore train tensors.toml` turns dipole moments and polarizabilities into a network of them, if the type of its model
is `"tensors"`; `mdcore check tensors.toml` tells what would be trained, without training. How it works:
[tensors](training.md#dipole-moments-and-polarizabilities). A complete example, of molecules with 0.4 e at H:

```python
{labels}```

```toml
{example}```

Every key of every section is listed below; a key that is not is an error. `--set section.key=value` overrides one key
for one run. Units are Angstrom, e Angstrom and Angstrom^3.
"""

LEARN_EXAMPLE = """\
# learn.toml
title = "copper, EMT"

[campaign]
generations = 6
calls = 200                      # of the oracle

[start]
data = "start.extxyz"            # some structures; the oracle labels those without energy and forces

[train]
input = "train.toml"             # as for mdcore train, without [[data]]; a committee

[[explorer]]
name = "hot"
type = "run"
input = "explore.toml"           # as for mdcore run
set = ["stage.0.temperature=600"]

[[explorer]]
name = "strained"
type = "strains"

[select]
by = "disagreement"
batch = 20

[oracle]
type = "ase"
calculator = "emt"

[judge]
frames = 5                       # of each explorer and generation, at random
forces = 0.05                    # eV/Angstrom
"""

LEARN_INTRODUCTION = """\
# The input of a campaign

<!-- Written by `python -m mdcore.config.reference learn > docs/learn-input.md`; do not edit. -->

`mdcore learn learn.toml` lets a potential ask for the calculations it needs; `mdcore check learn.toml` tells what it
would do, and everything that is wrong, without a calculation. How it works, with a tutorial: [learn](learn.md). An
example:

```
{example}```

Every key of every section is listed below; a key that is not is an error. `[section]` is written once, `[[explorer]]`
as often as needed. `--set section.key=value` overrides one key; entries of `[[explorer]]` are named by their `name`.
Paths are relative to the input file. Units are eV and Angstrom.
"""

COLUMNS = ("key", "type", "unit", "default", "meaning", "example")


def page() -> str:
    """The reference page, Markdown."""
    return _page(INTRODUCTION.format(example=EXAMPLE, units=units_table()), Settings)


def training_page() -> str:
    """The reference page of train.toml."""
    text = _page(TRAINING_INTRODUCTION.format(example=TRAINING_EXAMPLE), TrainingSettings)
    return re.sub(r" \(lj: [^)]*\)", "", text)  # there is one system of units


def tensors_page() -> str:
    """The reference page of a train.toml of tensors."""
    text = _page(TENSORS_INTRODUCTION.format(example=TENSORS_EXAMPLE, labels=TENSORS_LABELS), TensorTrainingSettings)
    return re.sub(r" \(lj: [^)]*\)", "", text)


def learn_page() -> str:
    """The reference page of learn.toml."""
    text = _page(LEARN_INTRODUCTION.format(example=LEARN_EXAMPLE), LearnSettings)
    return re.sub(r" \(lj: [^)]*\)", "", text)


PAGES = {"": page, "train": training_page, "tensors": tensors_page, "learn": learn_page}


def _page(introduction: str, root) -> str:
    parts = [introduction, "## The top of the file\n", keys_table(root)]
    for name, field in keys(root).items():
        kind = field.metadata["kind"]
        if isinstance(kind, Section):
            parts += section(kind.cls, f"[{name}]", "##", required(field) + documentation(kind.cls))
        elif isinstance(kind, Sections) and kind.cls:
            parts += section(kind.cls, f"[[{name}]]", "##", required(field) + documentation(kind.cls))
        elif isinstance(kind, Sections):
            parts += variants(kind, name, field)
    return "\n".join(parts).rstrip() + "\n"


def units_table() -> str:
    """Each quantity in each system of units."""
    systems = units.SYSTEMS.values()
    rows = [f"| quantity | {' | '.join(f'`units = {toml(s.name)}`' for s in systems)} |"]
    rows.append("|---" * (1 + len(systems)) + "|")
    for quantity in units.METAL.labels:
        rows.append(f"| {quantity} | {' | '.join(s.labels[quantity] for s in systems)} |")
    return "\n".join(rows)


def section(cls, title: str, level: str, intro: str) -> list[str]:
    """Heading, introduction and table of one section, then of the sections in it."""
    parts = [f"\n{level} `{title}`\n", f"{intro}\n", keys_table(cls)]
    name = title.strip("[]")
    for key, field in keys(cls).items():
        kind = field.metadata["kind"]
        if isinstance(kind, NamedSections):
            parts += section(kind.cls, f"[{name}.{key}.<name>]", level + "#", field.metadata["doc"])
        elif isinstance(kind, Sections):
            parts += section(kind.cls, f"[[{name}.{key}]]", level + "#", field.metadata["doc"])
        elif isinstance(kind, Section):
            parts += section(kind.cls, f"[{name}.{key}]", level + "#", documentation(kind.cls))
    return parts


def variants(kind: Sections, name: str, field: Field) -> list[str]:
    """An array of tables whose tag decides which keys apply."""
    parts = [f"\n## `[[{name}]]`\n", f"{required(field)}{field.metadata['doc']}\n"]
    common = set.intersection(*(set(keys(cls)) for cls in kind.classes.values()))
    if len(kind.classes) > 1:
        first = next(iter(kind.classes.values()))
        parts.append("All have:\n")
        parts.append(keys_table(first, only=common))
    for word, cls in kind.classes.items():
        own = set(keys(cls)) - common if len(kind.classes) > 1 else set(keys(cls))
        parts += [f'\n### `{kind.tag} = "{word}"`\n', f"{documentation(cls)}\n", keys_table(cls, only=own)]
        for key, inner in keys(cls).items():
            nested = inner.metadata["kind"]
            if isinstance(nested, NamedSections):
                parts += section(nested.cls, f"[{name}.{key}.<name>]", "####", inner.metadata["doc"])
            elif isinstance(nested, Sections):
                parts += section(nested.cls, f"[[{name}.{key}]]", "####", inner.metadata["doc"])
            elif isinstance(nested, Section):
                parts += section(nested.cls, f"[{name}.{key}]", "####", documentation(nested.cls))
    return parts


def documentation(cls) -> str:
    """The docstring of a section, without the indentation of its lines."""
    return inspect.cleandoc(cls.__doc__)


def required(field: Field) -> str:
    return "Required. " if is_required(field) else ""


def keys_table(cls, only=None) -> str:
    """The keys of `cls` that hold values (not sections), one a row."""
    rows = [f"| {' | '.join(COLUMNS)} |", "|---" * len(COLUMNS) + "|"]
    for name, field in keys(cls).items():
        if (only is None or name in only) and not isinstance(
            field.metadata["kind"], Section | Sections | NamedSections
        ):
            rows.append(f"| {' | '.join(row(name, field))} |")
    return "\n".join(rows) if len(rows) > 2 else ""


def row(name: str, field: Field) -> tuple[str, ...]:
    meta = field.metadata
    quantity = meta["quantity"]
    unit = ""
    if quantity:
        metal, lj = units.METAL.labels[quantity], units.LJ.labels[quantity]
        unit = metal if metal == lj else f"{metal} (lj: {lj})"
    if is_required(field):
        default = "required"
    elif meta["default_text"] is not None:
        default = meta["default_text"]
    elif isinstance(meta["kind"], Table):
        default = "none"
    else:
        default = f"`{toml(field.default)}`"
    example = f"`{name} = {toml(meta['example'])}`"
    return f"`{name}`", meta["kind"].type_name, unit, default, meta["doc"], example


if __name__ == "__main__":
    print(PAGES["".join(sys.argv[1:])](), end="")
