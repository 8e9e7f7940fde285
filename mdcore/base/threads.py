"""How many threads does a rank use?"""

import os

from mdcore.base.errors import InputError

VARIABLE = "MDCORE_NUM_THREADS"
MOST = 512


def number_of_threads(threads: int | None = None) -> int:
    """`threads`, or, with None, what MDCORE_NUM_THREADS says, or 1; InputError if that is no such number."""
    if threads is not None:
        if isinstance(threads, bool) or not isinstance(threads, int) or not 1 <= threads <= MOST:
            raise InputError(f"threads = {threads!r}: expected a whole number from 1 to {MOST}")
        return threads
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return 1
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise InputError(
            f"environment variable {VARIABLE} = {text!r}: expected a whole number from 1 to {MOST}; correct or unset it"
        )
    return int(text)
