"""What do temperature, energy and pressure do as the run goes on?

The same rows go to the screen and to ``/thermo`` of the ``.h5md`` file, where every column is a
data set with its unit. They have their own stride, hence their own group: H5MD's
``/observables`` would have to follow the frames. Rows wait in memory until the next frame,
the next checkpoint, or two seconds have passed.
"""

import time

import numpy as np

from mdcore.h5md import TABLE_CHUNK, H5MDFile, Table, column

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
# if there is a committee
COMMITTEE = {"max_disagreement": "force", "mean_disagreement": "force", "energy_disagreement": "energy"}
SHOWN = ("time", "temperature", "kinetic", "potential", "total", "conserved", "pressure", "density")
TITLES = {
    "time": "time",
    "temperature": "T",
    "kinetic": "E_kin",
    "potential": "E_pot",
    "total": "E_total",
    "conserved": "E_conserved",
    "pressure": "pressure",
    "density": "density",
    "max_disagreement": "F_differ,max",
    "mean_disagreement": "F_differ,mean",
}
FLUSH_SECONDS = 2.0
ROWS_BUFFERED = 256
WIDTH = 15
TABLE_BYTES = (len(COLUMNS) + len(COMMITTEE) + 6) * 8 * TABLE_CHUNK  # a chunk of every column


class ThermoLog:
    """Observer: one row of thermodynamic averages every ``every`` steps.

    Parameters
    ----------
    every : steps between rows
    stream : text stream for the table (None: no table)
    file : H5MDFile shared with the trajectory (None: no file)
    """

    def __init__(self, every: int, stream=None, file: H5MDFile | None = None):
        self.every = int(every)
        self.stream = stream
        self.file = file
        self._rows = []
        self._units = None
        self._table = None
        self._last_step = self._shown_step = None
        self._last_flush = time.monotonic()
        self._titled = False
        if file is not None:
            file.add_buffer(self._drain)

    def observe(self, sim):
        """Add the present row; collective."""
        thermo, spread = sim.thermo(), sim.spread
        if sim.comm.rank == 0:
            self.write(thermo, sim.units, spread)

    def write(self, thermo, units, spread=None):
        """Show and keep one row; on rank 0 only. spread : of a committee's members"""
        self._units = units
        row = {name: getattr(thermo, name) for name in ("step", *COLUMNS)}
        if spread is not None:
            row |= zip(COMMITTEE, (spread.largest, spread.mean, spread.energy), strict=True)
        if self.stream is not None and thermo.step != self._shown_step:
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
                for name, quantity in (COLUMNS | COMMITTEE).items():
                    if name not in row:
                        continue
                    shape = (6,) if name == "stress" else ()
                    column(group, name, shape, unit=self._units.labels[quantity])
                group["stress"].attrs["order"] = "xx yy zz yz xz xy"
                group["stress"].attrs["sign"] = "dE/dstrain/V: negative when compressed"
        self._names = [name for name in ("step", *COLUMNS, *COMMITTEE) if name in h5["thermo"] or name in COLUMNS]
        self._table = Table({name: h5["thermo"][name] for name in self._names})
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
        clear = "\r\x1b[K" if self.stream.isatty() else ""  # wipes the progress line
        shown = [name for name in (*SHOWN, "max_disagreement", "mean_disagreement") if name in row]
        if not self._titled:
            self._titled = True
            labels = [units.labels[(COLUMNS | COMMITTEE)[name]] for name in shown]
            titles = "".join(f"{TITLES[name]:>{WIDTH}}" for name in shown)
            self.stream.write(f"{clear}{'step':>10}{titles}\n")
            self.stream.write(f"{'':>10}" + "".join(f"{label:>{WIDTH}}" for label in labels) + "\n")
        numbers = "".join(f"{row[name]:>{WIDTH}.8g}" for name in shown)
        self.stream.write(f"{clear}{row['step']:>10d}{numbers}\n")
        self.stream.flush()
