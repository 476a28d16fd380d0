"""Celery workers of a test's own, beside a stack that has none: the very command that `up` runs."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from config.supervisor.plan import Options, services
from tests.stack import ROOT, Stack


def start_worker(stack: Stack, log: Path, **own: str) -> "subprocess.Popen[bytes]":
    """One worker process; `own` is added to its environment."""
    environ = {**stack.env, **stack.runtime}
    (worker,) = (s for s in services(Options("test", stack.state_dir, environ), {}) if s.name == "worker")
    command = [*worker.command, f"--hostname=w{time.monotonic_ns()}@localhost"]
    with log.open("ab") as out:
        return subprocess.Popen(command, cwd=ROOT, env={**environ, **worker.env, **own}, stdout=out, stderr=out)


@contextmanager
def workers(stack: Stack, count: int, log: Path) -> Iterator[list["subprocess.Popen[bytes]"]]:
    """So many of them, gone at the end."""
    found: list[subprocess.Popen[bytes]] = []
    try:
        found += [start_worker(stack, log) for _ in range(count)]
        yield found
    finally:
        for process in found:
            process.kill()
        for process in found:
            process.wait(10)


def until(what: Callable[[], object], why: str, seconds: float) -> None:
    end = time.monotonic() + seconds
    while not what():
        if time.monotonic() > end:
            raise RuntimeError(f"not within {seconds:g} s: {why}")
        time.sleep(0.1)


def children(parent: int) -> list[int]:
    """The processes that this one started, such as a PostgreSQL server's own."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if folder.name.isdigit() and _parent(folder) == parent:
                found.append(int(folder.name))
    return found


def _parent(folder: Path) -> int:
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
