"""What the chain made of it: the Safe's own word in the receipt, and the mined trace beside the prediction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from governance.proposals.models import Proposal
from integrations.chain.abi import decode_revert
from integrations.chain.client import Client, client_for
from integrations.chain.errors import RpcError, RpcRefused
from integrations.chain.reading import Receipt, block_ref
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import choices_for
from integrations.safe.contracts import execution_result
from integrations.safe.errors import explain
from integrations.safe.simulate import Change, state_changes
from ledger import alarm, transition
from work import Done, Lease, Outcome, Retry, faults

ACTOR = "system:governance"
INNER_CALL_FAILED = "the Safe executed it, but the inner call failed (ExecutionFailure)"
Key = tuple[str, str]
MOST_HELD = 200


@dataclass(frozen=True)
class Difference:
    """One value that did not become what was predicted; `kind` says whether that is explained."""

    address: str
    field: str
    predicted: str
    actual: str
    kind: Literal["difference", "moved", "timed"]


def compare(
    predicted: list[dict[str, str]],
    actual: list[Change],
    retimed: list[Change] | None = None,
    held: Mapping[Key, str] | None = None,
) -> list[Difference]:
    """Where prediction and trace differ. `moved`: somebody else changed it before us, and it ends as was predicted, or
    grew by as much; `timed`: it depends on the clock.

    `retimed` is the prediction on its own block, run with the mined block's number and time. `held`: what stood where
    only one of them changes anything, on the block of the other one.
    """
    said: dict[Key, Change] = {(one["address"], one["field"]): Change(**one) for one in predicted}
    did: dict[Key, Change] = {(one.address, one.field): one for one in actual}
    again: dict[Key, Change] = {(one.address, one.field): one for one in retimed or ()}
    found = []
    for key in sorted({*said, *did}):
        expected, real = said.get(key), did.get(key)
        if expected == real:
            continue
        found.append(
            Difference(
                *key,
                predicted=expected.after if expected else "unchanged",
                actual=real.after if real else "unchanged",
                kind=_kind(expected, real, again.get(key), (held or {}).get(key)),
            )
        )
    return found


def _kind(
    expected: Change | None, real: Change | None, again: Change | None, held: str | None
) -> Literal["difference", "moved", "timed"]:
    if again is not None and again == real:
        return "timed"
    if expected and real:
        moved = expected.before != real.before
        return (
            "moved" if moved and (expected.after == real.after or _growth(expected) == _growth(real)) else "difference"
        )
    only = expected or real
    return "moved" if only and held is not None and _number(held) == _number(only.after) else "difference"


def _growth(change: Change) -> int | str:
    """By how much a number grew, as the chain counts; of code only what it is now."""
    if change.field == "code":
        return change.after
    return (_number(change.after) - _number(change.before)) % 2**256


def _number(value: str) -> int:
    return int(value or "0", 0)


def held_where_one_is_silent(
    client: Client, predicted: list[dict[str, str]], actual: list[Change], *, before: str, mined: str
) -> dict[Key, str]:
    """What only the trace changes, as it stood when it was predicted; what only the prediction changes, as it is now.

    Somebody may have moved a value that the transaction put back, or have brought it to its end already.
    """
    said = {(one["address"], one["field"]) for one in predicted}
    did = {(one.address, one.field) for one in actual}
    asked = [(key, before if key in did else mined) for key in sorted(said ^ did) if key[1] not in ("nonce", "code")]
    asked = asked[:MOST_HELD]
    answers = client.batch(
        [
            ("eth_getBalance", [address, block_ref(block)])
            if field == "balance"
            else ("eth_getStorageAt", [address, field, block_ref(block)])
            for (address, field), block in asked
        ]
    )
    return {key: one for (key, _), one in zip(asked, answers, strict=True) if isinstance(one, str)}


def run(lease: Lease) -> Outcome:
    """The work `governance.outcome`: a transaction of a proposal was mined, or ended otherwise."""
    proposal = Proposal.objects.select_related("safe__chain", "scope", "plan").get(pk=lease.work.payload["proposal"])
    sent = Transaction.objects.get(pk=lease.work.payload["transaction"])
    if proposal.status not in ("executing", "unknown") or sent.status in Transaction.IN_FLIGHT:
        return Done({"status": proposal.status})
    if sent.status in ("refused", "dropped", "unknown") or not sent.hash:
        with lease.commit(Done()):
            _not_sent(proposal, sent)
        return Done()
    client = client_for(proposal.safe.chain)
    try:
        receipt = client.receipt(sent.hash)
        if receipt is None:
            return Retry("the receipt is not there yet")
        result = read_outcome(client, proposal, sent, receipt)
    except RpcError as error:
        return Retry(str(error))
    faults.point("outcome.read")
    with lease.commit(Done()):
        settle(proposal, result)
    faults.point("outcome.settled")
    return Done()


def _not_sent(proposal: Proposal, sent: Transaction) -> None:
    reason = sent.reason or f"the transaction is {sent.status}"
    stopped = {"code": f"transaction-{sent.status}", "reason": reason}
    about = {"transaction": sent.subject, "choices": list(choices_for(sent))}
    to = "unknown" if sent.status == "unknown" else "failed"
    if proposal.status != to:  # the transaction's own event carries the alarm
        transition(proposal, to, actor=ACTOR, reason=reason, also={"stopped": stopped}, after=about)


def read_outcome(client: Client, proposal: Proposal, sent: Transaction, receipt: Receipt) -> dict[str, Any]:
    """The receipt's word and the trace's; Network: not inside a transaction."""
    logs = [(log.address, log.topics, log.data) for log in receipt.logs]
    said = execution_result(proposal.safe.address, proposal.safe_tx_hash, logs) if receipt.succeeded else None
    result: dict[str, Any] = {
        "block": receipt.block_number,
        "block_hash": receipt.block_hash,
        "transaction_hash": receipt.tx_hash,
        "gas_used": receipt.gas_used,
        "succeeded": bool(receipt.succeeded and said),
        "reason": "",
        "actual": [],
        "differences": [],
        "compared": False,
    }
    if not result["succeeded"]:
        result["reason"] = why_failed(client, sent, receipt, said)
        return result
    simulation = proposal.simulation or {}
    try:
        actual = traced(client, receipt.tx_hash, receipt.block_hash, sent.executor.address)
    except RpcRefused:
        return result  # this chain's nodes do not trace: said on the page, not guessed
    retimed = _retimed(client, proposal, sent, receipt) if simulation.get("ok") else None
    predicted = simulation.get("changes", [])
    held = {}
    if simulation.get("ok"):
        held = held_where_one_is_silent(
            client, predicted, actual, before=simulation["block_hash"], mined=receipt.block_hash
        )
    differences = compare(predicted, actual, retimed, held)
    result["actual"] = [asdict(change) for change in actual]
    result["differences"] = [asdict(difference) for difference in differences]
    result["compared"] = bool(simulation.get("ok"))
    return result


def traced(client: Client, tx_hash: str, block_hash: str, sender: str) -> list[Change]:
    """What the mined transaction really changed, without the sender's gas and the block's reward."""
    tracer = {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}
    diff = client.request("debug_traceTransaction", tx_hash, tracer, timeout=20)
    block = client.request("eth_getBlockByHash", block_hash, False)
    return state_changes(diff, drop=(sender, block["miner"]))


def _retimed(client: Client, proposal: Proposal, sent: Transaction, receipt: Receipt) -> list[Change] | None:
    """The mined call on the block of the prediction, with the number and time of the block that mined it."""
    simulation = proposal.simulation or {}
    mined = client.existing_block(receipt.block_hash)
    message = {
        "from": sent.executor.address,
        "to": proposal.safe.address,
        "data": "0x" + bytes(sent.data).hex(),
        "gas": hex(25_000_000),
    }
    options = {
        "tracer": "prestateTracer",
        "tracerConfig": {"diffMode": True},
        "blockOverrides": {"number": hex(mined.number), "time": hex(mined.timestamp)},
    }
    try:
        diff = client.request("debug_traceCall", message, hex(int(simulation["block"])), options, timeout=20)
    except RpcError:
        return None
    return state_changes(diff, drop=(sent.executor.address,))


def why_failed(client: Client, sent: Transaction, receipt: Receipt, said: bool | None) -> str:
    """The reason, decoded: by calling it again on the block before, where nothing else has happened."""
    if receipt.succeeded and said is False:
        return INNER_CALL_FAILED
    if receipt.succeeded:
        return "the transaction went through, but the Safe did not say that it executed this one"
    try:
        client.call(sent.to, bytes(sent.data), receipt.block_number - 1, sender=sent.executor.address)
    except RpcRefused as error:
        return explain(decode_revert(error.data)) if error.data else error.message
    except RpcError:
        pass
    return "the transaction reverted"


def settle(proposal: Proposal, result: dict[str, Any]) -> None:
    """Write the outcome down, in the caller's transaction."""
    about = {
        "transaction_hash": result["transaction_hash"],
        "block": result["block"],
        "as_predicted": result["compared"] and not unexplained(result),
    }
    if not result["succeeded"]:
        stopped = {"code": "reverted", "reason": result["reason"]}
        transition(
            proposal,
            "failed",
            actor=ACTOR,
            reason=result["reason"],
            also={"outcome": result, "stopped": stopped},
            after=about,
            alarm=alarm(f"proposal-failed:{proposal.pk}", "SEV2", title=f"Proposal {proposal.pk} failed on chain"),
        )
        return
    worry = None
    if unexplained(result):
        worry = alarm(
            f"proposal-difference:{proposal.pk}",
            "SEV1",
            title=f"Proposal {proposal.pk} changed something else than was predicted",
        )
    transition(proposal, "executed", actor=ACTOR, also={"outcome": result, "stopped": None}, after=about, alarm=worry)


def unexplained(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in result["differences"] if one["kind"] == "difference"]


def executed_elsewhere(proposal: Proposal) -> dict[str, Any] | None:
    """Where somebody else executed exactly this one (anybody may, once it is signed); None if nobody did."""
    client = client_for(proposal.safe.chain)
    logs = client.logs(addresses=[proposal.safe.address], first=max(proposal.created_block - 1, 0))
    for log in logs:
        said = execution_result(proposal.safe.address, proposal.safe_tx_hash, [(log.address, log.topics, log.data)])
        if said is not None:
            return {
                "block": log.block_number,
                "block_hash": log.block_hash,
                "transaction_hash": log.tx_hash,
                "succeeded": said,
                "elsewhere": True,
                "actual": [],
                "differences": [],
                "compared": False,
                "reason": "" if said else INNER_CALL_FAILED,
            }
    return None
