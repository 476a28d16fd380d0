"""`propose_per_s`, `confirm_per_s`, `proposal_detail_per_s`, `proposal_list100_per_s`: the Safe Transaction Service's
API of one web process, asked over HTTP by eight clients; every hash recomputed, every signature recovered, every row
and event stored before the answer, and no answer kept. Only five propose: the nonces are taken in order, but so many
arrive in any order, and a transaction that is ahead of five or more that nobody proposed is not taken.

A real Safe Transaction Service 6.10 on two such cores: 33, 39, 186 and 15 per second.
"""

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

CLIENTS = 8
PROPOSALS, DETAILS, LISTS = 900, 1800, 300
WARM = 40
Request = tuple[str, str, bytes]


def measure(stack: Stack) -> None:
    say(f"signing {PROPOSALS} Safe transactions")
    world = prepared(stack)
    caller = Caller(stack.url, world["token"])
    base = f"/safe-tx-service/{world['chain']}/api"
    safe = f"{base}/v2/safes/{world['safe']}/multisig-transactions/"
    ones = [f"{base}/v2/multisig-transactions/{digest}/" for digest in world["hashes"]]
    proposed: list[Request] = [("POST", safe, json.dumps(body).encode()) for body in world["offers"]]
    confirmed: list[Request] = [
        ("POST", f"{base}/v1/multisig-transactions/{digest}/confirmations/", json.dumps({"signature": given}).encode())
        for digest, given in zip(world["hashes"], world["seconds"], strict=True)
    ]
    details: list[Request] = [("GET", ones[number % len(ones)], b"") for number in range(DETAILS)]
    lists: list[Request] = [
        ("GET", f"{safe}?executed=False&limit=100&offset={number % 8 * 100}", b"") for number in range(LISTS)
    ]
    note = f"{CLIENTS} clients, fsync on, rate limit off"
    few = Caller(stack.url, world["token"], min(CLIENTS, world["far"]))
    verified = f"{few.clients} clients, fsync on, rate limit off; hash, sender and signature verified, findings judged"
    rate("propose_per_s", few, proposed, 201, verified)
    rate("confirm_per_s", caller, confirmed, 201, f"{note}; the second owner's signature")
    rate("proposal_detail_per_s", caller, details, 200, f"{note}; two confirmations, calldata decoded")
    rate("proposal_list100_per_s", caller, lists, 200, f"{note}; of {PROPOSALS}, two confirmations each")


def prepared(stack: Stack) -> Any:
    """A token and signed transactions, made by `benchmarks.txservice_world` in the instance's own Django."""
    env = {**stack.env, **stack.runtime, "DJANGO_SETTINGS_MODULE": "config.settings", "ETH_HASH_BACKEND": "pysha3"}
    command = [sys.executable, "-m", "benchmarks.txservice_world", str(PROPOSALS)]
    done = subprocess.run(command, cwd=ROOT, env=env, check=True, timeout=300, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


class Caller:
    """Clients with a connection each, all of them at once."""

    def __init__(self, url: str, token: str, clients: int = CLIENTS) -> None:
        self.port, self.clients = urlsplit(url).port, clients
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def ask(self, requests: list[Request], wanted: int) -> tuple[float, list[float]]:
        """How long all of them took, and each."""
        left, took, failed = iter(list(requests)), [], []
        lock = threading.Lock()

        def client() -> None:
            link = HTTPConnection("localhost", self.port, timeout=60)
            while True:
                with lock:
                    request = next(left, None)
                if request is None or failed:
                    return
                method, path, body = request
                began = time.monotonic()
                link.request(method, path, body or None, self.headers)
                answer = link.getresponse()
                said = answer.read()
                took.append((time.monotonic() - began) * 1000)
                if answer.status != wanted:
                    failed.append(f"{answer.status} {said[:300]!r} of {method} {path}")

        threads = [threading.Thread(target=client) for _ in range(self.clients)]
        began = time.monotonic()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if failed:
            raise RuntimeError(failed[0])
        return time.monotonic() - began, took


def rate(name: str, caller: Caller, requests: list[Request], wanted: int, note: str) -> None:
    """The first ones open connections and fill the process's own caches of code; they are not counted."""
    say(f"{name}: {len(requests)} requests")
    caller.ask(requests[:WARM], wanted)
    seconds, took = caller.ask(requests[WARM:], wanted)
    spread = f"p50 {percentile(took, 0.5):.0f} ms, p95 {percentile(took, 0.95):.0f} ms"
    figure(name, len(took) / seconds, "1/s", len(took), f"{note}; {spread}")


if __name__ == "__main__":  # against an instance that runs already: python -m benchmarks.txservice STATE
    from pathlib import Path

    measure(Stack(Path(sys.argv[1]), dict(os.environ)))
