"""Is a potential file that was made to harm, or is damaged, refused before it does?"""

from dataclasses import replace

import h5py
import numpy as np
import pytest

from mdcore.base.errors import InputError
from mdcore.cli.info import info
from mdcore.potentials.networks.h5 import read_h5, write_h5
from mdcore.potentials.networks.hdnnp import HDNNPotential
from mdcore.potentials.networks.native_units import Units
from mdcore.potentials.networks.vectors import make_test_vectors
from tests.reference.hdnnp_models import random_model


@pytest.fixture(scope="module")
def model():
    bare = replace(random_model(), units=Units("angstrom", "ev"))
    return replace(bare, test_vectors=make_test_vectors(HDNNPotential(bare).answers))


@pytest.fixture
def path(tmp_path, model):
    write_h5(model, tmp_path / "a.h5")
    return tmp_path / "a.h5"


W = "elements/O/weights/0"


def swap(file, name, **data):
    del file[name]
    file.create_dataset(name, **data)


def linked(kind):
    def change(file):
        del file[W]
        file[W] = kind

    return change


def set_attr(name, value, where="/"):
    return lambda file: file[where].attrs.create(name, value)


def vector(name, value):
    return lambda file: file[f"test_vectors/0/{name}"].__setitem__(..., value)


HARMFUL = {
    "weights in another file": (
        lambda f: swap(f, W, shape=(3,), dtype="f8", external=[("/etc/passwd", 0, 24)]),
        "its values are in other files",
    ),
    "external link": (linked(h5py.ExternalLink("/etc/passwd", "/x")), "external link"),
    "soft link": (linked(h5py.SoftLink("/elements/O/biases/0")), "soft link"),
    "huge": (lambda f: swap(f, W, shape=(40_000, 30_000), dtype="f8", chunks=(10, 10)), "far more"),
    "members": (
        lambda f: (f.create_group("members").attrs.create("n", 20_000), f.attrs.create("version", 2)),
        "20,000 members of a committee: 100 at most",
    ),
    "layers": (set_attr("activations", "t" * 1000, "elements/O"), "1,000 layers"),
    "elements": (set_attr("elements", ["H"] * 1000), "1,000 elements"),
    "infinite energy": (set_attr("energy", np.inf, "test_vectors/0"), "not finite"),
    "infinite forces": (vector("forces", np.inf), "not finite"),
    "no position": (vector("positions", np.nan), "not finite"),
    "strangers": (vector("symbols", b"U"), "test vectors contain U"),
    "flat cell": (lambda f: f["test_vectors/2/cell"].__setitem__(..., 1.0), "without a volume"),
    "scalar cell": (lambda f: swap(f, "test_vectors/2/cell", data=1.0), "shape"),
    "scaling is a text": (lambda f: swap(f, "elements/O/scaling", data="text"), "damaged"),
    "scaling is flat": (lambda f: swap(f, "elements/O/scaling", data=np.zeros(4)), "damaged|should be the same"),
    "an infinite atom energy": (set_attr("atom_energy", np.inf, "elements/O"), "not finite"),
    "version is a text": (set_attr("version", "new"), "damaged"),
    "name is missing": (lambda f: f.attrs.__delitem__("name"), "damaged"),
    "a weight is another": (lambda f: f[W].__setitem__((0, 0), 0.5), "does not match its checksum"),
    "a text is another": (set_attr("name", "b"), "it has|does not match its checksum"),
    "no test vectors any more": (lambda f: f.__delitem__("test_vectors"), "it has|does not match its checksum"),
}


@pytest.mark.parametrize("what", HARMFUL)
def test_harmful_files_are_refused(path, what):
    change, message = HARMFUL[what]
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(InputError, match=f"a.h5: .*({message})"):
        read_h5(path)


def test_a_test_vector_that_takes_forever_is_refused(path, model, tmp_path):
    tiny = replace(model.test_vectors[2], cell=1e-4 * np.eye(3))
    with pytest.raises(InputError, match="a test vector whose cell is too small"):
        HDNNPotential(replace(model, test_vectors=(tiny,)))


def test_every_damaged_byte_is_noticed(path, model):
    """A flipped bit anywhere is refused; HDF5 itself would pass most of them."""
    good = path.read_bytes()
    rng = np.random.default_rng(1)
    for place in rng.choice(len(good), 200, replace=False):
        bad = bytearray(good)
        bad[place] ^= 1 << rng.integers(8)
        path.write_bytes(bad)
        with pytest.raises(InputError, match=r"a\.h5: "):
            read_h5(path)


def test_without_test_vectors_it_says_so(tmp_path, model):
    path = tmp_path / "b.h5"
    write_h5(replace(model, test_vectors=()), path)
    assert "none: not verified" in info(str(path))
    assert HDNNPotential(read_h5(path)).describe().endswith("not verified: it has no test vectors")
    assert "not verified" not in HDNNPotential(model).describe()


def test_texts_do_not_steer_the_terminal(tmp_path, model):
    path = tmp_path / "c.h5"
    write_h5(replace(model, provenance={"doi": "a\x1b[2Jb"}, name="n\x07"), path)
    again = read_h5(path)
    assert again.provenance["doi"] == r"a\x1b[2Jb" and again.name == r"n\x07"
