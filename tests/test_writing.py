"""Are our files written so that nothing is lost, nothing foreign touched, and nothing left over?"""

import errno
import os
import stat
import subprocess
import sys
import textwrap
import threading

import h5py
import numpy as np
import pytest

from mdcore.base import writing
from mdcore.base.errors import OutputError
from mdcore.base.writing import appending, in_picture, keep, plain, remove, replacing, write_texts, writing_text
from mdcore.base.writing_h5 import writing_h5


def write(path, text, **how):
    with writing_text(path, **how) as stream:
        stream.write(text)


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a"
    write(path, "1", overwrite=False)
    write(path, "2")
    with pytest.raises(OutputError, match="already exists"):
        write(path, "3", overwrite=False)
    with pytest.raises(ZeroDivisionError), writing_text(path) as stream:
        stream.write("4")
        assert path.read_text() == "2"
        raise ZeroDivisionError
    with pytest.raises(OutputError, match="a: can't write: No space left on device; free some space"), replacing(path):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "2" and os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize("call", ["open", "fsync", "replace", "fchmod", "fchown", "scandir"])
def test_whatever_fails_the_file_is_whole(tmp_path, monkeypatch, call):
    path = tmp_path / "a"
    write(path, "1")

    def fail(*_, **__):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    writing._swept.clear()
    monkeypatch.setattr(os, call, fail)
    try:
        write(path, "2")
    except OutputError as error:
        assert str(error).startswith(f"{path}: can't write: Input/output error")
    monkeypatch.undo()
    assert path.read_text() == ("1" if call in ("open", "fsync", "replace") else "2")
    assert os.listdir(tmp_path) == ["a"]


def test_permissions_stay(tmp_path):
    path, before = tmp_path / "a", os.umask(0o027)
    try:
        write(path, "1")
        assert stat.S_IMODE(path.stat().st_mode) == 0o640  # as of any new file
        os.chmod(path, 0o604)
        write(path, "2")
        assert stat.S_IMODE(path.stat().st_mode) == 0o604
    finally:
        os.umask(before)


def test_a_write_protected_file_stays(tmp_path):
    path = tmp_path / "a"
    write(path, "1")
    os.chmod(path, 0o444)
    with pytest.raises(OutputError, match="a: is write-protected: allow writing"):
        write(path, "2")
    assert path.read_text() == "1"


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "there").mkdir()
    (tmp_path / "a").symlink_to("link")
    (tmp_path / "link").symlink_to(tmp_path / "there" / "b")
    for text in "12":
        write(tmp_path / "a", text)
        assert (tmp_path / "a").is_symlink() and (tmp_path / "link").is_symlink()
        assert (tmp_path / "there" / "b").read_text() == text
    assert os.listdir(tmp_path / "there") == ["b"]
    (tmp_path / "broken").symlink_to("none/c")
    with pytest.raises(OutputError, match=r"broken, a link to .*none/c, can't write: No such file"):
        write(tmp_path / "broken", "1")


def test_a_hard_link_keeps_the_old_content(tmp_path):
    write(tmp_path / "a", "1")
    os.link(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "a", "2")
    assert (tmp_path / "b").read_text() == "1"


def test_what_is_no_regular_file_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "to_null").symlink_to("/dev/null")
    expected = {"pipe": "a pipe", ".": "a folder", "/dev/null": "a device", "to_null": "a device", "loop": "a circle"}
    for name, what in expected.items():
        for overwrite in (True, False):
            with pytest.raises(OutputError, match=what):
                write(tmp_path / name, "1", overwrite=overwrite)
    assert sorted(os.listdir(tmp_path)) == ["loop", "pipe", "to_null"]
    for name, what in {"none/a": "No such file", "a" * 256: "a shorter name", "a\0b": "no file can have"}.items():
        with pytest.raises(OutputError, match=what):
            write(tmp_path / name, "1")


def test_long_names_and_odd_letters(tmp_path):
    for name in ("a" * 255, "\u03b1" * 127, "\U0001f600" * 63, "a\nb", "a\udcff", " ", "*?[", ".a"):
        path = tmp_path / name
        for text in "12":
            write(path, text)
        assert path.read_text() == "2"
        (left,) = [tmp_path / (writing._prefix(path) + "0" * 16 + writing.TEMPORARY)]
        left.touch()
        writing._swept.clear()
        write(path, "3")
        assert not left.exists()
        path.unlink()
    assert os.listdir(tmp_path) == []


def test_a_file_system_that_knows_ascii_only(tmp_path):
    code = "import sys; from mdcore.base.writing import writing_text\nwith writing_text(sys.argv[1]) as f: f.write('1')"
    ascii_only = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONPATH": os.pathsep.join(sys.path)}
    path = tmp_path / "\u00fc\u2603"
    subprocess.run([sys.executable, "-c", code, path], env={**os.environ, **ascii_only}, check=True)
    assert os.listdir(tmp_path) == [path.name] and path.read_text() == "1"


def test_a_file_that_appears_meanwhile_is_not_overwritten(tmp_path, monkeypatch):
    path = tmp_path / "a"
    with pytest.raises(OutputError, match="already exists"), writing_text(path, overwrite=False) as stream:
        stream.write("1")
        path.write_text("somebody's")
    assert path.read_text() == "somebody's" and os.listdir(tmp_path) == ["a"]
    path.unlink()
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EPERM, "no links here")))
    write(path, "2", overwrite=False)
    assert path.read_text() == "2"


KILLED = """
import os, signal, sys
from mdcore.base.writing import writing_text
with writing_text(sys.argv[1]) as stream:
    stream.write("half")
    stream.flush()
    print("here", flush=True)
    sys.stdin.read() if sys.argv[2:] else os.kill(os.getpid(), signal.SIGKILL)
"""


def child(path, *more):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", textwrap.dedent(KILLED), path, *more]
    process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"here\n"
    return process


def test_what_a_kill_left_goes_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    child(path).communicate()
    assert len(os.listdir(tmp_path)) == 1
    for name in (".a.0123456789abcde.mdcore-tmp", ".a.mdcore-tmp", ".ab.0123456789abcdef.mdcore-tmp", "a.tmp", ".tmp"):
        (tmp_path / name).write_text("somebody's")
    (tmp_path / ".a.fedcba9876543210.mdcore-tmp").symlink_to("a.tmp")
    os.mkfifo(tmp_path / ".a.fedcba9876543211.mdcore-tmp")
    before = set(os.listdir(tmp_path))
    busy = child(path, "wait")  # which sweeps, and is still at it
    write(path, "1")
    left = set(os.listdir(tmp_path))
    assert len(left) == 1 + 7 + 1 and len(before - left) == 1 and path.read_text() == "1"
    busy.communicate(b"")
    assert path.read_text() == "half" and len(os.listdir(tmp_path)) == 8
    assert (tmp_path / "a.tmp").read_text() == "somebody's"


def test_two_at_once(tmp_path):
    """Each content is whole; none is swept away by another."""
    path = tmp_path / "a"

    def work(letter):
        for _ in range(20):
            writing._swept.clear()
            write(path, letter * 1000)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    text = path.read_text()
    assert text == text[0] * 1000 and os.listdir(tmp_path) == ["a"]


# --- texts, folders, HDF5 ---------------------------------------------------------------------------------------


def test_any_text_can_be_stored(tmp_path):
    text = "\u03b1\u8a66\U0001f600 a\udcffb\0c $x$"
    write(tmp_path / "a", text)
    assert (tmp_path / "a").read_text(encoding="utf-8") == text.replace("\udcff", "\\udcff")
    assert plain(text) == "\u03b1\u8a66\U0001f600 a\\udcffb\\x00c $x$"
    assert in_picture("$\\frac{$") == r"\$\frac{\$"
    with writing_h5(tmp_path / "b.h5") as file:
        file.attrs["t"] = plain(text)
    with h5py.File(tmp_path / "b.h5") as file:
        assert file.attrs["t"] == plain(text)


def test_a_folder_is_complete_or_as_it_was(tmp_path, monkeypatch):
    folder, texts = tmp_path / "f", {"a": "1", "b": "1", "index": "1"}
    write_texts(folder, texts, overwrite=False)
    (folder / "c").write_text("old")
    (folder / "notes").write_text("somebody's")
    with pytest.raises(OutputError, match="already exists"):
        write_texts(folder, texts, overwrite=False)
    with pytest.raises(TypeError):
        write_texts(folder, {"a": "2", "b": None, "index": "2"})
    assert {p.name: p.read_text() for p in folder.iterdir()} == {**texts, "c": "old", "notes": "somebody's"}
    write_texts(folder, {"b": "3", "index": "3"}, instead_of=("a", "c"))
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"b": "3", "index": "3", "notes": "somebody's"}
    # a kill between the renamings: without the last file nobody takes the folder for complete
    real = os.replace

    def one_only(old, new):
        if os.path.basename(new) != "a":
            raise KeyboardInterrupt
        real(old, new)

    monkeypatch.setattr(os, "replace", one_only)
    with pytest.raises(KeyboardInterrupt):
        write_texts(folder, {"a": "4", "b": "4", "index": "4"})
    assert {p.name: p.read_text() for p in folder.iterdir()} == {"a": "4", "b": "3", "notes": "somebody's"}
    monkeypatch.undo()
    with pytest.raises(TypeError):
        write_texts(tmp_path / "new", {"a": None})
    assert os.listdir(tmp_path) == ["f"]  # a folder that got no files goes
    with pytest.raises(OutputError, match=r"f/b: can't write: (File exists|Not a directory)"):
        write_texts(folder / "b", texts)


FULL = """
import resource, signal, sys
import numpy as np
from mdcore.base.errors import OutputError
from mdcore.base.writing_h5 import writing_h5
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]),) * 2)
for n in (1, 30, 300):
    try:
        with writing_h5(sys.argv[1]) as file:
            for k in range(n):
                file.create_dataset(f"{k}/x", data=np.full(1000 * k, 1.0), compression="gzip" if k % 2 else None)
                file[str(k)].attrs["text"] = "x" * 1000 * k
                len(file[f"{k}/x"]), file["0"].attrs["text"], list(file)
            file["big"] = np.ones(300_000)
        sys.exit(1)
    except OutputError as error:
        print(error)
"""


@pytest.mark.parametrize("limit", [0, 100, 5000, 100_000, 1_000_000])
def test_hdf5_never_meets_a_full_disk(tmp_path, limit):
    path = tmp_path / "a.h5"
    path.write_text("before")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", FULL, path, str(limit)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    told = f"{path}: can't write: File too large; raise the limit of the size of a file (ulimit -f), or write elsewhere"
    assert done.stdout.splitlines() == [told] * 3
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["a.h5"]


def test_hdf5_is_what_h5py_writes(tmp_path):
    with writing_h5(tmp_path / "a.h5", userblock_size=512) as file:
        file["x"] = np.arange(1000.0)
        file["g/t"] = "text"
        del file["x"]
        file["x"] = np.arange(3)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["x"][()].tolist() == [0, 1, 2] and file["g/t"].asstr()[()] == "text" and file.userblock_size == 512


# --- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("links", [True, False])
def test_keep(tmp_path, monkeypatch, links):
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError(errno.EXDEV, "another device")))
    (tmp_path / "a").write_text("1")
    (tmp_path / "b").write_text("0")
    for _ in range(2):  # the second time both are one file already
        keep(tmp_path / "a", tmp_path / "b")
        assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "1"
    (tmp_path / "c").symlink_to("d")
    keep(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "d").read_text() == "1" and sorted(os.listdir(tmp_path)) == ["a", "b", "c", "d"]


def test_remove(tmp_path):
    (tmp_path / "a").write_text("1")
    (tmp_path / "link").symlink_to("a")
    remove(tmp_path / "link")
    remove(tmp_path / "link")
    assert os.listdir(tmp_path) == ["link"]
    with pytest.raises(OSError, match="a folder"):
        remove(tmp_path)


def test_appending(tmp_path):
    path = tmp_path / "a"
    path.write_text("1")
    with appending(path, 1) as stream:
        stream.write("\u03b12")
    with pytest.raises(ZeroDivisionError), appending(path, 4) as stream:
        stream.write("3" * 100_000)
        raise ZeroDivisionError
    assert path.read_text(encoding="utf-8") == "1\u03b12"
    for size in (3, 5):
        with pytest.raises(OutputError, match="a: was removed, replaced or changed by some"), appending(path, size):
            pass
    path.unlink()
    with pytest.raises(OutputError, match="was removed"), appending(path, 4):
        pass
    assert os.listdir(tmp_path) == []
