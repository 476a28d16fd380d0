"""Verbs on transactions for the rooms above: submit one, and decide what happens to one whose outcome is unknown."""

from django.db import transaction as database
from django.utils import timezone

import work
from integrations.chain.abi import MAX_DATA
from integrations.chain.addresses import parse_address, parse_hex, parse_uint
from integrations.chain.environments import check_signing, refuse_live_chain
from integrations.chain.models import Chain, Executor
from integrations.chain.transactions.models import SignedAttempt, Transaction
from ledger.errors import Invalid, Refused, StaleTransition
from ledger.models import Scope
from ledger.services import alarm, record
from ledger.transitions import transition
from work.models import Work

KIND = "chain.transaction"
LOOK_AGAIN, CANCEL, GIVE_UP = "look-again", "cancel", "give-up"
CHOICES = {
    LOOK_AGAIN: "Look at the chain again and go on with the same bytes",
    CANCEL: "Replace it by an empty transaction at the same nonce",
    GIVE_UP: "Give it up: its nonce was taken by another transaction",
}


def submit(
    *,
    chain: Chain,
    executor: Executor,
    to: str,
    data: bytes | str,
    key: str,
    subject: str,
    scope: Scope | None,
    actor: str,
    value: int = 0,
    gas_limit: int | None = None,
    environment: str = "",
    private: bool | None = None,
) -> Transaction:
    """Queue one effect on a chain. The same key is the same transaction, whoever asks and however often.

    `subject` is what it is for (`proposal:7`); `environment` is the run's: a drill cannot reach a live chain.
    `private`: first to the chain's private endpoints alone: nobody can act before it does. None as the chain has it.
    """
    refuse_live_chain(chain, environment)
    if executor.chain_id != chain.pk:
        raise Invalid("executor", "This executor is of another chain.", f"an executor of {chain.name}")
    if not executor.enabled:
        raise Refused(f"The executor {executor.label} is disabled.", code="executor-disabled")
    check_signing(chain_id=chain.chain_id, kind=chain.kind, environment=executor.environment)
    if not key or len(key) > 200:
        raise Invalid("key", "A transaction needs a key of 1 to 200 characters.", "one key an effect")
    effect = {
        "chain": chain,
        "executor": executor,
        "to": parse_address(to, "to"),
        "data": parse_hex(data, "data"),
        "value": parse_uint(value),
    }
    if len(parse_hex(data, "data")) > MAX_DATA:
        raise Invalid("data", "Larger than a node takes.", "at most 128 kB")
    how = {"gas_limit": gas_limit, "private": chain.prefers_private if private is None else private}
    with database.atomic():
        tx, created = Transaction.objects.get_or_create(
            key=key, defaults={**effect, **how, "about": subject, "scope": scope, "actor": actor}
        )
        if created:
            _begin(tx, actor)
    if not created and any(_plain(getattr(tx, name)) != _plain(wanted) for name, wanted in effect.items()):
        raise Invalid("key", "This key already stands for another transaction.", "a key of its own for each effect")
    return tx


def _begin(tx: Transaction, actor: str) -> None:
    record(
        "transaction.queued",
        actor=actor,
        scope=tx.scope,
        subject=tx.subject,
        after={
            "about": tx.about,
            "chain": tx.chain.chain_id,
            "executor": tx.executor.address,
            "to": tx.to,
            "value": str(tx.value),
            "data": "0x" + bytes(tx.data).hex() if len(tx.data) <= 4096 else f"{len(tx.data)} bytes",
            **({"private": True} if tx.private else {}),
        },
    )
    work.enqueue(KIND, key=str(tx.pk), subject=tx.subject, payload={"transaction": tx.pk}, scope=tx.scope, actor=actor)


def _plain(value: object) -> object:
    return bytes(value) if isinstance(value, memoryview) else value


@database.atomic
def resolve(*, transaction: Transaction, choice: str, actor: str, reason: str = "") -> Transaction:
    """A commander decides about a transaction whose outcome is unknown."""
    tx = _locked(transaction)
    if choice not in CHOICES:
        raise Invalid("choice", "There is no such choice.", ", ".join(CHOICES))
    if tx.status != Transaction.Status.UNKNOWN:
        raise StaleTransition(f"{tx.subject} is {tx.status}: nothing is to be decided about it")
    if choice not in choices_for(tx):
        raise Refused("This choice is not safe as things stand.", "choose one of those offered", code="unsafe-choice")
    cleared = alarm(f"transaction_unknown:{tx.pk}", "SEV2", cleared=True, title="")
    words = reason or CHOICES[choice]
    if choice == GIVE_UP:
        also = {"reason": words, "ended_at": timezone.now()}
        transition(tx, "dropped", actor=actor, reason=words, also=also, alarm=cleared)
        return tx
    back = "broadcast" if tx.attempts.exists() else "reserved"
    also = {"foreign_seen_at": None, "known": {}, "cancelling": choice == CANCEL or tx.cancelling}
    transition(tx, back, actor=actor, reason=words, also=also, after={"choice": choice}, alarm=cleared)
    work.revive(KIND, str(tx.pk), actor=actor)
    return tx


def _locked(tx: Transaction) -> Transaction:
    """The work row first, as its handler does: so the two never wait for each other."""
    Work.objects.select_for_update().filter(kind=KIND, key=str(tx.pk)).first()
    return Transaction.objects.select_for_update(of=("self",)).select_related("executor", "chain").get(pk=tx.pk)


def choices_for(tx: Transaction) -> dict[str, str]:
    """What a person may safely decide. Bytes that could still be mined are never just forgotten."""
    if tx.status != Transaction.Status.UNKNOWN:
        return {}
    offered = {LOOK_AGAIN}
    signed = tx.attempts.exists()
    if tx.known.get("nonce_taken") or not signed:
        offered.add(GIVE_UP)
    if signed and not tx.known.get("nonce_taken"):
        offered.add(CANCEL)
    return {choice: words for choice, words in CHOICES.items() if choice in offered}


@database.atomic
def cancel(*, transaction: Transaction, actor: str, reason: str) -> Transaction:
    """Stop one that has not been mined: at once before it has a nonce, by an empty replacement afterwards."""
    tx = _locked(transaction)
    if tx.status == Transaction.Status.QUEUED:
        also = {"reason": reason or "cancelled", "ended_at": timezone.now()}
        transition(tx, "refused", actor=actor, reason=reason, also=also)
        work.cancel(KIND, str(tx.pk))
        return tx
    if tx.status not in (Transaction.Status.SIGNED, Transaction.Status.BROADCAST):
        raise StaleTransition(f"{tx.subject} is {tx.status}; it cannot be cancelled")
    Transaction.objects.filter(pk=tx.pk).update(cancelling=True)
    tx.cancelling = True
    record("transaction.cancel.requested", actor=actor, scope=tx.scope, subject=tx.subject, reason=reason)
    work.wake(KIND, str(tx.pk))
    return tx


def fill_gap(*, executor: Executor, actor: str) -> Transaction:
    """An empty transaction for the first nonce that nothing holds, so that the ones behind it can be mined."""
    gap = executor.troubles.get("gap")
    if gap is None:
        raise Refused(f"{executor.label} has no gap in its nonces.", code="no-gap")
    return submit(
        chain=executor.chain,
        executor=executor,
        to=executor.address,
        data=b"",
        key=f"fill:{executor.pk}:{gap['since']}",  # pressed twice for one gap, it is one transaction
        subject=executor.subject,
        scope=None,
        actor=actor,
    )


def ended(tx: Transaction) -> bool:
    """Whether nothing more will be done for it by itself."""
    return tx.status in ("final", "refused", "dropped") or (tx.status == "failed" and (tx.is_final or tx.nonce is None))


def newest(tx: Transaction) -> SignedAttempt | None:
    """The bytes that count until one of them is mined."""
    return tx.attempts.order_by("-number").first()
