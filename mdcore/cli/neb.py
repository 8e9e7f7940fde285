"""``mdcore neb``: the barrier between two structures."""

import os

import numpy as np

from mdcore.base import console
from mdcore.base.comm import on_root
from mdcore.base.writing import writing_text
from mdcore.cli.properties import prepared, write_json
from mdcore.figures import COLORS, INK, figure, plain, save
from mdcore.properties.neb import neb
from mdcore.structure.extxyz import write_frame

UNDONE = 1  # exit code
EVERY = 20  # steps a line
DIP = 0.01  # of the highest energy on the path: a valley that counts


def command(arguments, comm) -> int:
    stem = os.path.splitext(os.path.basename(arguments.structure))[0]
    arguments.path = arguments.path or f"{stem}.neb.xyz"
    potential, start = prepared(arguments, "neb", comm, [arguments.end], [arguments.path])
    end = on_root(comm, lambda: type(start).read(arguments.end, arguments.end_frame, start.units, labels=False), True)
    found = neb(
        potential, start, end, images=arguments.images, max_force=arguments.max_force, climb=not arguments.no_climb,
        relax_ends=arguments.relax_ends, spring=arguments.spring, steps=arguments.steps,
        observers=[telling(comm, start.units.labels)], comm=comm,
    )  # fmt: skip
    on_root(comm, lambda: finish(arguments, found, start.units.labels))
    return 0 if found.converged else UNDONE


def telling(comm, unit):
    """A line now and then, on rank 0."""
    last = -1

    def tell(step, energies, worst):
        nonlocal last
        if comm.rank or step == last or step % EVERY:
            return
        last, high = step, energies.max() - energies[0]
        print(f"step {step}: highest image {high:.6g} {unit['energy']}, largest force {worst:.3g}", flush=True)

    return tell


def finish(arguments, found, unit) -> None:
    print("\n" + "\n".join(lines(found, unit)) + "\n")
    content = {
        "units": {key: unit[key] for key in ("length", "energy", "force")}, "coordinates": found.coordinates,
        "energies": found.energies, "slopes": found.slopes, "largest_forces": found.largest_forces,
        "saddle": found.saddle, "climbed": found.climbed, "converged": found.converged, "barrier": found.barrier,
        "backward": found.backward, "steps": found.steps, "potential": arguments.potential,
        "start": arguments.structure, "end": arguments.end, "path": arguments.path,
    }  # fmt: skip
    write_json(arguments.output, content, arguments.overwrite)
    with writing_text(arguments.path, overwrite=arguments.overwrite) as stream:
        for image, system in enumerate(found.systems):
            info = {"Coordinate": float(found.coordinates[image])}
            write_frame(stream, system, forces=found.forces[image], energy=found.energies[image], info=info)
    print(f"wrote {arguments.output}\nwrote {arguments.path} (the images)")
    if arguments.plot:
        draw(found, unit, arguments.plot)
        print(f"wrote {arguments.plot}")
    warn(arguments, found)


def warn(arguments, found) -> None:
    """About what makes a barrier doubtful."""
    for name, force in zip((arguments.structure, arguments.end), found.largest_forces[[0, -1]], strict=True):
        if force > arguments.max_force:
            console.tell("warning", f"{name} is not at rest, largest force {force:.3g}: add --relax-ends")
    if not found.converged:
        console.tell("warning", f"not converged after {found.steps} steps: more --steps, or a larger --max-force")
    for k in dips(found):
        console.tell("warning", f"image {k} is in a valley between two barriers: relax it, take a path on each side")


def dips(found) -> list[int]:
    """Images at the bottom of valleys deeper than a hundredth of what the path climbs."""
    e = found.energies
    bottoms = [k for k in range(1, len(e) - 1) if e[k - 1] > e[k] <= e[k + 1]]
    return [k for k in bottoms if min(e[:k].max(), e[k + 1 :].max()) - e[k] > DIP * np.ptp(e)]


def lines(found, unit) -> list[str]:
    """The table."""
    names = ("image", "path", "energy", "force along", "largest force")
    units = ("", unit["length"], unit["energy"], unit["force"], unit["force"])
    told = ["{:>5}{:>14}{:>18}{:>16}{:>16}".format(*row) for row in (names, units)]
    rows = zip(found.coordinates, found.energies - found.energies[0], -found.slopes, found.largest_forces, strict=True)
    for image, row in enumerate(rows):
        mark = "  saddle" if image == found.saddle and found.climbed else ""
        told.append("{:5}{:14.6f}{:18.8f}{:16.6f}{:16.6f}".format(image, *row) + mark)
    told += ["", f"energy of the start {found.energies[0]:.8f} {unit['energy']}; those of the table are above it"]
    if not 0 < found.saddle < len(found.energies) - 1:
        return [*told, "no barrier: the highest image is an end"]
    told.append(f"barrier forward   {found.barrier:.6f} {unit['energy']}")
    told.append(f"barrier backward  {found.backward:.6f} {unit['energy']}")
    if not found.climbed:
        s = np.linspace(0.0, found.coordinates[-1], 2001)
        top = found.energy_at(s).max() - found.energies[0]
        told.append(f"no image climbed: the curve through all goes up to {top:.6f} {unit['energy']}")
    return told


def draw(found, unit, path: str) -> None:
    """Images and the curve through them."""
    picture = figure(5.6, 4.2)
    axes = picture.subplots()
    s = np.linspace(0.0, found.coordinates[-1], 400)
    axes.plot(s, found.energy_at(s) - found.energies[0], color=COLORS[0])
    axes.plot(found.coordinates, found.energies - found.energies[0], "o", color=COLORS[1], markersize=5)
    axes.set_xlabel(f"path, {unit['length']}", color=INK)
    axes.set_ylabel(f"energy, {unit['energy']}", color=INK)
    plain(axes)
    save(path, picture, f"barrier {found.barrier:.4g} forward, {found.backward:.4g} backward")
