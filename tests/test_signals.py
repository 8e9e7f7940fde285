"""Do signals ask politely, once, and leave no trace?"""

import os
import signal
import threading
from types import SimpleNamespace

import pytest

from mdcore.base.signals import StopSignals
from mdcore.cli.run import stopped
from mdcore.config.load import load
from mdcore.shipped import template


def send(name):
    os.kill(os.getpid(), getattr(signal, name))


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGPIPE"])
def test_signal_sets_the_flag(name):
    if name == "SIGHUP" and signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        pytest.skip("the tests run under nohup")
    before = signal.getsignal(getattr(signal, name))
    with StopSignals() as stop:
        assert not stop() and stop.received is None
        send(name)
        assert stop() and stop.received == name
    assert signal.getsignal(getattr(signal, name)) is before


def test_second_interrupt_stops_at_once():
    before = signal.getsignal(signal.SIGINT)  # ignored, if the shell runs the tests in the background
    with pytest.raises(KeyboardInterrupt), StopSignals() as stop:
        send("SIGINT")
        assert stop()
        send("SIGINT")
    assert signal.getsignal(signal.SIGINT) is before


def test_second_sigterm_is_patient():
    with StopSignals() as stop:
        send("SIGUSR1")
        send("SIGTERM")
        assert stop.received == "SIGUSR1"


def test_who_ignores_a_hangup_goes_on():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals() as stop:
            send("SIGHUP")
            assert not stop()
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_other_threads_are_left_alone():
    answers = []

    def work():
        with StopSignals() as stop:
            answers.append(stop())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert answers == [False]


def test_the_command_to_go_on_with_is_whole(tmp_path, monkeypatch):
    """As it was typed: an output of another name has a checkpoint of that name."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "lj.toml").write_text(template("lj"))
    settings = load("lj.toml", ["output.name=other", "structure.replicate=[2, 2, 2]"])
    told = str(stopped(settings, SimpleNamespace(stop_requested=None, step=3)))
    assert "written to other.checkpoint" in told
    assert told.endswith(
        "continue with: mdcore run lj.toml --restart --set output.name=other --set 'structure.replicate=[2, 2, 2]'"
    )
