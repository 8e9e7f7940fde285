"""Is what people read on the screen right, brief, and in the right place?"""

import io
import re
import sys
from types import SimpleNamespace

import pytest

from mdcore.base import console
from mdcore.base.pace import Pace
from mdcore.base.timers import PHASES
from mdcore.output import progress as report
from mdcore.output import provenance
from mdcore.output.thermo_log import SHOWN, ThermoLog
from tests.output_helpers import FakeComm, FakeSim


class Terminal(io.StringIO):
    def isatty(self):
        return True


class Ticking:
    """A clock that the test sets."""

    def __init__(self, monkeypatch):
        self.now = 1000.0
        monkeypatch.setattr("time.monotonic", lambda: self.now)
        monkeypatch.setattr("time.perf_counter", lambda: self.now)


@pytest.fixture
def ticking(monkeypatch):
    return Ticking(monkeypatch)


def run(sim, progress, steps, ticking, step_seconds):
    calls = 0
    for sim.step in range(steps + 1):
        if progress.every and sim.step % progress.every == 0:
            progress.observe(sim)
            calls += 1
        ticking.now += step_seconds
    progress.close()
    return calls


def test_banner_names_everything():
    sim = FakeSim(n_atoms=1500)
    origin = provenance.collect("x = 1", "avx2", 7, title="liquid")
    text = report.banner(sim, origin, "argon.toml")
    lines = text.splitlines()
    assert lines[0] == f"mdcore {origin['version']}"
    for wanted in ("argon.toml", "liquid", "avx2", "1,500 (Ar, Kr)", "1 (grid 1 x 1 x 1)"):
        assert wanted in text
    assert "10 x 10 x 10 Angstrom, periodic along abc" in text
    assert "metal (Angstrom, fs, eV)" in text
    assert lines[-1].split() == ["seed", "7"]
    assert "x = 1" not in text and "\n  potential" not in text
    assert "  potential  Lennard-Jones\n" in report.banner(sim, {"potentials": "Lennard-Jones"})
    networks = {"potential": "hdnnp net", "potentials": "net + ZBL"}
    assert "  potential  hdnnp net\n" in report.banner(sim, networks)


def test_provenance_is_complete_and_flat():
    origin = provenance.collect("x = 1", "avx2", 7, ranks="4")
    assert {"version", "input", "cpu", "seed", "command", "date", "author", "host", "python"} <= set(origin)
    assert all(isinstance(value, str) for value in origin.values())
    assert origin["seed"] == "7" and origin["ranks"] == "4"


def test_progress_on_a_terminal_is_one_line(ticking):
    stream = Terminal()
    calls = run(FakeSim(), report.Progress(20000, stream), 20000, ticking, 0.001)
    text = stream.getvalue()
    assert "\n" not in text and text.endswith("\r\x1b[K")
    drawn = text.split("\r")[1:-1]
    assert 30 <= len(drawn) <= 90  # 20 s, at most four a second
    assert calls < 200
    assert "steps/s" in drawn[-1] and "ns/day" in drawn[-1] and "left" in drawn[-1]
    assert all(len(line.removesuffix("\x1b[K")) < 120 for line in drawn)


def test_progress_in_a_log_is_sparse(ticking):
    stream = io.StringIO()
    calls = run(FakeSim(), report.Progress(3600, stream), 3600, ticking, 1.0)
    lines = stream.getvalue().splitlines()
    assert 9 <= len(lines) <= 11
    assert "\r" not in stream.getvalue()
    assert lines[0].startswith("step 360/3600  10.0 %  1 steps/s")
    assert lines[0].endswith("6:00 passed, 54:00 left")
    assert calls <= 3601


@pytest.mark.parametrize(
    ("style", "seconds", "count"), [("lines", 0.001, 0), ("off", 10.0, 0), ("lines", 1000.0, 20)]
)
def test_progress_lines_when(ticking, style, seconds, count):
    stream = io.StringIO()
    run(FakeSim(), report.Progress(20, stream, style), 20, ticking, seconds)
    assert len(stream.getvalue().splitlines()) == count


def test_progress_after_a_restart_counts_from_there(ticking):
    sim, stream = FakeSim(), io.StringIO()
    progress = report.Progress(2000, stream)
    for sim.step in range(1000, 2001):
        if sim.step % progress.every == 0:
            progress.observe(sim)
        ticking.now += 1.0
    first = stream.getvalue().splitlines()[0]
    assert first.startswith("step 1100/2000  10.0 %  1 steps/s")


@pytest.mark.parametrize(("units", "speed"), [("metal", "8.64 ns/day"), ("lj", "8.64e+06 tau/day")])
def test_timing_table(ticking, units, speed):
    sim = FakeSim(n_atoms=500, units=units)
    sim.comm = TwoRanks()
    meter = report.Meter(sim)
    sim.step = 500
    ticking.now += 10.0
    sim.timers.seconds.update(dict(zip(PHASES, (1.0, 2.0, 0.5, 5.0, 0.5, 0.25), strict=True)))
    lines = meter.report(sim).splitlines()
    rows = {line.split()[0]: line.split()[1:] for line in lines[1 : 1 + len(PHASES)]}
    assert rows["integrate"] == ["1.000", "2.000", "3.000", "20.0"]
    assert rows["forces"] == ["3.000", "4.000", "5.000", "40.0"]
    assert rows["other"] == ["1.000", "1.000", "1.000", "10.0"]  # what no phase booked is in it
    assert sum(float(row[-1]) for row in rows.values()) == pytest.approx(100.0)
    assert "500 steps of 500 atoms in 10.000 s (0:10) on 2 ranks" in lines
    assert f"50 steps/s   {speed}   2.5e+04 atom-steps/s" in lines
    assert lines[-1] == "memory, peak of a rank: 300 MiB (average 200 MiB)"


def test_one_rank_has_one_column_of_seconds(ticking):
    sim = FakeSim()
    meter = report.Meter(sim)
    ticking.now += 2.0
    lines = meter.report(sim).splitlines()
    assert lines[0].split() == ["phase", "s", "%"]
    assert lines[len(PHASES)].split() == ["other", "2.000", "100.0"]


class Screen:
    """What a terminal shows after all that was written on it: lines, of which the last may be drawn anew."""

    def __init__(self):
        self.lines = [""]

    def isatty(self):
        return True

    def flush(self):
        pass

    def write(self, text):
        for piece in re.findall(r"\r|\n|\x1b\[K|[^\r\n\x1b]+", text):
            if piece == "\n":
                self.lines.append("")
            elif piece in ("\r", "\x1b[K"):
                self.lines[-1] = "" if piece == "\r" else self.lines[-1]
            else:
                self.lines[-1] += piece


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_no_line_cuts_another(ticking, monkeypatch, columns):
    screen = Screen()
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr("sys.stderr", screen)
    sim = FakeSim()
    progress, log = report.Progress(20000, screen, "bar"), ThermoLog(10, screen)
    for sim.step in range(0, 201):
        if sim.step % 10 == 0:
            log.observe(sim)
        if sim.step == 95:
            console.tell("warning", "outside, " * 40)
        if sim.step % progress.every == 0:
            progress.observe(sim)
        ticking.now += 0.5
    assert "left" in screen.lines[-1]
    progress.close()
    assert screen.lines.pop() == ""
    assert all(len(line) <= columns for line in screen.lines)
    heads, units, *rows = [line for line in screen.lines if "warning" not in line and "outside" not in line]
    assert [int(row.split()[0]) for row in rows] == list(range(0, 201, 10))
    assert {len(row) for row in (heads, units, *rows)} == {len(heads)}
    assert {40: 3, 60: 4, 80: 6, 200: 9}[columns] == len(heads.split())
    warning = [line for line in screen.lines if "outside" in line]
    assert len(warning) > 2 and warning[0].startswith("mdcore: warning: outside,") and warning[1].startswith("  ")


def test_in_a_log_a_message_is_one_line_and_the_table_has_all_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    console.tell("warning", "outside, " * 40)
    ThermoLog(10, sys.stdout).observe(FakeSim())
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert out.splitlines()[0].split() == ["step", *list(SHOWN)[:8]]


def test_a_dumb_terminal_gets_lines(monkeypatch):
    assert report.Progress(10, Terminal()).style == "bar"
    monkeypatch.setenv("TERM", "dumb")
    assert report.Progress(10, Terminal()).style == "lines"


def test_numbers_never_touch():
    stream = io.StringIO()
    sim = FakeSim()
    sim.thermo = lambda: SimpleNamespace(
        step=10**11, stress=None, **dict.fromkeys(list(SHOWN)[:8], -1.2345678912e-123)
    )
    ThermoLog(1, stream).observe(sim)
    assert len(stream.getvalue().splitlines()[-1].split()) == 9


class TwoRanks(FakeComm):
    size = 2

    def allgather(self, mine):
        wall, seconds, _ = mine
        other = list(seconds)
        other[0] += 2.0
        other[3] -= 2.0
        return [(wall, seconds, 100 * 2**20), (wall, other, 300 * 2**20)]


def test_memory_and_clock():
    assert 2**23 < report.peak_memory() < 2**36
    wanted = {0.2: "0:00", 61.0: "1:01", 3723.4: "1:02:03", 200000.0: "2 d 07:33:20"}
    assert {seconds: report.clock(seconds) for seconds in wanted} == wanted


def test_pace_asks_once_a_second_and_keeps_to_multiples(ticking):
    for divides in (0, 24, 7):
        pace, sim = Pace(1.0, divides), FakeSim()
        for sim.step in range(100000):
            if sim.step % pace.every == 0:
                pace.poll(sim)
            ticking.now += 0.0001
        assert pace.every == {0: 8192, 24: 8, 7: 1}[divides]
