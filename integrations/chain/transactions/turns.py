"""One turn of a transaction's work: as far as it gets now, then back to sleep without holding a worker.

Every write happens under the lease; between two commits a crash loses nothing, since the next turn starts from what was
stored: reserved rows are signed, signed rows are sent, sent rows are looked for before they are sent again.
"""

from collections.abc import Callable
from datetime import timedelta

from django.utils import timezone

from integrations.chain.abi import decode_revert
from integrations.chain.client import (
    Client,
    Disagreement,
    RpcError,
    RpcRefused,
    RpcUnavailable,
    client_for,
)
from integrations.chain.environments import check_signing
from integrations.chain.executors import note_balance
from integrations.chain.models import Executor
from integrations.chain.transactions import sending
from integrations.chain.transactions.looking import executor_nonce, find_foreign, look
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.chain.transactions.services import choices_for, ended, newest
from integrations.chain.transactions.settling import ACTOR, TX_GAS_CAP, mined, pause_for, poll, settle
from integrations.chain.transactions.signing import FeesAboveCap, price, sign
from integrations.safe.errors import explain
from ledger.errors import Refused
from ledger.services import alarm, record
from ledger.transitions import transition
from work import Done, Fail, Lease, Outcome, Unknown, faults
from work.models import Work

MAX_ATTEMPTS = 30


def take_turn(lease: Lease) -> Outcome:
    """The handler of `chain.transaction`."""
    tx = Transaction.objects.select_related("chain", "executor__chain").get(pk=lease.work.payload["transaction"])
    client = client_for(tx.chain)
    try:
        while not ended(tx):
            outcome = STEPS[tx.status](lease, tx, client)
            if outcome is not None:
                return outcome
    except (RpcUnavailable, Disagreement) as error:
        return pause_for(2, str(error))
    except Refused as refusal:
        return _refused(lease, tx, refusal.message)
    return Done({"status": tx.status, "hash": tx.hash or ""})


def _refused(lease: Lease, tx: Transaction, why: str) -> Outcome:
    """A rule of the house (another world, a disabled executor, a key that does not open) stops it where it is."""
    if tx.status == Transaction.Status.QUEUED:
        with lease.commit(Done({"status": "refused"})) as turn:
            also = {"reason": why, "ended_at": timezone.now()}
            transition(tx, "refused", actor=ACTOR, reason=why, also=also)
        return turn.outcome or Done()
    if tx.status == Transaction.Status.RESERVED:
        with lease.commit():
            _to_unknown(tx, {"why": why, "nonce": tx.nonce, "nonce_taken": False})
        return Unknown(known=tx.known, choices=list(choices_for(tx)))
    return pause_for(10, why)


def ended_badly(row: Work, outcome: Outcome) -> None:
    """The work failed for good (its workers died, or it raised again and again): in the same transaction as that."""
    if not isinstance(outcome, Fail):
        return
    tx = Transaction.objects.select_related("chain", "executor").get(pk=row.payload["transaction"])
    if tx.status == Transaction.Status.QUEUED:
        also = {"reason": outcome.error[:500], "ended_at": timezone.now()}
        transition(tx, "failed", actor=ACTOR, reason=outcome.error[:500], also=also)
    elif not ended(tx) and tx.status != Transaction.Status.UNKNOWN:
        _to_unknown(tx, {"why": outcome.error[:500], "nonce": tx.nonce, "nonce_taken": False})


# --- before it has a nonce: everything that can be refused is refused here, and burns none


def _reserve(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    check_signing(chain_id=tx.chain.chain_id, kind=tx.chain.kind, environment=tx.executor.environment)
    balance = client.balance(tx.executor.address)
    gas, refusal = _estimate(client, tx)
    if refusal:
        with lease.commit():
            also = {"reason": refusal, "ended_at": timezone.now()}
            transition(tx, "refused", actor=ACTOR, reason=refusal, also=also)
        return None
    needed = tx.value + gas * client.fees().base
    if balance < needed:
        with lease.commit():
            note_balance(tx.executor, balance)
        return pause_for(5, f"the executor holds {balance} wei and needs about {needed}")
    chain_nonce = executor_nonce(client, tx.executor.address)
    with lease.commit():
        # One executor's nonces are given one after another; the unique constraint is the last word.
        executor = Executor.objects.select_for_update(of=("self",)).select_related("chain").get(pk=tx.executor_id)
        note_balance(executor, balance, chain_nonce)
        nonce = _free_nonce(executor, chain_nonce)
        also = {"nonce": nonce, "gas_limit": gas}
        transition(tx, "reserved", actor=ACTOR, also=also, after={"nonce": nonce})
    faults.point("tx.reserved")
    return None


def _estimate(client: Client, tx: Transaction) -> tuple[int, str]:
    """Gas to give it, or why it would fail. One endpoint that says it works outvotes those that lag behind."""

    def ask(one: Client) -> int:
        return one.estimate_gas(tx.executor.address, tx.to, bytes(tx.data), tx.value)

    said = client.everyone(ask)
    works = [answer for answer in said.values() if isinstance(answer, int)]
    if works:
        return tx.gas_limit or min(max(works) * 5 // 4 + 10_000, TX_GAS_CAP), ""
    refusals = [answer for answer in said.values() if isinstance(answer, RpcRefused)]
    reverts = [answer for answer in refusals if answer.reverted]
    if reverts:
        return 0, explain(_why(client, tx, reverts[0]))
    if any(sending.kind_of(answer) == sending.NO_FUNDS for answer in refusals):
        return tx.gas_limit or 1_000_000, ""  # the balance is looked at next
    if refusals:
        return 0, f"the node refuses it: {refusals[0].message[:300]}"
    raise RpcUnavailable(
        f"No endpoint of chain {client.chain_id} answers.", {name: str(error) for name, error in said.items()}
    )


def _why(client: Client, tx: Transaction, refusal: RpcRefused) -> str:
    """Estimations often hide the reason; the plain call gives it."""
    if not refusal.data:
        try:
            client.call(tx.to, bytes(tx.data), sender=tx.executor.address, value=tx.value)
        except RpcRefused as again:
            refusal = again if again.data else refusal
        except RpcError:
            pass
    return decode_revert(refusal.data) if refusal.data else refusal.message[:300]


def _free_nonce(executor: Executor, chain_nonce: int) -> int:
    """The first nonce from the chain's on that no transaction of ours holds."""
    held = Transaction.objects.filter(executor=executor, nonce__isnull=False).exclude(status="dropped", hash=None)
    taken = set(held.filter(nonce__gte=chain_nonce).values_list("nonce", flat=True))
    nonce = chain_nonce
    while nonce in taken:
        nonce += 1
    last = held.order_by("-nonce").values_list("nonce", flat=True).first()
    if last is not None and chain_nonce > last + 1:
        record(
            "executor.used.elsewhere",
            actor=ACTOR,
            subject=executor.subject,
            after={"chain_nonce": chain_nonce, "our_next": last + 1},
            alarm=alarm(
                f"executor_foreign:{executor.pk}:{chain_nonce}",
                "SEV2",
                title=f"{executor.label}'s key is used elsewhere",
            ),
        )
    elif last is not None and nonce < last:
        record("executor.gap.filled", actor=ACTOR, subject=executor.subject, after={"nonce": nonce, "highest": last})
    return nonce


# --- with a nonce: sign, store, commit; only then send


def _sign_first(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    return _sign(lease, tx, client, SignedAttempt.Kind.FIRST, None)


def _sign(lease: Lease, tx: Transaction, client: Client, kind: str, previous: SignedAttempt | None) -> Outcome | None:
    """New bytes for the same nonce, stored before anybody outside can have seen them."""
    try:
        offer = price(tx.chain, client.fees(), previous)
    except FeesAboveCap as error:
        return _too_dear(lease, tx, str(error))
    lease.check()
    signed = sign(tx, offer, kind)
    faults.point("tx.signed")
    with lease.commit():
        number = previous.number + 1 if previous else 1
        SignedAttempt.objects.create(
            transaction=tx,
            number=number,
            kind=kind,
            raw=signed.raw,
            hash=signed.hash,
            max_fee=offer.max_fee,
            tip=offer.tip,
        )
        fees = {"hash": signed.hash, "max_fee": str(offer.max_fee), "tip": str(offer.tip), "attempt": number}
        if tx.status == Transaction.Status.RESERVED:
            transition(tx, "signed", actor=ACTOR, also={"hash": signed.hash}, after={"nonce": tx.nonce, **fees})
        else:
            Transaction.objects.filter(pk=tx.pk).update(hash=signed.hash)
            tx.hash = signed.hash
            verb = "transaction.cancelling" if kind == SignedAttempt.Kind.CANCEL else "transaction.fee.raised"
            record(verb, actor=ACTOR, scope=tx.scope, subject=tx.subject, after={"nonce": tx.nonce, **fees})
    faults.point("tx.stored")
    return None


def _too_dear(lease: Lease, tx: Transaction, why: str) -> Outcome:
    """It waits for cheaper blocks, and says so once."""
    if tx.known.get("too_dear") is None:
        with lease.commit():
            tx.known = {**tx.known, "too_dear": why}
            Transaction.objects.filter(pk=tx.pk).update(known=tx.known)
            record(
                "transaction.stuck",
                actor=ACTOR,
                scope=tx.scope,
                subject=tx.subject,
                reason=why,
                alarm=alarm(f"transaction_stuck:{tx.pk}", "SEV3", title=f"Transaction {tx.pk} is stuck: {why}"),
            )
    return pause_for(max(2.0, tx.chain.block_time), why)


# --- signed or sent: look, send the same bytes, raise the fee, until it is mined


def _pursue(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    attempt = newest(tx)
    assert attempt is not None and tx.nonce is not None
    if attempt.broadcast_at is None:  # just stored: nobody can know these bytes, older ones are looked for next turn
        return _send(lease, tx, client, attempt)
    seen = look(client, tx, [one.hash for one in tx.attempts.order_by("number")])
    if seen.receipt is not None:
        return mined(lease, tx, seen, seen.receipt)
    if seen.disputed:
        return pause_for(1, "the endpoints tell different stories")
    if seen.nonce_passed(tx.nonce):
        return _taken(lease, tx, client)
    if tx.foreign_seen_at is not None:  # an endpoint was ahead of the others for a moment
        with lease.commit():
            Transaction.objects.filter(pk=tx.pk).update(foreign_seen_at=None)
        tx.foreign_seen_at = None
    kind = _kind_wanted(tx, attempt)
    if kind is not None and _sign(lease, tx, client, kind, attempt) is None:
        return None
    missing = not seen.knows or tx.status == Transaction.Status.SIGNED
    if missing and timezone.now() - (attempt.sent_at or attempt.created_at) > timedelta(seconds=poll(tx)):
        return _send(lease, tx, client, attempt)
    return pause_for(poll(tx), f"waiting for nonce {tx.nonce} to be mined")


def _kind_wanted(tx: Transaction, attempt: SignedAttempt) -> str | None:
    """Whether new bytes are called for: an empty replacement, or the same effect at a higher fee."""
    if attempt.number >= MAX_ATTEMPTS:
        return None
    if tx.cancelling and attempt.kind != SignedAttempt.Kind.CANCEL:
        return SignedAttempt.Kind.CANCEL
    age = timezone.now() - (attempt.broadcast_at or attempt.created_at)
    said = [str(text) for text in attempt.answers.values()]
    too_cheap = any(text.startswith(sending.UNDERPRICED) for text in said) and "accepted" not in said
    patience = tx.chain.block_time if too_cheap else tx.chain.stuck_after
    if age < timedelta(seconds=patience):
        return None
    return SignedAttempt.Kind.CANCEL if attempt.kind == SignedAttempt.Kind.CANCEL else SignedAttempt.Kind.BUMP


def _send(lease: Lease, tx: Transaction, client: Client, attempt: SignedAttempt) -> Outcome | None:
    """The stored bytes, to every endpoint. Whatever they say, these are the bytes, and this is the nonce."""
    lease.check()
    answers = client.broadcast(bytes(attempt.raw))
    faults.point("tx.broadcast")
    verdict = sending.verdict(answers)
    if verdict == sending.OTHER_WAITS and attempt.number > 1:
        verdict = sending.ACCEPTED  # an earlier attempt of ours is what waits there
    now = timezone.now()
    with lease.commit():
        said = sending.spoken(answers)
        changes = {"answers": said, "sent_at": now, "broadcast_at": attempt.broadcast_at or now}
        SignedAttempt.objects.filter(pk=attempt.pk).update(**changes)
        if verdict == sending.ACCEPTED and tx.status == Transaction.Status.SIGNED:
            after = {"hash": attempt.hash, "nonce": tx.nonce, "answers": said}
            transition(tx, "broadcast", actor=ACTOR, also={"broadcast_at": tx.broadcast_at or now}, after=after)
        elif verdict in (sending.OTHER_WAITS, sending.INVALID):
            _to_unknown(tx, {"why": f"{verdict}: {said}", "nonce": tx.nonce, "nonce_taken": False})
    if tx.status == Transaction.Status.UNKNOWN or verdict == sending.TOO_LOW:
        return None
    return pause_for(poll(tx), verdict)


def _taken(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    """Our nonce is used and none of our bytes are mined: seen twice, a block apart, a person has to know."""
    pause = max(1.0, tx.chain.block_time)
    if tx.foreign_seen_at is None:
        with lease.commit():
            tx.foreign_seen_at = timezone.now()
            Transaction.objects.filter(pk=tx.pk).update(foreign_seen_at=tx.foreign_seen_at)
        return pause_for(pause, f"nonce {tx.nonce} is used, but not by our bytes")
    if timezone.now() - tx.foreign_seen_at < timedelta(seconds=pause * 0.9):
        return pause_for(pause, f"nonce {tx.nonce} is used, but not by our bytes")
    assert tx.nonce is not None
    foreign = find_foreign(client, tx.executor.address, tx.nonce)
    ours = [attempt.hash for attempt in tx.attempts.all()]
    if foreign is not None and foreign["hash"] in ours:
        return pause_for(1, "the receipt is not there yet")
    with lease.commit():
        why = "another transaction was mined at our nonce"
        known: dict[str, object] = {"why": why, "nonce": tx.nonce, "nonce_taken": True}
        _to_unknown(tx, {**known, "ours": ours, "foreign": foreign})
    return None


def _ask_a_person(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    return Unknown(known=tx.known, choices=list(choices_for(tx)))


def _to_unknown(tx: Transaction, known: dict[str, object]) -> None:
    title = f"Nobody can say whether transaction {tx.pk} happened: {known['why']}"[:200]
    raised = alarm(f"transaction_unknown:{tx.pk}", "SEV2", title=title)
    also = {"known": known, "reason": str(known["why"])[:500]}
    transition(tx, "unknown", actor=ACTOR, reason=str(known["why"])[:500], also=also, after=known, alarm=raised)


STEPS: dict[str, Callable[[Lease, Transaction, Client], Outcome | None]] = {
    "queued": _reserve,
    "reserved": _sign_first,
    "signed": _pursue,
    "broadcast": _pursue,
    "mined": settle,
    "failed": settle,
    "unknown": _ask_a_person,
}
