"""Are users' files opened as promised?"""

import os
import socket

import h5py
import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.base.files import MOST_OBJECTS, open_h5, open_text, read_bytes, read_text

# --- reading -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"a\r\nb\rc\n", "a\nb\nc\n"),
        (b"\xef\xbb\xbfa\n", "a\n"),
        ("a\u00e5\n".encode("utf-16"), "a\u00e5\n"),
        ("a\u00e5\n".encode("utf-32"), "a\u00e5\n"),
        (b"\xfe\xff" + "a\u00e5\n".encode("utf-16-be"), "a\u00e5\n"),
        (b"3 \xc5\n", "3 \u00c5\n"),  # Latin-1
        (b"\xc3\x85 \xc5\n", "\u00c5 \u00c5\n"),  # both
        (b"", ""),
    ],
)
def test_text_comes_in_many_encodings(tmp_path, data, text):
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    assert read_text(path) == text
    with open_text(path) as stream:
        assert "".join(stream) == text


def test_only_regular_files_are_read(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's path is short
        server.bind("socket")
        expected = {"pipe": "a pipe", "/dev/zero": "a device", ".": "a folder", "socket": "can't be read"}
        for name, kind in expected.items():
            for read in (read_text, read_bytes, open_h5):
                with pytest.raises(InputError, match=f"{kind}.*expected "):
                    read(tmp_path / name)
    with pytest.raises(InputError, match="No such file or directory; expected a table"):
        read_text(tmp_path / "none", "a table")
    with pytest.raises(InputError, match="no file can have such a name"):
        read_text("a\0b")


@pytest.mark.skipif(not os.path.exists("/proc/self/mem"), reason="a file that can be opened but not read")
def test_a_failing_disk_names_the_file():
    for read in (read_text, read_bytes, open_text):
        with pytest.raises(InputError, match="/proc/self/mem: can't be read: Input/output error; expected"):
            read("/proc/self/mem")


def test_sizes_are_bounded_and_zero_bytes_are_no_text(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(b"12345678")
    assert read_text(path, most=8) == "12345678" and read_bytes(path, most=8) == b"12345678"
    for read in (read_text, read_bytes):
        with pytest.raises(InputError, match="expected a small one, which has 0 MB at most"):
            read(path, "a small one", most=7)
    for data in (b"12\0", b"1" * 5000 + b"\0"):
        path.write_bytes(data)
        with pytest.raises(InputError, match="a binary file"):
            read_text(path)


# --- HDF5 ----------------------------------------------------------------------------------------------------------


def deep(file):
    for _ in range(40):
        file = file.create_group("g")


MALICIOUS = {
    "external link": lambda f: f.update({"a": h5py.ExternalLink("other.h5", "/x")}),
    "soft link": lambda f: f.update({"a": h5py.SoftLink("/x")}),
    "other files": lambda f: f.create_dataset("a", (4,), "u1", external=[("/etc/passwd", 0, 4)]),
    "objects": lambda f: [f.create_group(f"g{k}") for k in range(MOST_OBJECTS + 1)],
    "deep": deep,
    "far more": lambda f: f.create_dataset("a", (10**12, 10**12), "f8", chunks=(100, 100)),
    "far more than": lambda f: f.create_dataset("z", data=np.zeros(10**8, "i1"), compression="gzip"),
    "values of TypeReference": lambda f: f.create_dataset("a", data=f.ref, dtype=h5py.ref_dtype),
    "attributes": lambda f: [f.attrs.create(f"a{k}", k) for k in range(1001)],
}


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "x", (4,))
    file.create_virtual_dataset("a", layout)


@pytest.mark.parametrize(("what", "make"), [*MALICIOUS.items(), ("other files", virtual)])
def test_hdf5_that_leads_out_or_blows_up_is_refused(tmp_path, what, make):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = np.arange(4.0)
        make(file)
    with pytest.raises(InputError, match=f"a.h5: .*{what}.*nothing was read"):
        open_h5(path)


def test_plain_hdf5_is_read(tmp_path):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=1024) as file:
        file["g/x"] = np.arange(4.0)
        file["y"] = file["g/x"]  # one object, two names
        file["g/again"] = file["g"]  # a circle
        file["t"] = ["a", "b"]
        file["r"] = np.zeros(3, [("a", "f8", 3), ("b", "S4")])
        file["zip"] = np.zeros(100_000)
        file["none"] = h5py.Empty("f8")
        file["g"].attrs["names"] = ["H", "O"]
    with open_h5(path) as file:
        assert file["y"][2] == 2.0
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(InputError, match=r"a.h5: (can't be read as HDF5|damaged)"):
        open_h5(path)
    path.write_text("text")
    with pytest.raises(InputError, match="not an HDF5 file; expected a potential"):
        open_h5(path, "a potential")


@pytest.mark.parametrize("how", [{}, {"locking": False}, {"locking": True}, {"locking": "best-effort"}])
@pytest.mark.parametrize("mode", ["r", "r+", "w"])
def test_hdf5_that_is_open_elsewhere_is_read(tmp_path, mode, how):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["x"] = 1.0
    with h5py.File(path, mode, **how) as file:
        file["x"] if mode == "r" else file.create_dataset("y", data=2.0)
        file.flush()
        with open_h5(path) as other:
            assert other["x" if mode == "r" else "y"][()] == (1.0 if mode == "r" else 2.0)


def test_hdf5_whose_writer_died_is_read(tmp_path):
    """HDF5 marks a file that is being written and read at the same time, and a kill leaves the mark."""
    path = tmp_path / "a.h5"
    with h5py.File(tmp_path / "b.h5", "w", libver="latest") as file:
        file["x"] = 1.0
        file.swmr_mode = True
        file.flush()
        path.write_bytes((tmp_path / "b.h5").read_bytes())
    with open_h5(path) as file:
        assert file["x"][()] == 1.0
