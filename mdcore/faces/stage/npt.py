"""Constant temperature and pressure."""

from dataclasses import dataclass

from mdcore.faces.schema import Choice, Integer, List, Number, OneOf, setting
from mdcore.faces.stage._bath import ThermostatSettings

COUPLINGS = ("isotropic", "semi-isotropic", "anisotropic", "flexible")
AXES = ("xyz", "xy", "xz", "yz", "x", "y", "z")


@dataclass(frozen=True, kw_only=True)
class Settings(ThermostatSettings):
    """Constant temperature and pressure: stochastic cell rescaling, or Martyna, Tobias and Klein's barostat."""

    barostat: str = setting(
        Choice(("cell-rescaling", "mtk")),
        'What keeps the pressure. `"cell-rescaling"`: stochastic, without inertia, relaxes from anywhere. `"mtk"` '
        "(Martyna, Tobias, Klein): the cell has inertia, deterministic and reversible; from a start near equilibrium.",
        default="cell-rescaling",
        example="mtk",
    )
    pressure: float | tuple[float, float] | None = setting(
        OneOf((Number(), List(Number(), 2, repeats=True))),
        "Target; two numbers `[first, last]` are a linear ramp over the stage. 1 bar is 0.0001 GPa.",
        default=None,
        default_text="required, or `stress`",
        quantity="pressure",
        example=0.0001,
    )
    stress: tuple | None = setting(
        OneOf((List(Number(), 6, repeats=True), List(List(Number(), 6, repeats=True), 2))),
        "Target instead of `pressure`, `[xx, yy, zz, yz, xz, xy]`, positive where it pulls; two rows of them are a "
        "linear ramp. Shear is referred to the cell at the start of the stage.",
        default=None,
        default_text="none",
        quantity="pressure",
        example=[0.5, 0.0, 0.0, 0.0, 0.0, 0.1],
    )
    coupling: str = setting(
        Choice(COUPLINGS),
        'How the cell moves. `"isotropic"`: its size alone. `"semi-isotropic"`: x and y alike, z on its own. '
        '`"anisotropic"`: its three lengths. `"flexible"`: all of it, for solids only (a liquid resists no shear).',
        default="isotropic",
        example="anisotropic",
    )
    axes: str = setting(
        Choice(AXES),
        'Directions that move; the others stay. A slab whose free axis is z takes `"xy"`; pressure is then referred to '
        "the whole cell, vacuum included.",
        default="xyz",
        example="xy",
    )
    pressure_relaxation: float = setting(
        Number(above=0),
        'Time in which the volume forgets; several times `relaxation`. Of `"mtk"`: period of the cell over 2 pi.',
        quantity="time",
        example=1000.0,
    )
    compressibility: float | None = setting(
        Number(above=0),
        "About that of the material (water 0.45/GPa, metals 0.01): with `pressure_relaxation` it says how fast the "
        'volume moves, and nothing else. For `"cell-rescaling"`.',
        default=None,
        default_text='required for `"cell-rescaling"`',
        quantity="compressibility",
        example=0.45,
    )
    pressure_every: int | None = setting(
        Integer(minimum=1, maximum=1000),
        'Steps between two moves of the cell; an odd number for `"mtk"`.',
        default=None,
        default_text='10; of `"mtk"` 9',
        example=1,
    )

    @property
    def moves_cell(self):
        return "axes"

    @property
    def moving_axes(self):
        return self.axes

    @property
    def chained(self):
        return super().chained or self.barostat == "mtk"

    def check(self, given):
        yield from super().check(given)
        if (self.pressure is None) == (self.stress is None):
            yield ("pressure" if self.stress is None else "stress"), "give a pressure, or a stress, and not both"
        if self.barostat == "mtk":
            if self.compressibility is not None:
                yield "compressibility", 'barostat = "mtk" needs none; delete this line'
            if self.thermostat == "langevin":
                yield "thermostat", 'barostat = "mtk" moves the cell within the drift: take "nose-hoover", or another'
            if self.pressure_every is not None and self.pressure_every % 2 == 0:
                yield "pressure_every", 'barostat = "mtk" takes an odd number'
        elif self.compressibility is None:
            yield "compressibility", "missing; about that of the material: water 0.45/GPa, metals 0.01"
        if self.coupling == "semi-isotropic" and self.axes not in ("xyz", "xy"):
            yield "axes", 'semi-isotropic coupling moves x and y together: axes = "xyz" or "xy"'
        if self.stress is not None and self.axes == "xyz":
            yield from self._unfelt()

    def _unfelt(self):
        """Stress that the coupling does not feel."""
        rows = self.stress if isinstance(self.stress[0], tuple) else (self.stress,)
        for xx, yy, zz, *shear in rows:
            even = {"isotropic": xx == yy == zz, "semi-isotropic": xx == yy}.get(self.coupling, True)
            if self.coupling != "flexible" and not (even and not any(shear)):
                text = 'does not feel all of this stress; take "flexible", or "anisotropic" if yz, xz and xy are zero'
                yield "coupling", f'"{self.coupling}" {text}'
                return

    def build(self):
        import mdcore

        own = {"coupling": self.coupling, "axes": self.axes, "stress": self.stress}
        if self.pressure_every is not None:
            own["every"] = self.pressure_every
        if self.barostat == "mtk":
            made = mdcore.MartynaTobiasKlein(self.pressure, self.pressure_relaxation, **own, **self.links)
        else:
            made = mdcore.CellRescaling(self.pressure, self.pressure_relaxation, self.compressibility, **own)
        return self.propagator(made)
