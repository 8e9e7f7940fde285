"""Who made this file: which program, from which input, on which processor, with which seed?"""

import getpass
import os
import platform
import sys
from datetime import UTC, datetime


def collect(input_text: str = "", cpu: str = "", seed: int | str = "", **more: str) -> dict[str, str]:
    """The origin of a run as one flat table of strings, to be given to every output file.

    Parameters
    ----------
    input_text : the whole input file as it was read (empty for a script)
    cpu : instruction set the kernels were dispatched to
    seed : the seed of the random numbers
    more : further entries, for instance ``ranks="4"``

    Returns
    -------
    dict with ``version, input, cpu, seed, command, date, author, host, python`` and ``more``
    """
    import mdcore

    try:
        author = getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run under a number without a name
        author = "unknown"
    return {
        "version": getattr(mdcore, "__version__", "unknown"),
        "input": input_text,
        "cpu": cpu,
        "seed": str(seed),
        "command": command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "author": author,
        "host": platform.node(),
        "python": platform.python_version(),
        **more,
    }


def command() -> str:
    """The command line as it was typed, more or less."""
    program, *arguments = sys.argv or [""]
    if program.endswith(os.path.join("mdcore", "__main__.py")):
        program = "python -m mdcore"
    return " ".join([program, *arguments])
