"""`sockets_500_event_p95_ms`: five hundred people have one war room open, each signed in with a session and a socket of
their own to one web process; then somebody writes a note into it, over the API, thirty times.

From the moment at which the note is sent to the moment at which it has arrived at each of the five hundred: stored,
linked into the ledger, drawn, sent and unpacked. The crowd is one process (`benchmarks.crowd`), which also sends the
notes, so that there is one clock.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, percentile, say
from tests.stack import ROOT, Stack

PEOPLE, NOTES = 500, 30


def measure(stack: Stack) -> None:
    say(f"{PEOPLE} people open a war room")
    world = prepared(stack)
    found = crowd({**world, "port": stack.env["PORT"], "web": stack.pid("web"), "notes": NOTES})
    took = [value for each in found["took"] for value in each]
    if len(took) != PEOPLE * NOTES:
        raise RuntimeError(f"{len(took)} of {PEOPLE * NOTES} arrived")
    last = percentile([max(each) for each in found["took"]], 0.95)
    say(f"the web process spent {found['spent'] / NOTES * 1000:.0f} ms a note, load {os.getloadavg()[0]:.1f}")
    note = (
        f"p50 {percentile(took, 0.5):.0f} ms; to the last one of {PEOPLE} p95 {last:.0f} ms; {NOTES} notes, from the "
        f"POST to each socket; {found['bytes']} bytes each; one web process, linker running"
    )
    figure("sockets_500_event_p95_ms", percentile(took, 0.95), "ms", len(took), note)


def prepared(stack: Stack) -> Any:
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    command = [sys.executable, "-m", "benchmarks.sockets_world", str(PEOPLE)]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def crowd(world: Any) -> Any:
    command = [sys.executable, "-m", "benchmarks.crowd"]
    asked = json.dumps(world)
    done = subprocess.run(command, cwd=ROOT, input=asked, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


if __name__ == "__main__":  # against an instance that runs already: python -m benchmarks.sockets STATE
    measure(Stack(Path(sys.argv[1]), dict(os.environ)))
