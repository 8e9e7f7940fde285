"""Structures of a campaign: is one known, and how does it go through the record and through files, to the last bit?"""

import hashlib
from collections.abc import Iterable

import numpy as np

from mdcore.base.errors import InputError
from mdcore.base.units import METAL
from mdcore.base.writing import writing_text
from mdcore.learn.base import Candidate, Found, Labels
from mdcore.structure import extxyz
from mdcore.structure.box import Box
from mdcore.structure.frames import systems
from mdcore.structure.quantities import spins, voigt
from mdcore.structure.system import System
from mdcore.training.data import sources
from mdcore.training.data.labels import Labels as Names
from mdcore.training.settings import TOTAL, USUAL

ROUNDED = 1e6  # 1 / Angstrom: cells and positions that are the same to 1e-6 Angstrom are of one structure
CHARGE = "total_charge"
DISAGREEMENT = "disagreement"  # column of files of candidates
CANDIDATE, FRAME = "candidate", "frame"


def fingerprint(system: System) -> str:
    """Of species, cell and positions to 1e-6 Angstrom, in the order of the atoms, and of charge and spin, if there
    are some: 32 digits of SHA-256. Moved, turned or renumbered it is another structure."""
    digest = hashlib.sha256(" ".join(system.names).encode())
    periodic = np.array(system.box.periodic)
    for numbers in (np.where(periodic[:, None], system.box.matrix, 0.0), system.positions):
        digest.update(np.rint(numbers * ROUNDED).astype("<i8").tobytes())
    digest.update(bytes(periodic.tolist()))
    if system.total_charge:
        digest.update(repr(system.total_charge).encode())
    if own := spins(system.info):
        digest.update(repr(sorted(own.items())).encode())
    return digest.hexdigest()[:32]


def bare(system: System, columns: Iterable[str] = ()) -> System:
    """The structure alone, without velocities and results, and without some of its columns."""
    kept = {name: values for name, values in system.columns.items() if name not in columns}
    return System(
        system.box, system.positions, system.species, system.symbols, masses=system.masses, columns=kept,
        info=_info(system),
    )


# --- the record ---------------------------------------------------------------------------------------------


def to_json(system: System) -> dict:
    """Plain values, of which `from_json` makes the same structure again, bit by bit."""
    told = {
        "species": system.names,
        "periodic": [bool(p) for p in system.box.periodic],
        "cell": system.box.matrix.tolist(),
        "origin": system.box.origin.tolist(),
        "positions": system.positions.tolist(),
    }
    usual = System(system.box, system.positions, system.species, system.symbols).masses
    if not np.array_equal(usual, system.masses):
        told["masses"] = system.masses.tolist()
    if system.columns:
        told["columns"] = {name: values.tolist() for name, values in system.columns.items()}
    if system.total_charge:
        told["charge"] = system.total_charge
    if own := spins(system.info):
        told["spin"] = own
    return told


def from_json(told: dict) -> System:
    return System(
        Box(told["cell"], told["periodic"], told["origin"]), np.reshape(told["positions"], (-1, 3)), told["species"],
        masses=told.get("masses"), columns={name: np.array(own) for name, own in told.get("columns", {}).items()},
        info=({CHARGE: told["charge"]} if "charge" in told else {}) | told.get("spin", {}),
    )  # fmt: skip


def labels_to_json(labels: Labels) -> dict:
    stress = None if labels.stress is None else np.asarray(labels.stress).tolist()
    return {"energy": float(labels.energy), "forces": np.asarray(labels.forces).tolist(), "stress": stress}


def labels_from_json(told: dict) -> Labels:
    stress = told.get("stress")
    forces = np.reshape(np.array(told["forces"], dtype=np.float64), (-1, 3))
    return Labels(energy=told["energy"], forces=forces, stress=None if stress is None else np.array(stress))


# --- files --------------------------------------------------------------------------------------------------


def write_labelled(path, entries: Iterable[tuple[System, Labels | None, dict]]) -> None:
    """Replace an extended xyz file by structures, with their labels where there are some, and what else is to be said
    of each in its comment line. OutputError."""
    with writing_text(path) as stream:
        for system, labels, info in entries:
            stress = None
            if labels is not None and labels.stress is not None:
                stress = voigt(labels.stress) / METAL.pressure
            extxyz.write_frame(
                stream, system, forces=None if labels is None else labels.forces,
                energy=None if labels is None else labels.energy, stress=stress, info=_info(system) | info,
            )  # fmt: skip


def write_found(path, found: Found) -> None:
    """Replace a file by all that an explorer brought home: candidates, then frames."""
    with writing_text(path) as stream:
        for candidate in found.candidates:
            own = bare(candidate.system, (DISAGREEMENT,))
            info = {"kind": CANDIDATE, "place": candidate.place}
            if candidate.extrapolation is not None:
                info["extrapolation"] = float(candidate.extrapolation)
            disagreement = candidate.disagreement
            extra = _masses(own)
            if disagreement is not None:
                extra[DISAGREEMENT] = np.reshape(np.asarray(disagreement, dtype=np.float64), (-1, 1))
            extxyz.write_frame(stream, own, info=_info(own) | info, extra=extra)
        for frame in found.frames:
            own = bare(frame, (DISAGREEMENT,))
            extxyz.write_frame(stream, own, info=_info(own) | {"kind": FRAME}, extra=_masses(own))


def read_found(path, explorer: str, ended: str, lost: bool) -> Found:
    """The same again; InputError."""
    candidates, frames = [], []
    if path.stat().st_size:
        for data in extxyz.iterate(path, extra=(DISAGREEMENT,), keep=True):
            system = bare(System.of_extxyz(data, METAL, path, labels=False), (DISAGREEMENT,))
            if data.info.get("kind") == FRAME:
                frames.append(system)
                continue
            disagreement, extrapolation = data.extra.get(DISAGREEMENT), data.info.get("extrapolation")
            candidates.append(
                Candidate(
                    system=system, explorer=explorer, place=str(data.info.get("place", "")),
                    disagreement=None if disagreement is None else disagreement.ravel(),
                    extrapolation=None if extrapolation is None else float(extrapolation),
                )
            )  # fmt: skip
    return Found(candidates=candidates, frames=frames, ended=ended, lost=lost)


def read_start(path) -> list[tuple[System, Labels | None]]:
    """The structures a campaign begins with, and their labels: those with energy and forces have some. InputError."""
    labelled = sources.read(path, labels=Names(needed=(*USUAL, TOTAL)))
    columns, spun = [{}] * len(labelled), [{}] * len(labelled)
    if str(path).lower().endswith(extxyz.SUFFIXES):
        columns, spun = zip(*((system.columns, spins(system.info)) for system in systems(path)), strict=True)
    found = []
    for own, kept, spin in zip(labelled, columns, spun, strict=True):
        for key, value in spin.items():
            if not np.isfinite(value):
                raise InputError(f"{own.where}: {key} is no number; correct it")
        info = ({CHARGE: own.total_charge} if own.total_charge else {}) | spin
        system = System(own.box, own.positions, list(own.symbols), columns=kept, info=info)
        labels = None
        if own.energy is not None and own.forces is not None:
            labels = Labels(energy=own.energy, forces=own.forces, stress=own.stress)
        found.append((system, labels))
    return found


def _info(system: System) -> dict:
    return ({CHARGE: system.total_charge} if system.total_charge else {}) | spins(system.info)


def _masses(system: System) -> dict:
    usual = System(system.box, system.positions, system.species, system.symbols).masses
    return {} if np.array_equal(usual, system.masses) else {"masses": system.masses[:, None]}
