"""What a process and all its descendants use, as Linux counts it in /proc (proc(5))."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Footprint:
    """`cpu` in seconds since each was born, those that have ended included; `memory` in bytes, by process.

    Memory is proportional (Pss): a page that several processes share counts once, in parts.
    """

    cpu: float
    memory: dict[str, int]

    @property
    def total_memory(self) -> int:
        return sum(self.memory.values())


def footprint(root: int | None = None) -> Footprint:
    """Of the process `root` (this one, if it has started the stack itself) and everything below it."""
    seconds, memory = 0.0, dict[str, int]()
    for pid in family(os.getpid() if root is None else root):
        with suppress(FileNotFoundError, ProcessLookupError):  # ended meanwhile
            seconds += _cpu(pid)
            name = _name(pid)
            memory[name] = memory.get(name, 0) + _pss(pid)
    return Footprint(seconds, memory)


def family(root: int) -> list[int]:
    """`root` and its descendants."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with suppress(FileNotFoundError, ProcessLookupError):
            parents[int(entry.name)] = int(_stat(int(entry.name))[1])
    found = [root]
    for pid in found:
        found += [child for child, parent in parents.items() if parent == pid]
    return found


def cpu_seconds(pids: list[int]) -> float:
    """What the processes have spent since each was born, their children that have ended included."""
    spent = 0.0
    for pid in pids:
        with suppress(FileNotFoundError, ProcessLookupError):
            spent += _cpu(pid)
    return spent


def _cpu(pid: int) -> float:
    return sum(int(field) for field in _stat(pid)[11:15]) / TICKS


def _stat(pid: int) -> list[str]:
    """The fields of stat after the name, which may hold anything: state, parent, …; 11 to 14 are the CPU ticks."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _name(pid: int) -> str:
    command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    if "infra.local." in command:
        return command.partition("infra.local.")[2].split()[0]
    return "postgres" if "postgres" in command else "the process that watches them"


def _pss(pid: int) -> int:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0
