"""How much of the processors went to somebody else while a contender had its turn."""

import os
import time
from pathlib import Path


class Interference:
    """Compares what all processors did with what this process and its ended children used.

    Covers other processes of this machine and, as far as the hypervisor admits it (`steal`), other machines on the same host."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.busy = busy_seconds()
        self.own = own_seconds()

    def share(self) -> float:
        """The part of all processor time since the start that others had, 0 to 1."""
        available = (time.monotonic() - self.started) * (os.cpu_count() or 1)
        others = (busy_seconds() - self.busy) - (own_seconds() - self.own)
        return max(0.0, min(1.0, others / available)) if available > 0 else 0.0


def busy_seconds() -> float:
    """Seconds that all processors together were not idle, steal included, since boot."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle, waiting = fields[3], fields[4]
    return (sum(fields) - idle - waiting) / os.sysconf("SC_CLK_TCK")


def own_seconds() -> float:
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system
