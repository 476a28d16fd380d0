"""A mined transaction, held against the chain until it is final; and what a reorg or a revert means for it."""

from datetime import timedelta

from django.utils import timezone

from integrations.chain.abi import decode_revert
from integrations.chain.client import Client, RpcError, RpcRefused, call_object
from integrations.chain.reading import Receipt
from integrations.chain.transactions.endings import ACTOR, unstuck
from integrations.chain.transactions.looking import Look, look
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.safe.errors import explain
from ledger.services import record
from ledger.transitions import transition
from work import Done, Lease, Outcome, Wait, faults

TX_GAS_CAP = 2**24
"""Since Fusaka no transaction may use more (EIP-7825)."""


def poll(tx: Transaction) -> float:
    """Seconds between two looks: a few a block."""
    return min(max(tx.chain.block_time / 4, 0.25), 3.0)


def pause_for(seconds: float, why: str) -> Wait:
    """Back to sleep, without holding a worker."""
    return Wait(timezone.now() + timedelta(seconds=seconds), why[:200])


def mined(lease: Lease, tx: Transaction, seen: Look, receipt: Receipt) -> Outcome | None:
    faults.point("tx.receipt")
    mined_by = tx.attempts.get(hash=receipt.tx_hash)
    cancelled = mined_by.kind == SignedAttempt.Kind.CANCEL
    wanted = tx.chain.finality_depth if cancelled else tx.chain.confirmations
    if seen.confirmations() < wanted:
        return pause_for(poll(tx), f"mined, {seen.confirmations()} of {wanted} confirmations")
    now = timezone.now()
    where = {
        "hash": receipt.tx_hash,
        "block_hash": receipt.block_hash,
        "block_number": receipt.block_number,
        "receipt_status": receipt.succeeded,
        "gas_used": receipt.gas_used,
        "gas_price": receipt.gas_price,
        "mined_at": now,
        "foreign_seen_at": None,
    }
    told = {name: where[name] for name in ("hash", "block_hash", "block_number", "gas_used")}
    with lease.commit():
        unstuck(tx)
        if cancelled:
            also = {**where, "reason": "cancelled", "ended_at": now}
            transition(tx, "dropped", actor=ACTOR, reason="cancelled", also=also, after=told)
        elif receipt.succeeded:
            transition(tx, "mined", actor=ACTOR, also=where, after={**told, "voices": seen.voices})
        else:
            transition(tx, "failed", actor=ACTOR, also=where, after={**told, "voices": seen.voices})
    return None


def settle(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    """Mined, or mined and reverted: final after enough blocks, or back to sending if its block is gone."""
    if tx.status == Transaction.Status.FAILED and not tx.reason:
        _explain_revert(lease, tx, client)
    assert tx.block_number is not None
    seen = look(client, tx, [one.hash for one in tx.attempts.order_by("number")])
    receipt = seen.receipt
    if receipt is not None and receipt.block_hash == tx.block_hash:
        if seen.confirmations() < tx.chain.finality_depth or seen.voices < min(2, seen.configured):
            left = max(1, tx.chain.finality_depth - seen.confirmations())
            return pause_for(min(tx.chain.block_time * left, 30), f"{seen.confirmations()} confirmations")
        with lease.commit(Done({"status": tx.status, "hash": tx.hash or ""})):
            if tx.status == Transaction.Status.MINED:
                transition(tx, "final", actor=ACTOR, also={"is_final": True, "ended_at": timezone.now()})
            else:
                Transaction.objects.filter(pk=tx.pk).update(is_final=True, ended_at=timezone.now())
                tx.is_final = True
        faults.point("tx.done")
        return None
    if receipt is None and (seen.disputed or not seen.reached(tx.block_number)):
        return pause_for(poll(tx), "the endpoints are not at the same height")
    with lease.commit():
        gone = {"reorged_from": tx.block_hash, "block_number": tx.block_number}
        empty: dict[str, object] = {"block_hash": None, "block_number": None, "receipt_status": None, "mined_at": None}
        if tx.private and tx.public_at is None:  # it was in a block: everybody has seen it
            empty |= {"public_at": timezone.now(), "public_reason": "the block that it was in is gone"}
        empty |= {"sent_block": None, "reason": ""}
        transition(tx, "broadcast", actor=ACTOR, reason="its block is no longer on the chain", also=empty, after=gone)
    return None


def _explain_revert(lease: Lease, tx: Transaction, client: Client) -> None:
    """Runs it again on the block before, where it most likely fails for the same reason."""
    reason = "reverted"
    try:
        before = (tx.block_number or 1) - 1
        message = call_object(tx.to, bytes(tx.data), sender=tx.executor.address, value=tx.value)
        client.request("eth_call", {**message, "gas": hex(tx.gas_limit or TX_GAS_CAP)}, hex(before))
        reason = "reverted, for a reason that the block before does not show"
        if tx.gas_used and tx.gas_limit and tx.gas_used >= tx.gas_limit * 63 // 64:
            reason = "ran out of gas"
    except RpcRefused as refusal:
        reason = explain(decode_revert(refusal.data) if refusal.data else refusal.message[:300])
    except RpcError:
        return
    with lease.commit():
        Transaction.objects.filter(pk=tx.pk).update(reason=reason)
        tx.reason = reason
        record(
            "transaction.revert.explained", actor=ACTOR, scope=tx.scope, subject=tx.subject, after={"reason": reason}
        )
