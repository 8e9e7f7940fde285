"""``mdcore eos``: energy against volume."""

import numpy as np

from mdcore.base.comm import on_root
from mdcore.cli.properties import counting, prepared, write_json
from mdcore.figures import COLORS, INK, figure, plain, save
from mdcore.properties.eos import eos


def command(arguments, comm) -> None:
    potential, system = prepared(arguments, "eos", comm)
    found = eos(
        potential, system, volumes=arguments.volumes, width=arguments.width, max_force=arguments.max_force,
        observers=[counting(comm)], comm=comm,
    )  # fmt: skip
    on_root(comm, lambda: finish(arguments, found, system))


def finish(arguments, found, system) -> None:
    unit, n = system.units.labels, system.n_atoms
    print("\n" + "\n".join(lines(found, unit, n)) + "\n")
    content = {"units": {key: unit[key] for key in ("volume", "energy", "pressure")}, "atoms": n, **vars(found)}
    content |= {"potential": arguments.potential, "structure": arguments.structure}
    write_json(arguments.output, {k: v for k, v in content.items() if k[0] != "_"}, arguments.overwrite)
    print(f"wrote {arguments.output}")
    if arguments.plot:
        draw(found, unit, arguments.plot)
        print(f"wrote {arguments.plot}")


def lines(found, unit, n: int) -> list[str]:
    """The table."""
    names = ("volume", "energy", "pressure")
    told = ["{:>16}{:>18}{:>14}".format(*row) for row in (names, [unit[name] for name in names])]
    for row in zip(found.volumes, found.energies, found.pressures, strict=True):
        told.append("{:16.6f}{:18.8f}{:14.5f}".format(*row))
    return [
        *told, "", "Birch-Murnaghan, third order",
        f"V0   {found.volume:.6f} {unit['volume']}, {found.volume / n:.6f} an atom",
        f"E0   {found.energy:.8f} {unit['energy']}, {found.energy / n:.8f} an atom",
        f"B0   {found.bulk_modulus:.4f} {unit['pressure']}",
        f"B0'  {found.derivative:.4f}",
        f"root mean square error of the fit {found.error:.2g} {unit['energy']}",
    ]  # fmt: skip


def draw(found, unit, path: str) -> None:
    """Points and the fit."""
    picture = figure(5.6, 4.2)
    axes = picture.subplots()
    v = np.linspace(found.volumes[0], found.volumes[-1], 200)
    axes.plot(v, found.energy_at(v), color=COLORS[0])
    axes.plot(found.volumes, found.energies, "o", color=COLORS[1], markersize=5)
    axes.set_xlabel(f"volume, {unit['volume']}", color=INK)
    axes.set_ylabel(f"energy, {unit['energy']}", color=INK)
    plain(axes)
    save(path, picture, f"V0 {found.volume:.5g}, B0 {found.bulk_modulus:.4g}, B0' {found.derivative:.3g}")
