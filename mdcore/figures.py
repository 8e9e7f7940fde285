"""One look for every picture: palette, axes, saving.

Matplotlib (an extra) is imported here only, without pyplot: no global state, no display.
"""

from mdcore.base.errors import InputError
from mdcore.base.writing import in_picture, write_picture

MISSING = 'Matplotlib is not installed: pip install "mdcore[plot]"'
SMALL = 100  # dots an inch of pictures of which there are many
INK, GREY, RED = "#222222", "#8a8f98", "#d55e00"
# Okabe and Ito: told apart with any kind of colour vision
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9")


class MissingMatplotlib(InputError):
    """Nothing can be drawn here."""


def figure(width: float, height: float, layout: str | None = "constrained"):
    """A figure of so many inches; layout : of axes, None: as they are placed. MissingMatplotlib."""
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingMatplotlib(MISSING) from None
    return Figure(figsize=(width, height), layout=layout, facecolor="white")


def small(width: float, height: float):
    """(a figure, its only axes), for pictures of which there are many: axes are where they are put, for to look for the
    best place takes as long as to draw. MissingMatplotlib."""
    picture = figure(width, height, layout=None)
    picture.subplots_adjust(left=0.7 / width, right=1.0 - 0.15 / width, bottom=0.55 / height, top=1.0 - 0.4 / height)
    return picture, picture.subplots()


def plain(axes) -> None:
    """Axes with two sides, in ink."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9, color=INK, labelcolor=INK)


def logarithmic(*each) -> None:
    """Logarithmic axes (`axes.xaxis`, `axes.yaxis`) with plain numbers, for powers of ten are set by a slow typesetter:
    at 1, 2 and 5 of each decade, or where there are more than two at 1 alone, for ticks are what takes time."""
    from matplotlib.ticker import LogLocator, NullLocator

    for axis in each:
        low, high = axis.get_view_interval()
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 100.0 * low else (1.0,)))
        axis.set_major_formatter("{x:g}")
        axis.set_minor_locator(NullLocator())


def save(path, picture, title: str = "", *, size: int = 11, dpi: int = 150) -> None:
    """Write a figure, with a title; OutputError if the file can't be written."""
    if title:
        picture.suptitle(in_picture(title), fontsize=size, color=INK)
    write_picture(path, picture, dpi=dpi)
