"""Does ASE get back what the run had, and is the file whole whatever happens?"""

import errno
import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from mdcore.base import units
from mdcore.base.errors import InputError, OutputError
from mdcore.output.dump import ExtxyzDump
from mdcore.structure.box import Box
from mdcore.structure.extxyz import read
from mdcore.structure.system import System
from tests.output_helpers import FakeSim, frame_arrays

TRICLINIC = Box(np.array([[10.0, 0.0, 0.0], [2.0, 9.0, 0.0], [-1.0, 3.0, 8.0]]))
PROVENANCE = {"version": "1.2", "seed": "7", "input": "never here"}


def dumped(path, steps=20, every=10, **options):
    sim = FakeSim(**options)
    dump = ExtxyzDump(path, every, PROVENANCE)
    sim.run(steps, dump)
    return sim


def steps_in(path):
    return [int(step) for step in re.findall(r" Step=(\d+)", path.read_text())]


def test_ase_reads_all_of_it(tmp_path):
    ase_io = pytest.importorskip("ase.io")
    from ase import units as ase_units

    path = tmp_path / "a.extxyz"
    sim = dumped(path, box=TRICLINIC)
    images = ase_io.read(path, ":")
    assert len(images) == 3
    for k, atoms in enumerate(images):
        wanted = frame_arrays(10 * k, 5)
        assert atoms.info["Step"] == 10 * k and atoms.info["Time"] == 20.0 * k
        assert str(atoms.info["mdcore"]) == "1.2" and atoms.info["seed"] == 7
        assert atoms.get_chemical_symbols() == ["Ar", "Kr", "Ar", "Kr", "Ar"]
        np.testing.assert_array_equal(atoms.positions, wanted["positions"])
        np.testing.assert_array_equal(atoms.cell.array, TRICLINIC.matrix)
        np.testing.assert_array_equal(atoms.get_forces(), wanted["forces"])
        np.testing.assert_array_equal(atoms.get_masses(), sim.masses)
        # ase.units is CODATA 2014, hence the tolerance
        np.testing.assert_allclose(atoms.get_velocities() * ase_units.fs, wanted["velocities"], rtol=1e-6)
        sim.step = 10 * k
        thermo = sim.thermo()
        assert atoms.get_potential_energy() == thermo.potential
        with_kinetic = thermo.stress * ase_units.GPa
        np.testing.assert_allclose(atoms.get_stress(include_ideal_gas=True), with_kinetic, rtol=1e-6)
    assert "never here" not in path.read_text()


def test_own_reader_gives_every_bit_back(tmp_path):
    dumped(tmp_path / "a.extxyz", units="lj", symbols=("A", "B"))
    frame = read(tmp_path / "a.extxyz", -1, units.LJ)
    wanted = frame_arrays(20, 5)
    np.testing.assert_array_equal(frame.positions, wanted["positions"])
    np.testing.assert_array_equal(frame.forces, wanted["forces"])
    np.testing.assert_allclose(frame.momenta / frame.masses[:, None], wanted["velocities"], rtol=4e-16)
    assert frame.symbols == ("A", "B") and frame.info["Step"] == 20


def test_velocities_stand_there_by_both_names(tmp_path):
    """OVITO knows ``velo``, ASE ``momenta``; of a file where they contradict each other neither is taken."""
    for unit in ("metal", "lj"):
        path = tmp_path / f"{unit}.extxyz"
        dumped(path, units=unit, symbols=("Ar", "Kr"))
        frame, wanted = read(path, -1, units.get(unit)), frame_arrays(20, 5)["velocities"]
        np.testing.assert_array_equal(frame.velocities, wanted)
        np.testing.assert_allclose(System.read(path, units=unit).velocities, wanted, rtol=1e-14)
        lines = path.read_text().splitlines()
        assert "momenta:R:3:velo:R:3" in lines[-6]
        first = lines[-5].split()
        first[8] = repr(1.5 * float(first[8]) + 1.0)  # of velo, after name, position, mass and momenta
        path.write_text("\n".join([*lines[:-5], " ".join(first), *lines[-4:]]) + "\n")
        with pytest.raises(InputError, match=r"momenta and of velocities contradict.*atom 0"):
            System.read(path, units=unit)


def test_cluster_has_no_cell_and_no_stress(tmp_path):
    sim = FakeSim(box=Box(np.eye(3) * 20, periodic=(False,) * 3))
    thermo = sim.thermo()
    thermo.stress = np.full(6, np.nan)
    ExtxyzDump(tmp_path / "a.extxyz", 1, PROVENANCE).write(sim.snapshot(), thermo, sim.units)
    text = (tmp_path / "a.extxyz").read_text()
    assert "Lattice" not in text and "stress" not in text and 'pbc="F F F"' in text


def continued(path, step, sim=None, every=10):
    sim = sim or FakeSim()
    sim.step = step
    return sim, ExtxyzDump(path, every, PROVENANCE, resume_step=step, note=pytest.fail)


@pytest.mark.parametrize("cut", [0, 1, 20, 300, 480])
def test_restart_trims_and_appends(tmp_path, cut):
    path, whole = tmp_path / "a.extxyz", tmp_path / "whole.extxyz"
    dumped(whole, 60)
    dumped(path, 40)
    os.truncate(path, path.stat().st_size - cut)  # a kill in the middle of a frame
    sim, dump = continued(path, 27)
    sim.run(33, dump)
    dump.flush(durable=True)
    dump.close()
    assert path.read_bytes() == whole.read_bytes()


def test_restart_at_a_written_frame(tmp_path):
    path = tmp_path / "a.extxyz"
    dumped(path, 40)
    sim, dump = continued(path, 20)
    sim.run(20, dump)
    assert steps_in(path) == [0, 10, 20, 30, 40]


def test_restart_without_the_file_or_before_its_start(tmp_path):
    notes = []
    sim = FakeSim()
    sim.step = 30
    sim.run(10, ExtxyzDump(tmp_path / "a.extxyz", 10, PROVENANCE, resume_step=30, note=notes.append))
    assert steps_in(tmp_path / "a.extxyz") == [30, 40]
    assert len(notes) == 1 and "not found, a new file starts at step 30" in notes[0]
    sim, dump = continued(tmp_path / "a.extxyz", 5)
    sim.run(10, dump)
    assert steps_in(tmp_path / "a.extxyz") == [10]


def test_restart_that_writes_nothing_trims_too(tmp_path):
    dumped(tmp_path / "a.extxyz", 40)
    continued(tmp_path / "a.extxyz", 25)[1].close()
    assert steps_in(tmp_path / "a.extxyz") == [0, 10, 20]


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (FakeSim(n_atoms=6), "holds 5 atoms, the run has 6"),
        (FakeSim(symbols=("Kr", "Ar")), "atoms of other species or in another order"),
    ],
)
def test_refuses_to_continue_another_run(tmp_path, other, message):
    path = tmp_path / "a.extxyz"
    dumped(path)
    before = path.read_bytes()
    sim, dump = continued(path, 20, other)
    with pytest.raises(OutputError, match=message):
        dump.observe(sim)
    assert path.read_bytes() == before


def test_refuses_to_overwrite_or_continue_something_else(tmp_path):
    path = tmp_path / "a.extxyz"
    path.write_text("2\nhello\nAr 0 0 0\nAr 0 0 1\n")
    with pytest.raises(OutputError, match="already exists: choose another name"):
        ExtxyzDump(path, 1, PROVENANCE).observe(FakeSim())
    with pytest.raises(OutputError, match="was not written by mdcore"):
        ExtxyzDump(path, 1, PROVENANCE, resume_step=0).observe(FakeSim())
    dump = ExtxyzDump(path, 1, PROVENANCE, overwrite=True)
    sim = FakeSim()
    sim.step = 5
    dump.observe(sim)
    sim.step = 4
    with pytest.raises(OutputError, match="up to step 5, the run is at 4"):
        dump.observe(sim)
    with pytest.raises(OutputError, match="No such file or directory; check that the directory exists"):
        ExtxyzDump(tmp_path / "no" / "a.extxyz", 1, PROVENANCE).observe(sim)


def test_full_disk_takes_the_frame_back(tmp_path):
    path = tmp_path / "a.extxyz"
    script = """
        import resource, signal, sys
        from tests.output_helpers import FakeSim
        from mdcore.output.dump import ExtxyzDump
        from mdcore.base.errors import OutputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000,) * 2)
        try:
            FakeSim(n_atoms=100).run(1000, ExtxyzDump(sys.argv[1], 10, {"version": "1"}))
        except OutputError as error:
            print(error)
            sys.exit(4)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(script), path]
    result = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert result.returncode == 4 and result.stderr == ""
    assert result.stdout.startswith(f"{path}: can't write: {os.strerror(errno.EFBIG)}")
    steps = steps_in(path)
    assert len(steps) > 2 and len(path.read_text().splitlines()) == 102 * len(steps)
    np.testing.assert_array_equal(read(path, -1).positions, frame_arrays(steps[-1], 100)["positions"])
