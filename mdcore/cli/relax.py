"""``mdcore relax``: where do the atoms of this structure come to rest?"""

import os

from mdcore.base import console
from mdcore.base.comm import on_root
from mdcore.base.errors import InputError
from mdcore.base.writing import writing_text
from mdcore.cli.properties import read
from mdcore.output.dump import ExtxyzDump
from mdcore.structure.extxyz import write_frame

UNDONE = 1  # exit code


def command(arguments, comm) -> int:
    from mdcore.properties.relaxation import relax

    name_outputs(arguments)
    minimiser = on_root(comm, lambda: minimiser_of(arguments), share=True)
    outputs = [arguments.output] if arguments.no_path else [arguments.output, arguments.path]
    potential, system = on_root(comm, lambda: read(arguments, outputs), share=True)
    watchers = [(1, Told(comm))]
    if not arguments.no_path:
        watchers.append((1, ExtxyzDump(arguments.path, 1, overwrite=arguments.overwrite).observe))
    found = relax(potential, system, minimiser, arguments.steps, observers=watchers, comm=comm)
    on_root(comm, lambda: finish(arguments, found, system.units))
    return 0 if found.converged else UNDONE


def name_outputs(arguments) -> None:
    """Names that are not given are STRUCTURE's."""
    if arguments.no_path and arguments.path:
        raise InputError("--path and --no-path: give one of them")
    stem = os.path.splitext(os.path.basename(arguments.structure))[0]
    arguments.output = arguments.output or f"{stem}.relaxed.xyz"
    arguments.path = arguments.path or f"{stem}.path.xyz"


def minimiser_of(arguments):
    """As the options say; InputError."""
    from mdcore.dynamics.motion.fire import FIRE
    from mdcore.dynamics.motion.lbfgs import LBFGS

    stress = arguments.stress
    if stress is not None:
        try:
            stress = [float(word) for word in stress.split(",")]
        except ValueError:
            raise InputError(f"--stress {stress}: expected six numbers, xx,yy,zz,yz,xz,xy") from None
    method = {"lbfgs": LBFGS, "fire": FIRE}[arguments.method]
    return method(
        arguments.max_force, arguments.max_stress, arguments.cell, arguments.pressure, stress, arguments.max_step
    )


class Told:
    """A line now and then: at calls 1, 2, 5, 10, 20, 50, ..."""

    def __init__(self, comm):
        self.comm, self.next = comm, 0

    def __call__(self, sim) -> None:
        thermo, minimiser = sim.thermo(), sim.integrator
        if self.comm.rank or (sim.step < self.next and not minimiser.converged):
            return
        if not self.next:
            unit = sim.units.labels
            print(f"{'step':>6}{'energy':>18}{'largest force':>16}{'stress':>16}")
            print(f"{'':6}{unit['energy']:>18}{unit['force']:>16}{unit['pressure']:>16}")
        stress = f"{minimiser.stress:16.4g}" if minimiser.moves_cell else f"{'-':>16}"
        print(f"{sim.step:6}{thermo.potential:18.8f}{minimiser.force:16.4g}{stress}", flush=True)
        self.next = 1 if not self.next else self.next * (5 if str(self.next)[0] == "2" else 2)
        self.next = {10: 10, 4: 5}.get(self.next, self.next)


def finish(arguments, found, units) -> None:
    """Write the structure, and tell."""
    output = arguments.output
    with writing_text(output, overwrite=arguments.overwrite) as stream:
        results = {"forces": found.forces, "energy": found.energy, "stress": found.stress}
        write_frame(stream, found.system, **results, info=found.system.totals)
    print(f"\n{found.minimiser.outcome(units)}\n\nwrote {output}")
    if not arguments.no_path:
        print(f"wrote {arguments.path} (the path)")
    if not found.converged:
        console.tell("warning", f"not relaxed after {arguments.steps} steps: go on from {output}, with more --steps")
