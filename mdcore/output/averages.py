"""What did the thermo log say on the average, and how sure is that? As numbers, as lines, as a table in CSV.

The error of a mean is that of block averages (H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91, 461 (1989)): rows are
joined in pairs again and again, and the largest error counts that FEWEST blocks or more tell: rows that follow each
other are no independent samples.
"""

import numpy as np

from mdcore.base.writing import writing_text

FEWEST = 8  # blocks
ROWS = 2 * FEWEST  # of which there is an average worth telling
ROUNDING = 1e-13  # scatter that is none
TOLD = ("temperature", "potential", "total", "pressure", "density")


def block_error(values) -> float:
    """The standard error of the mean of `values` [n], correlated as they may be; nan for fewer than FEWEST."""
    values = np.asarray(values, dtype=np.float64)
    error = np.nan if len(values) < FEWEST or not np.isfinite(values).all() else 0.0
    while len(values) >= FEWEST:
        error = max(error, float(np.std(values, ddof=1) / np.sqrt(len(values))))
        half = len(values) // 2
        values = 0.5 * (values[: 2 * half : 2] + values[1 : 2 * half : 2])
    return error


def means(log: dict, names=None) -> dict[str, tuple[float, float]]:
    """{column: (mean, error)} of a thermo log (`Trajectory.thermo()`), of numbers that are known in all rows."""
    chosen = [name for name in log if name not in ("step", "time")] if names is None else names
    columns = {name: log[name] for name in chosen if name in log and np.ndim(log[name]) == 1}
    found = {}
    for name, values in columns.items():
        if len(values) and np.isfinite(values).all():
            mean, error = float(np.mean(values)), block_error(values)
            found[name] = mean, 0.0 if error <= ROUNDING * abs(mean) else error
    return found


def lines(log: dict, labels: dict[str, str], names=TOLD) -> list[str]:
    """``  temperature   94.4 +- 0.3 K``, of each column; nothing for fewer than ROWS rows. labels : units of columns"""
    if len(log.get("step", ())) < ROWS:
        return []
    found = means(log, names)
    return [f"  {name:<12}{uncertain(*value)} {labels.get(name, '')}".rstrip() for name, value in found.items()]


def uncertain(value: float, error: float) -> str:
    """2.4123e-05, 3.4e-07 -> "(2.41 +- 0.03)e-05": digits as the error has them."""
    if not np.isfinite(error) or error <= 0.0:
        return f"{value:.4g}"
    power = int(np.floor(np.log10(max(abs(value), error))))
    digits = max(
        0, power - int(np.floor(np.log10(error))) + (1 if error / 10 ** np.floor(np.log10(error)) < 2 else 0)
    )
    if -3 < power < 5:
        places = max(0, digits - power)
        return f"{value:.{places}f} +- {error:.{places}f}"
    scale = 10.0**power
    return f"({value / scale:.{digits}f} +- {error / scale:.{digits}f})e{power:+03d}"


def write_csv(path, log: dict, overwrite: bool = True) -> int:
    """A thermo log as text: a line of names, then a line a row, all digits; how many rows."""
    columns = {}
    first = [name for name in ("step", "time", *TOLD, "kinetic", "conserved", "stress") if name in log]
    for name in (*first, *(name for name in log if name not in first)):
        values = log[name]
        if values.ndim == 1:
            columns[name] = values
        else:
            order = ("xx", "yy", "zz", "yz", "xz", "xy") if values.shape[1] == 6 else range(values.shape[1])
            columns |= {f"{name}_{each}": values[:, k] for k, each in enumerate(order)}
    with writing_text(path, overwrite=overwrite) as stream:
        stream.write(",".join(columns) + "\n")
        for row in zip(*(values.tolist() for values in columns.values()), strict=True):
            stream.write(",".join(map(repr, row)) + "\n")
    return len(log["step"])
