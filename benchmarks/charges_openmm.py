"""Are energies and forces of charges those of OpenMM? Rock salt by its Ewald sum, water in a triclinic cell by its PME.

    python benchmarks/charges_openmm.py --openmm PYTHON        # an environment with `pip install openmm`

OpenMM's Reference platform, in double, tolerance 1e-8; ours at an accuracy of 1e-8 with OpenMM's constant. Molecules of
water have nothing of themselves. Errors are relative: of the energy, and root mean squares of forces.
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
from charges import SALT, salt
from charges_water import CHARGES, water
from common import machine, parser, relative, table

from mdcore import Box, Electrostatics, System, evaluate

CONSTANT = 1389.35456 / 96.48533212331002  # OpenMM's ONE_4PI_EPS0, kJ/mol nm, in eV Angstrom
OPENMM = """
import json, sys, numpy as np, openmm as mm, openmm.unit as unit
told = json.load(sys.stdin)
system, force = mm.System(), mm.NonbondedForce()
force.setNonbondedMethod(getattr(mm.NonbondedForce, told["method"]))
force.setCutoffDistance(told["cutoff"] * unit.angstrom)
force.setEwaldErrorTolerance(1e-8)
for charge in told["charges"]:
    system.addParticle(1.0)
    force.addParticle(charge, 1.0, 0.0)
for i, j in told["excluded"]:
    force.addException(i, j, 0.0, 1.0, 0.0)
system.setDefaultPeriodicBoxVectors(*(mm.Vec3(*row) for row in np.array(told["box"]) / 10.0))
system.addForce(force)
context = mm.Context(system, mm.VerletIntegrator(0.001), mm.Platform.getPlatformByName("Reference"))
context.setPositions(np.array(told["positions"]) / 10.0)
state = context.getState(getEnergy=True, getForces=True)
ev = 96.48533212331002
forces = state.getForces(asNumpy=True).value_in_unit(unit.kilojoule_per_mole / unit.angstrom) / ev
energy = state.getPotentialEnergy().value_in_unit(unit.kilojoule_per_mole) / ev
print(json.dumps({"energy": energy, "forces": forces.tolist(), "version": mm.version.version}))
"""


def leaning_water(edge: int) -> System:
    """edge^3 molecules in a cell that leans over, each as it is."""
    upright = water(edge)
    skew = np.array([[1.0, 0.0, 0.0], [0.2, 1.0, 0.0], [-0.15, 0.3, 1.0]])
    places = np.repeat(upright.positions[::3], 3, axis=0)
    x = places @ skew + upright.positions - places
    names = [upright.symbols[k] for k in upright.species]
    found = System(Box(upright.box.matrix @ skew), x, names, charges=[CHARGES[name] for name in names])
    found.bonds = upright.bonds
    return found


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--openmm", required=True, help="an interpreter that has openmm")
    it = options.parse_args()
    print(machine(), flush=True)
    rows = []
    for name, system, charges, most, method, cutoff in (
        ("rock salt", salt(4), SALT, 0, "Ewald", 10.0), ("water", leaning_water(6), CHARGES, 2, "PME", 8.0),
    ):  # fmt: skip
        molecules = range(system.n_atoms // 3 if most else 0)
        told = {
            "method": method, "cutoff": cutoff, "box": system.box.matrix.tolist(),
            "positions": system.positions.tolist(), "charges": [charges[system.symbols[k]] for k in system.species],
            "excluded": [(3 * k + a, 3 * k + b) for k in molecules for a, b in ((0, 1), (0, 2), (1, 2))],
        }  # fmt: skip
        with tempfile.TemporaryDirectory() as folder:
            script = Path(folder) / "reference.py"
            script.write_text(OPENMM)
            command, said = [it.openmm, script], json.dumps(told)
            done = subprocess.run(command, input=said, check=True, capture_output=True, text=True)
        theirs = json.loads(done.stdout)
        for own in ("ewald", "mesh"):
            potential = Electrostatics(charges, accuracy=1e-8, constant=CONSTANT, method=own, cutoff=10.0)
            potential.exclude_bonded = most
            found = evaluate(potential, system)
            off = abs(found.energy / theirs["energy"] - 1.0), relative(found.forces, np.array(theirs["forces"]))
            numbers = f"{found.energy:.6f}", f"{theirs['energy']:.6f}", *map("{:.1g}".format, off)
            rows.append((f"{name}, {system.n_atoms}", own, f"{method}, {theirs['version']}", *numbers))
    print(table(("atoms", "mdcore", "OpenMM", "energy, eV", "of OpenMM", "off by", "forces off by"), rows))


if __name__ == "__main__":
    main()
