"""What runs now, written down, so that a start after a `kill -9` of the supervisor finds what is left and ends it.

A pid file holds the process's start time as well: a pid that was given to a stranger since is left alone.
"""

import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MARK = "BREAKGLASS_SUPERVISED"  # in the environment of every child, with the state folder as value


@dataclass(frozen=True)
class Stat:
    """The few fields of /proc/<pid>/stat that identify a process."""

    pid: int
    state: str
    group: int
    started: int

    @property
    def alive(self) -> bool:
        return self.state not in ("Z", "X")


def stat(pid: int) -> Stat | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()  # the name may hold spaces and brackets
    return Stat(pid=pid, state=fields[0], group=int(fields[2]), started=int(fields[19]))


def processes() -> Iterator[Stat]:
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (found := stat(int(folder.name))):
            yield found


def _carries_mark(pid: int, state_dir: Path) -> bool:
    try:
        return f"{MARK}={state_dir}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def _pid_file(state_dir: Path, name: str) -> Path:
    return state_dir / "run" / f"{name}.pid"


def remember(state_dir: Path, name: str, pid: int) -> None:
    found = stat(pid)
    if found:
        _pid_file(state_dir, name).write_text(f"{pid} {found.started}\n")


def forget(state_dir: Path, name: str) -> None:
    _pid_file(state_dir, name).unlink(missing_ok=True)


def left_of(state_dir: Path, name: str) -> list[Stat]:
    """The living processes of a former supervisor's child: the child itself and the rest of its process group."""
    try:
        pid, started = map(int, _pid_file(state_dir, name).read_text().split())
    except (OSError, ValueError):
        return []
    leader = stat(pid)
    if leader and leader.started != started:
        return []  # the number belongs to somebody else now
    members = [found for found in processes() if found.group == pid and found.alive]
    # Without its leader a group is ours only where a member says so.
    return members if leader and leader.alive else [found for found in members if _carries_mark(found.pid, state_dir)]


def signal_all(found: Iterable[Stat], number: signal.Signals) -> None:
    for each in found:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(each.pid, number)


def end(state_dir: Path, name: str, number: signal.Signals, grace: float = 5.0) -> bool:
    """Ends what is left of `name`: asks, waits, insists. True if there was something."""
    left = left_of(state_dir, name)
    if not left:
        forget(state_dir, name)
        return False
    signal_all(left, number)
    deadline = time.monotonic() + grace
    while (left := left_of(state_dir, name)) and time.monotonic() < deadline:
        time.sleep(0.05)
    signal_all(left, signal.SIGKILL)
    while left_of(state_dir, name) and time.monotonic() < deadline + 2:
        time.sleep(0.05)
    forget(state_dir, name)
    return True


class Locks:
    """One lock a process name: parts may be started one by one in one folder, none of them twice."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / "run"
        self.held: list[IO[str]] = []

    def take(self, names: Iterable[str]) -> dict[str, int]:
        """Takes them all; returns those held by another supervisor, with its pid (0 if it is not known)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        taken: dict[str, int] = {}
        for name in names:
            file = (self.folder / f"{name}.lock").open("a+")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                text = file.read().strip()
                taken[name] = int(text) if text.isdigit() else 0
                file.close()
                continue
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            self.held.append(file)
        return taken
