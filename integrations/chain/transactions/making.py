"""New bytes for a nonce: priced, signed, read back, and stored before anybody outside can have seen them."""

from integrations.chain.client import Client
from integrations.chain.executors import troubles
from integrations.chain.executors.remote import SignerDown, SignerRefused
from integrations.chain.executors.troubles import Trouble
from integrations.chain.transactions.contents import NotWhatWasAsked
from integrations.chain.transactions.endings import ACTOR, stuck, to_unknown, unstuck
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.chain.transactions.pricing import FeesAboveCap, Price, fees_of, price
from integrations.chain.transactions.settling import pause_for
from integrations.chain.transactions.signing import Signed, sign
from ledger.services import record
from ledger.transitions import transition
from work import Lease, Outcome, faults


def sign_first(lease: Lease, tx: Transaction, client: Client) -> Outcome | None:
    return sign_next(lease, tx, client, SignedAttempt.Kind.FIRST, None)


def sign_next(
    lease: Lease, tx: Transaction, client: Client, kind: str, previous: SignedAttempt | None
) -> Outcome | None:
    """None when the bytes are stored (or nobody can say any more); else how long to wait, and why."""
    try:
        offer = price(tx.chain, fees_of(client), Price(previous.max_fee, previous.tip) if previous else None)
    except FeesAboveCap as error:
        with lease.commit():
            stuck(tx, str(error))
        return pause_for(max(2.0, tx.chain.block_time), str(error))
    lease.check()
    try:
        signed = sign(tx, offer, kind)
    except (SignerDown, SignerRefused, NotWhatWasAsked) as error:
        return _not_signed(lease, tx, error)
    faults.point("tx.signed")
    with lease.commit():
        _store(tx, signed, previous)
        troubles.note(tx.executor, {}, (troubles.SIGNING,))
    faults.point("tx.stored")
    return None


def _store(tx: Transaction, signed: Signed, previous: SignedAttempt | None) -> None:
    number = previous.number + 1 if previous else 1
    offer = signed.price
    SignedAttempt.objects.create(
        transaction=tx,
        number=number,
        kind=signed.kind,
        raw=signed.raw,
        hash=signed.hash,
        max_fee=offer.max_fee,
        tip=offer.tip,
    )
    fees = {"hash": signed.hash, "max_fee": str(offer.max_fee), "tip": str(offer.tip), "attempt": number}
    if tx.status == Transaction.Status.RESERVED:
        transition(tx, "signed", actor=ACTOR, also={"hash": signed.hash}, after={"nonce": tx.nonce, **fees})
        unstuck(tx)
        return
    Transaction.objects.filter(pk=tx.pk).update(hash=signed.hash)
    tx.hash = signed.hash
    verb = "transaction.cancelling" if signed.kind == SignedAttempt.Kind.CANCEL else "transaction.fee.raised"
    record(verb, actor=ACTOR, scope=tx.scope, subject=tx.subject, after={"nonce": tx.nonce, **fees})


def _not_signed(lease: Lease, tx: Transaction, error: Exception) -> Outcome | None:
    """Nothing was stored or sent. It is asked again for the same content, unless it signed something else."""
    signer = tx.executor.signer_name or "the sealed key"
    if isinstance(error, NotWhatWasAsked):
        words = f"{signer} signed something else: {error}"
        with lease.commit():
            troubles.note(tx.executor, {troubles.SIGNING: Trouble(words, "SEV1")}, (troubles.SIGNING,))
            if tx.status == Transaction.Status.RESERVED:
                # Such bytes exist now, outside: whether to ask once more at this nonce is for a person.
                to_unknown(tx, {"why": words, "nonce": tx.nonce, "nonce_taken": False})
                return None
        return pause_for(60, words)
    refused = isinstance(error, SignerRefused)
    words = f"{signer} refused to sign: {error}" if refused else f"{signer} {error}"
    with lease.commit():
        troubles.note(tx.executor, {troubles.SIGNING: Trouble(words, "SEV2")}, (troubles.SIGNING,))
    return pause_for(10 if refused else 3, words)
