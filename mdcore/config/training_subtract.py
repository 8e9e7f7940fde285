"""What can be subtracted from labels before a fit, with which settings? A section of ``train.toml`` (training.py)."""

from dataclasses import dataclass

from mdcore.faces import POTENTIALS
from mdcore.faces.schema import Choice, setting
from mdcore.potentials.networks.subtracted import LAWS


@dataclass(frozen=True, kw_only=True)
class D3Settings(POTENTIALS["d3"]):
    """Dispersion, DFT-D3 of Grimme, as the labels have it: functional or parameters, damping, triples. Its keys are
    those of [runs](input.md#potential).
    """

    type: str = setting(Choice(tuple(LAWS)), "What is subtracted.", example="d3")


SUBTRACTED: dict[str, type] = {"d3": D3Settings}
