"""Constant temperature and pressure."""

from dataclasses import dataclass

from mdcore.faces.schema import Integer, List, Number, OneOf, setting
from mdcore.faces.stage._bath import RescalingSettings


@dataclass(frozen=True, kw_only=True)
class Settings(RescalingSettings):
    """Constant temperature and pressure: stochastic velocity rescaling, stochastic cell rescaling (isotropic)."""

    pressure: float | tuple[float, float] = setting(
        OneOf((Number(), List(Number(), 2, repeats=True))),
        "Target; two numbers `[first, last]` are a linear ramp over the stage. 1 bar is 0.0001 GPa.",
        quantity="pressure",
        example=0.0001,
    )
    pressure_relaxation: float = setting(
        Number(above=0),
        "Time in which the volume forgets; several times `relaxation`.",
        quantity="time",
        example=1000.0,
    )
    compressibility: float = setting(
        Number(above=0),
        "About that of the material (water 0.45/GPa, metals 0.01): with `pressure_relaxation` it says how fast the "
        "volume moves, and nothing else.",
        quantity="compressibility",
        example=0.45,
    )
    pressure_every: int = setting(
        Integer(minimum=1, maximum=1000), "Steps between two moves of the cell.", default=10, example=1
    )

    @property
    def moves_cell(self):
        return "ensemble"

    def build(self):
        from mdcore.dynamics.motion.cell_rescaling import CellRescaling
        from mdcore.dynamics.motion.verlet import VelocityVerlet

        barostat = CellRescaling(
            self.pressure, self.pressure_relaxation, self.compressibility, every=self.pressure_every
        )
        return VelocityVerlet(self.timestep, self.thermostat, barostat)
