"""`alert_to_delivery_p95_ms`: a hundred alerts a second over HTTP for twenty seconds, each of them news and so grave
that it opens an incident; one web process, one worker, the linker, beat and a mail server run, as `up` starts them.

From the moment at which an alert is due to be sent (a sender that is held up counts as late) to the time of the first
delivery row that its incident has; both are of one machine's clock. Beside it: to the end of the turn that wrote that
row, when it is committed and all others can see it.
"""

import os
import sys
import threading
import time
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.alerts import alert, inside
from benchmarks.figures import figure, percentile, say, spent
from tests.stack import Stack
from tests.workers import until

PER_SECOND, SECONDS, WARM = 100, 20, 3
SENDERS = 16
PATIENCE = 90
"""Seconds in which the last one must have been told."""
PARTS = ("web", "worker", "ledger", "postgres")


def measure(stack: Stack) -> None:
    keys = inside(stack, "begin", str(SENDERS))
    total = PER_SECOND * (SECONDS + WARM)
    say(f"{PER_SECOND} new alerts a second for {SECONDS + WARM} s")
    before = {name: spent(stack.pid(name)) for name in PARTS}
    due = sent(stack, keys, total)
    over = time.time()
    until(lambda: len(inside(stack, "told")) == total, "not every incident's responders are told", PATIENCE)
    cost = ", ".join(f"{name} {(spent(stack.pid(name)) - before[name]) / total * 1000:.1f} ms" for name in PARTS)
    say(f"an alert cost {cost}; load {os.getloadavg()[0]:.1f}")
    told = inside(stack, "told")
    counted = range(PER_SECOND * WARM, total)
    rows = [(told[f"told-{number}"][0] - due[number]) * 1000 for number in counted]
    ends = [(told[f"told-{number}"][1] - due[number]) * 1000 for number in counted]
    late = max(0.0, max(row for row, _ in told.values()) - over)
    note = (
        f"p50 {percentile(rows, 0.5):.0f} ms; until it was committed p95 {percentile(ends, 0.95):.0f} ms; {PER_SECOND} "
        f"new alerts a second for {SECONDS} s, each an incident that is told and paged; one web process, one worker of "
        f"4 threads, linker, beat and mail running; the last was told {late:.1f} s after the last was sent"
    )
    figure("alert_to_delivery_p95_ms", percentile(rows, 0.95), "ms", len(rows), note)


def sent(stack: Stack, keys: list[str], total: int) -> list[float]:
    """When each alert was due to be sent. Whoever is free sends the next one, when its time has come."""
    port, numbers, failed = urlsplit(stack.url).port, count(), []
    began = time.time() + 0.2
    due = [began + number / PER_SECOND for number in range(total)]

    def sender() -> None:
        link = HTTPConnection("localhost", port, timeout=60)
        while (number := next(numbers)) < total and not failed:
            time.sleep(max(0.0, due[number] - time.time()))
            method, path, body = alert(keys[number % SENDERS], f"told-{number}", number)
            link.request(method, path, body, {"Content-Type": "application/json"})
            answer = link.getresponse()
            said = answer.read()
            if answer.status != 202:
                failed.append(f"{answer.status} {said[:300]!r}")

    threads = [threading.Thread(target=sender) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise RuntimeError(failed[0])
    return due


if __name__ == "__main__":  # against an instance that runs already: python -m benchmarks.telling STATE
    measure(Stack(Path(sys.argv[1]), dict(os.environ)))
