"""Do other programs read our trajectories, and do they survive kills, full disks and restarts?"""

import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import h5py
import numpy as np
import pytest

from mdcore import LennardJones, Simulation, System, VelocityVerlet
from mdcore.base.elements import ATOMIC_NUMBERS
from mdcore.base.errors import InputError, OutputError
from mdcore.cli import main
from mdcore.output.h5md import H5MDFile, frame_chunk
from mdcore.output.thermo_log import ThermoLog
from mdcore.output.trajectory import Trajectory, unwrapped
from mdcore.output.trajectory_writer import H5MDWriter
from mdcore.structure.box import Box
from tests.output_helpers import FakeSim, frame_arrays

TRICLINIC = Box(np.array([[10.0, 0.0, 0.0], [2.0, 9.0, 0.0], [-1.0, 3.0, 8.0]]))
KJ_PER_EV = 96.48533212331002  # e * N_A / 1000, SI 2019


def child(script, *args):
    """Run a script in its own process, importing what this test imports."""
    path = os.pathsep.join(sys.path)
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script), *map(str, args)],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def check_frames(path, steps, n_atoms=5, fields=("positions", "velocities", "forces", "images")):
    with Trajectory(path) as t:
        assert t.steps.tolist() == list(steps)
        for step, frame in zip(steps, t, strict=True):
            assert frame.step == step
            for name in fields:
                wanted = frame_arrays(step, n_atoms)[name]
                got = getattr(frame, name)
                if name == "forces":  # through kJ/mol and back
                    np.testing.assert_allclose(got, wanted, rtol=3e-16)
                else:
                    np.testing.assert_array_equal(got, wanted)


def test_layout_is_h5md(tmp_path):
    sim = FakeSim()
    path = tmp_path / "a.h5md"
    provenance = {"version": "1.2.3", "input": "x = 1\n" * 20000, "cpu": "avx2", "seed": "7", "author": "me"}
    writer = H5MDWriter(path, 10, provenance=provenance)
    sim.run(30, writer)
    writer.close()
    with h5py.File(path) as f:
        assert f["h5md"].attrs["version"].tolist() == [1, 1]
        assert f["h5md/author"].attrs["name"] == "me"
        assert f["h5md/creator"].attrs["name"] == "mdcore"
        assert f["h5md/creator"].attrs["version"] == "1.2.3"
        assert f["provenance/input"].asstr()[()] == provenance["input"]
        group = f["particles/trajectory"]
        assert group["box"].attrs["dimension"] == 3
        assert list(group["box"].attrs["boundary"]) == ["periodic"] * 3
        for name in ("position", "velocity", "force", "image", "box/edges"):
            assert group[name]["step"] == group["position/step"]  # the same object: hard links
            assert group[name]["time"] == group["position/time"]
            assert len(group[name]["value"]) == 4
        assert group["position/step"][:].tolist() == [0, 10, 20, 30]
        assert group["position/time"][:].tolist() == [0.0, 20.0, 40.0, 60.0]
        assert group["position/time"].attrs["unit"] == "fs"
        assert group["position/value"].attrs["unit"] == "Angstrom"
        assert group["velocity/value"].attrs["unit"] == "Angstrom fs-1"
        assert group["force/value"].attrs["unit"] == "kJ mol-1 Angstrom-1"
        assert group["position/value"].dtype == np.float64
        forces = frame_arrays(10, 5)["forces"] * KJ_PER_EV
        np.testing.assert_allclose(group["force/value"][1], forces, rtol=1e-14)
        assert h5py.check_enum_dtype(group["species"].dtype) == {"Ar": 0, "Kr": 1}
        assert group["species"][:].tolist() == [0, 1, 0, 1, 0]
        assert group["mass"][:].tolist() == sim.masses.tolist()
        assert group["mass"].attrs["unit"] == "u"
        assert group["id"][:].tolist() == [0, 1, 2, 3, 4]
    check_frames(path, [0, 10, 20, 30])


@pytest.mark.filterwarnings("ignore:there is no reference attributes")  # of MDAnalysis: no element is named A
@pytest.mark.parametrize("units", ["metal", "lj"])
@pytest.mark.parametrize("shape", ["cubic", "triclinic", "slab", "cluster"])
def test_mdanalysis_opens_it(tmp_path, shape, units):
    mda = pytest.importorskip("MDAnalysis")
    box = {
        "cubic": Box.cubic(10.0),
        "triclinic": TRICLINIC,
        "slab": Box(np.diag([10.0, 10.0, 30.0]), periodic=(True, True, False)),
        "cluster": Box(np.diag([20.0, 20.0, 20.0]), periodic=(False,) * 3, origin=(-5.0, -5.0, -5.0)),
    }[shape]
    sim = FakeSim(n_atoms=7, box=box, units=units)
    writer = H5MDWriter(tmp_path / "a.h5md", 5)
    log = ThermoLog(1, file=writer.file)
    sim.run(20, writer, log)
    writer.close()
    universe = mda.Universe.empty(7)
    universe.load_new(str(tmp_path / "a.h5md"), convert_units=units == "metal")
    if units == "metal":  # also without any topology
        assert len(mda.Universe(str(tmp_path / "a.h5md")).atoms) == 7
    assert len(universe.trajectory) == 5
    factor = 1000.0 if units == "metal" else 1.0  # MDAnalysis works in ps
    for k, frame in enumerate(universe.trajectory):
        wanted = frame_arrays(5 * k, 7)
        np.testing.assert_allclose(frame.positions, wanted["positions"], rtol=1e-6)
        np.testing.assert_allclose(frame.velocities, wanted["velocities"] * factor, rtol=1e-5)
        forces = wanted["forces"] * (KJ_PER_EV if units == "metal" else 1.0)
        np.testing.assert_allclose(frame.forces, forces, rtol=1e-5)
        assert frame.time == pytest.approx(10.0 * k / factor)
        if shape == "cluster":
            assert frame.dimensions is None
        elif shape == "triclinic":
            lengths = np.linalg.norm(box.matrix, axis=1)
            np.testing.assert_allclose(frame.dimensions[:3], lengths, rtol=1e-6)
            cos_gamma = box.matrix[0] @ box.matrix[1] / lengths[0] / lengths[1]
            assert np.cos(np.radians(frame.dimensions[5])) == pytest.approx(cos_gamma, abs=1e-6)
        else:
            np.testing.assert_allclose(frame.dimensions, [*np.diag(box.matrix), 90, 90, 90], rtol=1e-6)


def test_frames_are_had_as_of_a_list(tmp_path):
    sim = FakeSim(n_atoms=7, box=TRICLINIC)
    writer = H5MDWriter(tmp_path / "a.h5md", 5)
    sim.run(20, writer)
    writer.close()
    with Trajectory(tmp_path / "a.h5md") as t:
        steps = [0, 5, 10, 15, 20]
        for part in (slice(-3, None), slice(None, None, 2), slice(None, None, -1), slice(7, 9), slice(1, 4)):
            assert [frame.step for frame in t[part]] == steps[part] and len(t[part]) == len(steps[part])
        assert t[1:][::2][-1].step == 15 and t[np.int64(2)].step == 10
        for wrong in (5, -6):
            with pytest.raises(IndexError, match="there are 5"):
                t[wrong]
        assert "5 frames, steps 0 to 20" in repr(t) and len(repr(t[0])) < 120
        frame = t[-1]
        assert frame.n_atoms == len(frame) == 7
        system = frame.to_system()
        np.testing.assert_array_equal(system.positions, frame.positions)
        np.testing.assert_array_equal(system.velocities, frame.velocities)
        pytest.importorskip("ase")
        atoms = frame.to_ase()
        assert atoms.get_chemical_symbols() == [n if n in ATOMIC_NUMBERS else "X" for n in frame.names]
        np.testing.assert_array_equal(atoms.get_forces(), frame.forces)
        np.testing.assert_allclose(atoms.get_velocities() / frame.units.velocity, frame.velocities, rtol=1e-12)
        assert tuple(atoms.pbc) == frame.box.periodic and atoms.info["step"] == 20
    with pytest.raises(InputError, match="closed"):
        t[0]
    H5MDWriter(tmp_path / "v.h5md", 5, fields=("velocity",)).observe(sim)
    with Trajectory(tmp_path / "v.h5md") as t, pytest.raises(InputError, match="no positions"):
        t[0].to_ase()


def test_mdanalysis_knows_names_elements_and_the_time_between_frames(tmp_path, capsys):
    mda = pytest.importorskip("MDAnalysis")
    system = System.build("fcc", density=1.5, species="Ar", repeat=(2, 2, 2))
    system = System(system.box, system.positions, ["Ar", "H"] * 16)
    path = tmp_path / "run.h5md"
    sim = Simulation(system, LennardJones(4.0, 0.01, 3.4), VelocityVerlet(0.5))
    sim.add_observer(writer := H5MDWriter(path, 10))
    sim.run(30)
    writer.every = 20  # as in another stage
    sim.run(40)
    writer.close()
    for target in ("run.pdb", "run.xyz"):
        assert main(["convert", str(path), str(tmp_path / target)]) == 0
        universe = mda.Universe(str(tmp_path / target), str(path))
        assert list(universe.atoms.names) == system.names
        assert universe.atoms.elements.tolist() == system.names
        assert universe.trajectory.dt == pytest.approx(0.005) and universe.trajectory.totaltime == pytest.approx(0.025)
        assert len(universe.select_atoms("name H")) == 16
        assert universe.trajectory[4].dt == pytest.approx(0.010)
    universe = mda.Universe(str(tmp_path / "run.pdb"))
    np.testing.assert_allclose(universe.atoms.positions, Trajectory(path)[0].positions, atol=6e-4)
    np.testing.assert_allclose(universe.dimensions, [*np.diag(system.box.matrix), 90, 90, 90], atol=1e-3)
    assert System.read(tmp_path / "run.xyz").positions.tolist() == Trajectory(path)[-1].positions.tolist()
    capsys.readouterr()
    for words in (["run.txt"], ["run.pdb"], ["run.h5md"]):  # another kind; exists; itself
        assert main(["convert", str(path), *[str(tmp_path / word) for word in words]]) != 0
        assert "internal" not in capsys.readouterr().err
    shutil.copy(path, tmp_path / "again.h5md")
    H5MDFile(tmp_path / "again.h5md", resume_step=15).close()
    with h5py.File(tmp_path / "again.h5md") as file:
        assert file["observables/dt/value"].shape == (2,) and file["observables/dt/step"][:].tolist() == [0, 10]


def test_isotopes_of_hydrogen_are_hydrogen_to_readers_of_pdb(tmp_path):
    names = ["O", "D", "H", "T"]
    x = [[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [3, 3, 3]]
    sim = Simulation(System(Box.cubic(12.0), x, names), LennardJones(4.0, 1e-4, 1.0), VelocityVerlet(0.5))
    sim.add_observer(writer := H5MDWriter(tmp_path / "run.h5md", 1))
    sim.run(1)
    writer.close()
    assert main(["convert", str(tmp_path / "run.h5md"), str(tmp_path / "run.pdb")]) == 0
    atoms = [line for line in (tmp_path / "run.pdb").read_text().splitlines() if line.startswith("HETATM")]
    assert [line[12:16].strip() for line in atoms] == names
    assert [line[76:78].strip() for line in atoms] == ["O", "H", "H", "H"]
    io = pytest.importorskip("ase.io")
    assert io.read(tmp_path / "run.pdb").get_chemical_symbols() == ["O", "H", "H", "H"]
    mda = pytest.importorskip("MDAnalysis")
    assert mda.Universe(str(tmp_path / "run.pdb")).atoms.elements.tolist() == ["O", "H", "H", "H"]


def test_frames_are_asked_for_by_number(tmp_path):
    sim = FakeSim()
    sim.run(0, H5MDWriter(tmp_path / "a.h5md", 1))
    with Trajectory(tmp_path / "a.h5md") as t:
        assert t[np.int64(0)].step == 0
        for index, says in (
            ("x", r"\[frame.positions for frame in trajectory\]"), ("forces", r"\[frame.forces for"),
            ("step", "frame.step"), ("rdf", r"trajectory.thermo\(\) have"), (0.5, r"trajectory\[0\]"),
            (None, "integers"), (slice("a", None), "integers"), ([0, 1], "integers"),
        ):  # fmt: skip
            for frames in (t, t[:]):
                with pytest.raises(InputError, match=says):
                    frames[index]


def test_reader_gives_boxes_back(tmp_path):
    sim = FakeSim(box=Box(TRICLINIC.matrix, periodic=(True, False, True), origin=(1.0, 2.0, 3.0)))
    sim.run(0, H5MDWriter(tmp_path / "a.h5md", 1))
    with Trajectory(tmp_path / "a.h5md") as t:
        np.testing.assert_array_equal(t[0].box.matrix, TRICLINIC.matrix)
        assert tuple(t[0].box.periodic) == (True, False, True)
        assert tuple(t[0].box.origin) == (1.0, 2.0, 3.0)
        frame = t[-1]
        np.testing.assert_allclose(unwrapped(frame), frame.positions + frame.images @ TRICLINIC.matrix)
        with pytest.raises(IndexError):
            t[1]


@pytest.mark.parametrize("compression", [False, True])
def test_fields_and_compression(tmp_path, compression):
    writer = H5MDWriter(tmp_path / "a.h5md", 1, fields=["velocity", "position"], compression=compression)
    FakeSim(n_atoms=50).run(60, writer)
    writer.close()
    check_frames(tmp_path / "a.h5md", range(61), 50, ("positions", "velocities", "images"))
    with h5py.File(tmp_path / "a.h5md") as f:
        assert "force" not in f["particles/trajectory"]
        assert f["particles/trajectory/position/value"].compression == ("gzip" if compression else None)
    with pytest.raises(InputError, match="expected some of position, velocity, force"):
        H5MDWriter("x.h5md", 1, fields=["positions"])


def test_chunks_suit_small_and_large_systems():
    frames, atoms, _ = frame_chunk(100)
    assert 10 <= frames <= 100 and atoms == 100
    frames, atoms, _ = frame_chunk(4_000_000)
    assert frames == 1 and 24 * atoms <= 2**20
    assert frame_chunk(1)[0] * 24 <= 2**16
    assert frame_chunk(100, compressed=True)[0] == 1


def test_nothing_reserved_is_left_behind(tmp_path):
    writer = H5MDWriter(tmp_path / "a.h5md", 1)
    FakeSim().run(3, writer)
    writer.close()
    assert os.path.getsize(tmp_path / "a.h5md") < 600_000
    assert sorted(os.listdir(tmp_path)) == ["a.h5md"]


def test_readable_while_the_run_writes(tmp_path):
    sim, writer = FakeSim(), H5MDWriter(tmp_path / "a.h5md", 1)
    log = ThermoLog(1, file=writer.file)
    sim.run(4, log, writer)
    script = """
        import sys, h5py
        f = h5py.File(sys.argv[1])
        print(len(f["particles/trajectory/position/step"]), len(f["thermo/step"]))
    """
    process = child(script, tmp_path / "a.h5md")
    out, err = process.communicate()
    assert out.split() == ["5", "5"], err
    writer.close()


def test_closed_file_goes_on(tmp_path):
    sim, writer = FakeSim(), H5MDWriter(tmp_path / "a.h5md", 1)
    sim.run(4, writer)
    writer.close()
    sim.run(3, writer)
    writer.close()
    check_frames(tmp_path / "a.h5md", range(8))


def test_thermo_log(tmp_path, capsys):
    sim = FakeSim()
    writer = H5MDWriter(tmp_path / "a.h5md", 50)
    log = ThermoLog(2, stream=sys.stdout, file=writer.file)
    sim.run(60, writer, log)
    with h5py.File(tmp_path / "a.h5md", locking=False) as f:
        assert len(f["thermo/step"]) == 25 and f["thermo/step"][-1] == 48  # flushed with the frame at 50
    log.close()
    writer.close()
    with Trajectory(tmp_path / "a.h5md") as t:
        thermo = t.thermo()
    assert thermo["step"].tolist() == list(range(0, 61, 2))
    assert thermo["temperature"].tolist() == [94.4 + s for s in range(0, 61, 2)]
    np.testing.assert_array_equal(thermo["stress"][3], -0.1 * np.arange(1.0, 7.0))
    with h5py.File(tmp_path / "a.h5md") as f:
        units = {name: data.attrs.get("unit") for name, data in f["thermo"].items()}
    assert units == {
        "step": None,
        "time": "fs",
        "temperature": "K",
        "kinetic": "eV",
        "potential": "eV",
        "total": "eV",
        "conserved": "eV",
        "pressure": "GPa",
        "density": "g/cm3",
        "stress": "GPa",
    }
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:3] == ["step", "time", "temperature"]
    assert lines[1].split()[:3] == ["fs", "K", "eV"]
    assert len(lines) == 2 + 31
    assert lines[4].split()[:3] == ["4", "8", "98.4"]


def test_thermo_log_without_trajectory(tmp_path):
    file = H5MDFile(tmp_path / "a.h5md")
    log = ThermoLog(1, file=file)
    FakeSim(units="lj").run(600, log)  # more rows than the buffer holds
    file.close()
    with Trajectory(tmp_path / "a.h5md") as t:
        assert len(t) == 0 and len(t.thermo()["step"]) == 601
    with h5py.File(tmp_path / "a.h5md") as f:
        assert f["thermo/potential"].attrs["unit"] == "epsilon"


# Restart


def continued(path, resume_step, sim=None, **options):
    file = H5MDFile(path, {"version": "2", "seed": "1"}, resume_step=resume_step, note=pytest.fail)
    return H5MDWriter(file, 10, **options), ThermoLog(3, file=file)


def test_restart_trims_and_appends(tmp_path):
    path = tmp_path / "a.h5md"
    file = H5MDFile(path, {"version": "1", "seed": "1"})
    first = [H5MDWriter(file, 10), ThermoLog(3, file=file)]
    FakeSim().run(95, *first)
    file.close()
    sim = FakeSim()
    sim.step = 47
    observers = continued(path, 47)
    sim.run(53, *observers)
    observers[0].close()
    check_frames(path, range(0, 101, 10))
    with Trajectory(path) as t:
        assert t.thermo()["step"].tolist() == list(range(0, 100, 3))
        assert t.thermo()["kinetic"].tolist() == [1.0 + s for s in range(0, 100, 3)]
    with h5py.File(path) as f:
        assert f["provenance/restart_1"].attrs["step"] == 47
        assert list(f["provenance/restart_1"]) == ["version"]  # only what changed


def test_restart_that_writes_nothing_trims_too(tmp_path):
    path = tmp_path / "a.h5md"
    FakeSim().run(40, writer := H5MDWriter(path, 10))
    writer.close()
    continued(path, 25)[0].close()
    check_frames(path, [0, 10, 20])


def test_restart_at_a_written_frame_does_not_repeat_it(tmp_path):
    path = tmp_path / "a.h5md"
    FakeSim().run(40, writer := H5MDWriter(path, 10))
    writer.close()
    sim = FakeSim()
    sim.step = 40
    writer, _ = continued(path, 40)
    sim.run(20, writer)
    writer.close()
    check_frames(path, range(0, 61, 10))


def test_restart_cuts_the_tail_of_a_killed_frame(tmp_path):
    path = tmp_path / "a.h5md"
    FakeSim().run(40, writer := H5MDWriter(path, 10))
    writer.close()
    with h5py.File(path, "r+") as f:  # as if killed between the values and the step
        for name in ("position", "image", "velocity"):
            f[f"particles/trajectory/{name}/value"].resize(6, axis=0)
    sim = FakeSim()
    sim.step = 40
    writer, _ = continued(path, 40)
    sim.run(20, writer)
    writer.close()
    check_frames(path, range(0, 61, 10))


def test_restart_with_the_file_gone_starts_a_new_one(tmp_path):
    notes = []
    sim = FakeSim()
    sim.step = 30
    writer = H5MDWriter(H5MDFile(tmp_path / "a.h5md", resume_step=30, note=notes.append), 10)
    sim.run(20, writer)
    writer.close()
    check_frames(tmp_path / "a.h5md", [30, 40, 50])
    assert len(notes) == 1 and "a new file starts at step 30" in notes[0]


@pytest.mark.parametrize(
    ("other", "options", "message"),
    [
        (FakeSim(n_atoms=6), {}, "holds 5 atoms, the run has 6"),
        (FakeSim(symbols=("Ar", "Ne")), {}, "species Ar, Kr, the run has Ar, Ne"),
        (FakeSim(symbols=("Kr", "Ar")), {}, "species Ar, Kr, the run has Kr, Ar"),
        (FakeSim(), {"fields": ["position"]}, "holds position, velocity, force, the run writes position"),
        (FakeSim(units="lj"), {}, 'holds units "metal", the run has "lj"'),
        (FakeSim(box=Box(np.eye(3) * 10, periodic=(True, True, False))), {}, "is periodic along"),
    ],
)
def test_refuses_to_continue_another_run(tmp_path, other, options, message):
    path = tmp_path / "a.h5md"
    FakeSim().run(20, writer := H5MDWriter(path, 10))
    writer.close()
    writer, _ = continued(path, 20, **options)
    other.step = 30
    with pytest.raises(OutputError, match=re.escape(message)):
        writer.observe(other)
    check_frames(path, [0, 10, 20])


def test_refuses_layout_foreign_damaged_and_backward(tmp_path):
    path = tmp_path / "a.h5md"
    FakeSim().run(20, writer := H5MDWriter(path, 10))
    writer.close()
    with pytest.raises(OutputError, match="up to step 20, the run is at 10"):
        sim = FakeSim()
        sim.step = 10
        writer.observe(sim)
    with pytest.raises(OutputError, match="already exists: choose another name"):
        H5MDWriter(path, 10).observe(FakeSim())
    H5MDWriter(path, 10, overwrite=True).observe(FakeSim())
    check_frames(path, [0])
    with h5py.File(path, "r+") as f:
        f["h5md"].attrs["layout"] = 99
    with pytest.raises(OutputError, match="has layout 99, this is 1"):
        continued(path, 20)[0].observe(FakeSim())
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(OutputError, match=r"can't be continued .*move it away"):
        continued(path, 20)[0].observe(FakeSim())
    with pytest.raises(InputError, match="read as HDF5: truncated file"):
        Trajectory(path)
    with pytest.raises(InputError, match="No such file"):
        Trajectory(tmp_path / "b.h5md")


@pytest.mark.parametrize("name", ["species", "mass", "charge"])
def test_one_number_for_each_atom(name, tmp_path):
    path = tmp_path / "a.h5md"
    FakeSim().run(20, writer := H5MDWriter(path, 10))
    writer.close()
    with h5py.File(path, "r+") as f:
        group = f["particles/trajectory"]
        kept = group["mass" if name == "charge" else name][()]
        if name in group:
            del group[name]
        group[name] = kept[:, None, None]
        assert kept.ndim == 1
    with pytest.raises(InputError, match=r"damaged one .*expected one number for each"):
        Trajectory(path)


# Disasters


WRITE_FOREVER = """
    import sys
    from tests.output_helpers import FakeSim
    from mdcore.output.h5md import H5MDFile
    from mdcore.output.trajectory_writer import H5MDWriter
    from mdcore.output.thermo_log import ThermoLog
    file = H5MDFile(sys.argv[1])
    writer, log, sim = H5MDWriter(file, 1), ThermoLog(1, file=file), FakeSim(n_atoms=int(sys.argv[2]))
    while True:
        log.observe(sim)
        writer.observe(sim)
        print(sim.step, flush=True)
        sim.step += 1
"""


@pytest.mark.parametrize("n_atoms", [5, 3000])
def test_survives_kill_9(tmp_path, n_atoms):
    for trial, wait in enumerate((0.0, 0.02, 0.15)):
        path = tmp_path / f"{trial}.h5md"
        process = child(WRITE_FOREVER, path, n_atoms)
        assert process.stdout.readline() == "0\n"
        time.sleep(wait)
        os.kill(process.pid, signal.SIGKILL)
        rest, _ = process.communicate()
        whole = [line for line in rest.split("\n")[:-1] if line]  # the first may be cut: readline read ahead
        told = int(whole[-1]) if whole else 0  # last step it reported as written
        with Trajectory(path) as t:
            n = len(t)
            assert n >= told + 1
            assert len(t.thermo()["step"]) >= told + 1
        check_frames(path, range(n), n_atoms)


FULL_DISK = """
    import os, resource, signal, sys
    from tests.output_helpers import FakeSim
    from mdcore.base.errors import OutputError
    from mdcore.output.h5md import H5MDFile
    from mdcore.output.trajectory_writer import H5MDWriter
    from mdcore.output.thermo_log import ThermoLog
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    if sys.argv[2] == "zeros":
        del os.posix_fallocate
    file = H5MDFile(sys.argv[1])
    writer, log, sim = H5MDWriter(file, 1), ThermoLog(1, file=file), FakeSim(n_atoms=int(sys.argv[4]))
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
    try:
        for sim.step in range(10000):
            log.observe(sim)
            writer.observe(sim)
            print(sim.step, flush=True)
    except OutputError as error:
        print(error)
        log.close()
        writer.close()
        sys.exit(4)
"""


@pytest.mark.parametrize("reserve", ["posix_fallocate", "zeros"])
@pytest.mark.parametrize(("limit", "n_atoms"), [(1_000_000, 5), (2_500_000, 100), (9_000_000, 3000)])
def test_full_disk_keeps_what_was_written(tmp_path, reserve, limit, n_atoms):
    path = tmp_path / "a.h5md"
    process = child(FULL_DISK, path, reserve, limit, n_atoms)
    out, err = process.communicate()
    lines = out.splitlines()
    assert process.returncode == 4, err
    assert err == ""
    assert lines[-1].startswith(f"{path}: can't write: File too large; raise the limit")
    with Trajectory(path) as t:
        n = len(t)
        assert n >= int(lines[-2]) + 1 >= 3
    check_frames(path, range(n), n_atoms)
    sim = FakeSim(n_atoms=n_atoms)
    sim.step = n - 2
    writer = H5MDWriter(path, 1, resume_step=n - 2)
    sim.run(5, writer)
    writer.close()
    check_frames(path, range(n + 4), n_atoms)


def test_full_disk_at_creation(tmp_path):
    process = child(FULL_DISK, tmp_path / "a.h5md", "posix_fallocate", 4096, 5)
    out, err = process.communicate()
    assert process.returncode == 4 and err == ""
    assert "can't write" in out
    process = child(FULL_DISK, tmp_path / "none" / "a.h5md", "posix_fallocate", 10**6, 5)
    out, err = process.communicate()
    assert process.returncode == 4 and "No such file or directory" in out


def test_import_leaves_h5py_alone():
    script = "import sys; from mdcore.output import trajectory, thermo_log, h5md; assert 'h5py' not in sys.modules"
    process = child(script)
    _, err = process.communicate()
    assert process.returncode == 0, err
