"""One look for every picture: palette, axes, saving.

Matplotlib (an extra) is imported here only, without pyplot: no global state, no display.
"""

from mdcore.base.errors import InputError
from mdcore.base.writing import in_picture, write_picture

MISSING = 'Matplotlib is not installed: pip install "mdcore[plot]"'
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


def plain(axes) -> None:
    """Axes with two sides, in ink."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.tick_params(labelsize=9, color=INK, labelcolor=INK)


def save(path, picture, title: str = "", *, size: int = 11, dpi: int = 150) -> None:
    """Write a figure, with a title; OutputError if the file can't be written."""
    if title:
        picture.suptitle(in_picture(title), fontsize=size, color=INK)
    write_picture(path, picture, dpi=dpi)
