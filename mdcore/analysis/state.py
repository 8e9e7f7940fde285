"""Was the run in the state that its reference is of? Numbers of another temperature or density are no comparison.

The bath says the temperature, and the thermo log both: the mean over the part analysed and over each half of it (no
half of a ramp passes). By how much a mean of so many rows of so many atoms fluctuates is allowed for.
"""

import math

import numpy as np

TEMPERATURE, BATH, DENSITY = 0.02, 0.01, 0.01  # shares by which they may differ
SIGMAS = 4.0


def mismatch(trajectory, first_step: int, last_step: int, reference: dict, bath=()) -> str | None:
    """Why `reference` (see `report.analyse`) is no comparison for these steps; None if it is one.

    bath : the temperatures of the thermostat
    """
    units, problems = trajectory.units.labels, []
    thermo = trajectory.thermo()
    rows = np.flatnonzero((thermo["step"] >= first_step) & (thermo["step"] <= last_step)) if thermo else []
    wanted = {name: reference[name] for name in ("temperature", "density") if reference.get(name)}
    for name, value in wanted.items():
        unit = f" {units[name]}"
        if len(rows) == 0:
            problems.append(f"the {name} of this run is not in its log (thermo_every)")
            continue
        measured = thermo[name][rows]
        if name == "density":
            away = not abs(measured.mean() - value) <= DENSITY * value
        else:
            away = any(abs(t - value) > BATH * value for t in bath) or not _near(measured, value, trajectory.n_atoms)
        if away:
            shown = f"{measured.mean():.4g}{unit}" if np.isfinite(measured.mean()) else "none"
            problems.append(f"its {name} is {value:g}{unit}, that of this run {shown}")
    if not problems:
        return None
    label = f" ({reference['label']})" if reference.get("label") else ""
    return f"reference{label}: not compared, {'; '.join(problems)}"


def _near(measured, value: float, n_atoms: int) -> bool:
    """Are the mean temperature, and those of both halves, what thermal fluctuations about `value` allow?"""
    half = len(measured) // 2
    parts = [measured, measured[:half], measured[half:]] if half > 1 else [measured]
    for part in parts:
        sigma = math.sqrt(2.0 / (3.0 * n_atoms * len(part)))
        if not abs(part.mean() - value) <= (TEMPERATURE + SIGMAS * sigma) * value:
            return False
    return True
