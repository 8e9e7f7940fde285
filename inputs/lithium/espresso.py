"""What does Kohn-Sham density functional theory say of a metal? Energies and forces by Quantum ESPRESSO (`pw.x`).

Lithium has one electron an atom, the pseudopotential of C. Hartwigsen, S. Goedecker, J. Hutter, Phys. Rev. B 58, 3641
(1998), table I, without its projector for p (-0.006 hartree); local density, J. P. Perdew, A. Zunger, Phys. Rev. B 23,
5048 (1981). Plane waves to 8 Ry, which are few: forces are those of this basis (15 meV/Angstrom, root mean square, from
10 Ry). Cold smearing of 0.04 Ry; energies are those that forces belong to, with its entropy. Aluminium has three
electrons, the same functional, and a pseudopotential of U. von Barth and R. Car, a file that comes with pw.x
(crystals.py has its numbers).
"""

import re
import subprocess
import tempfile
from math import erf, gamma, pi, sqrt
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers
from ase.units import Bohr, Rydberg
from crystals import Crystal
from crystals import pseudopotential as stored

LOCAL, SHAPE, OWN, STRENGTH = 0.78755305, (-1.89261247, 0.28605968), 0.66637518, 1.85881111  # bohr, hartree
ACCURACY = 2e-7  # Ry an atom

INPUT = """&control
calculation = 'scf', pseudo_dir = '.', outdir = '.', tprnfor = .true., disk_io = 'none' /
&system
ibrav = 0, nat = {n}, ntyp = 1, nbnd = {bands}, ecutwfc = {cutoff}
occupations = 'smearing', smearing = 'cold', degauss = {smearing} /
&electrons
conv_thr = {accuracy}, mixing_beta = 0.3, startingwfc = 'random' /
ATOMIC_SPECIES
{symbol} {mass} {symbol}.UPF
K_POINTS automatic
{mesh}
CELL_PARAMETERS angstrom
{cell}
ATOMIC_POSITIONS angstrom
{positions}
"""


def pseudopotential() -> str:
    """That of lithium, the file that pw.x reads (UPF 2)."""
    r = np.exp(np.linspace(-7.0, np.log(30.0), 1201))
    step = r * (np.log(30.0) + 7.0) / 1200
    x = r / LOCAL
    local = 2.0 * (np.exp(-0.5 * x**2) * (SHAPE[0] + SHAPE[1] * x**2) - np.array([erf(y / sqrt(2.0)) for y in x]) / r)
    projector = sqrt(2.0 / gamma(1.5)) * OWN**-1.5 * np.exp(-0.5 * (r / OWN) ** 2)
    guess = 4.0 * pi * r**2 * (0.15 / pi) ** 1.5 * np.exp(-0.15 * r**2)
    near = int(np.searchsorted(r, 8.0 * OWN)) // 2 * 2 + 1

    def block(name: str, values, more: str = "") -> str:
        rows = "\n".join(" ".join(f"{v:.15E}" for v in values[k : k + 4]) for k in range(0, len(values), 4))
        return f'<{name} type="real" size="{len(values)}" columns="4" {more}>\n{rows}\n</{name}>\n'

    head = (
        'generated="" author="" date="" comment="" element="Li" pseudo_type="NC" relativistic="scalar" '
        'is_ultrasoft="F" is_paw="F" is_coulomb="F" has_so="F" has_wfc="F" has_gipaw="F" core_correction="F" '
        'functional="PZ" z_valence="1" total_psenergy="0" wfc_cutoff="0" rho_cutoff="0" l_max="0" l_local="-3" '
        'mesh_size="1201" number_of_wfc="0" number_of_proj="1"'
    )
    own = f'index="1" angular_momentum="0" cutoff_radius_index="{near}" cutoff_radius="{r[near]}"'
    return (
        f'<UPF version="2.0.1">\n<PP_INFO>\nHartwigsen, Goedecker, Hutter 1998\n</PP_INFO>\n<PP_HEADER {head}/>\n'
        f'<PP_MESH mesh="1201">\n{block("PP_R", r)}{block("PP_RAB", step)}</PP_MESH>\n{block("PP_LOCAL", local)}'
        f"<PP_NONLOCAL>\n{block('PP_BETA.1', r * projector, own)}{block('PP_DIJ', [2.0 * STRENGTH])}</PP_NONLOCAL>\n"
        f"<PP_PSWFC>\n</PP_PSWFC>\n{block('PP_RHOATOM', guess)}</UPF>\n"
    )


def points(atoms: Atoms, length: float) -> list[int]:
    """Of k along each edge; `length` in Angstrom."""
    return [max(1, round(length / edge)) for edge in atoms.cell.lengths()]


def answer(text: str, n: int) -> tuple[float, np.ndarray]:
    """eV, eV/Angstrom [n, 3] of what pw.x wrote.

    Raises RuntimeError with its last words if it did not converge.
    """
    energy = re.findall(r"^!\s+total energy\s+=\s+(\S+) Ry", text, re.M)
    forces = re.findall(r"atom\s+\d+ type\s+\d+\s+force =\s+(\S+)\s+(\S+)\s+(\S+)", text)
    if not energy or len(forces) < n:
        raise RuntimeError(f"pw.x gave no energy or no forces; its last words:\n{text[-1000:]}")
    return float(energy[0]) * Rydberg, np.array(forces[:n], float) * Rydberg / Bohr


class Espresso:
    """Energy and forces of structures of a metal, one core.

    Points of k are many for cells of a few atoms, few for large ones (2, 2, 2 for 54 atoms of lithium); the difference
    that this makes for an atom of the crystal is added to their energies.
    """

    def __init__(self, crystal: Crystal):
        self.crystal, self.method = crystal, crystal.dft
        self.lattice = self.method.lattice
        name = self.method.pseudopotential
        self.pseudopotential = stored(name) if name else pseudopotential()
        small, large = (self.scaled(atoms) for atoms in (crystal.unit(), crystal.many()))
        fine = self.run(small, self.method.fine)[0] / len(small)
        self.added = {self.method.fine: 0.0}
        for atoms, length in (small, self.method.slabs), (large, self.method.coarse):
            self.added[length] = fine - self.run(atoms, length)[0] / len(atoms)

    def scaled(self, atoms: Atoms) -> Atoms:
        """To the lattice constant of this method."""
        atoms.set_cell(self.lattice / self.crystal.lattice * atoms.cell.array, scale_atoms=True)
        return atoms

    def run(self, atoms: Atoms, length: float) -> tuple[float, np.ndarray]:
        n, symbol = len(atoms), self.crystal.symbol
        text = INPUT.format(
            n=n,
            symbol=symbol,
            mass=atomic_masses[atomic_numbers[symbol]],
            bands=int(self.method.bands * n) + 4,
            cutoff=self.method.cutoff,
            smearing=self.method.smearing,
            accuracy=ACCURACY * n,
            mesh=" ".join(map(str, points(atoms, length))) + " 1 1 1",
            cell="\n".join(" ".join(map(repr, row)) for row in atoms.cell.array.tolist()),
            positions="\n".join(f"{symbol} " + " ".join(map(repr, row)) for row in atoms.positions.tolist()),
        )
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / f"{symbol}.UPF").write_text(self.pseudopotential)
            told = subprocess.run(["pw.x"], input=text, capture_output=True, text=True, cwd=folder)
        return answer(told.stdout, n)

    def __call__(self, atoms: Atoms) -> tuple[float, np.ndarray]:
        """eV, eV/Angstrom [n, 3]"""
        large = atoms.info["tag"].startswith(("hot", "vacancy"))
        length = self.method.fine if len(atoms) < 4 else self.method.coarse if large else self.method.slabs
        energy, forces = self.run(atoms, length)
        return energy + len(atoms) * self.added[length], forces
