"""Workers as operating-system processes of their own, forked by a parent that has everything imported."""

import atexit
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import IO, Any

from django.conf import settings
from django.db import connection

from config.supervisor.plan import Options, services
from tests.stack import ROOT, Stack


@dataclass
class Parent:
    """Our end of `tests.crash.parent`, in whose environment its children live."""

    process: "subprocess.Popen[str]"

    @classmethod
    def begin(cls, env: Mapping[str, str], log: IO[bytes] | int = subprocess.DEVNULL) -> "Parent":
        command = [sys.executable, "-m", "tests.crash.parent"]
        pipe = subprocess.PIPE
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, stdout=pipe, stderr=log, text=True)
        assert process.stdout
        assert process.stdout.readline() == "ready\n", "the parent of the workers did not start"
        return cls(process)

    def tell(self, **said: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(said) + "\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def start(
        self, *, rows: Sequence[int] = (), celery: Sequence[str] = (), crash_at: str = "", **own: Any
    ) -> "Worker":
        """One that takes turns on these rows, or a Celery worker with these arguments; `own` are settings of its."""
        said = {"rows": rows, "celery": celery, "crash_at": crash_at, "settings": own}
        return Worker(self, self.tell(start=said))

    def end(self) -> None:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()


@dataclass
class Worker:
    """As a `Popen`: what it ended with, or below zero the signal that ended it."""

    parent: Parent
    pid: int
    returncode: int | None = field(default=None)

    def poll(self, seconds: float = 0) -> int | None:
        if self.returncode is None:
            self.returncode = self.parent.tell(wait=self.pid, seconds=seconds)
        return self.returncode

    def wait(self, seconds: float) -> int:
        if (code := self.poll(seconds)) is None:
            raise TimeoutError(f"worker {self.pid} still runs after {seconds} s")
        return code

    def kill(self) -> None:
        if self.poll() is None:
            self.parent.tell(kill=self.pid)


@cache
def _parent() -> Parent:
    """One for all tests of this process; it ends with us."""
    at = connection.settings_dict
    url = f"postgres://{at['USER']}@{at['HOST']}:{at['PORT']}/{at['NAME']}"
    found = Parent.begin({**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"})
    atexit.register(found.end)
    return found


def start_worker(work_id: int, crash_at: str) -> Worker:
    """On one row of the tests' own database; `OUTGOING_ALLOW` is the test's."""
    return _parent().start(rows=[work_id], crash_at=crash_at, OUTGOING_ALLOW=list(settings.OUTGOING_ALLOW))


@contextmanager
def celery_workers(stack: Stack) -> Iterator[Callable[[str], Worker]]:
    """What starts workers beside a stack without; they have the options and the environment that `up` gives its own."""
    environ = {**stack.env, **stack.runtime}
    (service,) = (s for s in services(Options("test", stack.state_dir, environ), {}) if s.name == "worker")
    arguments = service.command[service.command.index("worker") :]
    with stack.state_dir.with_name("worker.log").open("ab") as out:
        parent = Parent.begin({**environ, **service.env}, out)
    try:
        yield lambda crash_at: parent.start(celery=arguments, crash_at=crash_at)
    finally:
        parent.end()
