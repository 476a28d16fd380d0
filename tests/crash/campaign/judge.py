"""The judge: a process of its own that reads the chain, the sink's file and what was ordered; never our database.

    python -m tests.crash.campaign.judge ORDERS SINK RPC_URL

ORDERS holds a line a run: what it must have done on the chain (numbers of the Tally contract) and in the sink (deeds),
each exactly once, and nothing else. One line a finding, then `N passed, N failed`; its status says whether all passed.

A mail that came twice with one Message-ID, or a request that came twice with one Idempotency-Key, is one deed: its
receiver can tell, and that is what the two are for. How often that was needed is said.
"""

import json
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from eth_utils.crypto import keccak

from integrations.devnet.rpc import Rpc

COUNTED = "0x" + keccak(text="Counted(uint256,uint256,address)").hex()


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def chain_counts(rpc: Rpc, tally: str) -> Counter[int]:
    """How often each deed was done, by the events that the canonical chain holds from its first block on."""
    logs = rpc("eth_getLogs", {"address": tally, "fromBlock": "0x0", "toBlock": "latest", "topics": [COUNTED]})
    return Counter(int(log["topics"][1], 16) for log in logs)


def stored_count(rpc: Rpc, tally: str, key: int) -> int:
    data = keccak(text="counts(uint256)")[:4] + key.to_bytes(32)
    return int.from_bytes(rpc.call(tally, data))


def judge(orders: list[Any], sink: list[Any], rpc: Rpc) -> tuple[int, list[str]]:
    head, runs = orders[0], orders[1:]
    counts, deeds = chain_counts(rpc, head["tally"]), _deeds(sink)
    found: list[str] = []
    wanted_deeds = {deed for run in runs for deed in run["sink"]}
    wanted_keys = {key for run in runs for key in run["chain"]}
    passed = 0
    for run in runs:
        wrong = [_of(counts[key], f"deed {key} on the chain") for key in run["chain"]]
        wrong += [_of(stored_count(rpc, head["tally"], key), f"count {key} of the chain") for key in run["chain"]]
        wrong += [_of(len(deeds.get(deed, ())), f"deed {deed}") for deed in run["sink"]]
        said = [text for text in wrong if text]
        passed += not said
        found += [f"run {run['run']} ({run['kind']}): {text}" for text in said]
    found += [f"nobody ordered deed {key} on the chain" for key in sorted(counts.keys() - wanted_keys)]
    found += [f"nobody ordered deed {deed}" for deed in sorted(deeds.keys() - wanted_deeds)]
    sent = sum(rpc.nonce(address) for address in head["executors"])
    if sent != len(wanted_keys):
        found.append(f"the executors sent {sent} transactions for {len(wanted_keys)} deeds")
    return passed, found


def _deeds(sink: list[Any]) -> dict[str, set[str]]:
    """Each deed's distinct doings; one without a mark of its own counts each time."""
    found: dict[str, set[str]] = defaultdict(set)
    for number, line in enumerate(sink):
        found[line["deed"]].add(line["same"] or f"line {number}")
    return found


def _of(times: int, what: str) -> str:
    if times == 1:
        return ""
    return f"LOST: {what} was never done" if times == 0 else f"DUPLICATE: {what} was done {times} times"


def main(orders: str, sink: str, url: str) -> int:
    ordered, taken = lines(Path(orders)), lines(Path(sink))
    passed, found = judge(ordered, taken, Rpc(url))
    for text in found:
        print(f"judge: {text}")
    repeats = len(taken) - sum(len(same) for same in _deeds(taken).values())
    keys, deeds = sum(len(run["chain"]) for run in ordered[1:]), sum(len(run["sink"]) for run in ordered[1:])
    duplicates, lost = (sum(word in text for text in found) for word in ("DUPLICATE", "LOST"))
    print(f"judge: {len(ordered) - 1} runs, {keys} deeds ordered on the chain and {deeds} in the sink")
    print(
        f"judge: {duplicates} duplicate side effects, {lost} lost steps; {repeats} repeats under one mark, told apart"
    )
    print(f"judge: {passed} passed, {len(found) and max(len(found), len(ordered) - 1 - passed)} failed", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
