"""Lithium by plane waves: energy, forces and stress by pw.x of Quantum ESPRESSO (6.7), which must be installed.

Local density approximation (J. P. Perdew, Y. Wang, Phys. Rev. B 45, 13244 (1992)), one electron an atom: the
pseudopotential of C. Hartwigsen, S. Goedecker, J. Hutter, Phys. Rev. B 58, 3641 (1998), eqs. 1 to 3, whose numbers
stand below; cold smearing (N. Marzari et al., Phys. Rev. Lett. 82, 3296 (1999)). Energies are free energies.
"""

import os
import re
import subprocess
import tempfile
import xml.etree.ElementTree as ET
from math import ceil, erf, gamma, sqrt
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

HARTREE, BOHR = 27.211386245988, 0.529177210903  # eV, Angstrom
LOCAL = 0.787553, -1.892612, 0.286060  # r_loc, bohr; C1, C2, hartree
PROJECTORS = (0, 0.666375, 1.858811), (1, 1.079306, -0.005895)  # l; r_l, bohr; h_11, hartree
WAVES, SMEARING, CONVERGED = 12.0, 0.02, 1e-8  # rydberg
INPUT = """&control
  calculation = 'scf', outdir = '.', pseudo_dir = '.', tprnfor = .true., tstress = .true., disk_io = 'none'
/
&system
  ibrav = 0, nat = {n}, ntyp = 1, nbnd = {bands}, ecutwfc = {WAVES}
  occupations = 'smearing', smearing = 'mv', degauss = {SMEARING}
/
&electrons
  conv_thr = {CONVERGED}, startingwfc = 'random', mixing_mode = '{mixing}'
/
ATOMIC_SPECIES
Li 6.94 Li.upf
CELL_PARAMETERS angstrom
{cell}
ATOMIC_POSITIONS angstrom
{atoms}
K_POINTS automatic
{points}
"""


def labelled(atoms: Atoms, points: tuple[int, int, int]) -> Atoms:
    """A copy with energy (eV), forces (eV/Angstrom) and stress (eV/Angstrom^3, positive when stretched), and in `info`
    the force error that is left of self-consistency (eV/Angstrom).

    points : k points along each axis, none of them the origin; 1, the origin itself, across a vacuum
    """
    words = {
        "n": len(atoms), "bands": ceil(0.575 * len(atoms)) + 4, "mixing": "local-TF" if 1 in points else "plain",
        "cell": _rows(atoms.cell.array), "atoms": _rows(atoms.positions, "Li "),
        "points": " ".join(map(str, [*points, *(int(n > 1) for n in points)])),
        "WAVES": WAVES, "SMEARING": SMEARING, "CONVERGED": CONVERGED,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "Li.upf").write_text(pseudopotential())
        (Path(folder) / "in").write_text(INPUT.format(**words))
        environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        told = subprocess.run(["pw.x", "-in", "in"], cwd=folder, env=environment, capture_output=True, text=True).stdout
        if "convergence has been achieved" not in told:
            raise RuntimeError(f"pw.x did not converge:\n{told[-2000:]}")
        output = ET.parse(Path(folder) / "pwscf.xml").getroot().find("output")
    forces = HARTREE / BOHR * _numbers(output, "forces").reshape(-1, 3)
    stress = -HARTREE / BOHR**3 * _numbers(output, "stress").reshape(3, 3)
    found = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=True)
    found.info["scf"] = float(re.findall(r"Total SCF correction =\s+(\S+)", told)[-1]) * HARTREE / 2 / BOHR
    found.calc = SinglePointCalculator(
        found, energy=HARTREE * _numbers(output, "total_energy/etot")[0], forces=forces,
        stress=(0.5 * (stress + stress.T)).ravel()[[0, 4, 8, 5, 2, 1]],
    )  # fmt: skip
    return found


def pseudopotential() -> str:
    """In the Unified Pseudopotential Format: lengths in bohr, energies in rydberg, projectors times r."""
    step, (size, c1, c2) = 0.0125, LOCAL
    r = np.exp(-7.0 + step * np.arange(961)) / 3.0
    x = r / size
    local = 2.0 * (-np.array([erf(a / sqrt(2.0)) for a in x]) / r + np.exp(-(x**2) / 2.0) * (c1 + c2 * x**2))
    density = r**4 * np.exp(-1.25 * r)  # of an atom, about: where self-consistency begins
    betas, strengths = "", np.diag([2.0 * h for _, _, h in PROJECTORS])
    for k, (l, size, _) in enumerate(PROJECTORS, start=1):
        power = l + 1.5
        beta = sqrt(2.0) * r ** (l + 1) * np.exp(-(r**2) / (2.0 * size**2)) / (size**power * sqrt(gamma(power)))
        cut = int(np.searchsorted(r, 12.0 * size)) | 1
        beta[cut:] = 0.0
        betas += _block(
            f"PP_BETA.{k}", beta, index=k, label=f"{k}{'SP'[l]}", angular_momentum=l, cutoff_radius_index=cut,
            cutoff_radius=r[cut - 1], norm_conserving_radius=0.0,
        )  # fmt: skip
    return f"""<UPF version="2.0.1">
<PP_INFO>
Li, one electron, Hartwigsen, Goedecker, Hutter 1998
</PP_INFO>
<PP_HEADER generated="inputs/lithium/planewaves.py" author="" date="" comment="" element="Li" pseudo_type="NC"
 relativistic="scalar" is_ultrasoft="F" is_paw="F" is_coulomb="F" has_so="F" has_wfc="F" has_gipaw="F"
 paw_as_gipaw="F" core_correction="F" functional="SLA PW NOGX NOGC" z_valence="1.0" total_psenergy="0.0"
 wfc_cutoff="0.0" rho_cutoff="0.0" l_max="1" l_max_rho="0" l_local="-3" mesh_size="{len(r)}" number_of_wfc="0"
 number_of_proj="2"/>
<PP_MESH dx="{step}" mesh="{len(r)}" xmin="-7.0" rmax="{r[-1]}" zmesh="3.0">
{_block("PP_R", r)}{_block("PP_RAB", step * r)}</PP_MESH>
{_block("PP_LOCAL", local)}<PP_NONLOCAL>
{betas}{_block("PP_DIJ", strengths.ravel())}</PP_NONLOCAL>
<PP_PSWFC>
</PP_PSWFC>
{_block("PP_RHOATOM", density / np.sum(density * step * r))}</UPF>
"""


def _block(name: str, values: np.ndarray, **attributes) -> str:
    more = "".join(f' {key}="{value}"' for key, value in attributes.items())
    lines = "\n".join(f"{value:.16e}" for value in values)
    return f'<{name} type="real" size="{len(values)}" columns="1"{more}>\n{lines}\n</{name}>\n'


def _rows(vectors: np.ndarray, before: str = "") -> str:
    return "\n".join(before + " ".join(f"{value:.10f}" for value in row) for row in vectors)


def _numbers(output, name: str) -> np.ndarray:
    return np.array(output.find(name).text.split(), dtype=float)
