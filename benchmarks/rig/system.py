"""What the system knows of a process: its CPU time and its memory."""

import time
from pathlib import Path


def cpu(pid: int) -> float:
    """Seconds of CPU a process has used in all its threads, ended ones too.

    /proc/PID/stat counts the same in steps of 10 ms; the clock of a process (clock_getcpuclockid) has nanoseconds.
    """
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int) -> float:
    """Megabytes of memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS:")).split()[1]) / 1024


def sockets(pid: int) -> int:
    """How many file descriptors a process has open."""
    return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
