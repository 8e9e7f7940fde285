"""Labels: from whom, how fast, and what becomes of calculations that hang, crash, give up or are wrong?"""

import contextlib
import pickle
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.faces import ORACLES
from mdcore.faces.label import LabelSettings
from mdcore.learn import executors, guard
from mdcore.learn.base import Labels, Unconverged, Unready
from mdcore.learn.checks import Known, complaint
from mdcore.learn.labelling import Failure, Labelling, label
from mdcore.learn.oracles import ASEOracle, CommandOracle, OracleFailed, PythonOracle
from mdcore.learn.process import family
from mdcore.potentials.named import FileFunction
from mdcore.structure.box import Box
from mdcore.structure.system import System
from tests.mpi import mpirun, needs_mpi

STUBBORN = '''
import os, signal, subprocess, time
import numpy as np
from mdcore.learn.base import Unconverged

def springs(positions):
    """What it does depends on how many atoms there are; how often it was asked is kept in a file."""
    n = len(positions)
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), f"tries-{n}"), "a") as file:
        file.write("x")
        tries = file.tell()
    if n == 3:
        raise ValueError("three is a crowd")
    if n == 4:
        if tries == 1:  # one in a session of its own, whose parent is gone; one that is waited for
            subprocess.run(["sh", "-c", "setsid sleep 1234.5 & sleep 0.2"])
        subprocess.run(["sleep", "1234.5"], start_new_session=tries == 1)
    if n == 5:
        print("about to crash", flush=True)
        os.kill(os.getpid(), signal.SIGSEGV)
    if n == 6:
        raise Unconverged("no ground state of six")
    if n == 7:
        raise RuntimeError("SCF not converged in 250 cycles")
    if n == 9 and tries == 1:
        raise OSError("disk full")
    r = positions - positions.mean(axis=0)
    return 0.5 * float((r ** 2).sum()) / (n != 8), (1.0 if n == 10 else 0.0) - r
'''


def atoms(n, seed=0):
    x = np.random.default_rng([n, seed]).uniform(0.0, 4.0, (n, 3))
    return System(Box(9.0 * np.eye(3), False), x, "Ar")


@pytest.fixture
def oracle(tmp_path):
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    return PythonOracle(FileFunction(str(tmp_path / "stubborn.py"), "springs"))


def sleepers() -> list[str]:
    """Who still sleeps; what was killed may take a moment to be gone."""
    for _ in range(100):
        found = []
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            with contextlib.suppress(OSError):
                found += [path.parent.name] if b"1234.5" in path.read_bytes() else []
        if not found:
            break
        time.sleep(0.1)
    return found


def test_each_end_of_a_calculation_is_told_apart(oracle, tmp_path):
    sizes, told = [2, 3, 4, 5, 6, 7, 8, 9, 10, 11], {}
    settings = Labelling(workers=2, minutes=0.03, retries=1)
    systems = [atoms(n) for n in sizes]
    found = label(systems, oracle, settings, lambda index, result: told.update({sizes[index]: result}))
    assert [told[n] for n in sizes] == found
    for n in (2, 9, 11):
        r = atoms(n).positions - atoms(n).positions.mean(axis=0)
        assert told[n].energy == pytest.approx(0.5 * (r**2).sum()) and np.allclose(told[n].forces, -r)
    ends = {n: (told[n].kind, told[n].tries) for n in sizes if isinstance(told[n], Failure)}
    assert ends == {
        3: ("failed", 2), 4: ("timeout", 2), 5: ("failed", 2), 6: ("unconverged", 1), 7: ("unconverged", 1),
        8: ("failed", 2), 10: ("refused", 1),
    }  # fmt: skip
    assert told[3].why == "ValueError: three is a crowd" and told[6].why == "no ground state of six"
    assert "SIGSEGV" in told[5].why and "about to crash" in told[5].why and "0.03 minutes" in told[4].why
    assert "add up to 1 eV/Angstrom an atom" in told[10].why
    for n in sizes:
        assert len((tmp_path / f"tries-{n}").read_text()) == getattr(told[n], "tries", 2 if n == 9 else 1)
    assert not sleepers(), "what a killed calculation started is killed, too"
    assert not guard._guards


def test_the_number_of_workers_changes_nothing(oracle):
    systems = [atoms(n, k) for k in range(3) for n in (2, 11, 6)]
    one, three = (label(systems, oracle, Labelling(workers=k, retries=0)) for k in (1, 3))
    for a, b in zip(one, three, strict=True):
        assert a == b if isinstance(a, Failure) else (a.energy, a.forces.tobytes()) == (b.energy, b.forces.tobytes())


def test_a_guard_that_is_closed_meanwhile(oracle):
    """By another thread, when its own is about to hand out a structure."""
    own = guard.Guard(pickle.dumps(oracle))
    assert own.compute(atoms(2), 60.0)[0] == "labels"
    process, own._closed = own._process, True
    own._pipe.close()
    own._log.close()
    assert own.compute(atoms(2), 60.0) == ("failed", "it was stopped") and not process.is_alive()


def test_an_error_of_the_caller_ends_all_calculations(oracle):
    def stop(index, result):
        raise KeyboardInterrupt

    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        label([atoms(2), atoms(4)], oracle, Labelling(workers=2), stop)
    assert time.monotonic() - begun < 30.0 and not sleepers() and not guard._guards


MPI = """
import numpy as np
from mdcore.learn.executors import leave_launcher
from mdcore.learn.labelling import Labelling, label
from mdcore.base.comm import launched_ranks
from tests.test_labelling import atoms
from mdcore.learn.oracles import PythonOracle
from mdcore.potentials.named import FileFunction
import sys

if __name__ == "__main__":
    leave_launcher()
    oracle = PythonOracle(FileFunction(sys.argv[1], "springs"))
    for found in label([atoms(n) for n in (2, 5, 11)], oracle, Labelling(executor="mpi", retries=0)):
        print(launched_ranks(), getattr(found, "kind", "labels"), flush=True)
"""


@pytest.mark.parametrize("ranks", [pytest.param(3, marks=needs_mpi)])
def test_ranks_of_mpi_compute(ranks, oracle, tmp_path):
    (tmp_path / "program.py").write_text(MPI)
    done = mpirun(ranks, "-m", "mpi4py.futures", tmp_path / "program.py", tmp_path / "stubborn.py")
    assert done.stdout.split("\n")[:3] == ["1 labels", "1 failed", "1 labels"]


@pytest.mark.parametrize("executor, module, said", [
    ("dask", "distributed", r'distributed is not installed: pip install "mdcore\[dask\]"'),
    ("parsl", "parsl", r'parsl is not installed: pip install "mdcore\[parsl\]"'),
    ("mpi", "mpi4py.futures", "mpi4py"),
])  # fmt: skip
def test_executors_that_are_not_there_are_refused(oracle, monkeypatch, executor, module, said):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=said):
        label([atoms(2)], oracle, Labelling(executor=executor))
    with pytest.raises(InputError, match=said):
        executors.check(executor)


class Client(contextlib.nullcontext):
    """What of distributed.Client is called; one core, so far."""

    def __init__(self, address=None, **local):
        if address and local:
            raise ValueError(f"Unexpected keyword arguments: {sorted(local)}")
        if address == "tcp://nowhere:1":
            raise OSError("Timed out trying to connect to tcp://nowhere:1 after 30 s")
        asked.append((address, *local.values()))
        super().__init__(self)

    def get_executor(self, *, pure, retries):
        assert not pure and not retries
        return ThreadPoolExecutor(2)

    def ncores(self):
        return {"here": 1}


asked = []


class ParslPoolExecutor(ThreadPoolExecutor):
    def __init__(self, config):
        asked.append(config)
        super().__init__(2)


def test_clusters_compute(oracle, monkeypatch, tmp_path):
    """By stand-ins for Dask and Parsl: a cluster that grows is handed more than it has cores for."""
    for name, module in (("distributed", {"Client": Client}), ("parsl", {}),
                         ("parsl.concurrent", {"ParslPoolExecutor": ParslPoolExecutor})):  # fmt: skip
        monkeypatch.setitem(sys.modules, name, SimpleNamespace(**module))
    (tmp_path / "cluster.py").write_text("config = 'mine'\n")
    asked.clear()
    for kind, cluster, workers, most in (
        ("dask", None, None, 1), ("dask", "tcp://there:1", None, executors.IN_FLIGHT), ("dask", None, 3, 3),
        ("parsl", str(tmp_path / "cluster.py"), None, executors.IN_FLIGHT),
    ):  # fmt: skip
        with executors.opened(kind, workers, cluster) as (_, found):
            assert found == most
    assert asked == [(None, None), ("tcp://there:1",), (None, 3), "mine"]
    with pytest.raises(InputError, match='cluster = "tcp://nowhere:1": Timed out'):
        label([atoms(2)], oracle, Labelling(executor="dask", cluster="tcp://nowhere:1"))
    (tmp_path / "cluster.py").write_text("conf = 'mine'\n")
    with pytest.raises(InputError, match="has no `config`"):
        label([atoms(2)], oracle, Labelling(executor="parsl", cluster=str(tmp_path / "cluster.py")))
    found = label([atoms(2), atoms(6)], oracle, Labelling(executor="dask", retries=0))
    assert isinstance(found[0], Labels) and found[1].kind == "unconverged"


CHATTY = """
import os

def springs(positions):
    n = len(positions)
    os.write(1, b"lines and lines\\n" * 200_000 + b"of %d" % n)
    if n == 3:
        os.kill(os.getpid(), 11)
    with open(FOLDER + "/sizes", "a") as stream:
        stream.write(f"{os.fstat(1).st_size} ")
    return 0.0, 0.0 * positions
"""


def test_what_an_oracle_prints_does_not_pile_up(tmp_path):
    """3 MB for each structure; a message quotes the end of what was said about its own."""
    (tmp_path / "chatty.py").write_text(CHATTY.replace("FOLDER", repr(str(tmp_path))))
    oracle = PythonOracle(FileFunction(str(tmp_path / "chatty.py"), "springs"))
    *others, died = label([atoms(2), atoms(2, 1), atoms(2, 2), atoms(3)], oracle, Labelling(workers=1, retries=0))
    assert all(isinstance(own, Labels) for own in others)
    assert (tmp_path / "sizes").read_text().split() == [str(16 * 200_000 + 4)] * 3
    assert "SIGSEGV" in died.why and died.why.endswith("of 3") and len(died.why) < 600 and "of 2" not in died.why


LEAVES = """
import os, subprocess, time
kept = subprocess.Popen(["sh", "-c", "exit 7"])
os.waitid(os.P_PID, kept.pid, os.WEXITED | os.WNOWAIT)

def calculate(positions):
    subprocess.run(["sh", "-c", "sleep 0.02 &"], start_new_session=len(positions) == 3)
    if len(positions) == 4:
        subprocess.run(["sh", "-c", "setsid sleep 1234.5 & sleep 0.2"])
        os._exit(5)
    time.sleep(0.1)
    return float(kept.wait()), 0.0 * positions
"""


def state(process: int) -> str:
    """A letter: S sleeps, Z is a zombie (proc(5)); nothing if it is gone."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    return ""


@pytest.mark.skipif(sys.platform != "linux", reason="where the kernel lets a process adopt orphans")
def test_orphans_of_calculations_leave_no_zombies(tmp_path):
    """And what an oracle waits for itself is left to it."""
    (tmp_path / "leaves.py").write_text(LEAVES)
    oracle = PythonOracle(FileFunction(str(tmp_path / "leaves.py"), "calculate"))
    with contextlib.closing(guard.Guard(pickle.dumps(oracle))) as own:
        for n in (2, 3, 2, 3):
            kind, labels = own.compute(atoms(n), 60.0)
            assert kind == "labels" and labels.energy == 7.0
        for _ in range(50):  # the last one may just have ended
            time.sleep(0.1)
            states = [state(one) for one in family(own._process.pid)]
            if states == ["S", "S"]:
                break
        assert states == ["S", "S"]
        assert own.compute(atoms(4), 60.0) == ("failed", "the process died with code 5")
    assert not sleepers(), "what a calculation left behind that died is killed, too"


def test_what_can_not_be_sent_is_refused():
    with pytest.raises(InputError, match="can't be sent to other processes"):
        label([atoms(2)], lambda system: None)
    with pytest.raises(InputError, match="cluster: applies with"):
        Labelling(cluster="x")


class Lost:
    """Goes out, and does not arrive."""

    def __reduce__(self):
        return int, ("no number",)


class Broken:
    """Tells in a file how often it was started."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return exec, (f"open({self.path!r}, 'a').write('x'); int('no number')",)


SCRIPT = "from mdcore.learn.labelling import Labelling, label\nlabel([1], len, Labelling(retries=0))\n"


def test_what_never_began_is_no_failure_of_a_structure(tmp_path):
    """Else a campaign would leave out for good all that it had asked for meanwhile."""
    told = []
    with pytest.raises(InputError, match="the oracle can't begin: ValueError: invalid"):
        label([atoms(2)], Lost(), Labelling(retries=0), lambda index, result: told.append(result))
    assert not told and not guard._guards
    with pytest.raises(InputError, match="the oracle can't begin: ValueError: invalid"):
        label([atoms(2)] * 9, Broken(tmp_path / "starts"), Labelling(retries=1, workers=1))
    assert (tmp_path / "starts").read_text() == "xx", "not once for each structure"
    (tmp_path / "script.py").write_text(SCRIPT)  # without if __name__ == "__main__"
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode and 'below if __name__ == "__main__":, for every process' in done.stderr


# --- oracles ----------------------------------------------------------------------------------------------------------


def copper(periodic=True):
    system = System.build("fcc", lattice_constant=3.6, species="Cu").replicate((2, 1, 1))
    rng = np.random.default_rng(1)
    x = system.positions + 0.1 * rng.normal(size=system.positions.shape)
    return System(system.box if periodic else Box(9.0 * np.eye(3), False), x, "Cu")


def test_a_calculator_of_ase():
    emt = pytest.importorskip("ase.calculators.emt")
    for periodic in (True, False):
        system, wanted = copper(periodic), copper(periodic).to_ase()
        wanted.calc = emt.EMT(asap_cutoff=True)
        for name in ("emt", "ase.calculators.emt:EMT"):
            found = ASEOracle(name, {"asap_cutoff": True})(system)
            assert found.energy == wanted.get_potential_energy() and np.array_equal(found.forces, wanted.get_forces())
            if periodic:
                assert np.array_equal(found.stress, wanted.get_stress(voigt=False))
            else:
                assert found.stress is None
            assert not complaint(system, found, 0.01)
    with pytest.raises(InputError, match="no calculator 'emtt'"):
        ASEOracle("emtt")


class SumOfCharges:
    """A calculator that goes by initial charges, as those of tblite and others do."""

    implemented_properties = ("energy", "forces")

    def get_property(self, name, atoms, allow_calculation=True):
        total = atoms.get_initial_charges().sum()
        return total + 10.0 * atoms.info.get("charge", 0.0) if name == "energy" else np.zeros((len(atoms), 3))


def test_a_calculator_of_ase_is_told_the_charge():
    pytest.importorskip("ase")
    for charge in (0.0, -2.0):
        system = copper()
        system.info["charge"] = charge
        found = ASEOracle(f"{__name__}:SumOfCharges")(system)
        assert found.energy == pytest.approx(11.0 * charge)


COMMAND = '''
import sys
read, write, how = sys.argv[1:]
lines = open(read).read().splitlines()
n = int(lines[0])
print("hello")
if how == "scf":
    print("SCF NOT CONVERGED")
if how == "crash":
    print("what a pity")
    sys.exit(3)
rows = [line.split()[:4] for line in lines[2 : 2 + n]]
if how == "order":
    rows.reverse()
with open(write, "w") as file:
    more = " converged=F" if how == "gave-up" else ""
    energy = "" if how == "no-energy" else "energy=-1.5 "
    cell = 'Lattice="9 0 0 0 9 0 0 0 9" ' if how == "stress" else ""
    stress = 'stress="1 6 5 6 2 4 5 4 3" ' if how == "stress" else ""
    file.write(f"{n}\\n{cell}{energy}{stress}Properties=species:S:1:pos:R:3:forces:R:3{more}\\n")
    for k, row in enumerate(rows):
        file.write(" ".join(row) + f" 0.0 0.5 {k}\\n")
'''


def test_a_command(tmp_path):
    (tmp_path / "own program.py").write_text(COMMAND)

    def asked(how, system=None, **more):
        return CommandOracle(f"{sys.executable} -S '{tmp_path}/own program.py' {{input}} {{output}} {how}", **more)(
            atoms(3) if system is None else system
        )

    found = asked("well")
    assert found.energy == -1.5 and found.stress is None
    assert np.array_equal(found.forces, [[0.0, 0.5, 0.0], [0.0, 0.5, 1.0], [0.0, 0.5, 2.0]])
    box = System(Box(9.0 * np.eye(3), True), atoms(3).positions, "Ar")
    assert np.allclose(asked("stress", box).stress, [[1, 6, 5], [6, 2, 4], [5, 4, 3]])
    with pytest.raises(Unconverged, match="SCF NOT"):
        asked("scf", unconverged="SCF NOT CONVERGED")
    with pytest.raises(Unconverged, match="converged=F"):
        asked("gave-up")
    ion = atoms(3)
    ion.info |= {"charge": -1, "spin": 2}
    with pytest.raises(OracleFailed, match=r"exit code 3\. It last said: hello what a pity"):
        asked("crash", ion, keep=str(tmp_path / "kept"))
    assert len(list((tmp_path / "kept").glob("*/input.extxyz"))) == 1
    assert System.read(next((tmp_path / "kept").glob("*/input.extxyz"))).totals == {"charge": -1, "spin": 2}
    for how, said in (("order", "other atoms"), ("no-energy", "no energy")):
        with pytest.raises(OracleFailed, match=said):
            asked(how)
    with pytest.raises(Unready, match="is it installed"):
        CommandOracle("no-such-program {input} {output}")(atoms(2))
    with pytest.raises(InputError, match=r"\{output\} is missing"):
        CommandOracle("dft {input}")


def test_inputs_name_oracles(tmp_path):
    """Each type of [oracle] makes its oracle, and [label] the settings."""
    class Whole:
        label = LabelSettings()

        def beside(self, file):
            return str(tmp_path / file)

    (tmp_path / "mine.py").write_text("def f(positions):\n    return 0.0, 0.0 * positions\n")
    own = {
        "ase": ({"calculator": "emt"}, ASEOracle),
        "command": ({"command": "true {input} {output}", "keep": "kept"}, CommandOracle),
        "python": ({"file": "mine.py", "function": "f"}, PythonOracle),
    }
    assert set(ORACLES) == set(own)
    for word, (keys, kind) in own.items():
        assert type(ORACLES[word](type=word, **keys).build(Whole())) is kind
    (tmp_path / "own program.py").write_text(COMMAND)  # beside the input, wherever a calculation is started
    command = f"{sys.executable} -S '{{here}}/own program.py' {{input}} {{output}} well"
    assert ORACLES["command"](type="command", command=command).build(Whole())(atoms(3)).energy == -1.5
    assert LabelSettings(workers=3, net_force=0.0).build(Whole()) == Labelling(workers=3, net_force=0.0)
    parsl = LabelSettings(executor="parsl", cluster="c.py")
    assert not list(parsl.check({})) and parsl.build(Whole()).cluster == str(tmp_path / "c.py")
    assert list(LabelSettings(executor="parsl").check({})) and list(LabelSettings(cluster="x").check({}))


# --- what labels are held to ------------------------------------------------------------------------------------------


def test_labels_that_can_not_be_right_are_refused():
    rng, systems = np.random.default_rng(4), []
    for k in range(14):
        n = 3 + k % 3
        system = System(Box(9.0 * np.eye(3), False), rng.uniform(0, 5, (n, 3)), ["H"] * (n - 1) + ["O"])
        system.info |= {"energy": -10.0 * (n - 1) - 400.0 + 0.01 * rng.normal(), "forces": rng.normal(size=(n, 3))}
        systems.append(system)
    known, system, calm = Known.of(systems), systems[0], np.zeros((3, 3))
    assert known.shares == pytest.approx({"H": -10.0, "O": -400.0}, abs=0.1) and 0.0 < known.spread < 0.02
    few = Known.of(systems[:9])  # of energies one can't say yet

    def said(energy=-420.0, forces=calm, stress=None, known=known):
        return complaint(system, Labels(energy=energy, forces=forces, stress=stress), 0.02, known, 20.0)

    assert Known.of([]) is None and few.shares == {} and said(-414.0, known=few) == ""
    assert "a force of 2e+05" in said(forces=[[0, 0, 2e5], [0, 0, -2e5], [0, 0, 0]], known=few)

    assert said() == "" and said(-417.5) == "" and said(forces=[[0, 0, 25], [0, 0, -25], [0, 0, 0]]) == ""
    assert "+2 eV an atom off" in said(-414.0) and "a force of 99" in said(forces=[[0, 0, 99], [0, 0, -99], [0, 0, 0]])
    assert "forces are [2, 3] for 3 atoms" in said(forces=np.zeros((2, 3)))
    assert "energy: not finite" in said(np.nan) and "forces: not finite" in said(forces=calm + np.inf)
    assert "stress is [6]" in said(stress=np.zeros(6)) and "stress: not finite" in said(stress=np.full((3, 3), np.nan))
    assert "add up to 0.0333 eV/Angstrom an atom" in said(forces=[[0.1, 0, 0], [0, 0, 0], [0, 0, 0]])
    assert "returns Labels, not tuple" in complaint(system, (1.0, calm))
