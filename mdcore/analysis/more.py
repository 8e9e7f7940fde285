"""What else does a results file tell, where it is asked for: vibrations, spectra, viscosity, means of the log, ..?

Each is a `Result`: lines for the screen, numbers for the table, and what to draw.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from mdcore.analysis import spectra, transport
from mdcore.analysis.correlation import Integral
from mdcore.analysis.dielectric import Dielectric, dielectric
from mdcore.analysis.diffusion import TRACK_BYTES
from mdcore.analysis.vibrations import Vibrations, vibrations
from mdcore.base.errors import InputError
from mdcore.output import averages
from mdcore.output.averages import uncertain

THZ = 1000.0  # one 1/fs
TIMELESS = "the file does not say the time between frames; --interval does"


@dataclass
class Panel:
    """What to draw: curves (label, x, y, error of y), `marks` on the x axis."""

    title: str
    x: str
    y: str
    curves: list[tuple]
    marks: list[float] = field(default_factory=list)


@dataclass
class Result:
    lines: list[str]
    numbers: dict
    panels: list[Panel] = field(default_factory=list)


def further_results(
    trajectory, log: dict, read: Callable, settings, blocks: int, end, notes: list[str], tensors: dict | None = None
) -> dict[str, Result]:  # fmt: skip
    """{name: Result} of what `settings` ask for; what can't be computed leaves a note.

    log : the rows of the steps analysed; read : a function that gives (interval, velocities [frames, n, 3] less that of
    the centre of mass, species [n], masses [n]); end : of Green-Kubo integrals; tensors : rows with dipole
    moments and polarizabilities, where the log has none
    """
    found, tensors = {}, log if tensors is None else tensors
    makers = {
        "means": lambda: _means(trajectory, log),
        "vibrations": lambda: _vibrations(trajectory, read, blocks),
        "viscosity": lambda: _transport("viscosity", transport.viscosity, trajectory, log, blocks, end),
        "conductivity": lambda: _transport("conductivity", transport.conductivity, trajectory, log, blocks, end),
        "dielectric": lambda: _dielectric(trajectory, tensors, blocks),
        "infrared": lambda: _infrared(trajectory, tensors, blocks),
        "raman": lambda: _raman(trajectory, tensors, blocks),
    }
    for name, make in makers.items():
        if getattr(settings, name, False):
            try:
                found[name] = make()
            except InputError as error:
                notes.append(f"no {name}: {str(error).removeprefix(f'{name}: ')}")
    return found


def _means(trajectory, log: dict) -> Result:
    found = averages.means(log)
    if not found:
        raise InputError("the thermo log has no rows there")
    units = trajectory.thermo_units()
    width = max(map(len, found)) + 2
    lines = [f"means of {len(log['step'])} rows of the log, +- standard error of blocks:"]
    lines += [f"  {name:<{width}}{uncertain(*value)} {units[name]}".rstrip() for name, value in found.items()]
    numbers = {name: {"mean": mean, "error": error, "unit": units[name]} for name, (mean, error) in found.items()}
    return Result(lines, numbers)


def _vibrations(trajectory, read, blocks: int) -> Result:
    interval, velocities, species, masses = read()
    v = vibrations(velocities, masses, interval, species, trajectory.symbols, blocks)
    metal, time = trajectory.units.name == "metal", trajectory.units.labels["time"]
    scale, unit = (THZ, "THz") if metal else (1.0, f"1/{time}")
    line = (
        f"vibrations: spectrum highest at {uncertain(v.peak * scale, v.peak_error * scale)} {unit}, resolved to "
        f"{v.resolution * scale:.3g} ({v.n_frames} frames)"
    )
    numbers = {
        **vars(v), "frequencies": v.frequencies * scale, "spectrum": v.spectrum / scale, "peak": v.peak * scale,
        "spectrum_error": v.spectrum_error / scale, "peak_error": v.peak_error * scale, "frequency_unit": unit,
        "by_species": {name: values / scale for name, values in v.by_species.items()},
        "resolution": v.resolution * scale, "time_unit": time,
    }  # fmt: skip
    return Result([line], numbers, _draw_vibrations(v, scale, unit, time))


def _draw_vibrations(v: Vibrations, scale: float, unit: str, time: str) -> list[Panel]:
    shown = slice(0, _shown(v.spectrum))
    x, none = v.frequencies[shown] * scale, np.full(len(v.frequencies[shown]), np.nan)
    curves = [("all", x, v.spectrum[shown] / scale, v.spectrum_error[shown] / scale)]
    curves += [(name, x, values[shown] / scale, none) for name, values in v.by_species.items()]
    return [
        Panel("Velocity autocorrelation", f"t ({time})", "c(t)", [("", v.lags, v.vacf, v.vacf_error)]),
        Panel("Vibrational spectrum", f"frequency ({unit})", f"g (1/{unit})", curves),
    ]


def _transport(name: str, compute, trajectory, log: dict, blocks: int, end) -> Result:
    _check_rows(log)
    units = trajectory.units
    integral: Integral = compute(log, _volume(trajectory, log), units, blocks, end)
    unit, time = transport.unit_of(name, units), units.labels["time"]
    line = (
        f"{name}: {uncertain(integral.value, integral.error)} {unit} (Green-Kubo integral up to {integral.end:g} "
        f"{time}, {integral.n_samples} rows)"
    )
    panel = Panel(
        f"{name.capitalize()}, Green-Kubo", f"t ({time})", f"integral ({unit})",
        [("", integral.lags, integral.running, integral.running_error)], [integral.end],
    )  # fmt: skip
    return Result([line], {**vars(integral), "unit": unit, "time_unit": time}, [panel])


def _dielectric(trajectory, log: dict, blocks: int) -> Result:
    _check_rows(log)
    units = trajectory.units
    found: Dielectric = dielectric(log, _volume(trajectory, log), units, blocks)
    time = units.labels["time"]
    memory = f"remembers itself for {found.correlation_time:.3g} {time}"
    if np.isnan(found.correlation_time):
        memory = "remembers itself for more than half the run: run much longer"
    line = (
        f"dielectric constant: {uncertain(found.constant, found.error)}, of which electrons "
        f"{found.high_frequency:.3g} ({found.n_samples} rows, {found.length:g} {time}; the dipole moment {memory})"
    )
    panel = Panel(
        "Dielectric constant of the run so far", f"t ({time})", "dielectric constant",
        [("", found.times, found.running, np.full(len(found.times), np.nan))],
    )  # fmt: skip
    return Result([line], {**vars(found), "time_unit": time}, [panel])


def _infrared(trajectory, log: dict, blocks: int) -> Result:
    _check_rows(log)
    found = spectra.infrared(log, _volume(trajectory, log), trajectory.units, blocks)
    return _spectrum("infrared", found, "n alpha", "1/cm")


def _raman(trajectory, log: dict, blocks: int) -> Result:
    _check_rows(log)
    return _spectrum("raman", spectra.raman(log, trajectory.units, blocks), "reduced", "Angstrom^6 fs")


def _spectrum(name: str, found: spectra.Spectrum, axis: str, unit: str) -> Result:
    line = (
        f"{name}: highest at {uncertain(found.peak, found.peak_error)} 1/cm, resolved to {found.resolution:.3g}, up to "
        f"{found.farthest:.4g} ({found.n_samples} rows)"
    )
    shown = slice(0, _shown(sum(found.curves.values())))
    curves = [(label, found.frequencies[shown], own[shown], found.errors[label][shown])
              for label, own in found.curves.items()]  # fmt: skip
    title = {"infrared": "Infrared spectrum", "raman": "Raman spectrum"}[name]
    panel = Panel(title, "frequency (1/cm)", f"{axis} ({unit})", curves)
    return Result([line], {**vars(found), "frequency_unit": "1/cm", "unit": unit}, [panel])


def _shown(curve: np.ndarray) -> int:
    """How many points of a spectrum are drawn: up to the last one that can be seen."""
    there = np.flatnonzero(curve > 1e-3 * curve.max())
    return min(len(curve), int(1.1 * there[-1]) + 2) if len(there) else len(curve)


def _check_rows(log: dict) -> None:
    if not len(log.get("step", ())):
        raise InputError("the thermo log has no rows there")


def _volume(trajectory, log: dict) -> float:
    """The mean over the log's rows; InputError if nothing tells."""
    if "volume" in log:
        volume = float(np.mean(log["volume"]))
    elif trajectory.n_atoms and trajectory.whole:
        volume = float(trajectory.masses.sum() / np.mean(log["density"]) / trajectory.units.density)
    else:
        raise InputError('the volume is not known; [output] thermo_columns = ["volume"] tells it')
    if not np.isfinite(volume):
        raise InputError("for fully periodic systems only")
    return volume


def reader(trajectory, frames, steady) -> Callable:
    """What reads velocities (see `further_results`) of frames at equal intervals; every k-th atom if there are many."""

    def read():
        if "velocity" not in trajectory.fields:
            raise InputError(
                'the trajectory has no velocities; a run writes them with "velocity" in [output] trajectory_fields, or '
                "dump_fields"
            )
        if not np.isfinite(trajectory.times).all():
            raise InputError(TIMELESS)
        times = trajectory.times[frames]
        rows = frames[steady(times)]
        stride = max(1, int(np.ceil(len(rows) * trajectory.n_atoms * 24 / TRACK_BYTES)))
        chosen = np.arange(0, trajectory.n_atoms, stride)
        masses, out = trajectory.masses, np.empty((len(rows), len(chosen), 3))
        for k, v in enumerate(trajectory.velocities(rows.tolist())):
            out[k] = (v - masses @ v / masses.sum() if trajectory.whole else v)[chosen]
        interval = float((trajectory.times[rows[-1]] - trajectory.times[rows[0]]) / max(len(rows) - 1, 1))
        return interval, out, trajectory.species[chosen], masses[chosen]

    return read
