"""Pairs by a table of numbers: any u(r), from another program or from a coarse-graining.

Energies between the points of the table are a cubic spline, in r. The kernel (ext/pair/tabulated.h) has cubic
polynomials in r^2, a spline again, in so many equal bins that it differs by less than TOLERANCE; forces are the exact
derivative of these. Read from columns r, u, or from the sections of LAMMPS's pair_style table (index, r, u, force; the
forces are not read: they follow from the energies).
"""

import numpy as np

from mdcore.base.arguments import by_pair
from mdcore.base.errors import InputError
from mdcore.base.files import read_text
from mdcore.base.numerals import number as numeral
from mdcore.base.ranges import choice, number
from mdcore.potentials.cubics import cubics
from mdcore.potentials.pair.base import TRUNCATIONS, PairPotential, shifts

TOLERANCE = 1e-7  # of the largest |u| beyond its own distance
FEWEST, MOST = 256, 1 << 15  # bins


class Tabulated(PairPotential):
    """Pairs of each two species by a table of their own.

    pairs : {(species, species): (r [n], u [n])}, n >= 4, r rising, unit of length and of energy
    cutoff : unit of length; None: where each table ends
    truncation : at the cutoff, "cut" as the table stands, "shifted" (default) or "force-shifted"

    A pair of atoms nearer than a table begins stops the run. InputError for tables that are none, and from `bind` for
    pairs without one.
    """

    formula, weighable = "tabulated", True

    def __init__(self, pairs: dict, cutoff: float | None = None, *, truncation: str = "shifted"):
        choice("Tabulated: truncation", truncation, TRUNCATIONS)
        if not pairs:
            raise InputError("Tabulated: no tables; give one for each pair of species")
        self.truncation = truncation
        self.places, self.splines, parts, first = {}, {}, [], 0
        for pair, table in by_pair("Tabulated: pairs", pairs).items():
            spline = Spline(*_checked(f"Tabulated: {'-'.join(pair)}", table))
            end = spline.r[-1] if cutoff is None else number("Tabulated: cutoff", cutoff, "length")
            if not spline.r[0] < end <= spline.r[-1]:
                raise InputError(
                    f"Tabulated: cutoff = {end:g}: the table of {'-'.join(pair)} goes from {spline.r[0]:g} to "
                    f"{spline.r[-1]:g}; choose a cutoff inside"
                )
            spline.add(*shifts(truncation, end, *spline.at(np.array([end]))[:, 0].tolist()))
            polynomials, start, width = in_squares(spline, end)
            self.places[frozenset(pair)] = end, start, 1.0 / width, first
            self.splines[frozenset(pair)] = spline
            parts.append(polynomials)
            first += len(polynomials)
        self.more = np.ascontiguousarray(np.concatenate(parts))
        self.cutoff = float(max(end for end, *_ in self.places.values()))

    def __repr__(self):
        names = ", ".join("-".join(sorted((*pair, *pair)[:2])) for pair in self.places)
        return f"Tabulated({names}, cutoff={self.cutoff:g}, {self.truncation})"

    def sizes(self):
        found = {}
        for pair, spline in self.splines.items():
            found |= dict.fromkeys(sorted(pair), float(spline.r[spline.u.argmin()]))
        return found

    def row(self, a, b):
        found = self.places.get(frozenset((a, b)))
        if found is None:
            raise InputError(f'Tabulated: no table for the pair {a}-{b}: pairs = {{("{a}", "{b}"): (r, u)}}')
        end, *place = found
        return [end**2, *place]


def _checked(where: str, table) -> tuple[np.ndarray, np.ndarray]:
    try:
        r, u = (np.array(column, dtype=np.float64) for column in table)
    except (TypeError, ValueError):
        raise InputError(f"{where}: expected (r, u), two arrays of numbers") from None
    if r.ndim != 1 or r.shape != u.shape or len(r) < 4:
        raise InputError(f"{where}: expected r and u of one length, 4 points or more")
    if not (np.isfinite(r).all() and np.isfinite(u).all()):
        raise InputError(f"{where}: r or u has something that is not a finite number")
    if not (r[0] > 0.0 and (np.diff(r) > 0.0).all()):
        raise InputError(f"{where}: r must begin above zero and rise from point to point")
    number(f"{where}: r", float(r[0]), "length")
    number(f"{where}: r", float(r[-1]), "length")
    number(f"{where}: largest |u|", float(np.abs(u).max()), zero=True)
    return r, u


class Spline:
    """The cubic spline through u [n] at r [n]. ends : its slopes there; None: those of cubics through four points."""

    def __init__(self, r, u, ends=None):
        self.r, self.u, n = r, u.copy(), len(r)
        h, steps = np.diff(r), np.diff(u) / np.diff(r)
        ends = ends or (_slope(r[:4], u[:4], 0), _slope(r[-4:], u[-4:], 3))
        # curvatures m: h_k-1 m_k-1 + 2 (h_k-1 + h_k) m_k + h_k m_k+1 = 6 (steps_k - steps_k-1); Thomas's algorithm, of
        # floats of Python, which are ten times as fast one by one as NumPy's
        beside, rises = [0.0, *h.tolist(), 0.0], np.diff([ends[0], *steps, ends[1]]).tolist()
        upper, right = [0.0], [0.0]
        for k in range(n):
            pivot = 2.0 * (beside[k] + beside[k + 1]) - beside[k] * upper[-1]
            upper.append(beside[k + 1] / pivot)
            right.append((6.0 * rises[k] - beside[k] * right[-1]) / pivot)
        m = [0.0] * n
        after = 0.0
        for k in range(n - 1, -1, -1):
            m[k] = after = right[k + 1] - upper[k + 1] * after
        m = np.array(m)
        self.slopes = np.append(steps - h * (2.0 * m[:-1] + m[1:]) / 6.0, ends[1])

    def add(self, shift: float, slope: float) -> None:
        """Add shift + slope r."""
        self.u, self.slopes = self.u + shift + slope * self.r, self.slopes + slope

    def at(self, x) -> np.ndarray:
        """[2, n]: u and du/dr at x [n], within the table."""
        k = np.clip(np.searchsorted(self.r, x, side="right") - 1, 0, len(self.r) - 2)
        return _hermite(x - self.r[k], np.diff(self.r)[k], self.u[k], self.u[k + 1], self.slopes[k], self.slopes[k + 1])


def _slope(r, u, at: int) -> float:
    """Of the cubic through four points, at one of them."""
    return float(np.linalg.solve(np.vander(r - r[at], increasing=True), u)[1])


def _hermite(x, h, u0, u1, s0, s1) -> np.ndarray:
    """[2, n]: value and slope at x of the cubic polynomial with these values and slopes at 0 and h."""
    rise = (u1 - u0) / h
    c2, c3 = (3.0 * rise - 2.0 * s0 - s1) / h, (s0 + s1 - 2.0 * rise) / h**2
    return np.array([u0 + x * (s0 + x * (c2 + x * c3)), s0 + x * (2.0 * c2 + 3.0 * x * c3)])


def in_squares(spline: Spline, end: float) -> tuple[np.ndarray, float, float]:
    """(polynomials [n_bins + 1, 4] in t of s = r^2 = start + (bin + t) width, start, width), up to r = end."""
    start, bins = float(spline.r[0]) ** 2, FEWEST
    while True:
        width = (end**2 - start) / bins
        t = np.arange(bins + 1.0)
        r = np.clip(np.sqrt(start + width * t), spline.r[0], end)
        u, slope = spline.at(r)
        slope = slope * width / (2.0 * r)  # du/dt
        own = Spline(t, u, (slope[0], slope[-1]))
        wanted = spline.at(np.sqrt(start + width * (t[:-1] + 0.5)))[0]
        scale = np.maximum.accumulate(np.abs(u[::-1]))[::-1][:-1]
        if 2 * bins > MOST or (np.abs(own.at(t[:-1] + 0.5)[0] - wanted) <= TOLERANCE * scale).all():
            break
        bins *= 2
    return cubics(own.u, own.slopes), start, width  # one more than there are bins: r^2 may be rounded to the end


def read_table(path, keyword: str | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(r, u) of a text file: columns r, u (a third is not read), or the section `keyword` of a file for LAMMPS's
    pair_style table (None: its only one). ``#`` begins a comment. InputError."""
    lines = [line.split("#")[0].split() for line in read_text(path, "a table of a pair potential").split("\n")]
    lines = [words for words in lines if words]
    if not lines:
        raise InputError(f"{path}: the table is empty")
    heads = [k for k, words in enumerate(lines) if not _is_numeral(words[0])]
    if not heads:
        if keyword is not None:
            raise InputError(f"{path}: {keyword!r} is asked for, but the table has no sections; leave the keyword out")
        return _columns(path, lines, 0)
    sections = {lines[k][0]: k for k in heads if k + 1 in heads}
    if keyword is None and len(sections) == 1:
        keyword = next(iter(sections))
    if keyword not in sections:
        have = ", ".join(sections) or "none"
        if keyword is None:
            word, what = lines[heads[0]][0], f"the file has several sections ({have}); the keyword says which"
            raise InputError(f"{path}: {what if sections else f'expected the numbers r, u in each line, not {word!r}'}")
        raise InputError(f"{path}: section {keyword!r}: expected one of those in the file ({have})")
    head = sections[keyword] + 1
    words = lines[head]
    if words[0] != "N" or len(words) < 2 or not words[1].isdecimal():
        raise InputError(f"{path}: section {keyword}: expected a line N and the number of points, not {words[0]} ...")
    strange = [w for w in words[2:] if w in ("R", "RSQ", "BITMAP")]
    if strange:
        raise InputError(
            f"{path}: section {keyword}: {strange[0]}: the distances in the second column count; write them out and "
            "leave that word away"
        )
    n = int(words[1])
    rows = lines[head + 1 : head + 1 + n]
    if len(rows) < n or any(not _is_numeral(row[0]) for row in rows):
        raise InputError(f"{path}: section {keyword}: {n} points are announced; there are fewer")
    return _columns(path, rows, 1)


def _columns(path, rows, first: int) -> tuple[np.ndarray, np.ndarray]:
    try:
        return tuple(np.array([[numeral(row[first]), numeral(row[first + 1])] for row in rows]).T)
    except (ValueError, IndexError):
        what = "index, r, u" if first else "r, u"
        raise InputError(f"{path}: expected the numbers {what} in each line") from None


def _is_numeral(word: str) -> bool:
    try:
        numeral(word)
    except ValueError:
        return False
    return True
