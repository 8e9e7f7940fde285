"""``mdcore verify``: does this potential keep its promises?"""

import os

from mdcore.base.errors import InputError
from mdcore.cli.potential import is_input, load_input, parse_units
from mdcore.verify import examine, failed, subject


def command(arguments, comm) -> int:
    if comm.size > 1:
        raise InputError("mdcore verify starts its ranks itself: run it without mpirun").everywhere()
    it = examined(arguments.potential, arguments.structure, parse_units(arguments.units))
    print(f"{arguments.potential}: cutoff {it.potential.cutoff:.6g} {it.units.labels['length']}")
    print(f"on {it.n} atoms ({', '.join(it.symbols)}): {it.origin}")
    outside = it.base.extrapolation
    if outside is not None and len(outside.atoms):
        print(f"{len(outside.atoms)} of them are outside the range of training, which no check minds")
    print()
    rows = []
    for row in examine(it):
        rows.append(row)
        print(row, flush=True)
    broken = sum(row.ok is False for row in rows)
    print(f"\n{broken} of {len(rows)} rows FAIL" if broken else f"\nall is well ({len(rows)} rows)")
    return 1 if failed(rows) else 0


def examined(path: str, structure: str | None, units):
    """The potential and the structure that a command line or an input file names; InputError."""
    if not is_input(path):
        return subject(path, structure, units=units)
    from mdcore.cli.assemble import add_groups, make_potential, make_system, read_potentials
    from mdcore.structure.system import System

    settings = load_input(path, units)
    system = make_system(settings) if structure is None else System.read(structure, units=settings.units, labels=False)
    if structure is not None:
        add_groups(settings, system)
    where = structure or f"the structure of {os.path.basename(path)}"
    it = subject(make_potential(settings, read_potentials(settings, system.symbols)), system)
    it.origin = where
    return it
