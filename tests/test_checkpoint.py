"""Does a checkpoint give back every bit, and is a good one there whatever goes wrong?"""

import errno
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

from mdcore.base.errors import OutputError
from mdcore.output import checkpoint
from tests.output_helpers import FakeSim

STATE = {
    "step": 12345,
    "big": 2**200 + 1,
    "negative": -(3**90),
    "time": 0.1 + 0.2,
    "tiny": 5e-324,
    "nothing": None,
    "flag": True,
    "inf": float("-inf"),
    "text": "Ångström\nline, \0 and \"quotes\"",
    "": "empty key",
    "a/b.c%": "odd key",
    "raw": bytes(range(256)),
    "no bytes": b"",
    "numbers": [1, 2, 2**70],
    "mixed": [1, 2.5, "x", None, [True, []], {"deep": (1, b"\0")}],
    "tuple": (True, False, True),
    "empty": {},
    "empty list": [],
    "columns": {
        "positions": np.random.default_rng(1).normal(size=(7, 3)),
        "tags": np.arange(7, dtype=np.int64),
        "species": np.arange(7, dtype=np.int32),
        "limbs": np.array([2**64 - 1, 0], dtype=np.uint64),
        "flags": np.array([True, False]),
        "none": np.empty((0, 3)),
        "scalar": np.float32(1.5),
        "zero-dimensional": np.array(3.0),
        "complex": np.array([1 + 2j]),
    },
}


def same(a, b):
    assert type(a) is type(b)
    if isinstance(a, dict):
        assert list(a) == list(b)
        for key in a:
            same(a[key], b[key])
    elif isinstance(a, list | tuple):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same(x, y)
    elif isinstance(a, np.ndarray | np.generic):
        assert a.dtype == b.dtype and a.shape == b.shape
        assert a.tobytes() == b.tobytes()
    else:
        assert a == b


def test_round_trip_is_exact(tmp_path):
    path = tmp_path / "a.checkpoint"
    checkpoint.write(path, STATE, {"version": "1", "input": "x = 1\n" * 50000})
    same(checkpoint.read(path), STATE)
    assert checkpoint.read_provenance(path) == {"version": "1", "input": "x = 1\n" * 50000}
    assert os.listdir(tmp_path) == ["a.checkpoint"]
    assert np.isnan(roundtrip(tmp_path, float("nan")))


def roundtrip(tmp_path, value):
    checkpoint.write(tmp_path / "b", {"value": value})
    return checkpoint.read(tmp_path / "b")["value"]


@pytest.mark.parametrize("value", [object(), {1, 2}, np.array(["a"]), np.array([None]), {1: 2}, (1, {2: 3})])
def test_unknown_types_are_refused(tmp_path, value):
    checkpoint.write(tmp_path / "b", {"value": 1})
    with pytest.raises(TypeError, match="checkpoint: "):
        checkpoint.write(tmp_path / "b", {"value": value})
    assert checkpoint.read(tmp_path / "b") == {"value": 1}
    assert os.listdir(tmp_path) == ["b"]


@pytest.mark.parametrize(
    ("name", "previous"),
    [("a.checkpoint", "a.checkpoint.previous"), ("a.checkpoint.h5", "a.checkpoint.previous.h5")],
)
def test_the_one_before_is_kept(tmp_path, name, previous):
    path = tmp_path / name
    (tmp_path / f".{name}.0123456789abcdef.mdcore-tmp").write_text("left over by a kill")
    (tmp_path / (name + ".tmp")).write_text("somebody's")
    for step in (1, 2, 3):
        checkpoint.write(path, {"step": step})
    assert checkpoint.read(path) == {"step": 3}
    assert checkpoint.read(tmp_path / previous) == {"step": 2}
    assert sorted(os.listdir(tmp_path)) == sorted([name, previous, name + ".tmp"])


def test_without_hard_links(tmp_path, monkeypatch):
    def link(*_):
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", link)
    path = tmp_path / "a.checkpoint"
    for step in (1, 2):
        checkpoint.write(path, {"step": step})
    assert checkpoint.read(path) == {"step": 2}
    assert checkpoint.read(tmp_path / "a.checkpoint.previous") == {"step": 1}


@pytest.mark.parametrize(
    ("call", "nth"), [("open", 1), ("open", 2), ("fsync", 1), ("replace", 1), ("replace", 2)]
)
def test_failure_at_any_point_leaves_the_good_one(tmp_path, monkeypatch, call, nth):
    path = tmp_path / "a.checkpoint"
    for step in (1, 2):
        checkpoint.write(path, {"step": step, "x": np.arange(1000.0)})
    real, count = getattr(os, call, None), []

    def fail(*arguments, **options):
        count.append(1)
        if len(count) == nth:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(*arguments, **options)

    if real is None:
        pytest.skip(f"no os.{call} here")
    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OutputError) as caught:
        checkpoint.write(path, {"step": 3, "x": np.arange(1000.0)})
    monkeypatch.undo()
    message = str(caught.value)
    assert message.startswith(f"{path}: can't write: No space left on device")
    assert "free some space" in message and "intact" in message
    assert checkpoint.read(path)["step"] == 2
    checkpoint.read(tmp_path / "a.checkpoint.previous")
    assert sorted(os.listdir(tmp_path)) == ["a.checkpoint", "a.checkpoint.previous"]


def test_full_disk(tmp_path):
    script = """
        import resource, signal, sys
        import numpy as np
        from mdcore.output import checkpoint
        from mdcore.base.errors import OutputError
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        checkpoint.write(sys.argv[1], {"step": 1})
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
        try:
            checkpoint.write(sys.argv[1], {"step": 2, "x": np.ones((100000, 3))})
        except OutputError as error:
            print(error)
            sys.exit(4)
    """
    limits = (0, 100, 1000, 100_000, 2_400_000)
    for limit in limits:
        path = tmp_path / str(limit)
        command = [sys.executable, "-c", textwrap.dedent(script), path, str(limit)]
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert result.returncode == 4, result.stderr
        assert result.stderr == ""
        assert result.stdout.startswith(f"{path}: can't write: File too large")
        assert checkpoint.read(path) == {"step": 1}
    assert len(os.listdir(tmp_path)) == len(limits)


def damaged(path, previous=False):
    with pytest.raises(OutputError) as caught:
        checkpoint.read(path)
    message = str(caught.value)
    assert "\n" not in message
    assert ("previous" in message) == previous
    return message


@pytest.mark.parametrize("previous", [False, True])
def test_damage_is_told(tmp_path, previous):
    path = tmp_path / "a.checkpoint"
    assert damaged(path) == f"{path}: no such checkpoint"
    state = {"step": 1, "x": np.arange(1000.0), "text": "a" * 50}
    checkpoint.write(path, state)
    if previous:
        checkpoint.write(path, state)
    good = path.read_bytes()
    for length in (0, 7, 20, 40, 512, 2000, len(good) // 2, len(good) - 1):
        path.write_bytes(good[:length])
        wanted = "not a checkpoint" if length < 20 else "damaged checkpoint ("
        assert f"{path}: {wanted}" in damaged(path, previous)
    path.write_bytes(good.replace(np.arange(500.0, 501.0).tobytes(), np.arange(501.0, 502.0).tobytes(), 1))
    assert "does not match its checksum" in damaged(path, previous)
    path.write_bytes(good.replace(b"a" * 50, b"a" * 49 + b"b"))
    assert "does not match its checksum" in damaged(path, previous)
    path.unlink()
    assert "no such checkpoint" in damaged(path, previous)
    path.write_bytes(good.replace(b"mdcore checkpoint 1", b"mdcore checkpoint 9"))
    assert "a checkpoint of format 9, this mdcore reads 1" in damaged(path, previous)
    path.write_text("step = 1\n" * 1000)
    assert "not a checkpoint of mdcore" in damaged(path, previous)


def test_any_flipped_byte_is_noticed_or_harmless(tmp_path):
    path = tmp_path / "a.checkpoint"
    state = {"step": 77, "x": np.arange(50.0), "d": {"y": [1, 2]}}
    checkpoint.write(path, state)
    good = path.read_bytes()
    rng = np.random.default_rng(2)
    for position in rng.integers(0, len(good), 300):
        bad = bytearray(good)
        bad[position] ^= 0xFF
        path.write_bytes(bad)
        try:
            back = checkpoint.read(path)
        except OutputError:
            continue
        same(back, state)


# The observer


class Output:
    def __init__(self):
        self.calls = []

    def flush(self, durable=False):
        self.calls.append(durable)


def test_every_n_steps(tmp_path):
    output = Output()
    writer = checkpoint.Checkpointer(tmp_path / "c", every=10, outputs=[output])
    sim = FakeSim()
    sim.run(35, writer)
    assert writer.last_step == 30 and output.calls == [True] * 3  # step 0 holds nothing new
    same(checkpoint.read(tmp_path / "c")["positions"], sim_state(30)["positions"])
    writer.write(sim)
    assert checkpoint.read(tmp_path / "c")["step"] == 35
    assert checkpoint.read(tmp_path / "c.previous")["step"] == 30


def sim_state(step):
    sim = FakeSim()
    sim.step = step
    return sim.state()


@pytest.mark.parametrize("steps", [0, 24])
def test_every_n_minutes(tmp_path, monkeypatch, steps):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    writer = checkpoint.Checkpointer(tmp_path / "c", every=steps, minutes=1.0)
    sim, written, polled = FakeSim(), [], []
    for sim.step in range(3000):
        if sim.step % writer.every == 0:
            polled.append(sim.step)
            before = writer.last_step
            writer.observe(sim)
            if writer.last_step != before and sim.step:
                written.append(sim.step)
        now[0] += 0.1
    if steps:
        assert written[:3] == [24, 48, 72]
    else:
        np.testing.assert_allclose(np.diff([0, *written]), 600, atol=16)
        assert len(polled) < 3000 / 8 + 10  # about once a second
