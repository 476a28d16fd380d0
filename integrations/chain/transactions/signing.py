"""Bytes for a transaction: the same effect at some fee or, by a person's decision, nothing at the same nonce."""

from dataclasses import dataclass

from integrations.chain.executors import open_account, open_signer
from integrations.chain.models import Executor
from integrations.chain.transactions.contents import Content, check
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.chain.transactions.pricing import Price


@dataclass(frozen=True, slots=True)
class Signed:
    raw: bytes
    hash: str
    price: Price
    kind: str


def content_of(tx: Transaction, offer: Price, kind: str) -> Content:
    """Everything that the bytes have to say."""
    assert tx.nonce is not None and tx.gas_limit is not None
    cancelling = kind == SignedAttempt.Kind.CANCEL
    return Content(
        sender=tx.executor.address,
        chain_id=tx.chain.chain_id,
        nonce=tx.nonce,
        tip=offer.tip,
        max_fee=offer.max_fee,
        gas=21_000 if cancelling else tx.gas_limit,
        to=tx.executor.address if cancelling else tx.to,
        value=0 if cancelling else tx.value,
        data=b"" if cancelling else bytes(tx.data),
    )


def sign(tx: Transaction, offer: Price, kind: str) -> Signed:
    """Signed here, or by the executor's remote signer (network); either way read back and held against what was asked.

    SignerDown, SignerRefused, or NotWhatWasAsked: then nothing of it may be stored or sent.
    """
    content = content_of(tx, offer, kind)
    if tx.executor.signer == Executor.Signer.REMOTE:
        raw = open_signer(tx.executor).sign(content.request())
    else:
        raw = bytes(open_account(tx.executor).sign_transaction(content.fields()).raw_transaction)
    return Signed(raw, check(raw, content), offer, kind)
