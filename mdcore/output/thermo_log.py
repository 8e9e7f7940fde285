"""What do temperature, energy and pressure do as the run goes on?

The same rows go to the screen and to ``/thermo`` of the ``.h5md`` file, where every column is a
data set with its unit. They have their own stride, hence their own group: H5MD's
``/observables`` would have to follow the frames. Rows wait in memory until the next frame,
the next checkpoint, or two seconds have passed.
"""

import time

import numpy as np

from mdcore.base import console
from mdcore.base.arguments import listed, of_kind
from mdcore.base.ranges import MOST_STEPS, count
from mdcore.dynamics import extras
from mdcore.dynamics.extras import EXTRAS, check_extras
from mdcore.dynamics.measures import check_measures, measure
from mdcore.output.h5md import TABLE_CHUNK, H5MDFile, Table, column, trim

# column -> the quantity whose unit it carries
COLUMNS = {
    "time": "time",
    "temperature": "temperature",
    "kinetic": "energy",
    "potential": "energy",
    "total": "energy",
    "conserved": "energy",
    "pressure": "pressure",
    "density": "density",
    "stress": "pressure",
}
# what the screen shows: the same names, width and digits; on a narrow terminal those that come first in IMPORTANT
SHOWN = {
    "time": (12, 8),
    "temperature": (12, 6),
    "kinetic": (15, 8),
    "potential": (15, 8),
    "total": (15, 8),
    "conserved": (15, 8),
    "pressure": (13, 6),
    "density": (11, 6),
}
IMPORTANT = ("time", "temperature", "potential", "total", "pressure", "conserved", "kinetic", "density")
STRESS = tuple(f"stress_{name}" for name in ("xx", "yy", "zz", "yz", "xz", "xy"))  # as the screen shows it
# columns that are shown only if they are asked for: width and digits
ASKED = dict.fromkeys((*STRESS, *(name for columns in EXTRAS.values() for name in columns)), (15, 7))
FINDING = 5  # place among these of the first that a potential finds; others come last
DIGITS = 4  # of them
STEP_WIDTH = 10
FLUSH_SECONDS = 2.0
ROWS_BUFFERED = 256
TABLE_BYTES = (len(COLUMNS) + 10) * 8 * TABLE_CHUNK  # a chunk of every column


class ThermoLog:
    """Observer: one row of thermodynamic averages every ``every`` steps.

    Parameters
    ----------
    every : steps between rows; `last`, the last step of a stage, has a row besides
    stream : text stream for the table (None: no table)
    file : H5MDFile shared with the trajectory (None: no file)
    groups : {name of a group: what to measure of it} (measures.py), more columns
    columns : what the screen shows, in this order, of SHOWN, "stress", and EXTRAS, which are in the file then; none: as
        much as there is room for
    show_every : steps between lines on the screen, 0: every row
    drop : a continued run takes out the row of this step, which is there only because the run once ended there
    """

    def __init__(
        self, every: int, stream=None, file: H5MDFile | None = None, drop: int | None = None, groups=None, columns=(),
        show_every: int = 0,
    ):  # fmt: skip
        self.every = count("every", every, 0, MOST_STEPS)
        self.show_every = count("show_every", show_every, 0, MOST_STEPS)
        self.columns = listed("columns", columns, "'volume'")
        self.extras = check_extras(name for name in self.columns if name not in (*SHOWN, "stress"))
        self.last, self.drop = None, drop
        self.stream = stream
        self.file = file
        self.groups = check_measures(groups)
        self._rows = []
        self._units = None
        self._table = None
        self._last_step = self._shown_step = None
        self._last_flush = time.monotonic()
        self._columns = None  # that are shown
        self._findings = {}  # name: Finding, of the rows
        if file is not None:
            of_kind("file", file, H5MDFile, "an H5MDFile")
            file.add_buffer(self._drain)

    def observe(self, sim):
        """Add the present row; collective."""
        thermo = sim.thermo()
        found = sim.find(atoms=False) | measure(sim, self.groups) | extras.measure(sim, thermo, self.extras)
        if sim.comm.rank == 0:
            self.write(thermo, sim.units, found)

    def write(self, thermo, units, found: dict | None = None):
        """Show and keep one row; on rank 0 only. found : what the potential tells beside, {Finding: value}"""
        self._units = units
        row = {name: getattr(thermo, name) for name in ("step", *COLUMNS)}
        found = {finding: value for finding, value in (found or {}).items() if not finding.per_atom}
        row |= {finding.name: value for finding, value in found.items()}
        self._findings = {finding.name: finding for finding in found}
        if self.stream is not None and thermo.step != self._shown_step and self._is_shown(thermo.step):
            self._show(row, units)
            self._shown_step = thermo.step
        if self.file is None:
            return
        if self._last_step is None:
            self._last_step = self._open(row).last_step
        if thermo.step == self._last_step:
            return
        if self._last_step is not None and thermo.step < self._last_step:
            last = self._last_step
            self.file.mismatch(f"already holds thermo rows up to step {last}, the run is at {thermo.step}")
        self._last_step = thermo.step
        self._rows.append(row)
        if len(self._rows) >= ROWS_BUFFERED or time.monotonic() - self._last_flush > FLUSH_SECONDS:
            self.file.flush()

    def rows(self, after: int | None = None) -> dict[str, np.ndarray]:
        """The rows in the file, or those after a step; {} without any. On rank 0 only."""
        if self.file is None or self._last_step is None:
            return {}
        self.file.flush()
        group = self.file.open()["thermo"]
        steps = group["step"][:]
        first = 0 if after is None else int(np.searchsorted(steps, after, side="right"))
        return {name: group[name][first : len(steps)] for name in group}

    def unit_of(self, name: str) -> str:
        """Of a column in the file."""
        return str(self.file.open()["thermo"][name].attrs.get("unit", ""))

    def _is_shown(self, step: int) -> bool:
        return not self.show_every or step % self.show_every == 0 or step == self.last

    def close(self):
        """Write what is still in memory."""
        if self.file is not None:
            self.file.flush()

    def _open(self, row) -> Table:
        """The columns of ``/thermo``, made for such rows, or found."""
        h5 = self.file.open(self._units.name)
        if self._table is not None and self._table.file == h5:
            return self._table
        if "thermo" not in h5:
            with self.file.writing():
                self.file.reserve(TABLE_BYTES)
                group = h5.create_group("thermo")
                column(group, "step", dtype=np.int64)
                own = {name: finding.quantity for name, finding in self._findings.items()}
                for name, quantity in (COLUMNS | own).items():
                    shape = (6,) if name == "stress" else ()
                    column(group, name, shape, unit=self._units.labels.get(quantity, ""))
                group["stress"].attrs["order"] = "xx yy zz yz xz xy"
                group["stress"].attrs["sign"] = "dE/dstrain/V: negative when compressed"
        known = ("step", *COLUMNS)
        self._names = [*known, *(name for name in h5["thermo"] if name not in known)]
        rows = {name: (name, (6,) if name == "stress" else ()) for name in self._names}
        self._table = self.file.table(h5["thermo"], rows)
        if self.drop is not None and self._table.last_step == self.drop:
            with self.file.writing():
                trim(h5, self.drop - 1, "thermo")
            self._table = self.file.table(h5["thermo"], rows)
        self.drop = None
        if lost := [name for name in self._findings if name not in self._names]:
            self.file.note(f"{self.file.path}: begun without {', '.join(lost)}: not kept; with --overwrite they are")
        return self._table

    def _drain(self):
        self._last_flush = time.monotonic()
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        table = self._open(rows[0])
        with self.file.writing():
            self.file.reserve(TABLE_BYTES)
            # a continued run may have another potential than the file's: nan where nothing is known
            table.append({name: np.array([row.get(name, np.nan) for row in rows]) for name in self._names})

    def _show(self, row, units):
        lines = []
        if self._columns is None:
            self._columns = self._chosen() if self.columns else self._fitting()
            own = {name: finding.quantity for name, finding in self._findings.items()}
            own |= dict.fromkeys(STRESS, "pressure")
            labels = [units.labels.get((COLUMNS | own)[name], "") for name in self._columns]
            lines.append(_line("step", zip(self._columns, self._columns, strict=True)))
            lines.append(_line("", zip(self._columns, labels, strict=True)))
        if row["stress"] is not None:
            row |= dict(zip(STRESS, row["stress"], strict=True))
        values = ((name, f"{row[name]:.{_shape(name)[1]}g}") for name in self._columns)
        console.write("\n".join([*lines, _line(row["step"], values)]), self.stream)

    def _chosen(self) -> list[str]:
        """The columns asked for, then what the potential finds."""
        names = [each for name in self.columns for each in (STRESS if name == "stress" else EXTRAS.get(name, [name]))]
        return names + [name for name, finding in self._findings.items() if finding.shown and name not in names]

    def _fitting(self) -> list[str]:
        """The columns for which the terminal has room; all of them in a file."""
        room = console.width(self.stream) - STEP_WIDTH if console.is_terminal(self.stream) else 1000
        own = [name for name, finding in self._findings.items() if finding.shown]
        ranked = [*IMPORTANT[:FINDING], *own[:1], *IMPORTANT[FINDING:], *own[1:]]
        while ranked and sum(_shape(name)[0] for name in ranked) > room:
            ranked.pop()
        return [name for name in (*SHOWN, *own) if name in ranked]


def _shape(name: str) -> tuple[int, int]:
    """Width and digits of a column."""
    return SHOWN.get(name) or ASKED.get(name) or (len(name) + 1, DIGITS)


def _line(step, cells) -> str:
    """Step and (column, text) in columns, between which there is a blank whatever stands in them."""
    return f"{step:>{STEP_WIDTH}}" + "".join(f" {text:>{_shape(name)[0] - 1}}" for name, text in cells)
