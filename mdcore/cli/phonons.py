"""``mdcore phonons``: how a crystal vibrates."""

import numpy as np

from mdcore.base.comm import on_root
from mdcore.cli.properties import counting, prepared, write_json
from mdcore.figures import COLORS, GREY, INK, figure, plain, save
from mdcore.properties.phonons import phonons

SHOWN = 6  # branches of a point in the table; of more the lowest, and the highest


def command(arguments, comm) -> None:
    potential, system = prepared(arguments, "phonons", comm)
    found = phonons(
        potential, system, repeat=arguments.repeat, displacement=arguments.displacement, path=arguments.path,
        mesh=arguments.mesh, relaxed=arguments.relax, max_force=arguments.max_force, max_stress=arguments.max_stress,
        observers=[counting(comm)], comm=comm,
    )  # fmt: skip
    on_root(comm, lambda: finish(arguments, found))


def finish(arguments, found) -> None:
    print("\n" + "\n".join(lines(found)) + "\n")
    keys = ("unit", "q", "distances", "frequencies", "levels", "density", "lowest", "repeat", "primitive", "drift")
    content = {
        **{key: getattr(found, key) for key in keys},
        "points": [{"name": name, "row": row} for name, row in found.points],
        "stable": found.is_stable, "largest_force": found.largest_force, "displacement": arguments.displacement,
        "cell": found.system.box.matrix, "potential": arguments.potential, "structure": arguments.structure,
    }  # fmt: skip
    write_json(arguments.output, content, arguments.overwrite)
    print(f"wrote {arguments.output}")
    if arguments.plot:
        draw(found, arguments.plot)
        print(f"wrote {arguments.plot}")


def lines(found) -> list[str]:
    """The table: special points, each once."""
    branches = found.frequencies.shape[1]
    told = [
        f"phonons, {found.unit}; {branches} branches; supercell of {' x '.join(map(str, found.repeat))} cells; "
        f"displacements: {found.calls}",
        f"{'point':8}{'q, reciprocal cell vectors':30}frequencies" + (", lowest and highest" * (branches > SHOWN)),
    ]
    rows = {}
    for name, row in found.points:
        rows.setdefault(name, row)
    for name, row in rows.items():
        q = "".join(f"{x:9.4f}" for x in found.q[row])
        told.append(f"{name:5}{q:30}" + "".join(f"{_told(f, found):>10}" for f in _some(found.frequencies[row])))
    told += ["", f"largest sum of force constants of an atom, before it is made zero: {found.drift:.2g}"]
    if found.is_stable:
        return [*told, "stable: no imaginary modes"]
    most = _told(found.lowest, found)
    return [*told, f"NOT stable: imaginary modes (i), up to {most}: the crystal turns into another one"]


def _some(frequencies):
    return frequencies if len(frequencies) <= SHOWN else [*frequencies[: SHOWN - 1], frequencies[-1]]


def _told(frequency: float, found) -> str:
    """An imaginary one with an i; what is as small as noise is not."""
    return f"{-frequency:.4f}i" if found.is_imaginary(frequency) else f"{abs(frequency):.4f}"


def draw(found, path: str) -> None:
    """Bands, with gaps where the path jumps, and the density of states beside them."""
    picture = figure(8.0, 4.4)
    bands, density = picture.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    jumps = np.flatnonzero(np.diff(found.distances) == 0.0) + 1
    for x, f in zip(np.split(found.distances, jumps), np.split(found.frequencies, jumps), strict=True):
        bands.plot(x, f, color=COLORS[0], linewidth=1.2)
    names = {}
    for name, row in found.points:
        x = found.distances[row]
        names[x] = f"{names[x]}|{name}" if x in names else name
    for x in names:
        bands.axvline(x, color=GREY, linewidth=0.6)
    bands.set_xticks(list(names), list(names.values()))
    bands.set_xlim(found.distances[0], found.distances[-1])
    bands.set_ylabel(f"frequency, {found.unit}", color=INK)
    density.plot(found.density, found.levels, color=COLORS[0], linewidth=1.2)
    density.set_xlabel(f"states per {found.unit}", color=INK)
    for axes in (bands, density):
        axes.axhline(0.0, color=GREY, linewidth=0.6)
        plain(axes)
    density.set_xlim(left=0.0)
    save(path, picture, "phonons" if found.is_stable else "phonons; imaginary modes are below zero")
