"""`review_50_calls_ms`: everything that a signer's page is made of, for a batch of fifty calls.

A process of its own, run with the environment of the instance that it measures.
"""

import time
from typing import Any

import django

django.setup()

from django.db import connection, reset_queries  # noqa: E402  (Django comes first)
from eth_abi.abi import encode  # noqa: E402
from eth_utils.crypto import keccak  # noqa: E402

from benchmarks.figures import percentile, say, timings  # noqa: E402
from governance.proposals.models import Proposal  # noqa: E402
from governance.proposals.review import Review, review  # noqa: E402
from governance.proposals.services import propose, withdraw  # noqa: E402
from governance.proposals.simulating import simulated, store_simulation  # noqa: E402
from governance.protocols.models import Contract  # noqa: E402
from governance.safes.models import Safe  # noqa: E402

ACTOR = "system:bench"
BATCHES, CALLS = 30, 50


def calls_of(number: int) -> list[dict[str, str]]:
    """No two alike: approvals and transfers of hUSD, and what the guardian's own powers are for."""
    found = {row.name: row.address for row in Contract.objects.filter(name__in=("hUSD", "HelixVault"))}
    usd, vault = found["hUSD"], found["HelixVault"]
    calls = [(vault, _data("setMode(uint8)", ["uint8"], [1])), (vault, _data("pause()", [], []))]
    for place in range(CALLS - len(calls)):
        to = "0x" + keccak(text=f"{number} {place}").hex()[:40]
        name, amount = ("approve", 1 + number * CALLS + place) if place % 2 else ("transfer", 0)
        calls.append((usd, _data(f"{name}(address,uint256)", ["address", "uint256"], [to, amount])))
    return [{"to": to, "value": "0", "data": "0x" + data.hex()} for to, data in calls]


def _data(signature: str, types: list[str], values: list[Any]) -> bytes:
    return keccak(text=signature)[:4] + encode(types, values)


def main() -> None:
    safe = Safe.objects.select_related("chain").get(label__icontains="guardian")
    whole, simulating, queries = [], [], 0
    for number in range(BATCHES):
        if number % 10 == 0:
            say(f"batch {number + 1} of {BATCHES}")
        made = propose(safe=safe, calls=calls_of(number), title=f"Fifty calls, {number}", actor=ACTOR)
        row = Proposal.objects.select_related("safe__chain", "scope", "plan").get(pk=made.pk)
        connection.force_debug_cursor = number == 0
        reset_queries()
        began = time.perf_counter()
        store_simulation(row, simulated(row))
        between = time.perf_counter()
        found = review(row, look=False)
        ended = time.perf_counter()
        queries = queries or len(connection.queries)
        connection.force_debug_cursor = False
        _is_whole(found)
        whole.append((ended - began) * 1000)
        simulating.append((between - began) * 1000)
        withdraw(proposal=made, actor=ACTOR, reason="a measurement")
    share = f"of which asking the chain and simulating {percentile(simulating, 0.5):.0f} ms"
    timings("review_50_calls_ms", whole, f"{share}; {queries} queries; every batch is another one")


def _is_whole(found: Review) -> None:
    """What is measured was really done."""
    assert found.simulation["ok"], found.simulation["revert"]
    assert len(found.calls) == CALLS and all(call.decoded for call in found.calls)
    assert found.findings and found.simulation["meanings"], "nothing was found"


if __name__ == "__main__":
    main()
