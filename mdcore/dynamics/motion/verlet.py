"""How does a step move the atoms? Newton's equations, and what all integrators have in common.

An integrator has two verbs: ``before_forces`` (kick and drift with the forces of the last step) and ``after_forces``
(the closing kick). Parts may act before them: a thermostat on velocities, a barostat on the cell. Time steps are given
in user units.
"""

from mdcore.base.errors import InputError
from mdcore.base.ranges import number
from mdcore.doors import _kernels


class VelocityVerlet:
    """Newton's equations: constant energy (NVE), unless parts act on them.

    timestep : user unit of time (fs; reduced in lj)
    thermostat : VelocityRescaling, NoseHoover, Andersen (NVT), Berendsen (to equilibrate)
    barostat : CellRescaling, MartynaTobiasKlein (NPT, with a thermostat), or StrainRate
    Swope, Andersen, Berens, Wilson, J. Chem. Phys. 76, 637 (1982), eqs 19 and 21.
    """

    done = False  # is there nothing left to do? Then a run ends before its last step

    def __init__(self, timestep: float, thermostat=None, barostat=None):
        self.timestep = number("timestep", timestep, "time")
        self.thermostat, self.barostat = thermostat, barostat
        self.parts = [part for part in (barostat, thermostat) if part is not None]
        self.run = None
        self._check()

    def _check(self) -> None:
        for name, part in (("thermostat", self.thermostat), ("barostat", self.barostat)):
            if part is not None and (getattr(part, "acts_as", None) != name or isinstance(part, type)):
                what = "a class; make one of it" if isinstance(part, type) else f"this is no {name}"
                raise InputError(f"{type(self).__name__}: {name} = {part!r}: {what}")
        if self.barostat is None:
            return
        name = type(self.barostat).__name__
        if self.barostat.needs_bath and not self.has_bath:
            raise InputError(
                f"{type(self).__name__}: {name} needs a thermostat beside it, which says how much the cell fluctuates: "
                "thermostat=VelocityRescaling(...), or Langevin"
            )
        if self.barostat.splits_drift and type(self).first_half is not VelocityVerlet.first_half:
            raise InputError(
                f"{type(self).__name__}: {name} moves the cell within the drift of VelocityVerlet: use that, with "
                "thermostat=NoseHoover(...) or another one; or CellRescaling"
            )

    @property
    def collective(self) -> bool:
        """Do ranks talk to each other in `before_forces`?"""
        return bool(self.parts)

    @property
    def conserves_momentum(self) -> bool:
        """Does the total momentum stay as it is (of a cluster the angular momentum, too)?"""
        return all(part.conserves_momentum for part in self.parts)

    @property
    def has_bath(self) -> bool:
        """Is there a temperature?"""
        return self.thermostat is not None

    def bath(self, run) -> float:
        """The temperature of the bath at this step, user unit."""
        return self.thermostat.temperature.at(run)

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(self._told())})"

    def _told(self) -> list[str]:
        """The arguments."""
        parts = (("thermostat", self.thermostat), ("barostat", self.barostat))
        return [f"timestep={self.timestep:g}", *(f"{name}={part!r}" for name, part in parts if part is not None)]

    def start(self, run) -> None:
        """Get ready for a stage of `run` (dynamics/motion/run.py), which knows its length."""
        for it, what in [(self, "integrator"), *((part, part.acts_as) for part in self.parts)]:
            if it.run is not None and it.run is not run:
                raise InputError(f"this {what} serves another simulation; make one for each")
            it.run = run
        self.dt = self.timestep * run.units.time
        for part in self.parts:
            part.start(run, self)

    def needs_virial(self, step: int) -> bool:
        """Is the virial of the forces at the end of `step` needed?"""
        return self.barostat is not None and self.barostat.needs_virial(step)

    def before_forces(self, run) -> tuple[float, float]:
        """Half kick, drift. Returns squared (largest step, largest distance since the last list)."""
        barostat, thermostat = self.barostat, self.thermostat
        if barostat is None or not barostat.moves(run.step):
            if thermostat is not None:
                thermostat.act(run, self)
        elif thermostat is not None and thermostat.splits:
            thermostat.act(run, self, 0.5)
            barostat.act(run, self)
            thermostat.act(run, self, 0.5)
        else:
            for part in self.parts:
                part.act(run, self)
        return self.first_half(run)

    def first_half(self, run) -> tuple[float, float]:
        """What is left of `before_forces` when the parts have acted."""
        if self.barostat is not None and self.barostat.drifts(run.step):
            return self.barostat.drift(run, self)
        return _kernels.verlet_first(run.atoms, self.dt, run.big)

    def after_forces(self, run) -> int:
        """Half kick. Returns the row of an atom with an impossible force, or -1."""
        return _kernels.second_kick(run.atoms, self.dt)

    def heat_of(self, group: str) -> int | None:
        """What the bath of a group has put in since the stage began, on the grid of heat, this rank's share; None: it
        has no bath of its own."""
        return self.thermostat and self.thermostat.heat_of(group)

    def state(self) -> dict:
        """What a continued run must know beside atoms, cell and clock: {name of a part: its numbers} (collective)."""
        return {type(part).__name__: told for part in self.parts if (told := part.state())}

    def restore(self, state: dict) -> None:
        """Go on from `state()`; of other parts nothing is taken."""
        for part in self.parts:
            name = type(part).__name__
            try:
                if told := state.get(name):
                    part.restore(told)
            except (KeyError, TypeError, ValueError) as error:
                self.run.refuse(f"the state of {name} in the checkpoint is damaged ({error})")


class Part:
    """What acts at the beginning of each step, beside the propagator."""

    acts_as = ""  # "thermostat" or "barostat"
    needs_bath = False
    conserves_momentum = True
    rescales = False  # a thermostat: multiplies velocities by a factor, and can do so of a group (baths.py)
    splits = False  # a thermostat: acts by halves before and after a barostat, `act(run, integrator, share)`
    splits_drift = False  # a barostat: has a `drift`
    run = None  # that it serves

    def start(self, run, integrator) -> None:
        """Get ready for a stage."""

    def act(self, run, integrator) -> None:
        """Act on the state that the last step left (collective)."""
        raise NotImplementedError

    def moves(self, step: int) -> bool:
        """Of a barostat: will it act at the beginning of the step that follows `step`?"""
        return True

    def drifts(self, step: int) -> bool:
        """Of a barostat: will it take the place of half kick and drift, `drift(run, integrator)`?"""
        return False

    def heat_of(self, group: str) -> int | None:
        """Of a thermostat: as of the integrator."""
        return None

    def needs_virial(self, step: int) -> bool:
        """Will it ask for the virial at the end of `step`?"""
        return False

    def state(self) -> dict:
        """Numbers and arrays that a continued run needs (collective)."""
        return {}

    def restore(self, state: dict) -> None:
        """The reverse of `state`."""
