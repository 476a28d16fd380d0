"""A state folder that has seen its first start, over tables that were made before (`tests.migrated`): once a session.
Stacks that are about something else begin with a copy of it, as on the second `make run` of a person who has moved the
ports."""

import fcntl
import os
import subprocess
from pathlib import Path

from tests import migrated
from tests.stack import PREPARED, Stack

# What the first start set in motion comes to its end. The endpoint goes, since its port may be another stack's devnet
# by the time a copy starts; the demo names the copy's own.
SETTLE = """
import time
from integrations.chain.models import Endpoint
from work.models import Work
end = time.monotonic() + 90
while Work.objects.filter(status__in=Work.OPEN).exists():
    assert time.monotonic() < end, "the demo's work does not end"
    time.sleep(0.2)
Endpoint.objects.all().delete()
"""


def copy_to(state_dir: Path) -> Path:
    """Makes it a copy; returns the log of the first start."""
    folder = Path(os.environ[PREPARED])
    state, log = folder / "state", folder / "state-1.log"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the suite's processes want it at about the same time
        if not state.exists():
            _make(folder)
    state_dir.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", state, state_dir], check=True)  # with owners: where PostgreSQL runs as nobody
    return log


def _make(folder: Path) -> None:
    """Under another name until it is whole."""
    stack = Stack.prepare(folder / "first")
    migrated.copy_to(stack.state_dir)
    try:
        stack.start()
        stack.manage("shell", "-v", "0", "-c", SETTLE, seconds=120)
    finally:
        stack.stop()
    stack.log_file.rename(folder / "state-1.log")
    stack.state_dir.rename(folder / "state")
