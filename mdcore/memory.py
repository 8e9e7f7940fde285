"""How much memory is left?"""

import os


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
