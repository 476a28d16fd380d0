"""`alert_existing_per_s`, `alert_new_per_s`: alerts of Prometheus' Alertmanager over HTTP, eight senders with a key
each, one web process, the linker running. What was answered with 202 is counted afterwards: it must all be there.

*Existing*: each sender's alert fires already and is sent again and again, no two payloads alike. *New*: every alert is
another one, grave enough that it opens an incident of its own and tells the responders.

Grafana OnCall's engine on two such cores: 152 a second stored into an existing group, 58 as a new one.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.figures import say, spent
from benchmarks.txservice import CLIENTS, Caller, Request, rate
from tests.stack import ROOT, Stack

EXISTING, NEW, HOT = 6000, 2400, 1500
STARTS = "2026-11-20T03:12:08.157Z"


def measure(stack: Stack) -> None:
    keys = inside(stack, "begin", str(CLIENTS))
    caller = Caller(stack.url, "")
    caller.ask([alert(key, f"existing-{number}", 0) for number, key in enumerate(keys)], 202)
    before = inside(stack, "stored")
    note = f"{CLIENTS} clients, fsync on, linker running, rate limit off"
    again = [alert(keys[n % CLIENTS], f"existing-{n % CLIENTS}", n + 1) for n in range(EXISTING)]
    _rate(stack, "alert_existing_per_s", caller, again, f"{note}; one firing alert a sender, each payload another")
    hot = [alert(keys[0], "existing-0", n + 1_000_000) for n in range(HOT)]
    _rate(stack, "alert_hottest_per_s", caller, hot, f"{note}; all for one and the same alert")
    after = inside(stack, "stored")
    _same("sightings", EXISTING + HOT, after["seen"] - before["seen"])
    _same("payloads", EXISTING + HOT, after["payloads"] - before["payloads"])
    new = [alert(keys[n % CLIENTS], f"new-{n}", n) for n in range(NEW)]
    _rate(
        stack, "alert_new_per_s", caller, new, f"{note}; each opens an incident; that the responders are told is queued"
    )
    last = inside(stack, "stored")
    _same("incidents", NEW, last["incidents"] - after["incidents"])
    _same("alerts", NEW, last["alerts"] - after["alerts"])


def _rate(stack: Stack, name: str, caller: Caller, requests: list[Request], note: str) -> None:
    """With what each cost the web process itself, which says what the machine's other guests took from the figure."""
    before = spent(stack.pid("web"))
    rate(name, caller, requests, 202, note)
    each = (spent(stack.pid("web")) - before) / len(requests) * 1000
    say(f"{name}: {each:.2f} ms of the web process's own time each, load {os.getloadavg()[0]:.1f}")


def alert(key: str, fingerprint: str, number: int) -> Request:
    labels = {"alertname": "OracleStale", "instance": "feeds:9115", "job": "feeds", "severity": "critical"}
    one = {
        "status": "firing",
        "labels": {**labels, "pair": fingerprint},
        "annotations": {"summary": f"The {fingerprint} feed has not answered", "value": str(number)},
        "startsAt": STARTS,
        "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "http://prometheus:9090/graph?g0.expr=time%28%29+-+feed_updated_at+%3E+600&g0.tab=1",
        "fingerprint": fingerprint,
    }
    group = {
        "version": "4",
        "groupKey": '{}:{alertname="OracleStale"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "breakglass",
        "groupLabels": {"alertname": "OracleStale"},
        "commonLabels": labels,
        "commonAnnotations": {},
        "externalURL": "http://alertmanager:9093",
        "alerts": [one],
    }
    return "POST", f"/api/v1/inbound/{key}/", json.dumps(group).encode()


def inside(stack: Stack, *arguments: str) -> Any:
    """What `benchmarks.alerts_world` says, run with the instance's own Django."""
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    command = [sys.executable, "-m", "benchmarks.alerts_world", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=120, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def _same(what: str, sent: int, found: int) -> None:
    """Answered with 202 means stored."""
    say(f"{found} {what} of {sent}")
    if sent != found:
        raise RuntimeError(f"{sent} were answered with 202, but {found} {what} are stored")


if __name__ == "__main__":  # against an instance that runs already: python -m benchmarks.alerts STATE
    measure(Stack(Path(sys.argv[1]), dict(os.environ)))
