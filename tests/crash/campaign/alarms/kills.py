"""What befalls the house under the flood: each of its processes ended with SIGKILL, in an order drawn with the seed."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import redis

from tests.crash.campaign.alarms.senders import Notes
from tests.stack import Stack
from tests.workers import children, until

# Of a hundred, roughly so many of each; at least one of each, however short the campaign.
SHARES = {
    "web": 14,
    "worker": 14,
    "watch": 11,
    "beat": 10,
    "redis": 12,
    "postgres": 11,
    "postgres process": 8,
    "ledger": 11,
    "redis flushed": 6,
    "up": 3,
}
EVERY = 4.5
"""Seconds from one to the next, on average."""
RIPE = 31.0
"""Seconds after which a process is killed rather than before: `up` waits longer and longer with what dies young."""
YOUNG = 0.15
"""The share of kills that ask for no age."""
PART_OF = {"postgres process": "postgres", "redis flushed": "", "up": "web"}


@dataclass
class Kills:
    """Kills, and counts what the operating system saw die."""

    stack: Stack
    folder: Path
    dice: random.Random
    met: Counter[str] = field(default_factory=Counter)

    def plan(self, seconds: float) -> list[str]:
        number = seconds / EVERY
        names = [name for name, share in SHARES.items() for _ in range(max(1, round(share * number / 100)))]
        self.dice.shuffle(names)
        return names

    def run(self, seconds: float) -> None:
        """The plan, spread over the time at random moments; of what is left of it, the first whose victim is ripe."""
        began, plan = time.monotonic(), self.plan(seconds)
        for moment in sorted(self.dice.uniform(1, seconds - 1) for _ in plan):
            time.sleep(max(0.0, began + moment - time.monotonic()))
            young = self.dice.random() < YOUNG
            if name := next((name for name in plan if young or self._ripe(name)), None):
                plan.remove(name)
                self.strike(name)
        time.sleep(max(0.0, began + seconds - time.monotonic()))

    def strike(self, name: str) -> None:
        SPECIAL.get(name, lambda kills: kills.kill(name))(self)

    def _ripe(self, name: str) -> bool:
        victim = PART_OF.get(name, name)
        try:
            return not victim or time.time() - (self.stack.state_dir / "run" / f"{victim}.pid").stat().st_mtime > RIPE
        except OSError:
            return False

    def kill(self, name: str) -> None:
        self._end(self._pid(name), f"{name} killed")

    def postgres_process(self) -> None:
        """Any process of the server: the postmaster ends them all and recovers from the log."""
        if found := children(self._pid("postgres") or -1):
            self._end(self.dice.choice(found), "PostgreSQL: one of its processes killed, so all of them")

    def redis_flushed(self) -> None:
        with contextlib.suppress(redis.RedisError):
            redis.Redis.from_url(self.stack.runtime["REDIS_URL"]).flushall()
            self.met["Redis flushed"] += 1

    def up(self) -> None:
        """The parent of them all, and with it whoever ends with it. A person, or systemd, starts it again."""
        process = self.stack.process
        assert process
        process.kill()
        process.wait(10)
        Notes(self.folder / "ups.jsonl").write({"at": time.time()})
        self.met["up itself killed, and everything with it"] += 1
        self.stack.begin()
        self.stack.wait_for_log("Breakglass is", 120)

    def _pid(self, name: str) -> int:
        """Of whoever runs as this now; if nobody does, as soon as somebody does."""
        end = time.monotonic() + 30
        while not (pid := self.stack.pid(name)) and time.monotonic() < end:
            time.sleep(0.05)
        return pid

    def _end(self, pid: int, what: str) -> None:
        if not pid:
            return
        with contextlib.suppress(ProcessLookupError):
            handle = os.pidfd_open(pid)
            try:
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            finally:
                os.close(handle)
            until(lambda: not _runs(pid), f"{what}: it does not die", 20)
            self.met[what] += 1


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


SPECIAL: dict[str, Callable[[Kills], None]] = {
    "postgres process": Kills.postgres_process,
    "redis flushed": Kills.redis_flushed,
    "up": Kills.up,
}
