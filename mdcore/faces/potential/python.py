"""A potential that a function of yours computes."""


from dataclasses import dataclass

from mdcore.faces.potential._foreign import ForeignSettings
from mdcore.faces.schema import Text, setting


@dataclass(frozen=True, kw_only=True)
class Settings(ForeignSettings):
    """A function of a Python file
    ([what it gets and returns](embedding.md#a-potential-of-your-own-in-python-or-from-ase)). Rank 0 calls it with all
    atoms: slow, and the quickest way to try an idea. `mdcore check` runs the file, too.
    """

    title = "Python"

    file: str = setting(
        Text(), "The Python file, relative to the input file.", example="springs.py"
    )
    function: str = setting(Text(), "The function in it.", example="springs")

    @property
    def files(self):
        return (self.file,)

    def build(self, whole):
        from mdcore.potentials.named import FileFunction
        from mdcore.potentials.python import PythonPotential

        return PythonPotential(FileFunction(whole.beside(self.file), self.function), cutoff=self.cutoff)
