"""A spring between two atoms, or two groups."""

from dataclasses import dataclass

from mdcore.faces.potential._outside import SitesSettings, stiffness
from mdcore.faces.schema import Number, setting


@dataclass(frozen=True, kw_only=True)
class Settings(SitesSettings):
    """A spring between two sites, to the nearest image."""

    title = "distance restraint"

    stiffness: float = stiffness()
    length: float = setting(Number(minimum=0), "At which the spring is at rest.", quantity="length", example=3.0)
    rate: float = setting(
        Number(),
        "By which the length grows, from the start of the run on. The work is booked.",
        default=0.0,
        quantity="velocity",
        example=0.001,
    )

    def check(self, given):
        if len(self.sites) != 2:
            yield "sites", "expected two of them"

    def build(self, whole):
        from mdcore.potentials.external.restraint import DistanceRestraint

        return DistanceRestraint(self.sites, self.stiffness, self.length, rate=self.rate)
