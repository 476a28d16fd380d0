"""`deliveries_per_s`: one message to ten thousand webhooks, through the outbox, judged by what a sink received.

python -m benchmarks.deliveries audience 10000 http://127.0.0.1:9   destinations of an audience
python -m benchmarks.deliveries tell                                the message; how long it took to put its copies out
python -m benchmarks.deliveries told                                what our record says of them
"""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.figures import figure, percentile, say
from tests.stack import ROOT, Stack
from tests.workers import until, workers

COPIES = 10_000
WORKERS = 2
"""Processes, one a core; four threads each, as `up` gives them."""


def measure(stack: Stack) -> None:
    sink = subprocess.Popen([sys.executable, "-m", "benchmarks.sink"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert sink.stdout
        place = f"127.0.0.1:{sink.stdout.readline().strip()}"
        _measure(stack, place, stack.state_dir.with_name("workers.log"))
    finally:
        sink.kill()
        sink.wait(10)


def _measure(stack: Stack, place: str, log: Path) -> None:
    stack.env["OUTGOING_ALLOW"] = place
    say(f"{COPIES} destinations")
    inside(stack, "audience", str(COPIES), f"http://{place}")
    put = inside(stack, "tell")["seconds"]
    say(f"put into the outbox within {put:.1f} s")
    before = os.getloadavg()[0]
    with workers(stack, WORKERS, log):
        until(lambda: len(_seen(place)) >= COPIES, "not every copy arrives", 400)
        until(lambda: inside(stack, "told")["message"] == "sent", "the message is not settled", 60)
    seen, told = _seen(place), inside(stack, "told")
    twice = [token for token, count in Counter(token for token, _ in seen).items() if count > 1]
    if len({token for token, _ in seen}) != COPIES or told["sent"] != COPIES:
        raise RuntimeError(f"{len(seen)} arrived, {told['sent']} are recorded as sent")
    times = sorted(moment for _, moment in seen)
    low, high = COPIES // 10, COPIES * 9 // 10
    turns = f"a turn took p50 {percentile(told['turns'], 0.5):.1f} ms, p95 {percentile(told['turns'], 0.95):.1f} ms"
    note = (
        f"one message to {COPIES} signed webhooks, {WORKERS} workers of 4 threads, fsync on, linker running; {turns}; "
        f"put into the outbox within {put:.1f} s; {len(twice)} arrived twice; load before {before:.1f}"
    )
    figure("deliveries_per_s", (high - low) / (times[high] - times[low]), "1/s", COPIES, note)


def _seen(place: str) -> list[tuple[str, float]]:
    with urllib.request.urlopen(f"http://{place}/", timeout=20) as answer:
        return [(str(token), float(moment)) for token, moment in json.load(answer)]


def inside(stack: Stack, *arguments: str) -> Any:
    """This module, run with the instance's own Django."""
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings"}
    command = [sys.executable, "-m", "benchmarks.deliveries", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


# --- inside the instance


def _audience(count: str, url: str) -> dict[str, Any]:
    from integrations.channels import CHANNELS
    from notify.audiences.models import Destination
    from notify.audiences.services import add_audience

    audience = add_audience(slug="bench", name="Bench", kind="outside", actor="system:bench")
    webhook = CHANNELS["webhook"]
    configs = (webhook.Config.model_validate({"url": f"{url}/{number}"}) for number in range(int(count)))
    rows = [
        Destination(audience=audience, channel="webhook", sealed=Destination.seal(config), label="")
        for config in configs
    ]
    Destination.objects.bulk_create(rows, batch_size=1_000)
    return {"count": len(rows)}


def _tell() -> dict[str, Any]:
    from notify.services import send

    began = time.perf_counter()
    words = {"subject": "The vault is paused", "body": "Trading has stopped. " * 20}
    send(key="bench", actor="system:bench", audience="bench", context=words, authority="plan:0x1", link="/status/")
    return {"seconds": time.perf_counter() - began}


def _told() -> dict[str, Any]:
    from notify.models import Delivery, Message
    from work.models import Attempt

    turns = Attempt.objects.filter(work__kind="notify.delivery", outcome="done", ended_at__isnull=False)
    spent = [(one.ended_at - one.started_at).total_seconds() * 1000 for one in turns if one.ended_at]
    return {
        "sent": Delivery.objects.filter(status="sent").count(),
        "message": Message.objects.get(key="bench").status,
        "turns": spent or [0.0],
    }


if __name__ == "__main__":
    import django

    django.setup()
    print(json.dumps({"audience": _audience, "tell": _tell, "told": _told}[sys.argv[1]](*sys.argv[2:])))
