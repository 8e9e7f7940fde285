"""Who says what energy and forces of a structure truly are? Calculators of ASE, commands, functions of Python.

An oracle is made anew for each structure where it may have a memory (a calculator of ASE starts from the last wave
function), so that a label does not depend on what was computed before.
"""

import contextlib
import os
import shlex
import subprocess
import tempfile

import numpy as np

from mdcore.base.errors import InputError, MdcoreError
from mdcore.base.writing import make_folder, writing_text
from mdcore.learn.base import Labels, Oracle, Unconverged, Unready
from mdcore.potentials.named import NamedCalculator
from mdcore.potentials.python import PythonPotential
from mdcore.structure import extxyz
from mdcore.structure.columns import CHARGE
from mdcore.structure.quantities import spins, tell, tensor
from mdcore.structure.system import System

SAME = 1e-4  # Angstrom: positions that a command hands back
MOST_SAID = 1 << 20  # bytes of what a command says that are looked through
LAST = 400  # characters of it that a message quotes
INPUT, OUTPUT = "input.extxyz", "output.extxyz"


class OracleFailed(MdcoreError):
    """A calculation ended without labels."""


class ASEOracle(Oracle):
    """A calculator of ASE, by import path and keywords, such as "tblite.ase:TBLite", {"method": "GFN2-xTB"}.

    name : as ASE calls it ("emt"), or "module:class"; arguments : of the class
    Energies are those that go with the forces (its free_energy, where it has one); stress of cells that are periodic
    along three axes, where it has that. An error that says of itself that something did not converge is Unconverged.
    InputError, at once, for a calculator that can't be made.
    """

    def __init__(self, name: str, arguments: dict | None = None):
        self._made = NamedCalculator(name, arguments)

    def __repr__(self):
        return f"ASEOracle({self._made.name!r}, {self._made.arguments!r})"

    def __call__(self, system: System) -> Labels:
        from ase.calculators.calculator import PropertyNotImplementedError

        calculator, atoms = NamedCalculator(self._made.name, self._made.arguments), system.to_ase()
        atoms.set_constraint()  # forces that held atoms would feel
        tell(atoms, system.totals)
        known = calculator.implemented_properties
        forces = calculator.get_property("forces", atoms)
        energy = calculator.get_property("free_energy" if "free_energy" in known else "energy", atoms)
        stress = None
        if "stress" in known and all(system.box.periodic):
            with contextlib.suppress(PropertyNotImplementedError):
                stress = tensor(np.asarray(calculator.get_property("stress", atoms), dtype=np.float64).ravel())
        return Labels(energy=float(energy), forces=np.array(forces, dtype=np.float64), stress=stress)


class CommandOracle(Oracle):
    """A command that reads a structure from {input} and writes it with energy, forces and perhaps stress to {output}.

    command : as a shell would split it, but no shell is in between; {input} and {output} become paths of extended xyz
        files in a folder of the calculation's own, in which the command is started, and {here} that of `here`, a folder
    unconverged : a text that the command prints when it did not converge; or it writes converged=F beside the energy
    keep : a folder in which the calculations' folders stay; None: they are temporary
    """

    def __init__(self, command: str, unconverged: str | None = None, keep: str | None = None, here: str = "."):
        try:
            self.words = [word.replace("{here}", os.path.abspath(here)) for word in shlex.split(command)]
        except ValueError as error:
            told = f"the command can't be split: {error}; quote it as for a shell"
            raise InputError(told).of_key("command") from None
        for place in ("{input}", "{output}"):
            if not any(place in word for word in self.words):
                done = "read" if place == "{input}" else "write"
                told = f"{place} is missing in the command: the path of the file to {done}"
                raise InputError(told).of_key("command")
        self.unconverged, self.keep = unconverged, None if keep is None else os.path.abspath(keep)

    def __repr__(self):
        return f"CommandOracle({shlex.join(self.words)!r})"

    def __call__(self, system: System) -> Labels:
        if self.keep:
            make_folder(self.keep)
            return self._run(system, tempfile.mkdtemp(prefix="", dir=self.keep))
        with tempfile.TemporaryDirectory(prefix="mdcore-") as folder:
            return self._run(system, folder)

    def _run(self, system: System, folder: str) -> Labels:
        read, written = (os.path.join(folder, name) for name in (INPUT, OUTPUT))
        with writing_text(read) as stream:
            charge = {"charge": system.total_charge} if system.total_charge else {}
            extxyz.write_frame(stream, system, info=charge | spins(system.info))
        words = [word.replace("{input}", read).replace("{output}", written) for word in self.words]
        with tempfile.TemporaryFile() as said:
            try:
                code = subprocess.run(words, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said).returncode
            except OSError as error:
                raise Unready(f"{words[0]}: {error.strerror}; is it installed, and on the PATH?") from None
            said.seek(-min(said.seek(0, os.SEEK_END), MOST_SAID), os.SEEK_END)
            text = said.read().decode("utf-8", "replace")
        if self.unconverged and self.unconverged in text:
            raise Unconverged(f"{words[0]} says: {self.unconverged}")
        if code:
            end = f"signal {-code}" if code < 0 else f"exit code {code}"
            raise OracleFailed(f"{words[0]} ended with {end}. {_last(text)}")
        if not os.path.exists(written):
            raise OracleFailed(f"{words[0]} wrote no {{output}}. {_last(text)}")
        return self._labels(system, System.read(written))

    @staticmethod
    def _labels(system: System, found: System) -> Labels:
        told = found.info
        if not _true(told.get("converged", True)):
            raise Unconverged("converged=F in {output}")
        same = found.names == system.names and np.abs(found.positions - system.positions).max() < SAME
        if not same:
            raise OracleFailed("{output} has other atoms than {input}, in another order, or elsewhere")
        for key in ("energy", "forces"):
            if key not in told:
                raise OracleFailed(f"{{output}} has no {key}")
        stress = told.get("stress")
        if stress is not None:
            stress = tensor(np.asarray(stress)) * found.units.pressure
        return Labels(energy=float(told["energy"]), forces=np.asarray(told["forces"]), stress=stress)


class PythonOracle(Oracle):
    """A function of Python, called by the names of its arguments as a potential of Python is (potentials/python.py):
    positions, cell, species, periodic, charges, total_charge, columns; it returns (energy, forces) or (energy, forces,
    stress), and raises Unconverged where it gives up.

    function : a FileFunction, or any that can be pickled
    """

    def __init__(self, function):
        self._asked = PythonPotential(function)

    def __repr__(self):
        return f"PythonOracle({self._asked.name})"

    def __call__(self, system: System) -> Labels:
        given = {
            "positions": system.positions.copy(),
            "cell": np.array(system.box.matrix),
            "species": np.array(system.names),
            "periodic": np.array(system.box.periodic),
            "columns": {name: np.copy(values) for name, values in system.columns.items() if name != CHARGE},
            "charges": None if system.charges is None else system.charges.copy(),
            "total_charge": system.total_charge,
        }
        energy, forces, stress = self._asked.checked(self._asked.ask(given, True), system.n_atoms)
        return Labels(energy=energy, forces=forces, stress=None if stress is None else tensor(stress))


def _true(value) -> bool:
    return bool(value) and str(value).lower() not in ("f", "false", "no")


def _last(text: str) -> str:
    end = " ".join(text.split())[-LAST:]
    return f"It last said: {end}" if end else "It said nothing"
