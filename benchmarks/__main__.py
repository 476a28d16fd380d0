"""`make bench`: every group of figures, or those that are named: `make bench ARGS=events`."""

import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks import alerts, deliveries, events, runs, sockets, telling, txservice, war_room
from benchmarks.figures import say
from tests.stack import ROOT, Stack


def emergency(stack: Stack) -> None:
    _inside(stack, "benchmarks.emergency")


def monitors(stack: Stack) -> None:
    _inside(stack, "benchmarks.monitors")


def review(stack: Stack) -> None:
    _inside(stack, "benchmarks.review")


def _inside(stack: Stack, module: str) -> None:
    """In a process whose Django is set up for the instance that is measured."""
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    env["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"  # playwright keeps a loop in this thread
    subprocess.run([sys.executable, "-m", module], cwd=ROOT, env=env, check=True, timeout=600)


GROUPS: dict[str, tuple[Callable[[Stack], None], tuple[str, ...]]] = {
    "events": (events.measure, ("--only", "postgres,redis,migrate,ledger")),
    "alerts": (alerts.measure, ("--only", "postgres,redis,migrate,ledger,web")),
    "emergency": (emergency, ()),
    "monitors": (monitors, ("--only", "postgres,redis,migrate,devnet,demo")),
    "txservice": (txservice.measure, ("--only", "postgres,redis,migrate,devnet,demo,ledger,web")),
    "deliveries": (deliveries.measure, ("--only", "postgres,redis,migrate,ledger,beat")),
    "war_room": (war_room.measure, ("--only", "postgres,redis,migrate,ledger,web")),
    "sockets": (sockets.measure, ("--only", "postgres,redis,migrate,ledger,web")),
    "telling": (telling.measure, ("--only", "postgres,redis,migrate,ledger,web,worker,beat,mail")),
    "review": (review, ("--only", "postgres,redis,migrate,devnet,demo")),
    "runs": (runs.measure, ("--only", "postgres,redis,migrate,ledger,beat")),
}


def main(asked: list[str]) -> None:
    if unknown := set(asked) - GROUPS.keys():
        raise SystemExit(f"bench: there is no group {', '.join(sorted(unknown))}: choose from {', '.join(GROUPS)}")
    for name in asked or list(GROUPS):
        measure, arguments = GROUPS[name]
        with tempfile.TemporaryDirectory(prefix="breakglass-bench-", ignore_cleanup_errors=True) as folder:
            stack = Stack.prepare(Path(folder) / "state", *arguments)
            say(f"starting what {name} needs")
            try:
                measure(stack.start())
            finally:
                stack.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
