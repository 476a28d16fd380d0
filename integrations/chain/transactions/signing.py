"""Bytes for a transaction: the same effect at some fee or, by a person's decision, nothing at the same nonce."""

from dataclasses import dataclass

from eth_typing import HexStr

from integrations.chain.executors import open_account
from integrations.chain.models import Chain
from integrations.chain.reading import Fees
from integrations.chain.transactions.models import SignedAttempt, Transaction

BUMP_NUMERATOR, BUMP_DENOMINATOR = 1125, 1000
"""Nodes replace a waiting transaction only by one that pays at least 10 % more, in both fees; a little above that."""


class FeesAboveCap(Exception):
    """The chain asks more than its `max_fee_per_gas` allows us to pay."""


@dataclass(frozen=True, slots=True)
class Price:
    max_fee: int
    tip: int


@dataclass(frozen=True, slots=True)
class Signed:
    raw: bytes
    hash: str
    price: Price
    kind: str


def price(chain: Chain, fees: Fees, previous: SignedAttempt | None = None) -> Price:
    """What to offer: room for the base fee to double; over a previous offer always enough more to replace it."""
    cap = chain.max_fee_per_gas
    if fees.base > cap:
        raise FeesAboveCap(f"the base fee is {fees.base} wei, the cap {cap}")
    tip, max_fee = fees.tip, 2 * fees.base + fees.tip
    if previous is not None:
        tip, max_fee = max(tip, _more(previous.tip)), max(max_fee, _more(previous.max_fee))
        if max_fee > cap:
            raise FeesAboveCap(f"replacing needs {max_fee} wei, the cap is {cap}")
    max_fee = min(max_fee, cap)
    return Price(max_fee=max_fee, tip=min(tip, max_fee))


def _more(fee: int) -> int:
    return fee * BUMP_NUMERATOR // BUMP_DENOMINATOR + 1


def sign(tx: Transaction, offer: Price, kind: str) -> Signed:
    """Signs with the executor's key. No network and no database in here."""
    assert tx.nonce is not None and tx.gas_limit is not None
    cancelling = kind == SignedAttempt.Kind.CANCEL
    account = open_account(tx.executor)
    signed = account.sign_transaction(
        {
            "type": 2,
            "chainId": tx.chain.chain_id,
            "nonce": tx.nonce,
            "to": HexStr(tx.executor.address if cancelling else tx.to),
            "value": 0 if cancelling else tx.value,
            "data": b"" if cancelling else bytes(tx.data),
            "gas": 21_000 if cancelling else tx.gas_limit,
            "maxFeePerGas": offer.max_fee,
            "maxPriorityFeePerGas": offer.tip,
        }
    )
    return Signed(bytes(signed.raw_transaction), "0x" + bytes(signed.hash).hex(), offer, kind)
