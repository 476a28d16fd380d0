"""Workers that are killed, and the parent that has the next one ready: `python -m tests.crash.campaign.nursery FOLDER`.

A worker is a whole Celery worker process on the real queue, with the pool, threads and options of the command that
`up` runs. It is only not started from nothing: this process has everything imported, holds no connection and no
thread, and forks. So a kill -9 costs a third of a second of start instead of three, and a thousand of them are
affordable. Each life has a fate, drawn with the seed: to kill itself at the nth pass of a named point
(`work.faults`), or to be killed from outside at a random moment; the latter also befalls whoever never gets to its
point. What happened is appended to FOLDER/deaths.jsonl.

Told over standard input: `calm` (whoever is alive is replaced by a worker that nobody kills) and `stop`; the end of
the input is a `stop`.
"""

import ctypes
import gc
import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from config.embedded import PR_SET_PDEATHSIG

RANDOM = "at a random moment"
BIRTH = 60.0
AMBUSH = 25.0
"""Seconds that somebody waits for one of the points that are seldom passed."""


@dataclass(frozen=True, slots=True)
class Fate:
    """Where a life ends, or after how many seconds of work; a point of "" and endless seconds: never."""

    point: str
    seconds: float

    @property
    def crash_at(self) -> str:
        return "" if self.point in ("", RANDOM) else self.point


@dataclass(slots=True)
class Life:
    pid: int
    fate: Fate
    ready: int  # a pipe, of which the worker writes when it has begun to work
    until: float
    killed: bool = False

    def look(self) -> None:
        """A life is counted from its first work on: on a busy machine being born takes longer."""
        if self.ready and select.select([self.ready], [], [], 0)[0]:
            os.close(self.ready)
            self.ready, self.until = 0, time.monotonic() + self.fate.seconds


class Nursery:
    """Keeps so many workers alive, whatever becomes of them."""

    def __init__(
        self,
        folder: Path,
        points: list[str],
        *,
        count: int,
        seed: int,
        longest: float,
        spared: int = 0,
        seldom: Sequence[str] = (),
    ) -> None:
        self.folder, self.points, self.count, self.longest, self.spared = folder, points, count, longest, spared
        self.seldom = seldom
        self.dice = random.Random(f"nursery {seed}")
        self.lives: list[Life] = []
        self.deaths: Counter[str] = Counter()
        self.calm = False
        self.born = 0

    def run(self) -> None:
        """Until told to stop."""
        while True:
            self._bury()
            while len(self.lives) < self.count:
                self._bear()
            readable, _, _ = select.select([sys.stdin], [], [], 0.02)
            word = sys.stdin.readline().strip() if readable else None
            if word in ("stop", ""):
                break
            if word == "calm":
                self._kill(self.lives)
                self.calm = True
            for life in self.lives:
                life.look()
            now = time.monotonic()
            self._kill([life for life in self.lives if life.until < now])
        for life in self.lives:
            os.kill(life.pid, signal.SIGKILL)

    def _kill(self, lives: list[Life]) -> None:
        for life in lives:
            if not life.killed:
                life.killed = True
                os.kill(life.pid, signal.SIGKILL)

    def _bury(self) -> None:
        for life in list(self.lives):
            pid, status = os.waitpid(life.pid, os.WNOHANG)
            if not pid:
                continue
            self.lives.remove(life)
            if life.ready:
                os.close(life.ready)
            code = os.waitstatus_to_exitcode(status)
            kind = RANDOM if life.killed else life.fate.point
            if code != -signal.SIGKILL:
                kind = f"ended by itself with {code}"  # nobody asked for that: the campaign reports it as a failure
            self.deaths[kind] += 1
            with (self.folder / "deaths.jsonl").open("a") as out:
                out.write(json.dumps({"kind": kind, "pid": pid, "at": time.time()}) + "\n")

    def _fate(self) -> Fate:
        """Points that were seldom reached come up more often, and one life always waits for one that is seldom passed.

        Without a longest life only points kill.
        """
        if self.calm or sum(life.fate.point == "" for life in self.lives) < self.spared:
            return Fate("", float("inf"))
        if not self.longest:
            return Fate(self.dice.choice(self.points), float("inf"))
        if self.seldom and not any(life.fate.point in self.seldom for life in self.lives):
            return Fate(self._draw(self.seldom), AMBUSH)
        seconds = self.dice.uniform(self.longest / 4, self.longest)
        name = self._draw([*self.points, RANDOM])
        # A kill at a random moment comes early; whoever waits for its point has a little longer.
        return Fate(name, seconds if name == RANDOM else seconds + self.longest)

    def _draw(self, choices: Sequence[str]) -> str:
        return self.dice.choices(choices, [1 / (1 + self.deaths[name]) for name in choices])[0]

    def _bear(self) -> None:
        fate, nth = self._fate(), self.dice.choice((1, 1, 1, 2, 3))
        nth = 1 if fate.point in self.seldom else nth
        self.born += 1
        hear, say = os.pipe()
        pid = os.fork()
        if pid == 0:
            self._live(fate, nth, say)
        os.close(say)
        self.lives.append(Life(pid, fate, hear, time.monotonic() + BIRTH if self.longest else float("inf")))

    def _live(self, fate: Fate, nth: int, say: int) -> None:
        """The child: a worker's whole life."""
        try:
            as_child(f"{fate.crash_at}:{nth}" if fate.crash_at else "")
            celery_worker([*WORKER, f"--hostname=n{self.born}@localhost"], lambda: os.write(say, b"!"))
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(3)


def as_child(crash_at: str) -> None:
    """Right after the fork: its own fate, and nothing of its parent's that would keep it or the parent waiting."""
    os.environ.pop("BREAKGLASS_CRASH_AT", None)
    if crash_at:
        os.environ["BREAKGLASS_CRASH_AT"] = crash_at
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)  # whoever started us reads lines of our parent's, and nothing of ours: a full pipe would stop us


def celery_worker(arguments: Sequence[str], begun: Callable[[], object] = lambda: None) -> None:
    """Its whole life on the real queue; `begun` is called when it takes its first work."""
    from celery.signals import worker_ready

    from config.celery import app

    worker_ready.connect(lambda **_: begun(), weak=False)
    app.worker_main(list(arguments))


WORKER = ("worker", "--pool=threads", "--concurrency=4", "--without-mingle", "--without-gossip", "--loglevel=INFO")


def warm() -> None:
    """Everything that a worker imports sooner or later, and no connection."""
    import django

    django.setup()
    from importlib import import_module

    from config.celery import app

    app.loader.import_default_modules()
    app.finalize()
    for name in (
        "celery.apps.worker",
        "celery.worker.components",
        "celery.worker.consumer",
        "celery.concurrency.thread",
        "kombu.transport.redis",
        "psycopg",
        "governance.proposals.services",
        "integrations.chain.client",
        "integrations.chain.transactions.turns",
        "integrations.safe.simulate",
        "governance.proposals.execution",
        "notify.services",
        "smtplib",
        "django.core.mail.backends.smtp",
    ):
        import_module(name)
    from django.db import connections

    connections.close_all()


def main(folder: str, count: str, seed: str, longest: str, points: str, spared: str = "0", seldom: str = "") -> None:
    def leave(_signum: int, _frame: FrameType | None) -> None:
        raise SystemExit(1)

    signal.signal(signal.SIGTERM, leave)
    warm()
    gc.collect()
    gc.freeze()  # a child's collector would copy every page that it looks at
    nursery = Nursery(
        Path(folder),
        points.split(","),
        count=int(count),
        seed=int(seed),
        longest=float(longest),
        spared=int(spared),
        seldom=seldom.split(",") if seldom else (),
    )
    print("ready", flush=True)
    try:
        nursery.run()
    finally:
        for life in nursery.lives:
            os.kill(life.pid, signal.SIGKILL)


if __name__ == "__main__":
    main(*sys.argv[1:])
