"""Which volume has this crystal, how stiff is it against pressure? An equation of state, with relaxed atoms."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.arguments import function, listed
from mdcore.base.comm import connect
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.ranges import number
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.engine.evaluation import open_potential
from mdcore.properties.elastic import STEPS, strained
from mdcore.properties.relaxation import at_rest, relax_each


@dataclass(frozen=True, eq=False)
class EquationOfState:
    """User units, of the whole cell.

    volumes, energies, pressures : float64 [n], what was computed
    volume, energy, bulk_modulus, derivative : V0, E0, B0, B0' of the fit; error : root mean square of the energies
    """

    volumes: np.ndarray
    energies: np.ndarray
    pressures: np.ndarray
    volume: float
    energy: float
    bulk_modulus: float
    derivative: float
    error: float
    _bulk: float  # bulk modulus in units of energy / volume

    def energy_at(self, volume):
        """F. Birch, Phys. Rev. 71, 809 (1947), third order; """
        x = (self.volume / np.asarray(volume)) ** (2.0 / 3.0)
        shape = (x - 1.0) ** 3 * self.derivative + (x - 1.0) ** 2 * (6.0 - 4.0 * x)
        return self.energy + 9.0 / 16.0 * self.volume * self._bulk * shape


def eos(
    potential, system, *, volumes: int = 9, width: float = 0.06, max_force: float = 0.001, observers=(), comm=None
) -> EquationOfState:
    """Energy against volume (collective): from 1 - width to 1 + width of the volume given, all edges alike; volumes are
    side by side on ranks.

    potential, system, comm : as for `relax`; observers : functions of (what is relaxed, Relaxed)
    InputError for a system that is not periodic, or whose minimum is not among the volumes; SimulationError where a
    relaxation does not end.
    """
    comm, potential = connect(comm), open_potential(potential)
    observers = [function("eos: observer", each) for each in listed("eos: observers", observers, "function")]
    if isinstance(volumes, bool) or not (isinstance(volumes, int) and 5 <= volumes <= 1000):
        raise InputError(f"eos: volumes = {volumes!r}: expected a number of volumes from 5 to 1000")
    if not 0.001 <= number("eos: width", width) <= 0.3:
        raise InputError(f"eos: width = {width!r}: expected 0.001 to 0.3, e.g. 0.06")
    base, rows = at_rest(system) if comm.rank == 0 else None, []
    periodic, start, units = comm.bcast(base and (base.box.periodic, base.box.volume, base.units))
    if not all(periodic):
        raise InputError("eos: for systems that are periodic along all three directions").everywhere()
    shares = np.linspace(1.0 - width, 1.0 + width, volumes)
    systems = base and [strained(base, (share ** (1.0 / 3.0) - 1.0) * np.eye(3)) for share in shares]
    for share, found in zip(shares, relax_each(potential, systems, lambda: LBFGS(max_force), STEPS, comm), strict=True):
        if not found.converged:
            text = f"volume {share * start:.6g}: not relaxed after {STEPS} steps; a larger max_force is met sooner"
            raise SimulationError(text).everywhere()
        rows.append((share * start, found.energy, -found.stress[:3].mean()))
        for tell in observers:
            tell(f"volume {share * start:.6g}", found)
    return fit(*np.array(rows).T, units)


def fit(volumes, energies, pressures, units) -> EquationOfState:
    """The third-order equation is a polynomial of third order in x = V^(-2/3): linear least squares."""
    x = volumes ** (-2.0 / 3.0)
    middle, spread = x.mean(), np.ptp(x)
    poly = np.poly1d(np.polyfit((x - middle) / spread, energies, 3))(np.poly1d([1.0 / spread, -middle / spread]))
    first, second, third = poly.deriv(1), poly.deriv(2), poly.deriv(3)
    roots = [r.real for r in first.roots if abs(r.imag) < 1e-9 * abs(r) and second(r.real) > 0.0]
    roots = [r for r in roots if x.min() <= r <= x.max()]
    if not roots:
        way = "larger" if energies[-1] < energies[0] else "smaller"
        raise InputError(
            f"eos: the energy has no minimum among volumes of {volumes[0]:.6g} to {volumes[-1]:.6g}: begin with a "
            f"{way} cell (mdcore relax --cell isotropic), or a larger width"
        ).everywhere()  # fmt: skip
    at = roots[0]
    v = at**-1.5
    # by the chain rule, x = V^(-2/3); B = V E'', dB/dP = -1 - V E''' / E''
    slope = -2.0 / 3.0 * v ** (-5.0 / 3.0)
    bend, more = 10.0 / 9.0 * v ** (-8.0 / 3.0), -80.0 / 27.0 * v ** (-11.0 / 3.0)
    e2 = second(at) * slope**2 + first(at) * bend
    e3 = third(at) * slope**3 + 3.0 * second(at) * slope * bend + first(at) * more
    bulk = v * e2
    error = float(np.sqrt(np.mean((poly(x) - energies) ** 2)))
    return EquationOfState(
        volumes, energies, pressures, float(v), float(poly(at)), float(bulk / units.pressure),
        float(-1.0 - v * e3 / e2), error, float(bulk),
    )  # fmt: skip
