"""How much memory is left?"""

import math
import os

from mdcore.base.errors import InputError

FEW, MOST = 1_000_000, 2**31 - 1  # atoms: so many fit into any memory; are counted by 32 bits
ATOM_BYTES = 300.0  # of an atom of a System and of the run that it is for, without neighbours
ROW_BYTES = 150.0  # of an atom or a ghost of a rank: positions, velocities, forces, bins
SMALL = 2.0**28  # bytes: nobody need ask


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


def check_neighbours(n: int, box, reach: float, units, ranks: int = 1) -> None:
    """Refuse a cutoff, a skin or a density that would fill the memory with ghosts and neighbours."""
    images = math.prod(1.0 + 2.0 * reach / w if p else 1.0 for w, p in zip(box.widths, box.periodic, strict=True))
    around = n / box.volume * 4.19 * reach**3
    pairs = n * min(n * images, around) / 2.0
    need = ROW_BYTES * n * images + 4.0 * pairs
    if need < SMALL:
        return
    have = available() * (1 if ranks == 1 else ranks)
    if need > have or n * images > MOST * ranks:
        label = units.labels["length"]
        crowded = units.name == "metal" and n > box.volume
        raise InputError(
            f"{n:,} atoms with neighbours up to {reach:g} {label} away (cutoff + skin) need about "
            f"{need / 2**30:,.3g} GiB, and {have / 2**30:,.3g} GiB are free ({images:,.3g} images of each atom, "
            f"{around:,.3g} neighbours); check the cell, [potential] cutoff and [neighbors] skin, or use more machines"
            + (f". There are {n / box.volume:.3g} atoms per {label}^3: are lengths in nm?" if crowded else "")
        ).everywhere()
