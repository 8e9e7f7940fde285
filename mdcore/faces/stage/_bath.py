"""What have all stages with a bath in common, and which thermostats can they name?"""

from dataclasses import dataclass

from mdcore.faces.base import Conserving, StageSettings
from mdcore.faces.schema import Choice, Integer, List, Number, OneOf, setting
from mdcore.faces.stage._groups import GroupBath, OfGroups, baths, group

THERMOSTATS = {  # class: made of temperature and relaxation
    "velocity-rescaling": "VelocityRescaling",
    "nose-hoover": "NoseHoover",
    "langevin": "Langevin",
    "andersen": "Andersen",
    "berendsen": "Berendsen",
}


@dataclass(frozen=True, kw_only=True)
class BathSettings(StageSettings):
    """A temperature that may move."""

    temperature: float | tuple[float, float] = setting(
        OneOf((Number(minimum=0), List(Number(minimum=0), 2))),
        "Temperature of the bath; two numbers `[first, last]` are a linear ramp over the stage.",
        quantity="temperature",
        example=94.4,
    )

    @property
    def temperatures(self):
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)


@dataclass(frozen=True, kw_only=True)
class Bath(GroupBath):
    """Another bath, of another group."""

    relaxation: float = setting(Number(above=0), "As in the stage.", quantity="time", example=100.0)


@dataclass(frozen=True, kw_only=True)
class ThermostatSettings(OfGroups, BathSettings, Conserving):
    """A bath beside the propagator, or baths of groups."""

    thermostat: str = setting(
        Choice(tuple(THERMOSTATS)),
        'What keeps the temperature. `"velocity-rescaling"`: one random factor for all velocities, the dynamics stay '
        'those of Newton. `"nose-hoover"`: a chain, deterministic. `"langevin"`: friction 1 / `relaxation`, and noise. '
        '`"andersen"`: collisions, one an atom in `relaxation`. `"berendsen"`: only to equilibrate, it samples no '
        "ensemble.",
        default="velocity-rescaling",
        example="nose-hoover",
    )
    relaxation: float = setting(
        Number(above=0),
        "Time in which the kinetic energy forgets; 100 to 1000 timesteps leave the dynamics alone.",
        quantity="time",
        example=100.0,
    )
    chain: int | None = setting(
        Integer(minimum=1, maximum=100),
        'Thermostats of a chain, of `"nose-hoover"` and of the barostat `"mtk"`; 1 is the original of Nose and Hoover.',
        default=None,
        default_text="3",
        example=4,
    )
    group: str | None = group()
    bath: tuple[Bath, ...] = baths(Bath)

    @property
    def chained(self) -> bool:
        """Is there a chain?"""
        return self.thermostat == "nose-hoover"

    def check(self, given):
        yield from super().check(given)
        if self.group is not None and self.thermostat == "andersen":
            yield "group", 'thermostat = "andersen" is for all atoms; "langevin" does much the same for a group'
        if self.chain is not None and not self.chained:
            yield "chain", f'thermostat = "{self.thermostat}" has none; delete this line, or take "nose-hoover"'
        if self.chained and min(self.temperatures) == 0.0:
            yield "temperature", 'a chain takes a temperature above 0; "velocity-rescaling" or "langevin" can cool to 0'

    @property
    def doubts(self):
        if self.thermostat == "berendsen":
            yield (
                f'{self.name or "a stage"}: thermostat = "berendsen" samples no ensemble: equilibrate with it, and '
                "measure with another one"
            )

    @property
    def of_groups(self) -> dict:
        """{group: what has the temperature and relaxation of its bath}; none: one bath for all."""
        return {bath.group: bath for bath in self.baths} if self.group is not None else {}

    @property
    def links(self) -> dict:
        """Of the chain, as arguments."""
        return {} if self.chain is None else {"chain": self.chain}

    def propagator(self, barostat):
        """The integrator with this bath."""
        import mdcore

        groups = {name: (b.temperature, b.relaxation) for name, b in self.of_groups.items()}
        if self.thermostat == "langevin":
            first, *others = groups or {None: (self.temperature, self.relaxation)}
            baths = [mdcore.Bath(name, groups[name][0], 1.0 / groups[name][1]) for name in others]
            return mdcore.Langevin(
                self.timestep, self.temperature, 1.0 / self.relaxation, barostat, group=first, others=baths
            )
        links = self.links if self.thermostat == "nose-hoover" else {}
        kind = getattr(mdcore, THERMOSTATS[self.thermostat])
        bath = kind(self.temperature, self.relaxation, **links)
        if groups:
            bath = mdcore.Baths({name: kind(*told, **links) for name, told in groups.items()})
        return mdcore.VelocityVerlet(self.timestep, bath, barostat)
