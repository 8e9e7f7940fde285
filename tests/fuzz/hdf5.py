"""How are HDF5 files broken?  Every mutation is a function (random, open h5py.File, folder)."""

import contextlib

import h5py
import numpy as np

NUMBERS = (np.nan, np.inf, -np.inf, 1e308, -1e308, 1e-310, 0.0, -1.0, 1e12, 2.0**63, 1e5)
INTEGERS = (-1, 0, 1, 2, 2**31 - 1, 2**31, 2**62, -(2**63), 10**6)
KINDS = ("f4", "f2", "i8", "i1", "u8", "S4", "c16", "?", "text", "enum", "record", "opaque", "list", "ref", "none")
TEXTS = ("", "x", "nan", "\u00e9", 100000 * "a", "H", "D", "lj", "metal", "\x01", "{", "[[", "1e999", "%2F", "/", "..")


def _things(file):
    """All groups and data sets below the root, with the paths by which they are reached first."""
    found = []
    file.visititems(lambda name, item: found.append((name, item)))
    return found


def _some(random, file, kind=h5py.Dataset):
    found = [(name, item) for name, item in _things(file) if isinstance(item, kind)]
    return random.choice(found) if found else (None, None)


def _swap(file, name, **how):
    """A new data set with the attributes of the old one."""
    old = file[name]
    kept = dict(old.attrs)
    del file[name]
    new = file.create_dataset(name, **how)
    for key, value in kept.items():
        with contextlib.suppress(TypeError, OSError):
            new.attrs[key] = value


def delete(random, file, folder):
    name, _ = _some(random, file, h5py.HLObject)
    if name:
        del file[name]


def rename(random, file, folder):
    name, _ = _some(random, file, h5py.HLObject)
    if name:
        file.move(name, random.choice((name + "x", "x", name.upper() + "_", name[:-1] or "y", "a/b/c")))


def exchange(random, file, folder):
    (one, _), (other, _) = _some(random, file), _some(random, file)
    if one and one != other:
        file.move(one, "kept")
        file.move(other, one)
        file.move("kept", other)


def value(random, file, folder):
    name, item = _some(random, file)
    if not name or item.shape is None or not item.size:
        return
    values = np.atleast_1d(np.asarray(item[()])).copy()
    at = random.randrange(values.size)
    with np.errstate(all="ignore"):
        if values.dtype.kind == "f":
            values.reshape(-1)[at] = random.choice(NUMBERS)
        elif values.dtype.kind in "iu":
            info = np.iinfo(values.dtype)
            values.reshape(-1)[at] = min(max(random.choice(INTEGERS), info.min), info.max)
        elif values.dtype.kind == "O":
            values.reshape(-1)[at] = random.choice(TEXTS[:4] + TEXTS[5:])
    item[...] = values.reshape(item.shape)


def shape(random, file, folder):
    name, item = _some(random, file)
    if not name or item.shape is None:
        return
    values = np.asarray(item[()])
    values = random.choice(
        (
            lambda: values[None],
            lambda: values.T,
            lambda: values.reshape(-1),
            lambda: values[:0] if values.ndim else values,
            lambda: values[:-1] if values.ndim else values[None],
            lambda: np.concatenate([values, values]) if values.ndim else values,
            lambda: values.reshape(-1)[0] if values.size else values,
            lambda: values[..., None, None],
        )
    )()
    _swap(file, name, data=values, dtype=item.dtype)


def kind(random, file, folder):
    name, item = _some(random, file)
    if not name or item.shape is None:
        return
    size, dtype = item.shape, random.choice(KINDS)
    if dtype == "text":
        _swap(file, name, data=np.full(size, random.choice(TEXTS[:6]), dtype=object), dtype=h5py.string_dtype())
    elif dtype == "enum":
        _swap(file, name, data=np.zeros(size, "i4"), dtype=h5py.enum_dtype({"A": 0, "B": 7}, basetype="i4"))
    elif dtype == "record":
        _swap(file, name, data=np.zeros(size, [("a", "f8"), ("b", "S3")]))
    elif dtype == "opaque":
        _swap(file, name, data=np.zeros(size, "V16"))
    elif dtype == "list":
        _swap(file, name, shape=size, dtype=h5py.vlen_dtype("f8"))
    elif dtype == "ref":
        _swap(file, name, shape=size, dtype=h5py.ref_dtype)
    elif dtype == "none":
        _swap(file, name, data=h5py.Empty("f8"))
    else:
        with np.errstate(all="ignore"):
            numeric = item.dtype.kind in "fiub"
            values = np.asarray(item[()]) if numeric else np.ones(size)
            _swap(file, name, data=np.nan_to_num(values).astype(dtype))


def huge(random, file, folder):
    """Says to be huge; nothing is written."""
    name, item = _some(random, file)
    if not name:
        return
    n = random.choice((10**6, 10**9, 10**12))
    size = (n, *(item.shape or ())[1:]) if random.random() < 0.6 else (n,)
    packed = {"compression": "gzip"} if random.random() < 0.5 else {}
    _swap(file, name, shape=size, dtype="f8", chunks=tuple(min(k, 1024) or 1 for k in size), **packed)


def packed(random, file, folder):
    """Many zeros, packed to nothing."""
    name, _ = _some(random, file)
    if name:
        _swap(file, name, data=np.zeros(random.choice((10**4, 10**6))), compression="gzip", chunks=True)


def soft(random, file, folder):
    name, _ = _some(random, file, h5py.HLObject)
    if name:
        del file[name]
        file[name] = h5py.SoftLink(random.choice((f"/{name}", "/nowhere", "/", "/a/../b")))


def external(random, file, folder):
    name, _ = _some(random, file, h5py.HLObject)
    if name:
        del file[name]
        file[name] = h5py.ExternalLink(random.choice(("../secret.h5", "nowhere.h5", "pipe")), f"/{name}")


def stored_outside(random, file, folder):
    name, item = _some(random, file)
    if name and item.shape and item.dtype.kind == "f":
        _swap(file, name, shape=item.shape, dtype=item.dtype, external=[("../secret.bin", 0, h5py.h5f.UNLIMITED)])


def virtual(random, file, folder):
    name, item = _some(random, file)
    if name and item.shape:
        size, dtype = item.shape, item.dtype
        layout = h5py.VirtualLayout(shape=size, dtype=dtype)
        layout[...] = h5py.VirtualSource("../secret.h5", "data", shape=size)
        del file[name]
        file.create_virtual_dataset(name, layout)


def hard(random, file, folder):
    """Another name for something: a group within itself, too."""
    name, item = _some(random, file, h5py.HLObject)
    parent, _ = _some(random, file, h5py.Group)
    if name:
        file[f"{parent}/again" if parent else "again"] = item


def many(random, file, folder):
    parent, _ = _some(random, file, h5py.Group)
    group = file[parent] if parent else file
    for k in range(random.choice((3, 300))):
        group.create_dataset(f"member {k}", data=float(k))


def deep(random, file, folder):
    group = file
    for _ in range(random.choice((5, 40, 300))):
        group = group.create_group("in")


def attribute(random, file, folder):
    found = [item for _, item in _things(file) if len(item.attrs)] + ([file] if len(file.attrs) else [])
    if not found:
        return
    item = random.choice(found)
    name = random.choice(list(item.attrs))
    if random.random() < 0.2:
        del item.attrs[name]
        return
    item.attrs[name] = random.choice(
        (
            lambda: random.choice(TEXTS[:4]),
            lambda: 30000 * "a",
            lambda: random.choice(INTEGERS[:7]),
            lambda: random.choice(NUMBERS),
            lambda: np.zeros((2, 2)),
            lambda: np.array([b"\xff\xfe"]),
            lambda: ["a", "b"],
            lambda: h5py.Empty("f8"),
            lambda: np.zeros(1, [("a", "f8")]),
            lambda: True,
        )
    )()


OBJECTS = [delete, rename, exchange, value, value, value, value, shape, shape, kind, kind, huge, packed, soft, external,
           stored_outside, virtual, hard, many, deep, attribute, attribute, attribute]  # fmt: skip
