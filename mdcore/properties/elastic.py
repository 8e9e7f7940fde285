"""How stiff is this crystal? Elastic constants from the stresses of strained cells, with relaxed atoms."""

from dataclasses import dataclass

import numpy as np

from mdcore.base.arguments import function, listed
from mdcore.base.comm import connect, on_root
from mdcore.base.errors import InputError, SimulationError
from mdcore.base.ranges import number
from mdcore.base.voigt import PLACE
from mdcore.dynamics.motion.lbfgs import LBFGS
from mdcore.engine.evaluation import open_potential
from mdcore.properties.relaxation import at_rest, moved, relax, relax_each
from mdcore.properties.symmetry import ROOT, Symmetry, symmetry

NAMES = ("xx", "yy", "zz", "yz", "xz", "xy")
STEPS = 2000  # of each relaxation, at most


@dataclass(frozen=True, eq=False)
class Elastic:
    """Unit of pressure (GPa); Voigt's order xx yy zz yz xz xy, shear strains count twice.

    constants : float64 [6, 6], d stress / d strain, made symmetric; asymmetry : the largest difference of two that
    should be equal, before; system : System, relaxed, on rank 0; calls : evaluations of forces
    symmetry : Symmetry of the crystal (symmetry.py); None without spglib, or where it finds none
    """

    constants: np.ndarray
    asymmetry: float
    system: object
    calls: int
    symmetry: Symmetry | None = None

    @property
    def averages(self) -> np.ndarray:
        """float64 [6, 6], constants that the crystal's symmetry makes alike, averaged."""
        return self.constants if self.symmetry is None else self.symmetry.mean(self.constants)

    @property
    def born(self) -> list[tuple[float, int]]:
        """(stiffness, how often) of the strains that the crystal answers with a stress of the same shape, ascending: a
        crystal is stable if all are positive. They do not depend on how it lies; of a cubic one they are C11 - C12
        (twice), C11 + 2 C12, 2 C44 (three times): eigenvalues of `averages` as a tensor."""
        values = np.linalg.eigvalsh(self.averages * np.outer(ROOT, ROOT))
        near = 1e-6 * float(np.abs(values).max())
        parts = np.split(values, np.flatnonzero(np.diff(values) > near) + 1)
        return [(float(part.mean()), len(part)) for part in parts]

    @property
    def eigenvalues(self) -> np.ndarray:
        """Of the constants, ascending: the crystal is stable if all are positive (F. Mouhat, F.-X. Coudert, Phys. Rev.
        B 90, 224104 (2014))."""
        return np.linalg.eigvalsh(self.constants)

    @property
    def is_stable(self) -> bool:
        """Born's criterion."""
        return bool(self.eigenvalues[0] > 0.0)

    @property
    def moduli(self) -> dict:
        """{"bulk", "shear": (Voigt, Reuss, Hill)}: of a solid of many grains, at most, at least, and their mean;
        "young" and "poisson" of Hill's. R. Hill, Proc. Phys. Soc. A 65, 349 (1952). nan where the crystal is not
        stable."""
        c = self.constants
        s = np.linalg.inv(c) if self.is_stable else np.full((6, 6), np.nan)
        main, side, shear = (np.trace(c[:3, :3]), c[0, 1] + c[0, 2] + c[1, 2], np.trace(c[3:, 3:]))
        bulk, rigid = (main + 2.0 * side) / 9.0, (main - side + 3.0 * shear) / 15.0
        main, side, shear = (np.trace(s[:3, :3]), s[0, 1] + s[0, 2] + s[1, 2], np.trace(s[3:, 3:]))
        soft_bulk, soft = 1.0 / (main + 2.0 * side), 15.0 / (4.0 * (main - side) + 3.0 * shear)
        k, g = 0.5 * (bulk + soft_bulk), 0.5 * (rigid + soft)
        return {
            "bulk": tuple(map(float, (bulk, soft_bulk, k))),
            "shear": tuple(map(float, (rigid, soft, g))),
            "young": float(9.0 * k * g / (3.0 * k + g)),
            "poisson": float((3.0 * k - 2.0 * g) / (2.0 * (3.0 * k + g))),
        }


def elastic(
    potential, system, *, strain: float = 0.005, max_force: float = 0.001, max_stress: float = 0.01, observers=(),
    comm=None,
) -> Elastic:  # fmt: skip
    """Elastic constants at rest and no stress (collective).

    The cell is relaxed, strained by +-`strain` along each of six components, and atoms are relaxed in it, strains side
    by side on ranks: central differences of the stress. InputError unless periodic along all three directions;
    SimulationError where a relaxation does not end.

    potential, system, comm : as for `relax`; max_force, max_stress : that are left
    observers : functions of (what is relaxed, Relaxed)
    """
    comm, potential = connect(comm), open_potential(potential)
    observers = [function("elastic: observer", each) for each in listed("elastic: observers", observers, "function")]
    strain = number("elastic: strain", strain)
    if not 1e-6 <= strain <= 0.1:
        raise InputError(f"elastic: strain = {strain:g}: expected 1e-6 to 0.1, e.g. 0.005")
    system = on_root(comm, lambda: _crystal(system))
    calls = 0

    def rest(what, found):
        nonlocal calls
        calls += found.calls
        if not found.converged:
            raise SimulationError(
                f"{what}: not relaxed after {STEPS} steps, largest force {found.largest_force:.3g}: is the structure a "
                "crystal that this potential knows? A larger max_force is met sooner"
            ).everywhere()
        for tell in observers:
            tell(what, found)
        return found

    minimiser = LBFGS(max_force, max_stress, cell="flexible")
    base = rest("the crystal", relax(potential, system, minimiser, STEPS, comm=comm)).system
    strains = [sign * strain * (1.0 if k < 3 else 0.5) * np.eye(6)[k] for k in range(6) for sign in (1.0, -1.0)]
    names = [f"strain {name} {sign * strain:+g}" for name in NAMES for sign in (1.0, -1.0)]
    systems = base and [strained(base, six[PLACE]) for six in strains]
    found = relax_each(potential, systems, lambda: LBFGS(max_force), STEPS, comm)
    stresses = np.array([rest(what, one).stress for what, one in zip(names, found, strict=True)])
    rows = (stresses[::2] - stresses[1::2]).T / (2.0 * strain)
    kind = on_root(comm, lambda: symmetry(base), share=True)
    return Elastic(0.5 * (rows + rows.T), float(np.abs(rows - rows.T).max()), base, calls, kind)


def _crystal(system):
    """At rest; InputError for what has a free surface."""
    system = at_rest(system)
    if not all(system.box.periodic):
        raise InputError("elastic: for systems that are periodic along all three directions")
    return system


def strained(system, strain):
    """The system, strained by float64 [3, 3], atoms with the cell."""
    map_, box = np.eye(3) + strain, system.box
    positions = box.origin + (system.positions - box.origin) @ map_
    return moved(system, type(box)(box.matrix @ map_, box.periodic, box.origin), positions)
