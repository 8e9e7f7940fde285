"""A potential that a function of yours computes."""


from dataclasses import dataclass

from mdcore.faces.base import PotentialSettings
from mdcore.schema import Number, Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(PotentialSettings):
    """A function of a Python file
    ([what it gets and returns](embedding.md#a-potential-of-your-own-in-python-or-from-ase)). Rank 0 calls it with all
    atoms: slow, and the quickest way to try an idea. `mdcore check` runs the file, too.
    """

    title = "Python"

    file: str = setting(
        Text(), "The Python file, relative to the input file.", example="springs.py"
    )
    function: str = setting(Text(), "The function in it.", example="springs")
    cutoff: float = setting(
        Number(minimum=0),
        "How far atoms feel each other, if it is known; `mdcore verify` uses it.",
        default=0.0,
        quantity="length",
        example=5.0,
    )

    @property
    def files(self):
        return (self.file,)

    def build(self, whole):
        from mdcore.potentials.named import FileFunction
        from mdcore.potentials.python import PythonPotential

        return PythonPotential(FileFunction(whole.beside(self.file), self.function), cutoff=self.cutoff)
