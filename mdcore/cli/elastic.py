"""``mdcore elastic``: the elastic constants of a crystal."""

import importlib.util

import numpy as np

from mdcore.base.comm import on_root
from mdcore.cli.properties import counting, prepared, write_json
from mdcore.figures import COLORS, INK, figure, save
from mdcore.properties.elastic import NAMES, elastic
from mdcore.properties.symmetry import MISSING


def command(arguments, comm) -> None:
    potential, system = prepared(arguments, "elastic", comm)
    found = elastic(
        potential, system, strain=arguments.strain, max_force=arguments.max_force, max_stress=arguments.max_stress,
        observers=[counting(comm)], comm=comm,
    )  # fmt: skip
    on_root(comm, lambda: finish(arguments, found, system.units.labels["pressure"]))


def finish(arguments, found, unit: str) -> None:
    print("\n" + "\n".join(lines(found, unit)) + "\n")
    content = {
        "unit": unit, "order": NAMES, "system": found.symmetry and found.symmetry.system,
        "space_group": found.symmetry and found.symmetry.group, "averages": found.averages, "born": found.born,
        "constants": found.constants, "asymmetry": found.asymmetry,
        "eigenvalues": found.eigenvalues, "stable": found.is_stable, "moduli": found.moduli, "strain": arguments.strain,
        "cell": found.system.box.matrix, "potential": arguments.potential, "structure": arguments.structure,
    }  # fmt: skip
    write_json(arguments.output, content, arguments.overwrite)
    print(f"wrote {arguments.output}")
    if arguments.plot:
        draw(found, unit, arguments.plot)
        print(f"wrote {arguments.plot}")


def lines(found, unit: str) -> list[str]:
    """The table."""
    told = [f"elastic constants, {unit}", *_table(found.constants)]
    told += ["", f"largest difference of two that should be equal: {found.asymmetry:.2g}"]
    kind = found.symmetry
    if kind is None:
        told.append(MISSING if importlib.util.find_spec("spglib") is None else "spglib finds no crystal system")
    else:
        away = float(np.abs(found.averages - found.constants).max())
        alike = f"averages of those that are alike, {away:.2g} away from them at most"
        told.append(f"{kind.system}, {kind.group} ({kind.number}), {kind.independent} independent constants; {alike}")
        told += _table(found.averages) if away > 0.005 else []  # what the first table would not show
    born = ", ".join(f"{value:.2f}" + (f" ({times} times)" if times > 1 else "") for value, times in found.born)
    if not found.is_stable:
        return [*told, "", f"NOT stable (Born): eigenvalues {born}: the crystal turns into another one"]
    moduli = found.moduli
    told += ["", f"stable (Born): eigenvalues {born}", ""]
    told.append("".join([" " * 16, *(f"{name:>10}" for name in ("Voigt", "Reuss", "Hill"))]))
    for name in ("bulk", "shear"):
        told.append(f"{name + ' modulus':16}" + "".join(f"{value:10.2f}" for value in moduli[name]))
    return [*told, f"Young's modulus {moduli['young']:.2f}, Poisson's ratio {moduli['poisson']:.4f} (Hill)"]


def _table(constants) -> list[str]:
    rows = ["      " + "".join(f"{name:>10}" for name in NAMES)]
    for name, row in zip(NAMES, constants, strict=True):
        rows.append(f"{name:6}" + "".join(f"{c + 0.0:10.2f}" for c in np.round(row, 2)))
    return rows


def draw(found, unit: str, path: str) -> None:
    """Young's modulus along the directions of three planes."""
    angles = np.linspace(0.0, 2.0 * np.pi, 361)
    picture = figure(10.0, 3.6)
    for k, (name, (i, j)) in enumerate({"xy": (0, 1), "yz": (1, 2), "xz": (0, 2)}.items()):
        axes = picture.add_subplot(1, 3, k + 1, projection="polar")
        n = np.zeros((len(angles), 3))
        n[:, i], n[:, j] = np.cos(angles), np.sin(angles)
        axes.plot(angles, young(found.constants, n), color=COLORS[0])
        axes.set_title(name, color=INK)
        axes.tick_params(labelsize=8)
    save(path, picture, f"Young's modulus, {unit}")


def young(constants, n) -> np.ndarray:
    """Along unit vectors float64 [m, 3]: a pull s along n strains the crystal along n by s / E."""
    x, y, z = n.T
    pull = np.array([x * x, y * y, z * z, y * z, x * z, x * y])
    strain = np.linalg.solve(constants, pull)
    strain[3:] *= 0.5
    return 1.0 / (strain * pull * np.array([1, 1, 1, 2, 2, 2])[:, None]).sum(axis=0)
