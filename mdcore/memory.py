"""How much memory is left?"""

import math
import os

from mdcore.errors import InputError

FEW, MOST = 1_000_000, 2**31 - 1  # atoms: so many fit into any memory; are counted by 32 bits
ATOM_BYTES = 300.0  # of an atom of a System and of the run that it is for, without neighbours

def available() -> int:
    """Bytes that a process can still take without others going short; of a container, what is left of its limit."""
    left = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    try:
        with open("/proc/meminfo") as table:
            left += [1024 * int(line.split()[1]) for line in table if line.startswith("MemAvailable:")]
        with open("/sys/fs/cgroup/memory.max") as limit, open("/sys/fs/cgroup/memory.current") as used:
            left.append(int(limit.read()) - int(used.read()))  # "max" is no number: no limit
    except (OSError, ValueError):
        pass
    return max(0, min(left))


def check_count(n: int, what: str) -> None:
    """InputError if so many atoms don't fit into the memory, before it is taken."""
    have = available() if n > FEW else math.inf
    if n > MOST or n * ATOM_BYTES > have:
        need = f"need about {n * ATOM_BYTES / 2**30:.3g} GiB, and {have / 2**30:.3g} GiB are free"
        raise InputError(f"{what}: {n:,} atoms {f'are more than {MOST:,}' if n > MOST else need}; make it smaller")
