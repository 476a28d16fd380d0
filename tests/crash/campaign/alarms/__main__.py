"""`make crash`, its second part: a flood of alerts while everybody is killed; then the judge."""

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
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from tests import migrated
from tests.crash.campaign.alarms.evidence import lines
from tests.crash.campaign.alarms.feed import Feed
from tests.crash.campaign.alarms.kills import Kills
from tests.crash.campaign.child import Child
from tests.stack import ROOT, Stack

CUT = "0.02"
ACTING = 45
"""Seconds after the last kill in which people still take what reaches them."""
PATIENCE = 120
"""Seconds after which what does not get less will not end: a page that nobody takes goes through its whole ladder."""
LONGEST = 1200
"""Seconds that all of it may take, on a machine that is busy with other things."""


def say(text: str) -> None:
    print(f"alarms: {text}", flush=True)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crash.campaign.alarms")
    parser.add_argument("--seconds", type=float, default=300, help="how long it rains")
    parser.add_argument("--rate", type=float, default=50, help="alerts a second")
    parser.add_argument("--seed", type=int, default=None, help="of every dice; drawn and said if none is given")
    parser.add_argument("--keep", type=Path, default=None, help="a folder that keeps logs, notes and the sink")
    return parser.parse_args()


def main() -> int:
    asked = options()
    seed = asked.seed if asked.seed is not None else int.from_bytes(os.urandom(3))
    say(f"seed {seed}: {asked.rate:g} alerts a second for {asked.seconds:g} s, and everybody is killed meanwhile")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with ExitStack() as closing:
        folder = Path(closing.enter_context(tempfile.TemporaryDirectory(prefix="breakglass-alarms-")))
        if asked.keep:
            folder = asked.keep.resolve()
            if folder.exists() and any(folder.iterdir()):
                raise SystemExit(f"alarms: {folder} is not empty")
            folder.mkdir(parents=True, exist_ok=True)
        return conduct(asked, str(seed), folder, closing)


def conduct(asked: argparse.Namespace, seed: str, folder: Path, closing: ExitStack) -> int:
    log = closing.enter_context((folder / "processes.log").open("wb"))
    sink = _child("sink", str(folder / "sink.jsonl"), seed, CUT, log=log, closing=closing)
    ports = json.loads(sink.line())
    stack = _stack(folder, ports, closing)
    world = _inside(stack, f"http://127.0.0.1:{ports['http']}")
    (folder / "world.json").write_text(world)
    people = _child("people", str(folder), stack.url, seed, log=log, closing=closing)
    told = (str(folder), stack.url, f"{asked.rate:g}", f"{asked.seconds:g}", seed)
    senders = _child("senders", *told, log=log, closing=closing)
    Feed(stack, folder, asked.seconds).start()
    kills, began = Kills(stack, folder, random.Random(f"kills {seed}")), time.monotonic()
    wrong: list[str] = []
    try:
        kills.run(asked.seconds)
    except Exception as error:  # a campaign that breaks has failed, and is judged all the same
        wrong.append(f"the campaign itself broke: {type(error).__name__}: {error}")
    say(f"{kills.met.total()} kills in {time.monotonic() - began:.0f} s, seed {seed}")
    for name, count in sorted(kills.met.items(), key=lambda item: -item[1]):
        say(f"{count:6d}  {name}")
    _calm(senders, people)
    say(f"{len(lines(folder / 'sends.jsonl'))} payloads sent, {len(lines(folder / 'deeds.jsonl'))} deeds of people")
    return _judged(stack, folder, wrong)


def _child(module: str, *arguments: str, log: IO[bytes], closing: ExitStack) -> Child:
    child = Child.start(f"alarms.{module}", *arguments, env=dict(os.environ), log=log)
    closing.callback(child.end)
    return child


def _stack(folder: Path, ports: dict[str, int], closing: ExitStack) -> Stack:
    """All of it, with a devnet for the watch, but for the mail server: that is the sink."""
    migrated.copy_to(folder / "state")
    stack = Stack.prepare(folder / "state", "--without", "mail")
    stack.env |= {"SMTP_SINK_PORT": str(ports["smtp"]), "OUTGOING_ALLOW": f"127.0.0.1:{ports['http']}"}
    closing.callback(stack.stop)
    return stack.start()


def _inside(stack: Stack, *arguments: str) -> str:
    """What the campaign needs there, made with the instance's own Django."""
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    command = [sys.executable, "-m", "tests.crash.campaign.alarms.world", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=120, stdout=subprocess.PIPE, text=True)
    return done.stdout.strip().splitlines()[-1]


def _calm(senders: Child, people: Child) -> None:
    """Nothing is broken any more: whoever still has something to send sends it, and people come to rest."""
    time.sleep(ACTING)
    people.tell("stop")
    _ended(people, 120)
    if not _ended(senders, 240):
        senders.tell("stop")
        _ended(senders, 30)


def _ended(child: Child, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while child.process.poll() is None and time.monotonic() < end:
        time.sleep(0.1)
    return child.process.poll() is not None


def _judged(stack: Stack, folder: Path, wrong: list[str]) -> int:
    command = [sys.executable, "-m", "tests.crash.campaign.alarms.judge", str(folder), stack.runtime["DATABASE_URL"]]
    judged = subprocess.run([*command, str(PATIENCE)], cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=LONGEST)
    print(judged.stdout.rpartition("judge: ")[0], end="", flush=True)
    found = re.search(r"(\d+) passed, (\d+) failed\s*$", judged.stdout)
    verified = stack.manage("ledger", "verify", seconds=120, check=False).strip()
    say(verified.splitlines()[-1] if verified else "the ledger says nothing")
    if "the ledger verifies" not in verified:
        wrong.append("the ledger does not verify")
    wrong += [] if found else ["the judge broke"]
    for text in wrong:
        say(text)
    passed, failed = (int(found[1]), int(found[2])) if found else (0, 0)
    failed += len(wrong)
    print(f"{passed} passed, {failed} failed", flush=True)
    return 1 if failed or judged.returncode else 0


if __name__ == "__main__":
    raise SystemExit(main())
