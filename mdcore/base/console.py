"""Who writes on the screen while a run goes on? One writer, so that no line cuts another.

Rows of the thermo table go to standard output; notes, warnings and progress to standard error. On a terminal that is
one screen, whose last line is the progress: whoever has something to say takes it off first, and it is drawn again.
"""

import os
import sys

WIDTH = 80  # of a terminal that does not tell
MOST = 110  # letters a line of prose
INDENT = "  "  # of the lines that continue a message
_drawn = None  # the stream on which the progress line is


def write(text: str, stream) -> None:
    """Whole lines, in one piece, on `stream`."""
    clear()
    stream.write(text.rstrip("\n") + "\n")
    stream.flush()


def say(text: str = "") -> None:
    """Lines of results, on standard output as they are."""
    write(text, sys.stdout)


def tell(kind: str, text: str) -> None:
    """``mdcore: warning: text`` on standard error; on a terminal in lines of its width, in a log in one, for grep."""
    write(folded(f"mdcore: {kind}: {text}", sys.stderr), sys.stderr)


def draw(line: str, stream) -> None:
    """Show `line` as the last of a terminal, in the place of the one before."""
    global _drawn
    stream.write(f"\r{line}\x1b[K")
    stream.flush()
    _drawn = stream


def clear() -> None:
    """Take the progress line off the terminal."""
    global _drawn
    stream, _drawn = _drawn, None
    if stream is not None:
        stream.write("\r\x1b[K")
        stream.flush()


def is_terminal(stream) -> bool:
    return stream.isatty()


def can_redraw(stream) -> bool:
    """Is this a terminal that can take a line back?"""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def width(stream) -> int:
    """Columns of the terminal behind `stream`, or what COLUMNS says."""
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return int(told)
    try:
        return os.get_terminal_size(stream.fileno()).columns or WIDTH
    except (OSError, ValueError):
        return WIDTH


def folded(text: str, stream) -> str:
    """`text` in lines that fit the terminal; words, and with them paths, stay whole. Elsewhere as it is."""
    if not is_terminal(stream):
        return text
    import textwrap

    columns = max(min(width(stream) - 1, MOST), 30)
    options = {"subsequent_indent": INDENT, "break_long_words": False, "break_on_hyphens": False}
    return "\n".join(textwrap.fill(line, columns, **options) for line in text.split("\n"))
