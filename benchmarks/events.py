"""`events_per_s`: eight processes record, each event in a transaction of its own, while the linker links."""

import json
import subprocess
import sys
import time

from benchmarks.figures import figure, percentile, say
from tests.stack import ROOT, Stack

CONNECTIONS = 8
SECONDS = 8

WRITER = """
import sys, time, django
django.setup()
from django.db import connection, transaction
from ledger.services import record
connection.ensure_connection()
print("ready", flush=True)
until, count = time.time() + float(sys.stdin.readline()), 0
while time.time() < until:
    with transaction.atomic():
        record("bench.written", actor="system:bench", subject=f"bench:{count}", after={"n": count})
    count += 1
print(count)
"""


def measure(stack: Stack) -> None:
    say(f"{CONNECTIONS} connections record for {SECONDS} s")
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings"}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    writers = [subprocess.Popen([sys.executable, "-c", WRITER], cwd=ROOT, env=env, **pipes) for _ in range(CONNECTIONS)]
    for writer in writers:
        assert writer.stdout and writer.stdout.readline() == "ready\n"
    total = sum(int(count) for count in _released(writers))
    p50, p95 = _lags(stack)
    note = f"{CONNECTIONS} processes, fsync on, linker running: linked after p50 {p50} ms, p95 {p95} ms"
    figure("events_per_s", total / SECONDS, "1/s", total, note)


def _released(writers: list["subprocess.Popen[str]"]) -> list[str]:
    """All at once, now that each is connected."""
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(f"{SECONDS}\n")
        writer.stdin.flush()
    return [writer.communicate(timeout=SECONDS + 60)[0] for writer in writers]


def _lags(stack: Stack) -> tuple[int, int]:
    """How long after the run the last events were linked, and whether the chain proves."""
    began = time.monotonic()
    while "0 waiting" not in (said := stack.manage("ledger", "verify", seconds=120)):
        if time.monotonic() - began > 60:
            raise RuntimeError(f"the linker does not catch up: {said}")
        time.sleep(0.2)
    if "the ledger verifies" not in said:
        raise RuntimeError(said)
    values = json.loads(stack.manage("shell", "-v", "0", "-c", LAGS))
    return round(percentile(values, 0.5)), round(percentile(values, 0.95))


LAGS = """
import json
from ledger.models import EventLink
rows = EventLink.objects.filter(event__verb="bench.written").order_by("seq").values_list("linked_at", "event__at")
print(json.dumps([(linked - at).total_seconds() * 1000 for linked, at in rows]))
"""
