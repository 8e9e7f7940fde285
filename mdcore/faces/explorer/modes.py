"""Displacements along normal modes."""


from dataclasses import dataclass

from mdcore.faces.explorer._walks import SampleSettings
from mdcore.faces.schema import Boolean, Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(SampleSettings):
    """Displacements along the normal modes of the potential of the day, as large as heat makes them: independent
    Gaussians. Modes that are softer than 2 THz, or lead downhill, are taken as that stiff."""

    temperature: float = setting(
        Number(above=0), "In the last structure.", default=300.0, quantity="temperature", example=600.0
    )
    quantum: bool = setting(
        Boolean(), "With the motion of a quantum oscillator, which does not end at 0 K.", default=False, example=True
    )
    relaxed: bool = setting(
        Boolean(), "Starts are brought to rest first, as far as the potential can.", default=True, example=False
    )

    def build(self, whole):
        from mdcore.learn.explorers.modes import Modes

        return Modes(
            **self.sampled(whole), temperature=self.temperature, quantum=self.quantum, relaxed=self.relaxed
        )
