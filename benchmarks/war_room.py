"""`war_room_10k_p95_ms`, `war_room_queries`: the page of an incident with 10,000 lines, asked over HTTP and drawn whole
for each request, and how many queries that takes; the note says how many it took before the lines were there."""

import json
import os
import subprocess
import sys
import threading
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from benchmarks.figures import figure, percentile, say
from tests.stack import ROOT, Stack

LINES = 10_000
REQUESTS, WARM = 120, 15
BESIDE = 4


def measure(stack: Stack) -> None:
    say(f"writing {LINES} lines into one incident")
    world = prepared(stack)
    alone = asked(stack, world, 1)
    together = asked(stack, world, BESIDE)
    spread = f"p50 {percentile(alone, 0.5):.0f} ms; {BESIDE} at once: p95 {percentile(together, 0.95):.0f} ms"
    note = f"one web process, one reader at a time, {LINES} events, newest 60 shown; {spread}"
    figure("war_room_10k_p95_ms", percentile(alone, 0.95), "ms", len(alone), note)
    figure("war_room_queries", world["queries"], "queries", 1, f"with {LINES} events; {world['few']} before them")


def prepared(stack: Stack) -> Any:
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    command = [sys.executable, "-m", "benchmarks.war_room_world", str(LINES)]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def asked(stack: Stack, world: Any, readers: int) -> list[float]:
    """Milliseconds of each request; the first ones fill the process's own caches of code and are not counted."""
    took: list[float] = []

    def read() -> None:
        link = HTTPConnection("localhost", urlsplit(stack.url).port, timeout=60)
        for number in range(WARM + REQUESTS // readers):
            began = time.monotonic()
            link.request("GET", world["path"], headers={"Cookie": f"sessionid={world['cookie']}"})
            answer = link.getresponse()
            body = answer.read()
            if answer.status != 200 or b"record-older" not in body:
                raise RuntimeError(f"{answer.status} {body[:300]!r}")
            if number >= WARM:
                took.append((time.monotonic() - began) * 1000)

    threads = [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) < REQUESTS // readers * readers:
        raise RuntimeError("a reader failed")
    return took


if __name__ == "__main__":  # against an instance that runs already: python -m benchmarks.war_room STATE
    from pathlib import Path

    measure(Stack(Path(sys.argv[1]), dict(os.environ)))
