"""What else can the thermo log say of a step, where it is asked to? The same bits on any number of ranks."""

import numpy as np

from mdcore.base.errors import InputError
from mdcore.potentials.base import Finding

# name : columns, each with the quantity whose unit it has
EXTRAS = {
    "volume": {"volume": "volume"},
    "enthalpy": {"enthalpy": "energy"},
    "cell": dict.fromkeys(("a", "b", "c"), "length") | dict.fromkeys(("alpha", "beta", "gamma"), "angle"),
    "heat_current": {f"heat_current_{axis}": "heat current" for axis in "xyz"},
}


def check_extras(names) -> tuple[str, ...]:
    """The names; InputError for one that there is not."""
    names = tuple(names)
    for name in names:
        if name not in EXTRAS:
            raise InputError(f"thermo log: no column {name!r}; there are {', '.join(EXTRAS)}")
    return names


def measure(sim, thermo, names) -> dict[Finding, float]:
    """{Finding: number} of the extras `names` at this step (collective)."""
    found = {}
    for name in names:
        values = np.atleast_1d(_VALUES[name](sim, thermo))
        for (column, quantity), value in zip(EXTRAS[name].items(), values, strict=True):
            found[Finding(column, quantity)] = float(value)
    return found


def _volume(sim, thermo) -> float:
    return sim.cell.volume if all(sim.cell.periodic) else float("nan")


def _enthalpy(sim, thermo) -> float:
    return thermo.total + thermo.pressure * sim.units.pressure * _volume(sim, thermo)


def _cell(sim, thermo) -> np.ndarray:
    """Lengths of the vectors, and the angles between them in degrees; nan along free directions."""
    matrix = np.where(np.array(sim.cell.periodic)[:, None], sim.cell.matrix, np.nan)
    lengths = np.sqrt((matrix**2).sum(axis=1))
    a, b, c = matrix / lengths[:, None]
    cosines = np.clip([b @ c, a @ c, a @ b], -1.0, 1.0)
    return np.concatenate([lengths, np.degrees(np.arccos(cosines))])


_VALUES = {
    "volume": _volume,
    "enthalpy": _enthalpy,
    "cell": _cell,
    "heat_current": lambda sim, thermo: sim.heat_current,
}
