"""How do atoms get onto the ranks, and back into one array?

Rank 0 reads and writes structures; here they are dealt out to the domains and gathered
in the order of their tags. Positions are put on the grid of the run (exact.py).
"""

import math
from dataclasses import dataclass, field

import numpy as np

from mdcore.base import exact, units
from mdcore.base.arguments import of_kind
from mdcore.base.errors import InputError
from mdcore.dynamics import thermo
from mdcore.potentials.base import leaves
from mdcore.structure import bonds
from mdcore.structure.box import FARTHEST, Box, check_positions
from mdcore.structure.columns import FIXED, checked, column, of_kernels, pack
from mdcore.structure.system import System

MOST_KINETIC = 2.0**21  # m v^2 along an axis, internal unit: more would not be summed exactly


@dataclass(frozen=True)
class Description:
    """What every rank knows of the system: all but the atoms."""

    box: Box
    first: Box  # the cell in which the run began
    symbols: tuple[str, ...]
    counts: tuple[int, ...]  # atoms of each species
    units: units.UnitSystem
    total_mass: float
    info: dict
    farthest: float  # coordinates that the run must keep exact, farther out than the cell; 0: there are none
    strained: dict | None = None  # `Work.lattice` of a run that goes on
    fixed: tuple[int, int, int] = (0, 0, 0)  # atoms that are held along x, y, z
    terms: dict = field(default_factory=dict)  # what bound potentials told of a run that goes on (potentials/base.py)

    @property
    def n_atoms(self) -> int:
        return sum(self.counts)


def describe(system) -> Description:
    if not isinstance(system, System):
        raise InputError(
            f"Simulation needs a System, not {type(system).__name__}; System.from_ase makes one of ASE's Atoms"
        )
    if len(system.positions) == 0:
        raise InputError("the structure has no atoms; give at least one")
    system.check_free()
    counts, mass = _counts(system.species, system.symbols), math.fsum(system.masses)
    farthest = _farthest(system.box, system.positions)
    return Description(
        system.box, system.box, tuple(system.symbols), counts, system.units, mass, dict(system.info), farthest,
        fixed=_held(system.columns),
    )  # fmt: skip


def _farthest(box, positions) -> float:
    """Twice as far as an atom is outside the cell, for it will move; 0 where the usual grid does."""
    if all(box.periodic):
        return 0.0
    farthest = float(np.abs(box.wrap(positions)[0]).max())
    corner = float((np.abs(box.origin) + np.abs(box.matrix).sum(axis=0)).max())
    return 2.0 * farthest if farthest >= max(exact.POSITION_REACH, corner) else 0.0


def _held(columns) -> tuple[int, int, int]:
    return tuple(np.sum(columns.get(FIXED, np.zeros((1, 3))), axis=0, dtype=int).tolist())


def _counts(species, symbols) -> tuple[int, ...]:
    return tuple(np.bincount(species, minlength=len(symbols)).tolist())


def check_state(state: dict) -> None:
    """ValueError unless `state` is what `state()` gives: all of it, of the right types and shapes, in range."""
    kinds = {"symbols": list, "periodic": list, "info": dict, "units": str, "seed": str, "heat": str, "step": int,
             "start_step": int, "start_time": float, "time": float, "degrees_of_freedom": int,
             "farthest": float, "integrator": dict, "terms": dict}  # fmt: skip
    n = len(state["species"])
    rows = {"positions": (n, 3), "velocities": (n, 3), "images": (n, 3), "species": (n,), "masses": (n,),
            "matrix": (3, 3), "origin": (3,), "first": (3, 3)}  # fmt: skip
    missing = {"farthest": 0.0, "strained": None, "integrator": {}, "terms": {}, "first": state["matrix"]}
    state = missing | state  # earlier versions have not all
    for name, kind in kinds.items():
        if type(state[name]) is not kind:
            raise ValueError(f"{name}: {type(state[name]).__name__}, expected {kind.__name__}")
    for name, shape in rows.items():
        _check_numbers(name, state[name], shape, "i" if name in ("images", "species") else "f")
    symbols, species = state["symbols"], state["species"]
    if not n or not all(type(s) is str for s in symbols) or not 0 <= min(species) <= max(species) < len(symbols):
        raise ValueError("species or symbols: not as they should be")
    if len(state["periodic"]) != 3 or not (state["masses"] > 0).all() or min(state["step"], state["start_step"]) < 0:
        raise ValueError("periodic, masses or step: not as they should be")
    if not math.isfinite(state["time"]) or not math.isfinite(state["start_time"]) or len(state["heat"]) > 1000:
        raise ValueError("time or heat: not as they should be")
    if not 0.0 <= state["farthest"] <= 2.0 * FARTHEST:
        raise ValueError("farthest: not as it should be")
    if (strained := state["strained"]) is not None:
        if type(strained) is not dict or type(strained["bits"]) is not int:
            raise ValueError("strained: not as it should be")
        if not 0 < strained["bits"] <= exact.POSITION_BITS:
            raise ValueError("strained: bits out of range")
        _check_numbers("strained: matrix", strained["matrix"], (3, 3))
        _check_numbers("strained: origin", strained["origin"], (3,))
        times = state["matrix"] @ np.linalg.inv(strained["matrix"])  # whole numbers: one lattice
        if not np.abs(times - np.rint(times)).max() < 1e-6 or round(abs(np.linalg.det(times))) != 1:
            raise ValueError("strained: the cell of another lattice")
    if not all(type(told) is dict for told in state["integrator"].values()):
        raise ValueError("integrator: not as it should be")
    if not all(type(told) is dict for told in state["terms"].values()):
        raise ValueError("terms: not as they should be")
    int(state["heat"])
    if type(memory := state.get("memory", {})) is not dict:
        raise ValueError("memory: not as it should be")
    for name, values in memory.items():
        if name != "key" and (np.ndim(values) < 1 or len(values) != n or np.asarray(values).dtype.kind != "f"):
            raise ValueError(f"memory: {name}: expected numbers of {n} atoms")
    try:
        checked(state.get("columns", {}), n)
        bonds.checked(state.get("bonds"), n)
    except InputError as error:
        raise ValueError(error) from None


def _check_numbers(name: str, values, shape: tuple[int, ...], kind: str = "f") -> None:
    if np.shape(values) != shape or np.asarray(values).dtype.kind != kind:
        raise ValueError(f"{name}: expected numbers of shape {shape}")
    if not np.isfinite(values).all():
        raise ValueError(f"{name}: not finite")


def describe_state(state: dict) -> Description:
    of_kind("Simulation: state", state, dict, "what sim.state() has told")
    try:
        check_state(state)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise InputError(f"Simulation: state: not one that sim.state() has told ({error})") from None
    box = Box(state["matrix"], tuple(bool(p) for p in state["periodic"]), state["origin"])
    symbols = tuple(state["symbols"])
    counts = _counts(state["species"], symbols)
    mass = math.fsum(state["masses"])
    unit, farthest = units.get(state["units"]), state.get("farthest", 0.0)
    info, held = dict(state["info"]), _held(state.get("columns", {}))
    first = Box(state.get("first", state["matrix"]), box.periodic, state["origin"])
    strained, terms = state.get("strained"), state.get("terms", {})
    return Description(box, first, symbols, counts, unit, mass, info, farthest, strained, held, terms)


def load(sim, system, state) -> None:
    """Deal the atoms of rank 0 (a System, or the dict of `state`) out to their owners."""
    columns, step, joined = None, None, None
    if state is not None:
        names = "positions velocities species masses images"
        columns = _rows(*(state[name] for name in names.split()))
        step = [state[name] for name in ("step", "start_step", "start_time", "time", "degrees_of_freedom")]
        step.append(state.get("integrator", {}))
        sim.driven.heat = int(state["heat"])
        sim.atoms.constants = checked(state.get("columns", {}), len(state["species"]))
        joined = bonds.checked(state.get("bonds"), len(state["species"]))
    elif system is not None:
        n = len(system.positions)
        moving = system.velocities if system.velocities is not None else np.zeros((n, 3))
        positions = sim.work.rounded(system.positions)
        columns = _rows(positions, np.asarray(moving) * sim.units.velocity, system.species, system.masses, None)
        sim.atoms.constants, joined = checked(system.columns, n), system.bonds
    sim.atoms.bonds = sim.comm.bcast(joined)
    step = sim.comm.bcast(step)
    if step is not None:
        sim.driven.step, sim.start_step, sim.start_time, sim.restored_time = step[:4]
        sim.degrees_of_freedom, sim._restored = step[4:]
    counts = None
    if columns is not None:
        columns |= of_kernels(sim.atoms) | _remembered(sim, state, len(columns["tags"]))
        if sim.work.holds:
            columns["v"][:, :3][columns[FIXED]] = 0.0
        x = columns["x"][:, :3]
        x[...], moved = sim.box.wrap(x)
        columns["images"] += moved
        owner = np.ravel_multi_index(sim.domain.owners(x).T, sim.domain.grid)
        counts = np.bincount(owner, minlength=sim.comm.size).tolist()
        if sim.comm.size > 1:
            order = np.argsort(owner, kind="stable")
            columns = {name: column[order] for name, column in columns.items()}
    counts = sim.comm.bcast(counts)
    sim.atoms.reserve(counts[sim.comm.rank])
    names = sim.atoms.migrating()
    sim.atoms.append({name: sim.comm.scatter(columns and columns[name], counts) for name in names})


def _remembered(sim, state, n: int) -> dict[str, np.ndarray]:
    """Columns of source "memory" of n atoms: as `state` has them of the same potentials, else nan."""
    kept = {} if state is None else state.get("memory", {})
    known = bool(kept) and kept.get("key") == _memory_key(sim)
    found = {}
    for name in sim.atoms.remembered():
        shape = (n, *sim.atoms.columns[name].shape)
        values = np.asarray(kept[name], dtype=np.float64) if known and name in kept else None
        found[name] = values if values is not None and values.shape == shape else np.full(shape, np.nan)
    return found


def _memory_key(sim) -> str:
    """Who remembers what is in columns of source "memory\"."""
    return " ".join(term.memory_key for term in leaves(sim.work.bound) if term.memory_key)


def _rows(positions, velocity, species, masses, images) -> dict[str, np.ndarray]:
    """The columns of all atoms, in the order of their tags."""
    n = len(positions)
    x, v = np.empty((n, 4)), np.empty((n, 4))
    x[:, :3], x[:, 3] = positions, species
    v[:, :3], v[:, 3] = velocity, 1.0 / np.asarray(masses)
    for name, values in (("positions", x), ("velocities", v)):
        bad = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if len(bad):
            raise InputError(
                f"atom {bad[0]} (counting from 0): its {name} or mass are not finite numbers; correct it"
            )
    images = np.zeros((n, 3), dtype=np.int32) if images is None else np.array(images, dtype=np.int32)
    tags = np.arange(n, dtype=np.int64)
    return {"x": x, "v": v, "masses": np.array(masses, dtype=np.float64), "tags": tags, "images": images}


def _gather(sim, *names: str) -> list[np.ndarray] | None:
    """Columns of all owned atoms in tag order, on rank 0."""
    return by_tag(sim, *(getattr(sim.atoms, name) for name in names))


def by_tag(sim, *columns: np.ndarray) -> list[np.ndarray] | None:
    """Columns [>= n_owned, ...] of all owned atoms in tag order, on rank 0 (None elsewhere; collective)."""
    n = sim.atoms.n_owned
    tags = sim.comm.gather(sim.atoms.tags[:n])
    columns = [sim.comm.gather(column[:n]) for column in columns]
    if tags is None:
        return None
    order = np.empty(len(tags), dtype=np.int64)
    order[tags] = np.arange(len(tags))
    return [column[order] for column in columns]


def everywhere(sim, rows: np.ndarray) -> np.ndarray:
    """Rows [n_owned, ...] of all atoms in tag order, on every rank; read-only."""
    tags, rows = sim.comm.join(sim.atoms.tags[: sim.atoms.n_owned]), sim.comm.join(rows)
    whole = np.empty_like(rows)
    whole[tags] = rows
    whole.flags.writeable = False
    return whole


def _given(sim, name: str, values, check) -> np.ndarray:
    """Of what rank 0 was given for all atoms, float64 [n, 3] that `check` lets pass, the rows of this rank's;
    InputError on all ranks."""
    fault = None
    if sim.comm.rank == 0:
        try:
            values = column(name, values, sim.system.n_atoms)
            check(values)
        except InputError as error:
            values, fault = None, str(error)
    values, fault = sim.comm.bcast((values, fault))
    if fault:
        raise InputError(fault).everywhere()
    return values[sim.atoms.tags[: sim.atoms.n_owned]]


def check_speed(velocities: np.ndarray, masses: np.ndarray) -> None:
    """InputError for velocities (internal unit, [n, 3]) whose kinetic energy the exact sums can't hold."""
    with np.errstate(over="ignore"):
        energies = masses * (velocities**2).max(axis=1)
    if energies.max() > MOST_KINETIC:
        worst = int(np.argmax(energies))
        raise InputError(
            f"velocities: atom {worst} (counting from 0) has a kinetic energy beyond {MOST_KINETIC:.1e}; check the unit"
        )


def move(sim, positions) -> None:
    """Put all atoms elsewhere: positions float64 [n, 3] in tag order, anywhere (rank 0's count; collective).

    An atom that crosses a face is taken to have moved through it: its image changes, its track goes on.
    """
    def check(values):
        check_positions(values)
        reach = np.abs(sim.box.wrap(values)[0]).max(axis=1)
        if reach[far := int(np.argmax(reach))] >= sim.work.limit:
            raise InputError(
                f"positions: atom {far} (counting from 0) is at {values[far].tolist()}; this simulation keeps "
                f"positions within +-{sim.work.limit:g}: make a Simulation of a System with these positions"
            )

    atoms = sim.atoms
    x = sim.work.rounded(_given(sim, "positions", positions, check))
    _, before = sim.box.wrap(atoms.positions)
    atoms.positions[:], after = sim.box.wrap(x)
    atoms.images[: atoms.n_owned] += before + after


def set_velocities(sim, values) -> None:
    """velocities float64 [n, 3] in tag order (rank 0's count; collective)."""
    masses = everywhere(sim, sim.atoms.masses[: sim.atoms.n_owned])
    unit = sim.units.velocity
    sim.atoms.velocities[:] = _given(sim, "velocities", values, lambda v: check_speed(v * unit, masses)) * unit
    if sim.work.holds:
        sim.atoms.velocities[sim.atoms.fixed[: sim.atoms.n_owned]] = 0.0


def snapshot(sim) -> thermo.Snapshot | None:
    gathered = _gather(sim, "x", "v", "f", "masses", "images")
    if gathered is None:
        return None
    x, v, f, masses, images = gathered
    positions, moved = sim.box.wrap(x[:, :3])
    images = images + moved
    if sim.cell.reduced() is not sim.cell:  # sim.box has the shorter vectors
        positions, images = sim.cell.wrap(positions + images @ sim.box.matrix)
    return thermo.Snapshot(
        step=sim.step,
        time=sim.time,
        box=sim.cell,
        positions=positions,
        images=images,
        velocities=v[:, :3] / sim.units.velocity,
        forces=f[:, :3].copy(),
        species=x[:, 3].astype(np.int32),
        symbols=sim.symbols,
        masses=masses,
        tags=np.arange(len(x), dtype=np.int64),
        units=sim.units,
        columns=dict(sim.atoms.constants),
        bonds=sim.atoms.bonds,
        totals=sim.results.totals,
    )


def state(sim) -> dict | None:
    heat = exact.integer(sim.comm.sum(exact.limbs(sim.heat)))
    remembered = sim.atoms.remembered()
    gathered = _gather(sim, "x", "v", "masses", "images", *remembered)
    integrator = {} if sim._running is None else sim._running.state()
    if gathered is None:
        return None
    x, v, masses, images, *kept = gathered
    positions, moved = sim.box.wrap(x[:, :3])
    constants = {"columns": pack(sim.atoms.constants)} if sim.atoms.constants else {}
    if remembered:
        constants["memory"] = dict(zip(remembered, kept, strict=True)) | {"key": _memory_key(sim)}
    if len(sim.atoms.bonds):
        constants["bonds"] = sim.atoms.bonds
    return constants | {
        "positions": positions,
        "velocities": v[:, :3].copy(),
        "images": images + moved,
        "species": x[:, 3].astype(np.int32),
        "masses": masses,
        "symbols": list(sim.symbols),
        "matrix": np.array(sim.cell.matrix),
        "origin": np.array(sim.cell.origin),
        "strained": sim.work.lattice,
        "first": np.array(sim.system.first.matrix),
        "terms": {str(key): told for key, term in enumerate(leaves(sim.work.bound)) if (told := term.state())},
        "integrator": integrator,
        "periodic": [int(p) for p in sim.box.periodic],
        "units": sim.units.name,
        "info": {str(key): str(item) for key, item in sim.system.info.items()},
        "seed": str(sim.seed),
        "step": sim.step,
        "start_step": sim.start_step,
        "start_time": float(sim.start_time),
        "time": float(sim.time),
        "degrees_of_freedom": sim.degrees_of_freedom,
        "heat": str(heat),
        "farthest": sim.system.farthest,
    }
