"""A function of yours as an oracle."""

from dataclasses import dataclass

from mdcore.faces.oracle._base import OracleSettings
from mdcore.faces.schema import Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(OracleSettings):
    """A function of a Python file
    ([what it gets and returns](embedding.md#a-potential-of-your-own-in-python-or-from-ase)); it raises
    `mdcore.learn.base.Unconverged` where it gives up."""

    file: str = setting(Text(), "The Python file, relative to the input file.", example="reference.py")
    function: str = setting(Text(), "The function in it.", example="energy_and_forces")

    def build(self, whole):
        from mdcore.learn.oracles import PythonOracle
        from mdcore.potentials.named import FileFunction

        return PythonOracle(FileFunction(whole.beside(self.file), self.function))
