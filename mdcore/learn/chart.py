"""Small pictures of a campaign, as SVG: points, lines and bands over two axes.

A campaign draws a few of them a generation. Matplotlib takes longer to load than all else a campaign does beside its
work, so these are written as what they are, text.
"""

import numpy as np

from mdcore.base.writing import writing_text
from mdcore.figures import GREY, INK

SIZE = 11  # of letters, pixels
LETTER, ROW = 0.56 * SIZE, 15  # width of one on the average, height of a line
MARGINS = 62, 16, 44, 30  # around a panel: left, right, bottom, top
ROOM = 0.05  # of an axis, beyond the data at either end
NICE = (1.0, 2.0, 5.0)
MARKS = {  # corners, of a mark of radius 1
    "square": ((-0.8, -0.8), (0.8, -0.8), (0.8, 0.8), (-0.8, 0.8)),
    "up": ((0.0, -1.1), (1.0, 0.8), (-1.0, 0.8)),
    "down": ((0.0, 1.1), (1.0, -0.8), (-1.0, -0.8)),
    "diamond": ((0.0, -1.2), (1.2, 0.0), (0.0, 1.2), (-1.2, 0.0)),
}
SCALE = ("#440154", "#3b528b", "#21918c", "#5ec962", "#fde725")  # viridis, of Matplotlib


class Picture:
    """A picture of so many pixels with a title; `panel` adds axes, `save` writes it."""

    def __init__(self, width: float, height: float, title: str = ""):
        self.width, self.height, self.title, self.panels = width, height, title, []

    def panel(self, left: float = 0.0, right: float | None = None, **options) -> "Panel":
        """Axes between two places along x, pixels (None: the end). options : as of Panel"""
        own = Panel(left, self.width if right is None else right, self.height, **options)
        self.panels.append(own)
        return own

    def save(self, path) -> None:
        """Write it; OutputError."""
        body = [element for panel in self.panels for element in panel.drawn()]
        title = text(0.5 * self.width, 18, self.title, anchor="middle", size=SIZE + 2) if self.title else ""
        with writing_text(path) as stream:
            stream.write(
                f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width:g}" height="{self.height:g}" '
                f'viewBox="0 0 {self.width:g} {self.height:g}" font-family="sans-serif" font-size="{SIZE}">\n'
                f'<rect width="100%" height="100%" fill="white"/>\n{title}\n' + "\n".join(body) + "\n</svg>\n"
            )


class Panel:
    """Two axes with labels. log : axes that are logarithmic, of "xy"; what is not positive is left out there
    whole : axes whose ticks are whole numbers; beside : the legend's width, pixels, right of the axes; 0: within them
    """

    def __init__(
        self, left: float, right: float, height: float, *, x: str, y: str, log: str = "", whole: str = "", beside=0.0
    ):
        before, after, below, above = MARGINS
        self.frame = left + before, right - after - beside, height - below, above  # x at either end, y at either end
        self.labels, self.log, self.whole, self.beside = (x, y), log, whole, beside
        self.made, self.legend = [], []

    def points(self, x, y, color: str, label: str = "", *, radius: float = 2.0, mark: str = "dot", opacity=1.0) -> None:
        """mark : "dot" or of MARKS"""
        self._add("points", (x, y), color, label, radius=radius, mark=mark, opacity=opacity)

    def line(self, x, y, color: str, label: str = "", *, width: float = 1.5, dash: str = "") -> None:
        """It is broken where a number is nan."""
        self._add("line", (x, y), color, label, width=width, dash=dash)

    def band(self, x, low, high, color: str) -> None:
        """What lies between two curves."""
        self._add("band", (np.concatenate([x, x[::-1]]), np.concatenate([low, high[::-1]])), color, "")

    def level(self, y: float, label: str) -> None:
        """A dotted line from end to end."""
        self._add("level", (np.empty(0), np.array([y])), GREY, label)

    def _add(self, kind: str, data, color: str, label: str, **how) -> None:
        data = [np.asarray(own, dtype=np.float64) for own in data]
        self.made.append((kind, data, color, how))
        if label:
            known = next((own for own in self.legend if own[0] == label), None)
            if known is None:
                self.legend.append(known := (label, []))
            known[1].append((kind, color, how))

    # --- as text ---------------------------------------------------------------------------------------------

    def drawn(self) -> list[str]:
        """The elements of SVG."""
        left, right, bottom, top = self.frame
        self.ends = [self._range(k) for k in (0, 1)]
        out = [f'<path d="M{left:g} {top:g}V{bottom:g}H{right:g}" fill="none" stroke="{INK}"/>']
        for k, axis in enumerate("xy"):
            values = ticks(*self.ends[k], axis in self.log, axis in self.whole)
            for value, at in zip(values, self._at(k, np.array(values)), strict=True):
                told = f"{value:.6g}"
                if k == 0:
                    out.append(f'<path d="M{at:.1f} {bottom:g}v4" stroke="{INK}"/>')
                    out.append(text(at, bottom + 17, told, anchor="middle"))
                else:
                    out.append(f'<path d="M{left:g} {at:.1f}h-4" stroke="{INK}"/>')
                    out.append(text(left - 7, at + 4, told, anchor="end"))
        out.append(text(0.5 * (left + right), bottom + 36, self.labels[0], anchor="middle"))
        x, y = left - 48, 0.5 * (bottom + top)
        turned = text(x, y, self.labels[1], anchor="middle", more=f' transform="rotate(-90 {x:g} {y:g})"')
        out.append(turned)
        covered = []
        for kind, (x, y), color, how in self.made:
            at = np.full(len(y), left) if kind == "level" else self._at(0, x), self._at(1, y)
            out.append(self._element(kind, *at, color, how))
            covered.append(np.column_stack(at))
        return out + self._legend(np.concatenate([np.empty((0, 2)), *covered]))

    def _range(self, k: int) -> tuple[float, float]:
        log = "xy"[k] in self.log
        values = np.concatenate([np.empty(0), *(data[k] for _, data, _, _ in self.made)])
        values = values[np.isfinite(values) & ((values > 0.0) | (not log))]
        low, high = (values.min(), values.max()) if len(values) else (1.0, 1.0)
        if log:
            room = max(ROOM * np.log(high / low), 0.05)
            return low * np.exp(-room), high * np.exp(room)
        room = ROOM * (high - low) or ROOM * abs(high) or 1.0
        return low - room, high + room

    def _at(self, k: int, values: np.ndarray) -> np.ndarray:
        """Pixels; nan for what can't be shown."""
        low, high = self.ends[k]
        if "xy"[k] in self.log:
            values = np.log(np.where(values > 0.0, values, np.nan))
            low, high = np.log(low), np.log(high)
        first, last = self.frame[2 * k : 2 * k + 2]
        return first + (last - first) * (values - low) / (high - low)

    def _element(self, kind: str, x, y, color: str, how: dict) -> str:
        there = np.isfinite(x) & np.isfinite(y)
        if kind == "points":
            return marks(x[there], y[there], color, **how)
        if kind == "level":
            return f'<path d="M{x[0]:.1f} {y[0]:.1f}H{self.frame[1]:.1f}" stroke="{color}" stroke-dasharray="1 3"/>'
        joined = there & np.append(False, there[:-1])
        path = "".join(
            f"{'L' if on else 'M'}{a:.1f} {b:.1f}" for a, b, on, ok in zip(x, y, joined, there, strict=True) if ok
        )
        if kind == "band":
            return f'<path d="{path}z" fill="{color}" fill-opacity="0.25"/>'
        dash = f' stroke-dasharray="{how["dash"]}"' if how["dash"] else ""
        return f'<path d="{path}" fill="none" stroke="{color}" stroke-width="{how["width"]:g}"{dash}/>'

    def _legend(self, covered: np.ndarray) -> list[str]:
        """In the corner where the least lies below, or beside."""
        if not self.legend:
            return []
        left, right, bottom, top = self.frame
        wide = 34 + LETTER * max(len(label) for label, _ in self.legend)
        high = ROW * len(self.legend) + 4
        corners = [(x, y) for y in (top, bottom - high - 4) for x in (right - wide, left + 6)]
        inside = [((covered > own) & (covered < np.add(own, (wide, high)))).all(axis=1).sum() for own in corners]
        x, y = (right + 8, top) if self.beside else corners[int(np.argmin(inside))]
        out = [f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{high}" fill="white" fill-opacity="0.7"/>']
        for k, (label, kinds) in enumerate(self.legend):
            at = y + ROW * (k + 0.5) + 2
            for kind, color, how in kinds:
                if kind == "points":
                    out.append(marks([x + 13], [at], color, **{**how, "radius": max(how["radius"], 2.0), "opacity": 1}))
                else:
                    dash = "1 3" if kind == "level" else how["dash"]
                    own = f' stroke-dasharray="{dash}"' if dash else ""
                    out.append(f'<path d="M{x + 3:.1f} {at:.1f}h20" stroke="{color}" stroke-width="1.5"{own}/>')
            out.append(text(x + 29, at + 4, label))
        return out


def marks(x, y, color: str, *, radius: float, mark: str, opacity: float) -> str:
    """One element for all points."""
    faint = "" if opacity == 1.0 else f'-opacity="{opacity:g}"'
    if mark == "dot":  # lines without length, whose round ends are all there is
        path = "".join(f"M{a:.1f} {b:.1f}h0" for a, b in zip(x, y, strict=True))
        own = f" stroke{faint}" if faint else ""
        return f'<path d="{path}" stroke="{color}" stroke-width="{2.0 * radius:g}" stroke-linecap="round"{own}/>'
    corners = radius * np.array(MARKS[mark])
    path = "".join(
        "M" + "L".join(f"{a + p:.1f} {b + q:.1f}" for p, q in corners) + "z" for a, b in zip(x, y, strict=True)
    )
    own = f" fill{faint}" if faint else ""
    return f'<path d="{path}" fill="{color}"{own}/>'


def text(x: float, y: float, words: str, *, anchor: str = "start", size: int = SIZE, more: str = "") -> str:
    """Words at a place, whatever letters they have."""
    words = "".join(own if own.isprintable() else f"\\x{ord(own):02x}" for own in words)
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    size_of = "" if size == SIZE else f' font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{INK}" text-anchor="{anchor}"{size_of}{more}>{words}</text>'


def ticks(low: float, high: float, log: bool = False, whole: bool = False) -> list[float]:
    """Round numbers from low to high, about five; on a logarithmic axis 1, 2 and 5 of each decade, or 1 alone of
    many."""
    if log:
        first, last = int(np.floor(np.log10(low))), int(np.ceil(np.log10(high)))
        decades = range(first, last + 1, 1 + (last - first) // 8)
        found = [m * 10.0**k for k in decades for m in (NICE if high < 100.0 * low else NICE[:1])]
        found = [value for value in found if low <= value <= high]
        if len(found) > 1:
            return found
    raw = (high - low) / 5.0
    power = 10.0 ** np.floor(np.log10(raw))
    step = power * next((m for m in NICE if m * power >= raw * (1.0 - 1e-9)), 10.0)
    step = max(1.0, step) if whole else step
    return [float(k * step) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def shade(share: float) -> str:
    """A colour of the scale, from 0 to 1."""
    place = min(max(share, 0.0), 1.0) * (len(SCALE) - 1)
    k = min(int(place), len(SCALE) - 2)
    ends = [[int(own[i : i + 2], 16) for i in (1, 3, 5)] for own in SCALE[k : k + 2]]
    mixed = [round(a + (place - k) * (b - a)) for a, b in zip(*ends, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
