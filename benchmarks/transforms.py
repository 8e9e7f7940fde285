"""The transform of a mesh by libraries and by ours: has a line the same bits wherever it is, what does a point cost?

    python benchmarks/transforms.py            # scipy too, where it is installed

Lines of complex numbers, one at a time and in batches of up to 17, along the last axis and across it. Then a mesh
there and back, nanoseconds a point, processor time of one core, in turn, medians: real numbers to waves and back; ours
with all waves, and with those that a sum at an accuracy of 1e-5 needs, weighted by the way.
"""

import importlib
import time

import numpy as np
from common import alternate, machine, parser, table

from mdcore.doors import _kernels
from mdcore.potentials.charges.mesh import numbers_before, spline_tables

SIZES = (36, 40, 48, 50, 60, 64, 72, 80, 90, 96, 100, 108, 120, 128, 150, 160, 200, 240)


def others(name: str) -> tuple[int, int]:
    """(lines whose bits are not those of the line alone, lines) of a library's complex transforms."""
    fft, rng, differ, count = importlib.import_module(name), np.random.default_rng(1), 0, 0
    for n in SIZES:
        lines = rng.normal(size=(17, n)) + 1j * rng.normal(size=(17, n))
        alone = np.array([fft.fft(line) for line in lines])
        for batch in range(1, 18):
            for axis in (1, 0):
                found = fft.fft(np.ascontiguousarray(lines[:batch] if axis else lines[:batch].T), axis=axis)
                found = found if axis else found.T
                differ += int((found != alone[:batch]).any(axis=1).sum())
                count += batch
    return differ, count


def library(name: str, n: int):
    fft, mesh = importlib.import_module(name), np.random.default_rng(2).normal(size=(n, n, n))

    def run() -> float:
        begin = time.process_time()
        fft.irfftn(fft.rfftn(mesh), s=mesh.shape)
        return 1e9 * (time.process_time() - begin) / n**3

    return run


def ours(n: int, whole: bool):
    size, vectors = (n, n, n), 2.0 * np.pi * np.eye(3) / n
    longest = 1e3 if whole else 0.8 * np.pi  # of those on the mesh, as at 1e-5
    tables = [spline_tables(n, 8), spline_tables(n, 8), spline_tables(n, 8, _kernels.Planes.width_of(n))]
    planes = _kernels.Planes(size, tables, numbers_before(vectors, size, longest))
    planes.move(vectors, 1.0, 1.0)
    mesh = np.random.default_rng(2).integers(-(2**40), 2**40, size=(n, n, n + _kernels.BESIDE))
    waves, out, cuts = np.empty(2 * n * planes.begin[-1]), np.empty(mesh.shape), np.array([0, n])

    def run() -> float:
        begin = time.process_time()
        planes.forward(mesh, waves)
        planes.weighted([waves], cuts, 0, n, np.zeros(3), 0)
        planes.back(waves, out)
        return 1e9 * (time.process_time() - begin) / n**3

    return run


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--points", type=int, nargs="+", default=[48, 64, 100, 120, 160], help="each way")
    options.add_argument("--repeats", type=int, default=7)
    it = options.parse_args()
    print(machine(), flush=True)
    names = [name for name in ("numpy.fft", "scipy.fft") if importlib.util.find_spec(name.split(".")[0])]
    for name in names:
        print("{}: {} of {} lines have other bits in a batch".format(name, *others(name)))
    rows = []
    for n in it.points:
        runs = {name: library(name, n) for name in names}
        runs |= {"ours": ours(n, True), "ours, waves that count": ours(n, False)}
        found = alternate(runs, it.repeats)
        rows.append((f"{n}^3", *(f"{np.median(times):.1f}" for times in found.values())))
    print(table(("points", *found), rows))


if __name__ == "__main__":
    main()
