"""The judge's part about Safes: what they executed, by their own logs and by every transaction of the chain's blocks.

    {"story": 3, "kind": "rivals", "safe": "0x…", "offers": [{"hash": "0x…", "keys": [10000031], "must": "either"}, …]}
    {"decided": "0x…", "must": "never"}

An offer's keys are what the tally counts if it is executed. `once`: exactly one ExecutionSuccess of this hash and one
count. `never`: neither, and nothing was even sent for it. `either`: one of the story's offers, not both. What executors
sent to a Safe is told apart by its fields: each was ordered and sent once, and only the slower of two rivals reverted.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from integrations.devnet.rpc import Rpc

SUCCESS, FAILURE = (
    "0x" + keccak(text=f"{name}(bytes32,uint256)").hex() for name in ("ExecutionSuccess", "ExecutionFailure")
)
FIELDS = ("address", "uint256", "bytes", "uint8", "uint256", "uint256", "uint256", "address", "address")
EXEC = keccak(text=f"execTransaction({','.join(FIELDS)},bytes)")[:4]
HASH = keccak(text=f"getTransactionHash({','.join(FIELDS)},uint256)")[:4]
AT_ONCE = 200


def stories_of(lines: list[Any]) -> list[Any]:
    """What was ordered, with what was decided later."""
    decided = {line["decided"]: line["must"] for line in lines if "decided" in line}
    stories = [line for line in lines if "story" in line]
    for story in stories:
        for offer in story["offers"]:
            offer["must"] = decided.get(offer["hash"], offer["must"])
    return stories


def executed(rpc: Rpc, safes: Sequence[str]) -> tuple[Counter[str], int]:
    """How often each hash was executed, and how often an inner call failed. Only 1.3.0 does not index the hash."""
    asked = {"address": list(safes), "fromBlock": "0x0", "toBlock": "latest", "topics": [[SUCCESS, FAILURE]]}
    logs = rpc("eth_getLogs", asked) if safes else []
    words = [
        (log["topics"][0], ("0x" + "".join(one[2:] for one in log["topics"][1:]) + log["data"][2:])) for log in logs
    ]
    return (
        Counter(word[:66] for topic, word in words if topic == SUCCESS),
        sum(topic == FAILURE for topic, _ in words),
    )


def sent(rpc: Rpc, executors: Sequence[str], safes: Sequence[str]) -> dict[str, list[Any]]:
    """The executors' transactions to each Safe, as the blocks hold them, each with its receipt."""
    ours, theirs = ({one.lower() for one in group} for group in (executors, safes))
    found: dict[str, list[Any]] = {safe.lower(): [] for safe in safes}
    head = rpc.block_number()
    for first in range(0, head + 1, AT_ONCE) if safes else ():
        numbers = range(first, min(first + AT_ONCE, head + 1))
        for block in rpc.batch([("eth_getBlockByNumber", (hex(number), True)) for number in numbers]):
            for tx in block["transactions"]:
                if tx["from"].lower() in ours and (tx["to"] or "").lower() in theirs:
                    receipt = rpc("eth_getTransactionReceipt", tx["hash"])
                    found[tx["to"].lower()].append({**tx, "status": receipt["status"]})
    return found


def judge_safes(lines: list[Any], counts: Counter[int], rpc: Rpc) -> tuple[int, list[str], int]:
    """How many stories came to the right end, what is wrong, and how many transactions the Safes were sent."""
    stories = stories_of(lines)
    safes = sorted({story["safe"] for story in stories})
    times, failures = executed(rpc, safes)
    passed, found = 0, []
    for story in stories:
        wrong = list(_of_story(story, times, counts))
        passed += not wrong
        found += [f"story {story['story']} ({story['kind']}): {text}" for text in wrong]
    ordered = {offer["hash"] for story in stories for offer in story["offers"]}
    found += [f"nobody ordered {one}, which a Safe executed" for one in sorted(times.keys() - ordered)]
    found += [f"{failures} inner calls failed"] if failures else []
    transactions = sent(rpc, lines[0]["executors"], safes)
    for safe in safes:
        own = [offer for story in stories if story["safe"] == safe for offer in story["offers"]]
        nonce = int.from_bytes(rpc.call(safe, keccak(text="nonce()")[:4]))
        done = sum(times[offer["hash"]] for offer in own)
        found += [f"Safe {safe} is at nonce {nonce} after {done} executions"] if nonce != done else []
        must = {offer["hash"]: offer["must"] for offer in own}
        found += [f"Safe {safe}: {text}" for text in _of_sent(rpc, transactions[safe.lower()], must, nonce)]
    return passed, found, sum(map(len, transactions.values()))


def _of_story(story: Any, times: Counter[str], counts: Counter[int]) -> Iterator[str]:
    either = [offer for offer in story["offers"] if offer["must"] == "either"]
    if either and sum(times[offer["hash"]] for offer in either) != 1:
        yield f"of two rivals {sum(times[offer['hash']] for offer in either)} were executed"
    for offer in story["offers"]:
        done, must = times[offer["hash"]], offer["must"]
        if must == "never" and done:
            yield f"FORBIDDEN: {offer['hash']} was executed"
        elif must == "once" and done != 1:
            yield f"{'DUPLICATE' if done else 'LOST'}: {offer['hash']} was executed {done} times"
        elif must not in ("once", "never", "either"):
            yield f"nobody decided about {offer['hash']}"
        for key in offer["keys"]:
            if counts[key] != done:
                yield f"deed {key} was done {counts[key]} times, by {done} executions"


def _of_sent(rpc: Rpc, transactions: list[Any], must: Mapping[str, str], nonce: int) -> Iterator[str]:
    seen: Counter[str] = Counter()
    for tx in transactions:
        mine = _whose(rpc, tx, must, nonce)
        if not mine:
            yield f"{tx['hash']} is nothing that was ordered"
            continue
        one = next((each for each in mine if not seen[each]), mine[0])  # they come in the order of their nonces
        seen[one] += 1
        if must[one] == "never":
            yield f"FORBIDDEN: {one} was sent"
        elif tx["status"] != "0x1" and must[one] != "either":
            yield f"{one} was sent and reverted"
    yield from (f"DUPLICATE: {one} was sent {times} times" for one, times in seen.items() if times > 1)


def _whose(rpc: Rpc, tx: Any, must: Mapping[str, str], nonce: int) -> list[str]:
    """Which offers this may have been for, by the Safe's own word: calldata holds all fields but the nonce, and two
    rejections, or two changes of the same owners, differ in nothing else."""
    data = bytes.fromhex(tx["input"][2:])
    if data[:4] != EXEC:
        return []
    fields = decode([*FIELDS, "bytes"], data[4:])[:-1]
    asked = [
        (
            "eth_call",
            ({"to": tx["to"], "data": "0x" + (HASH + encode([*FIELDS, "uint256"], [*fields, n])).hex()}, "latest"),
        )
        for n in range(nonce + 2)
    ]
    return [said for said in rpc.batch(asked) if isinstance(said, str) and said in must]
