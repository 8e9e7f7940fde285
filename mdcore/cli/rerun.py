"""``mdcore rerun``: what does another potential say of this trajectory?"""

from mdcore.base.comm import on_root
from mdcore.base.errors import InputError
from mdcore.cli.clashes import refuse
from mdcore.cli.evaluate import potential_files, with_units
from mdcore.cli.potential import parse_units, tell_swapped
from mdcore.output.trajectory import Trajectory
from mdcore.recompute import Rerun, rerun


def command(arguments, comm) -> None:
    potential, system = on_root(comm, lambda: prepare(arguments), share=True)
    frames = parse_frames(arguments.frames)
    found = rerun(
        potential, arguments.trajectory, arguments.output, frames=frames, threads=arguments.threads,
        overwrite=arguments.overwrite, units=system, comm=comm,
    )  # fmt: skip
    if comm.rank == 0:
        print("\n".join(lines(found, arguments)))


def prepare(arguments):
    """(potential, its system of units); InputError, OutputError for files that can't be."""
    tell_swapped("rerun", arguments.potential, arguments.trajectory)
    refuse(arguments.output, [arguments.trajectory, *potential_files(arguments.potential)])
    return with_units(arguments.potential, parse_units(arguments.units), has_bonds(arguments.trajectory))


def has_bonds(path: str) -> bool:
    """Does the trajectory hold some? InputError."""
    if not path.lower().endswith((".h5md", ".h5")):
        return False
    with Trajectory(path) as trajectory:
        return len(trajectory.bonds) > 0


def parse_frames(text: str | None) -> slice | None:
    """``100::10`` of --frames; InputError."""
    if text is None:
        return None
    words = text.split(":")
    if not 2 <= len(words) <= 3 or not all(word.strip().isdecimal() or not word.strip() for word in words):
        raise InputError(f"--frames {text}: expected FIRST:END or FIRST:END:STRIDE, counted from 0, e.g. 100: or ::10")
    found = slice(*(int(word) if word.strip() else None for word in words))
    if found.step == 0:
        raise InputError(f"--frames {text}: the stride is 1 or more, e.g. ::10")
    return found


def lines(found: Rerun, arguments) -> list[str]:
    """What to tell."""
    unit = found.units.labels
    count = len(found.steps)
    out = [f"{arguments.potential} on {arguments.trajectory}: {count} frame{'s' * (count > 1)}", ""]
    each = found.energy / found.n_atoms
    rows = [("energy an atom", each, unit["energy"]), ("pressure", found.pressure, unit["pressure"])]
    rows.append(("largest force", found.largest_force, unit["force"]))
    out.append(f"{'':16}{'mean':>14}{'least':>14}{'most':>14}")
    for name, values, label in rows:
        out.append(f"{name:16}{values.mean():14.6g}{values.min():14.6g}{values.max():14.6g}  {label}")
    return [*out, "", *(f"wrote {path}" for path in arguments.output)]
