"""``mdcore saddle``: a saddle point near a structure."""

import os

import numpy as np

from mdcore.base import console
from mdcore.base.comm import on_root
from mdcore.base.errors import InputError
from mdcore.base.ranges import count, number
from mdcore.base.writing import writing_text
from mdcore.cli.neb import UNDONE
from mdcore.cli.properties import prepared, write_json
from mdcore.engine.evaluation import evaluate
from mdcore.properties.neb import matched, shortest
from mdcore.properties.relaxation import moved
from mdcore.properties.saddle import nudge, saddle
from mdcore.structure.extxyz import write_frame

EVERY = 10  # steps a line
REST = 5.0  # times the force that is left: more, and the start was not at rest


def command(arguments, comm) -> int:
    stem = os.path.splitext(os.path.basename(arguments.structure))[0]
    arguments.path = arguments.path or f"{stem}.saddle.xyz"
    potential, start = prepared(arguments, "saddle", comm, filter(None, [arguments.toward]), [arguments.path])
    begin, direction = on_root(comm, lambda: pushed(arguments, start), share=True)
    path, unit = [], start.units.labels

    def tell(step, energy, curvature, force, positions):
        path.append((energy, positions))
        if comm.rank == 0 and step % EVERY == 0:
            up = f"{energy - path[0][0]:.6g} {unit['energy']} up"
            print(f"step {step}: {up}, largest force {force:.3g}, curvature {curvature:.3g}", flush=True)

    found = saddle(
        potential, begin, direction, seed=arguments.seed, max_force=arguments.max_force, steps=arguments.steps,
        max_step=arguments.max_step, observers=[tell], comm=comm,
    )  # fmt: skip
    on_root(comm, lambda: finish(arguments, evaluate(potential, start), begin, found, path))
    return 0 if found.converged else UNDONE


def pushed(arguments, start):
    """(where the search begins, its first direction float64 [n, 3])"""
    count("--seed", arguments.seed, 0, 2**63 - 1)
    width = number("--displace", arguments.displace, "length", zero=True)
    if arguments.toward is None:
        radius = number("--radius", arguments.radius, "length")
        push = nudge(start, width, radius, np.random.default_rng(arguments.seed))
        return moved(start, start.box, start.positions + push), push if push.any() else None
    end = type(start).read(arguments.toward, -1, start.units, labels=False)
    first, last = matched(start, end, "saddle")
    way = shortest(first.box, last.positions - first.positions)
    longest = float(np.sqrt((way**2).sum(axis=1)).max())
    if not longest > 0.0:
        raise InputError(f"--toward {arguments.toward}: this is the structure itself")
    return moved(first, first.box, first.positions + width / longest * way), way


def finish(arguments, start, begin, found, path) -> None:
    """start : Evaluation of the structure given; begin : System, where the search began"""
    unit, height = begin.units.labels, found.energy - start.energy
    print(
        f"\n{'saddle point' if found.converged else 'no saddle point yet'} after {found.steps} steps, {found.calls} "
        f"evaluations of forces\nenergy             {found.energy:.8f} {unit['energy']}\nabove the start    "
        f"{height:.6f} {unit['energy']}\ncurvature          {found.curvature:.6f} {unit['energy']}/"
        f"{unit['length']}^2\nlargest force      {found.largest_force:.6f} {unit['force']}\n"
    )
    content = {
        "units": {key: unit[key] for key in ("length", "energy", "force")}, "energy": found.energy,
        "height": height, "start_energy": start.energy, "curvature": found.curvature,
        "largest_force": found.largest_force, "converged": found.converged, "steps": found.steps,
        "turns": found.turns, "calls": found.calls, "direction": found.direction, "positions": found.system.positions,
        "potential": arguments.potential, "start": arguments.structure, "path": arguments.path,
    }  # fmt: skip
    write_json(arguments.output, content, arguments.overwrite)
    with writing_text(arguments.path, overwrite=arguments.overwrite) as stream:
        for step, (energy, positions) in enumerate(path):
            last = {"forces": found.forces, "extra": {"direction": found.direction}} if step == found.steps else {}
            write_frame(stream, moved(begin, begin.box, positions), energy=energy, info={"Step": step}, **last)
    print(f"wrote {arguments.output}\nwrote {arguments.path} (the way; its last structure is the saddle point)")
    left = float(np.sqrt((start.forces**2).sum(axis=1)).max())
    if left > max(REST * arguments.max_force, REST * found.largest_force):
        told = f"{arguments.structure} is not at rest, largest force {left:.3g}"
        console.tell("warning", f"{told}: relax it first, or the height says little")
    if not found.converged:
        console.tell("warning", f"no saddle point after {found.steps} steps: more --steps, or another --seed")
