"""What is running, how far is it, and where did the time go?

Three answers for people: a banner at the start, a progress line on the way, a timing table at the end.
"""

import os
import sys
import time

from mdcore.base import console
from mdcore.base.pace import Pace
from mdcore.base.timers import PHASES
from mdcore.potentials.base import leaves

DAY = 86400.0
REDRAW_SECONDS = 0.25  # between progress lines on a terminal
FIRST_LINE_SECONDS = 10.0  # between progress lines in a log: not closer than this ...
LINE_SECONDS = 600.0  # ... not farther than this, and else at every tenth of the run


def banner(
    sim, provenance: dict[str, str], input_name: str = "", restart: str = "", room: dict[str, str] | None = None
) -> str:
    """What starts now: program, processor, atoms, cell, ranks, seed; restart : from where it goes on
    room : closest distances and density, in words
    """
    system, units = sim.system, sim.units
    box, labels = system.box, units.labels
    counts = getattr(system, "counts", None)
    species = system.symbols
    if counts is not None:
        species = [f"{n:,} {name}" for name, n in zip(species, counts, strict=True)]
    atoms = f"{system.n_atoms:,} ({', '.join(species)})"
    lengths = " x ".join(f"{abs(vector @ vector) ** 0.5:.5g}" for vector in box.matrix)
    directions = "".join(name for name, flag in zip("abc", box.periodic, strict=True) if flag)
    cell = f"{lengths} {labels['length']}, {'periodic along ' + directions if directions else 'not periodic'}"
    grid = " x ".join(map(str, sim.domain.grid))
    potential = provenance.get("potential") or provenance.get("potentials", "")
    sums = [text for term in leaves(sim.work.bound) if (text := term.about(labels["length"]))]
    shown = {
        "input": input_name,
        "title": provenance.get("title", ""),
        "command": provenance.get("command", ""),
        "date": provenance.get("date", ""),
        "processor": f"{provenance.get('cpu', '')} kernels on {provenance.get('host', '')}",
        "ranks": f"{sim.comm.size} (grid {grid})",
        "threads": provenance.get("threads", ""),
        "potential": "\n             ".join(potential.splitlines()),
        "charges": "\n             ".join(sums),
        "atoms": atoms,
        "cell": cell,
        **(room or {}),
        "units": f"{units.name} ({labels['length']}, {labels['time']}, {labels['energy']})",
        "seed": str(sim.seed),
        "goes on": restart,
    }
    lines = [f"mdcore {provenance.get('version', '')}"]
    return "\n".join(lines + [f"  {name:<10} {text}" for name, text in shown.items() if text])


class Progress:
    """Observer that tells how far the run is and how long it will take; rank 0 prints.

    Parameters
    ----------
    last_step : the step at which the run ends
    stream : where to (standard error, so that the table of the thermo log stays clean)
    style : ``bar`` redraws one line, ``lines`` prints a few, ``auto`` chooses by the stream, ``off``
    """

    needs_energy = False  # a step is not made dearer for it

    def __init__(self, last_step: int, stream=None, style: str = "auto"):
        self.last_step = last_step
        self.stream = stream or sys.stderr
        if style == "auto":
            style = "bar" if console.can_redraw(self.stream) else "lines"
        self.style = style
        self._pace = Pace(REDRAW_SECONDS if style == "bar" else 1.0)
        self._start = None  # (wall seconds, step, simulated time)
        self._told = 0.0
        self._tenth = 0

    @property
    def every(self) -> int:
        return 0 if self.style == "off" else self._pace.every

    def observe(self, sim):
        """Print if it is time to; collective."""
        self._pace.poll(sim)
        if sim.comm.rank:
            return
        now = time.monotonic()
        if self._start is None:
            self._start, self._told = (now, sim.step, sim.time), now
            self._tenth = self._tenth_of(sim.step)
        elif self.style == "bar":
            if now - self._told >= REDRAW_SECONDS:
                self._draw(sim, now)
        elif now - self._told >= LINE_SECONDS or (
            now - self._told >= FIRST_LINE_SECONDS and self._tenth_of(sim.step) > self._tenth
        ):
            self._told, self._tenth = now, self._tenth_of(sim.step)
            console.write(self.line(sim, now), self.stream)

    def line(self, sim, now: float, width: int = 1000) -> str:
        """Step, percentage, speed, time passed and left; what matters least is left out where `width` is short."""
        wall, first_step, first_time = self._start
        seconds, steps = now - wall, sim.step - first_step
        total = max(self.last_step - first_step, 1)
        rate = steps / seconds if seconds > 0 else 0.0
        left = clock((self.last_step - sim.step) / rate) if rate else "?"
        step, share = f"step {sim.step}/{self.last_step}", f"{100.0 * steps / total:5.1f} %"
        speed, daily = f"  {rate:.4g} steps/s", f"  {per_day(sim.time - first_time, seconds, sim.units)}"
        passed = f"  {clock(seconds)} passed, {left} left"
        lines = (
            f"{step} {share}{speed}{daily}{passed}",
            f"{step} {share}{speed}{passed}",
            f"{step} {share}{passed}",
            f"{step} {share}  {left} left",
            f"{share.strip()}, {left} left",
        )
        return next((line for line in lines if len(line) <= width), lines[-1][: max(width, 0)])

    def close(self):
        """Take the line off the terminal."""
        console.clear()

    def _draw(self, sim, now):
        console.draw(self.line(sim, now, console.width(self.stream) - 1), self.stream)
        self._told = now

    def _tenth_of(self, step):
        return 10 * (step - self._start[1]) // max(self.last_step - self._start[1], 1)


class Meter:
    """Measures a run from its construction to `report`."""

    def __init__(self, sim):
        self._wall = time.perf_counter()
        self._step, self._time = sim.step, sim.time
        self._seconds = dict(sim.timers.seconds)

    def report(self, sim) -> str:
        """The timing table, the speed and the memory, as text on every rank; collective."""
        wall = time.perf_counter() - self._wall
        mine = {phase: sim.timers.seconds[phase] - self._seconds[phase] for phase in PHASES}
        mine["other"] += max(0.0, wall - sum(mine.values()))
        ranks = sim.comm.allgather((wall, [mine[phase] for phase in PHASES], peak_memory()))
        wall = max(rank[0] for rank in ranks)
        columns = list(zip(*(rank[1] for rank in ranks), strict=True))
        steps, size = sim.step - self._step, sim.comm.size
        whole = sum(map(sum, columns)) or 1.0
        heads = ("min s", "average s", "max s") if size > 1 else ("s",)  # of one rank all three are the same
        lines = [f"{'phase':<12}" + "".join(f" {head:>10}" for head in heads) + f" {'%':>7}"]
        for phase, seconds in zip(PHASES, columns, strict=True):
            shown = (min(seconds), sum(seconds) / size, max(seconds))[: len(heads)]
            share = 100.0 * sum(seconds) / whole
            lines.append(f"{phase:<12}" + "".join(f" {x:10.3f}" for x in shown) + f" {share:7.1f}")
        rate = steps / wall if wall > 0 else 0.0
        memory = [rank[2] for rank in ranks]
        n_atoms = sim.system.n_atoms
        ranks_used = f"{size} rank{'s' * (size > 1)}"
        lines += [
            "",
            f"{steps:,} steps of {n_atoms:,} atoms in {wall:.3f} s ({clock(wall)}) on {ranks_used}",
            f"{rate:,.4g} steps/s   {per_day(sim.time - self._time, wall, sim.units)}   "
            f"{rate * n_atoms:.4g} atom-steps/s",
            f"memory, peak of a rank: {max(memory) / 2**20:.0f} MiB"
            + (f" (average {sum(memory) / size / 2**20:.0f} MiB)" if size > 1 else ""),
        ]
        return "\n".join(lines)


def per_day(simulated: float, seconds: float, units) -> str:
    """Simulated time per day of wall time: ns/day, or tau/day in reduced units."""
    speed = simulated * DAY / seconds if seconds > 0 else 0.0
    if units.name == "metal":
        return f"{speed * 1e-6:.4g} ns/day"
    return f"{speed:.4g} {units.labels['time']}/day"


def clock(seconds: float) -> str:
    """``1:02:03`` or ``2:03``; days are counted in front."""
    minutes, rest = divmod(int(seconds + 0.5), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours:02d}:{minutes:02d}:{rest:02d}"
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def peak_memory() -> int:
    """Largest resident memory this process had so far, bytes."""
    if os.path.exists("/proc/self/status"):  # getrusage's number includes that of the parent before exec
        with open("/proc/self/status") as status:
            for line in status:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
