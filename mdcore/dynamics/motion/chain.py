"""A chain of thermostats, each of which keeps the one before it at its temperature."""

import math

import numpy as np

# of one time step: three of fourth order (M. Suzuki, Phys. Lett. A 146, 319 (1990); H. Yoshida, ibid. 150, 262 (1990))
OUTER = 1.0 / (2.0 - 2.0 ** (1.0 / 3.0))
WEIGHTS = (OUTER, 1.0 - 2.0 * OUTER, OUTER)
MOST_LINKS = 100


class Chain:
    """Nose-Hoover chain on a kinetic energy of some motions, which it multiplies by a factor.

    links : how many. The mass of the first is motions kT relaxation^2, that of the others kT relaxation^2.
    velocities : float64 [links], of the thermostats, 1 / internal unit of time
    G. J. Martyna, M. E. Tuckerman, D. J. Tobias, M. L. Klein, Mol. Phys. 87, 1117 (1996).
    """

    def __init__(self, links: int):
        self.velocities = np.zeros(links)

    def act(self, kinetic: float, motions: int, thermal: float, relaxation: float, dt: float) -> tuple[float, float]:
        """(factor for the velocities of the motions, what the energy of the chain has grown by) in a time dt.

        kinetic : energy of the motions; thermal : kT; internal units
        """
        v = self.velocities.tolist()
        masses = [motions * thermal * relaxation**2] + [thermal * relaxation**2] * (len(v) - 1)
        wanted = [motions * thermal] + [thermal] * (len(v) - 1)
        fastest = math.sqrt(max(2.0 * kinetic / wanted[0], 1.0)) / relaxation
        repeats = min(max(1, math.ceil(2.0 * dt * fastest)), 1000)
        before = sum(0.5 * q * u * u for q, u in zip(masses, v, strict=True))
        scale, absorbed = 1.0, 0.0  # the latter: kT (motions eta_1 + eta_2 + ...), eta the integral of v
        for weight in WEIGHTS * repeats:
            step = weight * dt / repeats
            for k in reversed(range(len(v))):
                _push(v, k, 0.5 * step, masses, wanted, 2.0 * scale**2 * kinetic)
            scale *= math.exp(-step * v[0])
            absorbed += step * sum(w * u for w, u in zip(wanted, v, strict=True))
            for k in range(len(v)):
                _push(v, k, 0.5 * step, masses, wanted, 2.0 * scale**2 * kinetic)
        self.velocities = np.array(v)
        return scale, sum(0.5 * q * u * u for q, u in zip(masses, v, strict=True)) - before + absorbed

    def state(self) -> list[float]:
        """What a continued run must know."""
        return self.velocities.tolist()

    def restore(self, state) -> None:
        """The reverse; a chain of another length begins anew."""
        velocities = np.array(state, dtype=np.float64)
        if not (velocities.ndim == 1 and np.isfinite(velocities).all()):
            raise ValueError("velocities of thermostats")
        if len(velocities) == len(self.velocities):
            self.velocities = velocities


def _push(v, k: int, time: float, masses, wanted, twice: float) -> None:
    """Thermostat k goes on by a time: driven by the one before it (the first by twice the kinetic energy), with half of
    the friction of the one after it before that, and half after."""
    driving = twice if k == 0 else masses[k - 1] * v[k - 1] ** 2
    drag = math.exp(-0.5 * time * v[k + 1]) if k + 1 < len(v) else 1.0
    v[k] = drag * (v[k] * drag + time * (driving - wanted[k]) / masses[k])
