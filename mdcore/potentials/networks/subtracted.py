"""What was subtracted from the labels of a potential before its networks were trained, and belongs to its energy?

A known law of long range, such as DFT-D3, is subtracted from energies, forces and stress of each structure; networks
learn what is left, which ends within their cutoff. The potential keeps the law with all its numbers and adds it back
wherever it runs: its energy is what the labels say.
"""

from mdcore.base.errors import InputError
from mdcore.potentials.base import Potential
from mdcore.potentials.dispersion.d3 import D3

LAWS = {"d3": D3}  # by their type in inputs
MOST = 10


def name_of(law: Potential) -> str:
    """Its type in inputs."""
    return next(name for name, kind in LAWS.items() if isinstance(law, kind))


def numbers_of(law: Potential) -> tuple:
    """All that decides its energy."""
    return name_of(law), tuple(sorted(law.arguments.items()))


def law_of(name: str, arguments: dict) -> Potential:
    """The law that a file keeps; InputError for one that this mdcore does not know."""
    if name not in LAWS:
        raise InputError(f"{name!r} was subtracted in training, which this mdcore does not know")
    return LAWS[name](**arguments)
