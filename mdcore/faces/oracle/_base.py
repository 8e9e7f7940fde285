"""What have all oracles in common?"""

from dataclasses import dataclass

from mdcore.faces import ORACLES
from mdcore.faces.schema import Choice, setting


@dataclass(frozen=True, kw_only=True)
class OracleSettings:
    """A reference method that an input can name. A type of its own says `build`."""

    type: str = setting(Choice(tuple(ORACLES)), "Kind of oracle.", example="ase")

    def build(self, whole):
        """The oracle (learn/base.py). whole : the settings of the whole input; InputError."""
        raise NotImplementedError
