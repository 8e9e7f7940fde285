"""The time-step loop: what happens in a step, in which order?"""

import math
from numbers import Integral

import numpy as np

from mdcore.base import exact
from mdcore.base.arguments import function, of_kind
from mdcore.base.comm import connect
from mdcore.base.errors import InputError, Interrupted
from mdcore.base.ranges import MOST_STEPS, count, number
from mdcore.base.timers import Timers
from mdcore.dynamics import drift, loading
from mdcore.dynamics.loading import describe, describe_state
from mdcore.dynamics.motion.run import Run
from mdcore.dynamics.motion.verlet import VelocityVerlet
from mdcore.dynamics.thermo import Thermo, measure
from mdcore.dynamics.view import View
from mdcore.engine import faults
from mdcore.engine.work import Work
from mdcore.potentials.base import leaves
from mdcore.potentials.python import as_potential
from mdcore.structure.quantities import total_charge, totals
from mdcore.watch.watchers import watchers_of

SKIN = {"metal": 1.0, "lj": 0.3}


class Simulation(View):
    """A system, a potential and an integrator, stepped on one rank or many.

    system : System (on several ranks, what rank 0 holds counts)
    potential : anything that keeps the protocol of potentials/base.py; a function or a calculator of ASE (python.py)
    integrator : VelocityVerlet, Langevin; may be replaced between runs
    seed : of all random numbers; skin : unit of length; comm : mpi4py communicator or None;
    processor_grid : domains along a, b, c or None
    max_temperature : a hotter system is refused as an explosion (SimulationError)
    state : continue from `state()` of an earlier simulation instead of the system's positions

    watchers : (watcher, bound potential), what looks at every step (watch/); `add_watcher` adds one
    remove_drift_every : steps after which the total momentum is removed, and the rotation of a cluster; 0: never; may
    be set at any time; along an axis along which something is held there is none
    What it tells and how it is changed from outside: view.py. atoms : the columns of this rank, internal units, in
    the engine's order
    """

    def __init__(
        self,
        system,
        potential,
        integrator=None,
        *,
        seed: int = 0,
        skin: float | None = None,
        comm=None,
        processor_grid=None,
        max_temperature: float = math.inf,
        state: dict | None = None,
    ):
        self.comm = connect(comm)
        here = self.comm.rank == 0
        self.system = self.comm.bcast(
            (describe(system) if state is None else describe_state(state)) if here else None
        )
        self.units = self.system.units
        potential = as_potential(potential).suited(self.system.n_atoms, self.system.first, self.units)
        self.potential, self.integrator, self.seed = potential, integrator, seed
        self.max_temperature = max_temperature
        self.symbols = tuple(self.system.symbols)

        if not (isinstance(seed, int) and 0 <= seed < 1 << 63):
            raise InputError(f"seed = {seed!r}: expected an integer from 0 to 2^63 - 1")
        skin = SKIN[self.units.name] if skin is None else skin
        skin = number("[neighbors] skin", skin, "length")
        self.timers = Timers()
        whole = self.system
        self.work = Work(
            potential, self.symbols, skin, comm=self.comm, units=self.units, timers=self.timers, holds=any(whole.fixed)
        )
        self.work.take_cell(whole.box, whole.counts, whole.farthest, processor_grid, whole.strained)
        self.atoms, self.neighbors, self.results = self.work.atoms, self.work.neighbors, self.work.results
        self.results.total_charge, self.results.totals = total_charge(whole.info), totals(whole.info)
        self.driven = Run(self.work, seed, sum(whole.fixed))  # what the integrator knows: step, heat, ...
        self.observers = []
        self.stop_requested = lambda: False
        self.start_step = 0
        self.start_time = 0.0  # at start_step, where the stage began
        resumed = self.comm.bcast(state is not None)  # rank 0 alone has the state
        self._running = integrator if resumed else None  # the integrator of the stage so far
        self._stop = False
        terms = leaves(self.work.bound)
        self._moving = [term for term in terms if term.moves]
        self.watchers, self._ready = [], False  # are there forces?
        for term in terms:
            for watcher in watchers_of(term.potential):
                self.add_watcher(watcher, term)
        self.remove_drift_every = 0
        self._watched, self._halt = -1, None
        self._bad_row = -1
        self._thermo, self._observing = None, False
        self._observed = self._next_due = self._next_energy = -1
        self.degrees_of_freedom = 3 * self.system.n_atoms - sum(whole.fixed)
        self.restored_time, self._restored = 0.0, {}
        loading.load(self, system if here else None, state if here else None)
        for key, term in enumerate(terms):
            term.restore(self.system.terms.get(str(key), {}))
        self.results.time = self.time
        self._neighbourhood(look=not resumed)
        self._first_forces()

    def __reduce__(self):
        """Of copies and pickles: lists, kernels and communicators belong to this process."""
        raise TypeError(
            "a Simulation can't be copied or sent to another process: send what it is made of, and make it there; with "
            "state = sim.state(), Simulation(None, potential, integrator, state=state) goes on from this step"
        )

    # --- what the engine and the run keep ---------------------------------------------------------

    @property
    def box(self):
        """The cell as the engine has it: on the grid of positions, by the shortest vectors of the lattice."""
        return self.work.box

    @property
    def cell(self):
        """The cell as it is now, by the vectors that were given."""
        return self.work.cell

    @property
    def domain(self):
        """Which part of the cell is this rank's (domain.py)."""
        return self.work.domain

    @property
    def tail(self) -> tuple[float, float]:
        """(energy, trace of the virial) of the mean field past the cutoff."""
        return self.work.tail

    @property
    def step(self) -> int:
        """Steps done."""
        return self.driven.step

    @property
    def heat(self) -> int:
        """Energy put in from outside, int on the energy grid (exact.py), this rank's share."""
        return self.driven.heat

    @property
    def degrees_of_freedom(self) -> int:
        """Motions that share the kinetic energy, in this stage."""
        return self.driven.degrees_of_freedom

    @degrees_of_freedom.setter
    def degrees_of_freedom(self, number: int) -> None:
        self.driven.degrees_of_freedom = number

    # --- the loop ---------------------------------------------------------------------------------

    def advance(self) -> None:
        """One time step."""
        run, integrator, lap = self.driven, self.integrator, self.timers.lap
        if integrator.collective:
            self._check_forces()
        if self.remove_drift_every and run.step % self.remove_drift_every == 0:
            self._check_forces()
            drift.remove_momentum(self, pushed=True)
        fault = self._bad_row >= 0  # reported by all ranks together, when they next talk to each other
        run.forget()
        motion = (0.0, 0.0) if fault else integrator.before_forces(run)
        lap("integrate")
        moved2 = self._synchronise(motion)
        if self.work.follow(moved2):
            self._neighbourhood()
        run.step += 1
        self._move_on()
        virial = run.owes or integrator.needs_virial(run.step)
        self.work.forces(run.step == self._next_energy, want_virial=virial)
        if run.owes:
            run.settle()
        self._bad_row = max(integrator.after_forces(run), self.results.bad_row)
        lap("integrate")

    def _move_on(self) -> None:
        """The clock of the potentials goes on; what those put in that move is booked."""
        before, self.results.time = self.results.time, self.time
        for term in self._moving:
            self.driven.heat += term.work(self.atoms, self.domain, before, self.results.time)

    def _neighbourhood(self, look: bool = False) -> None:
        """`Work.neighbourhood`, unless an atom flew away."""
        if not all(self.box.periodic):
            faults.flown_away(self, self.work.limit)
        self.work.neighbourhood(look)

    def run(self, steps: int, integrator=None, *, zero_momentum: bool | None = None) -> None:
        """Take `steps` steps, calling observers as they are due. A new integrator begins a new stage.

        zero_momentum : as for `begin_stage`
        Interrupted if a stop was requested; SimulationError if the physics broke down, ExtrapolationError if
        the potential stops the run (it may be continued).
        """
        if isinstance(steps, bool) or not (isinstance(steps, Integral) and 0 <= steps < 1 << 53):
            raise InputError(f"run({steps!r}): expected a number of steps")
        if self._observing:
            raise InputError(f"run({steps}): called by what this simulation calls; end that first")
        steps = int(steps)
        self.begin_stage(steps, integrator, zero_momentum=zero_momentum)
        self.run_until(self.step + steps)

    def begin_stage(
        self, steps: int, integrator=None, *, zero_momentum: bool | None = None, first_step: int | None = None
    ) -> None:
        """Get ready for `steps` steps with `integrator` (None: the one at hand).

        zero_momentum : with a new integrator that conserves momentum, remove the total momentum (and the
        rotation of a cluster) first; default: after a stochastic integrator, which leaves one behind
        first_step : the stage began at that step already (a continued run)
        """
        integrator = integrator or self.integrator
        if integrator is None:
            raise InputError(
                "no integrator: give one to Simulation or to run(), e.g. VelocityVerlet(timestep=1.0)"
            )
        of_kind("integrator", integrator, VelocityVerlet, "VelocityVerlet(1.0), Langevin(...) or another one")
        self.remove_drift_every = count("remove_drift_every", self.remove_drift_every, 0, MOST_STEPS)
        if first_step is not None:
            if self.time != self.restored_time:  # the timestep was changed
                self.start_time, self.start_step = self.restored_time, self.step
        else:
            self.start_time, self.start_step = self.time, self.step
        if integrator is not self._running:
            after_noise = self._running is not None and not self._running.conserves_momentum
            conserves = integrator.conserves_momentum
            if first_step is None:
                if conserves and (after_noise if zero_momentum is None else zero_momentum):
                    drift.remove_momentum(self)
                self.degrees_of_freedom = drift.degrees_of_freedom(self, conserves)
        run = self.driven
        run.first_step, run.steps = self.step if first_step is None else first_step, steps
        run.forget()
        integrator.start(run)
        if first_step is not None:
            integrator.restore(self._restored)
        self.integrator = self._running = integrator

    def run_until(self, last: int) -> None:
        """Step up to step `last` of the stage that `begin_stage` began; less if the integrator is `done` before."""
        self.timers.lap("other")
        self._watch()
        self._observe()
        integrator = self.integrator
        while self.step < last and not self._halt and not integrator.done:
            self.advance()
            self._watch()
            if self.step == self._next_due or self.step == last or self._stop or self._halt or integrator.done:
                self._observe()
            if self._stop:
                self._stop = False
                raise Interrupted(f"stopped after step {self.step} on request")
        if self._halt:
            self._halt, error = None, self._halt
            error.collective = True
            raise error

    def skip_to(self, step: int) -> None:
        """The steps up to `step` have nothing to do: they are counted, and observers see it (collective)."""
        self.driven.step = step
        self._move_on()
        self._watch()
        self._observe()

    def add_watcher(self, watcher, term) -> None:
        """`watcher` (watch/base.py) looks at what the bound potential `term` finds in every step from now on."""
        missing = frozenset(watcher.reads) - term.wanted
        term.wanted |= missing
        self.watchers.append((watcher, term))
        if missing and self._ready:
            self.work.forces(want_energy=True)

    def _watch(self) -> None:
        """Let the watchers look at this step, once; an error of theirs ends the run when observers have seen it."""
        if self._watched != self.step:
            errors = [watcher.look(self, term) for watcher, term in self.watchers]
            self._watched, self._halt = self.step, next(filter(None, errors), None)
            self.timers.lap("forces")

    @property
    def time(self) -> float:
        """Simulated time, user unit."""
        if self.step == self.start_step:
            return self.start_time
        if self.integrator is None:
            return self.restored_time
        return self.start_time + (self.step - self.start_step) * self.integrator.timestep

    # --- observers ---------------------------------------------------------------------------------

    def add_observer(self, observer) -> None:
        """`observer.observe(sim)` is called on all ranks when step % observer.every == 0; also at step `observer.last`,
        if it has one."""
        self.observers.append(observer)

    def every(self, steps: int, callback) -> None:
        """Call `callback(sim)` every `steps` steps."""
        if isinstance(steps, bool) or not (isinstance(steps, Integral) and steps > 0):
            raise InputError(f"every({steps!r}, ...): expected a positive number of steps")
        self.add_observer(_Callback(int(steps), function("every: function", callback)))

    def _observe(self) -> None:
        self._check_forces()
        if self._observed != self.step:
            self._observed = self.step
            self._observing, self._thermo = True, None
            try:
                for observer in self.observers:
                    if is_due(observer, self.step):
                        observer.observe(self)
            finally:
                self._observing = False
        active = [observer for observer in self.observers if observer.every]
        self._next_due = self._next(active)
        self._next_energy = self._next([o for o in active if getattr(o, "needs_energy", True)])
        self.timers.lap("output")

    def _next(self, observers) -> int:
        """The next step at which one of these is due, or -1."""
        ends = [o.last for o in observers if (getattr(o, "last", None) or -1) > self.step]
        return min([*(self.step // o.every * o.every + o.every for o in observers), *ends], default=-1)

    def thermo(self) -> Thermo:
        """Thermodynamic state of this step (collective). Observers of a step share one measurement."""
        if self._observing and self._thermo is not None:
            return self._thermo
        if not self.results.want_energy:
            self.work.forces(want_energy=True)
        self._thermo = measure(self)
        if abs(self._thermo.potential) >= exact.TOO_MUCH:
            faults.too_much(self)
        if not 0.0 <= self._thermo.temperature <= self.max_temperature:
            faults.explosion(self, self._thermo.temperature)
        return self._thermo

    def _first_forces(self) -> None:
        """Forces of positions that no step led to: refused if atoms overlap."""
        self._ready = True
        self.work.forces(want_energy=True)
        self._bad_row = self.work.bad_row()
        self._check_forces()

    # --- what can go wrong ------------------------------------------------------------------------

    def _synchronise(self, motion) -> float:
        """Squared, the largest displacement of any atom since the lists were built.

        Shared by all ranks in one message, with faults, which are raised, and requests to stop.
        """
        step2, total2 = (moved if moved == moved else math.inf for moved in motion)  # no nan: it has no maximum
        stop, bad = self.stop_requested(), self._bad_row >= 0
        if self.comm.size > 1:
            flags = np.array([step2, total2, stop, bad], dtype=np.float64)
            step2, total2, stop, bad = self.comm.maximum(flags).tolist()
        if bad:
            faults.impossible_force(self, self._bad_row)
        if not step2 <= (0.5 * self.neighbors.skin) ** 2:
            faults.runaway(self)
        self._stop = bool(stop)
        return total2

    def _check_forces(self) -> None:
        """Refuse impossible forces of the last step before anything is made of them (collective)."""
        bad = self._bad_row >= 0
        if self.comm.size > 1:
            bad = self.comm.maximum(np.array([bad], dtype=np.float64))[0]
        if bad:
            faults.impossible_force(self, self._bad_row)

    # --- state ------------------------------------------------------------------------------------

    def state(self) -> dict | None:
        """Everything needed to continue bit for bit, on rank 0 (None elsewhere; collective)."""
        return loading.state(self)


def is_due(observer, step: int) -> bool:
    """Shall this observer see this step?"""
    return bool(observer.every) and (step % observer.every == 0 or step == getattr(observer, "last", None))


class _Callback:
    def __init__(self, every: int, function):
        self.every, self.observe = every, function
