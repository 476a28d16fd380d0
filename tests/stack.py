"""A whole Breakglass of its own for a test: `manage.py up` with a private folder and private ports."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from config import embedded
from config.environment import read_runtime
from config.supervisor.leftovers import MARK, Stat, left_of, processes
from config.supervisor.plan import PORTS

ROOT = Path(__file__).resolve().parent.parent
# What belongs to the suite's own servers, or to the person who runs the suite.
NOT_INHERITED = {
    "DJANGO_ALLOW_ASYNC_UNSAFE",
    "DATABASE_URL",
    "REDIS_URL",
    "CELERY_BROKER_URL",
    "DEVNET_RPC_URL",
    "PYTHONDONTWRITEBYTECODE",  # each of a dozen processes would compile everything anew
    *PORTS,
}
# Where the session keeps what `tests.prepared` copies.
PREPARED = "BREAKGLASS_TEST_PREPARED"


@dataclass
class Stack:
    """One instance: started, watched, broken and stopped by a test."""

    state_dir: Path
    env: dict[str, str]
    arguments: tuple[str, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    starts: int = field(default=0)
    first_log: str = ""  # of a copy: what its original's first start said

    @classmethod
    def prepare(cls, folder: Path, *arguments: str, **env: str) -> "Stack":
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        ports = {name: str(embedded.free_port()) for name in PORTS}
        own = {"BREAKGLASS_PROFILE": "test", "BREAKGLASS_STATE": str(folder), "PYTHONUNBUFFERED": "1"}
        return cls(state_dir=folder, env={**inherited, **ports, **own, **env}, arguments=arguments)

    @property
    def url(self) -> str:
        return f"http://localhost:{self.env['PORT']}"

    @property
    def log_file(self) -> Path:
        return self.state_dir.with_name(f"{self.state_dir.name}-{self.starts}.log")

    @property
    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    @property
    def runtime(self) -> dict[str, str]:
        """What `up` told its children: addresses, keys."""
        return read_runtime(self.state_dir / "runtime.env")

    def start(self, seconds: float = 150) -> "Stack":
        """Up to its banner."""
        self.begin()
        self.wait_for_log("Breakglass is", seconds)
        return self

    def begin(self) -> None:
        self.starts += 1
        self.state_dir.parent.mkdir(parents=True, exist_ok=True)
        with self.log_file.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", *self.arguments],
                cwd=ROOT,
                env=self.env,
                stdout=out,
                stderr=out,
                stdin=subprocess.DEVNULL,
            )

    def wait_for_log(self, text: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while text not in self.log:
            assert self.process
            if self.process.poll() is not None:
                raise AssertionError(f"up ended with {self.process.returncode}:\n{self.log[-4000:]}")
            if time.monotonic() > end:
                raise AssertionError(f"{text!r} was not said within {seconds} s:\n{self.log[-4000:]}")
            time.sleep(0.05)

    def manage(self, *arguments: str, seconds: float = 60, check: bool = True) -> str:
        """`manage.py …` against this instance."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env={**self.env, **self.runtime},
            capture_output=True,
            text=True,
            timeout=seconds,
        )
        if check and done.returncode:
            raise AssertionError(f"manage.py {' '.join(arguments)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def fault(self, name: str, *, over: bool = False) -> str:
        """What `manage.py devnet fault` does, without a process that loads all rooms first."""
        from integrations.devnet.deploy import describe
        from integrations.devnet.faults import FAULTS, World
        from integrations.devnet.faults.board import FaultBoard
        from integrations.devnet.rpc import Rpc

        rpc = Rpc(self.runtime["DEVNET_RPC_URL"])
        found = FAULTS[name](FAULTS.parse(name, {}))
        world = World(rpc, describe(rpc), FaultBoard(self.state_dir))
        return str(found.clear(world) if over else found.start(world))

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON (or text); 0 while nobody listens."""
        try:
            with urllib.request.urlopen(self.url.replace("localhost", "127.0.0.1") + path, timeout=5) as answer:
                status, body = answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            status, body = error.code, error.read().decode()
        except OSError:
            return 0, ""
        with contextlib.suppress(ValueError):
            return status, json.loads(body)
        return status, body

    def pid(self, name: str) -> int:
        """The process that now runs as `name`; 0 if none does."""
        with contextlib.suppress(OSError, ValueError):
            return int((self.state_dir / "run" / f"{name}.pid").read_text().split()[0])
        return 0

    def living(self) -> list[Stat]:
        """Every process that this instance started and that still runs."""
        marked = f"{MARK}={self.state_dir}".encode()
        found = []
        for each in processes():
            with contextlib.suppress(OSError):
                folder = Path(f"/proc/{each.pid}")
                said = (folder / "environ").read_bytes().split(b"\0") + (folder / "cmdline").read_bytes().split(b"\0")
                if each.alive and any(text == marked or text.startswith(str(self.state_dir).encode()) for text in said):
                    found.append(each)
        for file in (self.state_dir / "run").glob("*.pid"):
            found += left_of(self.state_dir, file.stem)
        return found

    def stop(self, number: signal.Signals = signal.SIGTERM, seconds: float = 20) -> float:
        """How long it took."""
        began = time.monotonic()
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(seconds)
            except subprocess.TimeoutExpired:
                self.process.kill()
                raise
        return time.monotonic() - began


@contextlib.contextmanager
def running(*arguments: str, **env: str) -> Iterator[Stack]:
    """A stack in a folder of its own that has been up before, up to its banner; gone at the end."""
    from tests.prepared import copy_to

    with tempfile.TemporaryDirectory(prefix="breakglass stack ", ignore_cleanup_errors=True) as folder:
        stack = Stack.prepare(Path(folder) / "state", *arguments, **env)
        try:
            stack.first_log = copy_to(stack.state_dir).read_text(errors="replace")
            stack.start()
            if not {"watch", "demo"} & set(",".join(arguments).split(",")):
                _caught_up(stack)
            yield stack
        finally:
            stack.stop()


def _sees_blocks(stack: Stack) -> bool:
    """Of every chain; a part that is not well says so in other words."""
    ages = stack.get("/readyz")[1]["parts"]["chains"].get("head_age_s", {})
    return bool(ages) and all(age < 10 for age in ages.values())


def _caught_up(stack: Stack, seconds: float = 30) -> None:
    """The watch has seen this devnet's blocks, and not only the original's."""
    end = time.monotonic() + seconds
    while not _sees_blocks(stack):
        assert time.monotonic() < end, f"the watch does not catch up:\n{stack.log[-4000:]}"
        time.sleep(0.2)
