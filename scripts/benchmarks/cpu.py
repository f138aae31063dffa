"""Processor time from /proc."""

import os
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    """The fields behind the program's name: state, parent, …"""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return []


def parent(pid: int) -> int | None:
    found = _stat(pid)
    return int(found[1]) if found else None


def seconds(pids: list[int]) -> dict[int, float]:
    """User and system time of each process, all of its threads, since it started."""
    stats = {pid: _stat(pid) for pid in pids}
    return {pid: (int(stat[11]) + int(stat[12])) / TICKS for pid, stat in stats.items() if stat}


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    parents = {pid: parent(pid) for pid in (int(entry.name) for entry in Path("/proc").glob("[0-9]*"))}
    family = [root]
    for pid in family:
        family += [child for child, its_parent in parents.items() if its_parent == pid]
    return family


def spent(before: dict[int, float], after: dict[int, float]) -> float:
    """Seconds between two readings; processes that came in between count whole."""
    return sum(value - before.get(pid, 0.0) for pid, value in after.items())
