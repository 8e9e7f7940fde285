"""A spring at an angle of three atoms, or groups."""

from dataclasses import dataclass

from mdcore.faces.potential._outside import SitesSettings
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(SitesSettings):
    """A spring at the angle that three sites make at the second one."""

    title = "angle restraint"

    stiffness: float = setting(
        Number(above=0), "Of the spring, by radian squared.", quantity="energy", example=5.0
    )
    angle: float = setting(
        Number(minimum=0, maximum=180), "Degrees, at which the spring is at rest.", example=104.5
    )
    rate: float = setting(
        Number(),
        "Degrees by unit of time by which the angle grows, from the start of the run on.",
        default=0.0,
        example=0.1,
    )

    def check(self, given):
        if len(self.sites) != 3:
            yield "sites", "expected three of them"

    def build(self, whole):
        from mdcore.potentials.external.restraint import AngleRestraint

        return AngleRestraint(self.sites, self.stiffness, self.angle, rate=self.rate)
