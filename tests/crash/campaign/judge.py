"""The judge: a process of its own that reads the chain, the sink's file and what was ordered; never our database.

    python -m tests.crash.campaign.judge ORDERS SINK RPC_URL

ORDERS holds a line a run: what it must have done on the chain (numbers of the Tally contract) and in the sink (deeds),
each exactly once, and nothing else. Lines about Safes are read by `safe_judge.py`. One line a finding, then
`N passed, N failed`; its status says whether all passed.

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
from tests.crash.campaign.safe_judge import judge_safes

JUDGE = "judge@example.org"
"""To whom the runs' mails go. Whoever is asked to sign, or is told of an alarm, gets others."""
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
    head, runs = orders[0], [line for line in orders if "run" in line]
    counts, deeds = chain_counts(rpc, head["tally"]), _deeds(sink)
    wanted_deeds = {deed for run in runs for deed in run["sink"]}
    wanted_keys = {key for run in runs for key in run["chain"]}
    passed, found, to_safes = judge_safes(orders, counts, rpc)
    for run in runs:
        wrong = [_of(counts[key], f"deed {key} on the chain") for key in run["chain"]]
        wrong += [_of(stored_count(rpc, head["tally"], key), f"count {key} of the chain") for key in run["chain"]]
        wrong += [_of(len(deeds.get(deed, ())), f"deed {deed}") for deed in run["sink"]]
        said = [text for text in wrong if text]
        passed += not said
        found += [f"run {run['run']} ({run['kind']}): {text}" for text in said]
    by_safes = {key for line in orders if "story" in line for offer in line["offers"] for key in offer["keys"]}
    found += [f"nobody ordered deed {key} on the chain" for key in sorted(counts.keys() - wanted_keys - by_safes)]
    found += [f"nobody ordered deed {deed}" for deed in sorted(deeds.keys() - wanted_deeds)]
    sent = sum(rpc.nonce(address) for address in head["executors"])
    if sent != len(wanted_keys) + to_safes:
        found.append(f"the executors sent {sent} transactions for {len(wanted_keys)} deeds and {to_safes} executions")
    return passed, found


def _deeds(sink: list[Any]) -> dict[str, set[str]]:
    """Each deed's distinct doings; one without a mark of its own counts each time. Signers' mails are no deeds."""
    found: dict[str, set[str]] = defaultdict(set)
    for number, line in enumerate(sink):
        if line["kind"] == "mail" and JUDGE not in line["to"]:
            continue
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
    taken = [line for line in taken if line["kind"] != "mail" or JUDGE in line["to"]]
    repeats = len(taken) - sum(len(same) for same in _deeds(taken).values())
    runs = [line for line in ordered if "run" in line]
    stories = Counter(line["kind"] for line in ordered if "story" in line)
    keys, deeds = sum(len(run["chain"]) for run in runs), sum(len(run["sink"]) for run in runs)
    duplicates, lost = (sum(word in text for text in found) for word in ("DUPLICATE", "LOST"))
    print(f"judge: {len(runs)} runs, {keys} deeds ordered on the chain and {deeds} in the sink")
    if stories:
        print(f"judge: {stories.total()} stories of Safes: {', '.join(f'{n} {kind}' for kind, n in stories.items())}")
    print(
        f"judge: {duplicates} duplicate side effects, {lost} lost steps; {repeats} repeats under one mark, told apart"
    )
    left = len(runs) + stories.total() - passed
    print(f"judge: {passed} passed, {len(found) and max(len(found), left)} failed", flush=True)
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
