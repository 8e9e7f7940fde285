"""Are the doors to the kernels of charges closed to arrays that are too small, of other shapes and kinds?

A kernel trusts its door: what passes is read and written without another look, so `.ci/sanitize` runs this, too.
"""

import numpy as np
import pytest

from mdcore.doors import _kernels
from mdcore.potentials.charges.mesh import numbers_before, spline_tables
from mdcore.structure.atoms import Atoms

SIZE, N = (10, 9, 12), 5
RNG = np.random.default_rng(1)
WIDTH = _kernels.Planes.width_of(SIZE[2])
TABLES = [spline_tables(SIZE[0], 4), spline_tables(SIZE[1], 4), spline_tables(SIZE[2], 4, WIDTH)]
BEGIN = numbers_before(np.eye(3), SIZE, 4.0)
COLUMNS = np.array([[0, 0, 1, 1], [1, -2, -2, 2]], dtype=np.int32)


def atoms():
    it = Atoms(N)
    it.n_owned = N
    it.x[:N, :3] = RNG.random((N, 3))
    return it


def mesh():
    return _kernels.Mesh(SIZE, 4)


def planes():
    it = _kernels.Planes(SIZE, TABLES, BEGIN)
    it.move(np.eye(3), 1.0, 0.1)
    return it


def waves():
    return _kernels.Waves(COLUMNS)


def half_list():
    it, near = atoms(), _kernels.VerletList()
    it.close_rows()
    near.build(it, 2.0, half=True)
    return it, near


def rows():
    x = np.append(RNG.random((N, 3)), np.zeros((N, 1)), axis=1)
    index = np.tile(np.arange(N, dtype=np.int32), N)
    return _kernels.NearRows(x, x, N * np.arange(N + 1), index, 3.0)


SHAPE, WAVES = (SIZE[0], SIZE[1], SIZE[2] + _kernels.BESIDE), 2 * SIZE[0] * int(BEGIN[-1])
# {what is called: (the call, its arguments, all that are arrays by what they are)}
CALLS = {
    "mesh.move": lambda a: mesh().move(a["inverse"], np.eye(3)),
    "mesh.moved": lambda a: mesh().move(np.eye(3), a["inverse"]),
    "mesh.stand_at": lambda a: mesh().stand_at(a["three"]),
    "mesh.spread": lambda a: mesh().spread(atoms(), a["charges"], a["points"]),
    "mesh.squares": lambda a: mesh().squares(atoms(), a["charges"]),
    "mesh.gather": lambda a: mesh().gather(atoms(), a["charges"], a["potentials"], a["potential"]),
    "planes": lambda a: _kernels.Planes(SIZE, [(a["first"],) * 3, (a["second"],) * 3, (a["third"],) * 3], a["begin"]),
    "planes.move": lambda a: planes().move(a["inverse"], 1.0, 0.1),
    "planes.forward": lambda a: planes().forward(a["points"], a["waves"]),
    "planes.back": lambda a: planes().back(a["waves"], a["potentials"]),
    "planes.weighted": lambda a: planes().weighted([a["waves"]], a["cuts"], 0, SIZE[1], a["three"], 3),
    "waves": lambda a: _kernels.Waves(a["columns"]),
    "waves.move": lambda a: waves().move(a["inverse"], np.eye(3)),
    "waves.moved": lambda a: waves().move(np.eye(3), a["inverse"]),
    "waves.sums": lambda a: waves().sums(atoms(), a["charges"]),
    "waves.gather": lambda a: waves().gather(atoms(), a["charges"], a["weighted"], a["potential"]),
    "charge_pairs": lambda a: _kernels.charge_pairs(
        atoms(), a["charges"], a["others"], 1.0, 0.3, 2.0, 0.1, 0.1, a["potential"]
    ),
    "charge_potentials": lambda a: _kernels.charge_potentials(
        *half_list(), a["row"], 1, _kernels.POINTS, a["every"], a["every_potential"]
    ),
    "rows": lambda a: _kernels.NearRows(a["x"], a["x"], a["first_of"], a["index"], 3.0),
    "rows.product": lambda a: rows().product(a["values"], a["each"]),
    "factors": lambda a: _kernels.Factors(a["inverse"]),
    "factors.solve": lambda a: _kernels.Factors(np.eye(3)).solve(a["three"]),
}


def good() -> dict[str, np.ndarray]:
    n_total = half_list()[0].n_total
    return {
        "inverse": np.eye(3), "three": np.full(3, 0.1), "charges": RNG.normal(size=N + 1),
        "each": np.ones(N),
        "points": np.zeros(SHAPE, dtype=np.int64), "potentials": np.zeros(SHAPE), "potential": np.zeros(N + 1),
        "first": TABLES[0][0], "second": TABLES[1][0], "third": TABLES[2][0], "begin": BEGIN, "waves": np.zeros(WAVES),
        "cuts": np.array([0, SIZE[0]]), "columns": COLUMNS, "weighted": np.zeros((2, 12)), "others": np.ones((4, 8)),
        "row": np.ones((1, 8)), "every": np.ones(n_total + 1), "every_potential": np.zeros(n_total + 1),
        "x": np.append(RNG.random((N, 3)), np.zeros((N, 1)), axis=1), "first_of": N * np.arange(N + 1),
        "index": np.tile(np.arange(N, dtype=np.int32), N), "values": rows().matrix(
            _kernels.Gaussians(np.eye(1), 1.0, 0.0, 9.0, 0.0, 0.0))[0],
    }  # fmt: skip


class Watched(dict):
    """Tells which arrays a call asks for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.asked = []

    def __getitem__(self, name):
        self.asked.append(name)
        return super().__getitem__(name)


def smaller(array: np.ndarray):
    """The same with one row, column ... less, and without any."""
    for axis in range(array.ndim):
        for keep in (array.shape[axis] - 1, 0):
            yield np.ascontiguousarray(array.take(np.arange(keep), axis=axis))


# some of these may be fewer, or are made what they should be
FREE = {"planes": "first second third begin", "waves": "columns", "charge_pairs": "others", "rows": "first_of",
        "rows.product": "values", "factors": "inverse", "factors.solve": "three"}  # fmt: skip


@pytest.mark.parametrize("name", CALLS)
def test_arrays_that_do_not_fit_are_refused(name):
    arguments = Watched(good())
    CALLS[name](arguments)
    for key in dict.fromkeys(arguments.asked):
        array = dict.__getitem__(arguments, key)
        wrong = [array[None], "x", object()]
        if key not in FREE.get(name, "").split():
            wrong += [*smaller(array), array.astype(np.float32), array.astype(str)]
        for own in wrong:
            with pytest.raises((ValueError, TypeError, np.linalg.LinAlgError)):
                CALLS[name](Watched(good() | {key: own}))
                pytest.fail(f"{name} took {key} = {own!r:.80}")


@pytest.mark.parametrize("name", [name for name in CALLS if name not in ("rows", "factors", "planes")])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e300])
def test_numbers_that_are_none_do_no_harm(name, bad):
    """Whatever comes out, nothing is read or written beside the arrays."""
    arguments = Watched(good())
    CALLS[name](arguments)
    for key in dict.fromkeys(arguments.asked):
        array = dict.__getitem__(arguments, key)
        if array.dtype == np.float64:
            CALLS[name](Watched(good() | {key: np.full_like(array, bad)}))


def test_sizes_and_windows_that_can_not_be():
    for size, order in (((10, 9, 7), 4), ((10, 9), 4), ((10, 9, 12), 5), ((10, 9, 12), 0)):
        with pytest.raises(ValueError):
            _kernels.Mesh(size, order)
    for low, length in (((-1, 0, 0), SIZE), ((10, 0, 0), SIZE), ((0, 0, 0), (3, 9, 12)), ((0, 0, 0), (11, 9, 12))):
        with pytest.raises(ValueError):
            mesh().look_at(low, length)
    for size in ((7, 9, 12), (10, 9, 11)):
        tables = [spline_tables(n, 4, _kernels.Planes.width_of(n) if k == 2 else None) for k, n in enumerate(size)]
        with pytest.raises(ValueError):
            _kernels.Planes(size, tables, numbers_before(np.eye(3), size, 4.0))
    for begin in (BEGIN[:-1], np.append(BEGIN, BEGIN[-1]), BEGIN + 4, BEGIN * 2, BEGIN + np.arange(len(BEGIN)), -BEGIN):
        with pytest.raises(ValueError):
            _kernels.Planes(SIZE, TABLES, begin)
    for first, last in ((-1, 9), (0, 10), (3, 2)):
        with pytest.raises(ValueError):
            planes().weighted([np.zeros(WAVES)], np.array([0, SIZE[0]]), first, last, np.zeros(3), 0)
    for cuts in ([0, 5], [1, 10], [0, 10, 10], [10, 0]):
        with pytest.raises(ValueError):
            planes().weighted([np.zeros(WAVES)], np.array(cuts), 0, SIZE[1], np.zeros(3), 0)
    x = np.zeros((2, 4))
    for index in ([0, 2], [-1, 0]):
        with pytest.raises(ValueError):
            _kernels.NearRows(x, x, np.array([0, 1, 2]), np.array(index, dtype=np.int32), 1.0)
    lost = atoms()
    lost.x[0, :3] = np.nan
    np.testing.assert_array_equal(mesh().reach(lost), [[0, 0, 0], SIZE])


def test_atoms_outside_of_the_window_are_refused():
    """They would be written beside it."""
    it, far = mesh(), atoms()
    it.look_at((0, 0, 0), (4, 9, 12))
    far.x[:N, 0] = 0.9
    for call in (
        lambda: it.spread(far, np.zeros(N + 1), np.zeros(it.shape, dtype=np.int64)),
        lambda: it.gather(far, np.zeros(N + 1), np.zeros(it.shape), np.zeros(N + 1)),
    ):
        with pytest.raises(ValueError, match="window"):
            call()
