"""`make crash`: so many faults in a stack at work; then the judge. The last line is `N passed, N failed`.

After this part comes the other one, a flood of alerts (`alarms/`), as a program of its own; the last line is for both.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import RpcProxy
from tests import migrated
from tests.crash.campaign.child import Child
from tests.crash.campaign.lies import Lies
from tests.crash.campaign.nonsense import nonsense
from tests.crash.campaign.points import OF_SAFES, POINTS
from tests.stack import ROOT, Stack

if TYPE_CHECKING:
    from tests.crash.campaign.owners import Owners
    from tests.crash.campaign.stage import Stage
    from tests.crash.campaign.storms import Storms


def say(text: str) -> None:
    print(f"crash: {text}", flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.campaign")
    parser.add_argument("--part", choices=("both", "engine", "alarms"), default="both", help="what is broken")
    parser.add_argument("--faults", type=int, default=1000, help="how many at least (engine)")
    parser.add_argument("--seconds", type=float, default=300, help="how long alerts come (alarms)")
    parser.add_argument("--rate", type=float, default=50, help="alerts a second (alarms)")
    parser.add_argument("--seed", type=int, default=None, help="of every dice; drawn and said if none is given")
    parser.add_argument("--runs", type=int, default=60, help="runs under way at any time")
    parser.add_argument("--safes", type=int, default=3, help="Safes, each with one story at a time; or 0")
    parser.add_argument("--workers", type=int, default=3, help="worker processes alive at any time")
    parser.add_argument("--life", type=float, default=3.0, help="seconds that a worker lives at most, about")
    parser.add_argument("--minutes", type=float, default=30, help="when the faults end, however few there were")
    parser.add_argument("--keep", type=Path, default=None, help="a folder that keeps logs, orders and the sink")
    return parser.parse_args()


@dataclass
class Campaign:
    asked: argparse.Namespace
    folder: Path
    stage: "Stage"
    owners: "Owners"
    storms: "Storms"
    nursery: Child
    plan: list[str]
    dice: random.Random
    ordered: dict[int, str] = field(default_factory=dict)
    struck: int = 0
    decided: Counter[str] = field(default_factory=Counter)
    began: float = field(default_factory=time.monotonic)

    def run(self) -> None:
        """Faults and new runs side by side, until there were enough of the former."""
        from tests.crash.campaign import stage

        said = 0.0
        while (count := self.total()) < self.asked.faults or self.plan or not self.owners.told_all:
            if time.monotonic() - self.began > self.asked.minutes * 60:
                say(f"the time is up after {count} faults")
                break
            if stage.answers():
                wanted = self.asked.runs if count < self.asked.faults else 0
                for _ in range(wanted - stage.runs_open()):
                    self._order()
                self._decide()
                self.owners.begin()
                self.owners.act()
            self._strike(count)
            if time.monotonic() - said > 15:
                said = time.monotonic()
                told = len(self.owners.stories)
                say(f"{count} faults, {len(self.ordered)} runs ordered, {stage.runs_open()} under way, {told} stories")
            time.sleep(0.1)

    def _decide(self) -> None:
        """Before anything else is broken, or a person would look at a receiver that is still being asked."""
        from tests.crash.campaign import stage

        taken = {line["deed"] for line in _lines(self.folder / "sink.jsonl")}
        self.decided += stage.decide(taken, self.stage.actor)

    def _order(self) -> None:
        from tests.crash.campaign.books import BOOKS

        kind = self.dice.choice(list(BOOKS))
        number = len(self.ordered) + 1
        self.ordered[self.stage.order(number, kind)] = kind

    def _strike(self, count: int) -> None:
        """The storms keep pace with the kills: none of them comes in a heap at the end."""
        done, whole = self.struck, self.struck + len(self.plan)
        if self.plan and done * self.asked.faults <= count * whole:
            self.storms.strike(self.plan.pop())
            self.struck += 1

    def total(self) -> int:
        return sum(self.counts().values())

    def counts(self) -> Counter[str]:
        """What has happened until now."""
        self.storms.look()
        counts = self.storms.met.copy()
        counts.update(f"kill -9 of a worker {_where(line['kind'])}" for line in _lines(self.folder / "deaths.jsonl"))
        counts.update(
            f"the {'mail server' if line['kind'] == 'mail' else 'http server'} takes it and hangs up"
            for line in _lines(self.folder / "sink.jsonl")
            if line["cut"]
        )
        return counts

    def drain(self, patience: float = 150) -> bool:
        """Nothing is broken any more: everything comes to its end, and the chain to finality."""
        from tests.crash.campaign import stage

        self.storms.clear()
        self.nursery.tell("calm")
        least, since = sys.maxsize, time.monotonic()
        while left := stage.moving() + self.owners.open:
            self._decide()
            self.owners.act()
            if left < least:
                least, since = left, time.monotonic()
            if time.monotonic() - since > patience:
                say(f"{left} things have not moved for {patience:g} s")
                for story in (owned.story for owned in self.owners.safes if owned.story):
                    offers = [(one.must, one.row.status, one.row.stopped) for one in story.offers if one.pk]
                    say(f"story {story.number} ({story.kind}): {offers}; {story.deeds[0]}; {story.hindrance}")
                return False
            time.sleep(0.5)
        return True


def _where(kind: str) -> str:
    return kind if kind.startswith(("at ", "ended")) else f"at {kind}"


def _lines(path: Path) -> list[Any]:
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]


def main() -> int:
    """Each part asked for, one after the other, whatever became of the one before."""
    asked = options()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    environ = dict(os.environ)  # of this part a stack's settings remain in ours
    seed = asked.seed if asked.seed is not None else int.from_bytes(os.urandom(3))
    parts = [engine(asked, seed)] if asked.part != "alarms" else []
    parts += [_alarms(asked, seed, environ)] if asked.part != "engine" else []
    passed, failed = (sum(numbers) for numbers in zip(*parts, strict=True))
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed else 0


def _alarms(asked: argparse.Namespace, seed: int, environ: dict[str, str]) -> tuple[int, int]:
    told = ["--seconds", f"{asked.seconds:g}", "--rate", f"{asked.rate:g}", "--seed", str(seed)]
    told += ["--keep", str(asked.keep / "alarms")] if asked.keep else []
    command = [sys.executable, "-m", "tests.crash.campaign.alarms", *told]
    with subprocess.Popen(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True) as part:
        assert part.stdout
        try:
            last = ""
            for last in part.stdout:
                print(last, end="", flush=True)
        finally:
            part.terminate()  # if it is this one that was ended: it stops its stack first
    found = re.fullmatch(r"(\d+) passed, (\d+) failed", last.strip())
    return (int(found[1]), int(found[2])) if found else (0, 1)


def engine(asked: argparse.Namespace, seed: int) -> tuple[int, int]:
    say(f"seed {seed}: at least {asked.faults} faults, {asked.workers} workers, {asked.runs} runs at a time")
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="breakglass-crash-")))
        if asked.keep:
            folder = asked.keep.resolve()
            if folder.exists() and any(folder.iterdir()):
                raise SystemExit(f"crash: {folder} is not empty")
            folder.mkdir(parents=True, exist_ok=True)
        return conduct(asked, seed, folder, closing)


def conduct(asked: argparse.Namespace, seed: int, folder: Path, closing: ExitStack) -> tuple[int, int]:
    log = closing.enter_context((folder / "processes.log").open("wb"))
    sink = Child.start("sink", str(folder / "sink.jsonl"), str(seed), "0.02", env=dict(os.environ), log=log)
    closing.callback(sink.end)
    ports = json.loads(sink.line())
    service = closing.enter_context(nonsense(random.Random(f"service {seed}")))
    parts = f"postgres,redis,migrate,ledger,beat{',watch' if asked.safes else ''}"
    migrated.copy_to(folder / "state")
    stack = Stack.prepare(folder / "state", "--only", parts)
    stack.env |= {
        "SMTP_SINK_PORT": str(ports["smtp"]),
        "DEVNET_ENABLED": "false",
        "OUTGOING_ALLOW": f"127.0.0.1:{ports['http']},{service.place}",
    }
    closing.callback(stack.stop)
    stack.start()
    anvil = closing.enter_context(Anvil(mining="interval", block_seconds=1))
    proxies = [closing.enter_context(RpcProxy(anvil.url)) for _ in range(2 if asked.safes else 1)]
    os.environ.update({**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings"})
    import django

    django.setup()
    from tests.crash.campaign import stage as stages
    from tests.crash.campaign.owners import set_up
    from tests.crash.campaign.storms import Storms

    stage = stages.set_up(anvil, [one.url for one in proxies], folder, f"http://127.0.0.1:{ports['http']}")
    lies = Lies(proxies, anvil.rpc, random.Random(f"lies {seed}"))
    owners = set_up(stage, anvil.rpc, lies, service, asked.safes, random.Random(f"owners {seed}"))
    storms = Storms(stack, proxies, lies, anvil.rpc, random.Random(f"storms {seed}"))
    nursery = _nursery(asked, seed, folder, closing, log)
    campaign = Campaign(
        asked, folder, stage, owners, storms, nursery, storms.plan(asked.faults), random.Random(f"orders {seed}")
    )
    broken = []
    try:
        campaign.run()
    except Exception as error:  # a campaign that breaks has failed, and is judged all the same
        traceback.print_exc()
        broken.append(f"the campaign itself broke: {type(error).__name__}: {error}")
    return verdict(campaign, anvil, seed, broken)


def _nursery(asked: argparse.Namespace, seed: int, folder: Path, closing: ExitStack, log: IO[bytes]) -> Child:
    """The workers' parent, ready."""
    points, seldom = ",".join(POINTS), ",".join(OF_SAFES if asked.safes else ())
    told = (str(folder), str(asked.workers), str(seed), str(asked.life), points, "0", seldom)
    nursery = Child.start("nursery", *told, env={**os.environ, "ETH_HASH_BACKEND": "pysha3"}, log=log)
    closing.callback(nursery.end)
    if nursery.line() != "ready":
        raise SystemExit(f"crash: the nursery does not start:\n{(folder / 'processes.log').read_text()[-3000:]}")
    return nursery


def verdict(campaign: Campaign, anvil: Anvil, seed: int, wrong: list[str]) -> tuple[int, int]:
    from ledger.chain import verify
    from tests.crash.campaign import stage

    took = time.monotonic() - campaign.began
    counts = campaign.counts()
    drained = campaign.drain()
    for name, count in sorted(counts.items(), key=lambda item: -item[1]):
        say(f"{count:6d}  {name}")
    say(
        f"{counts.total():6d}  faults in {took:.0f} s, seed {seed}; {len(campaign.ordered)} runs were under way in them"
    )
    for name, count in sorted(campaign.owners.service.told.items()):
        say(f"{count:6d}  times the Transaction Service answered {name}")
    say(f"claims taken over from a dead worker: {dict(stage.lost_claims())}")
    say(f"asked of a person: {dict(campaign.decided)}; {campaign.storms.dropped} transactions dropped by reorgs")
    wrong += stage.record_says(campaign.ordered, [one for story in campaign.owners.stories for one in story.offers])
    wrong += [] if drained else ["not everything came to an end"]
    wrong += [f"a worker {name}" for name in counts if "ended by itself" in name]
    wrong += [] if counts.total() >= campaign.asked.faults else [f"only {counts.total()} faults"]
    wrong += ["no service was asked"] if campaign.owners.safes and not campaign.owners.service.told else []
    wrong += [f"the ledger does not verify: {problem}" for problem in verify().problems]
    for text in wrong:
        say(f"the record: {text}")
    return _judged(campaign, anvil, len(wrong))


def _judged(campaign: Campaign, anvil: Anvil, wrong: int) -> tuple[int, int]:
    """By a process of its own, which hears of nothing but what was ordered, the sink's file and the chain."""
    command = [sys.executable, "-m", "tests.crash.campaign.judge", *map(str, _evidence(campaign)), anvil.url]
    judged = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=300)
    lines = judged.stdout.strip().splitlines()
    print("\n".join(lines[:-1]), flush=True)
    passed, failed = (int(word) for word in lines[-1].split() if word.isdigit())
    failed = (failed + wrong) or int(judged.returncode != 0)
    say(f"{passed} passed, {failed} failed")
    return passed, failed


def _evidence(campaign: Campaign) -> tuple[Path, Path]:
    return campaign.stage.orders, campaign.folder / "sink.jsonl"


if __name__ == "__main__":
    raise SystemExit(main())
