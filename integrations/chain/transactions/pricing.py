"""What to offer for gas: enough for the base fee to double, always enough more to replace an older offer, capped."""

from dataclasses import dataclass
from statistics import median_low

from integrations.chain.client import Client
from integrations.chain.errors import RpcError, RpcUnavailable
from integrations.chain.models import Chain
from integrations.chain.reading import Fees

LEAST_PERMILLE = 100
"""No node replaces a waiting transaction by one that pays less than 10 % more, in both fees."""


class FeesAboveCap(Exception):
    """The chain asks more than its `max_fee_per_gas` allows us to pay."""


@dataclass(frozen=True, slots=True)
class Price:
    max_fee: int
    tip: int


def fees_of(client: Client) -> Fees:
    """What the endpoints say it costs, in the middle: one that exaggerates alone moves nothing."""
    said = client.everyone(lambda one: one.fees())
    found = [answer for answer in said.values() if isinstance(answer, Fees)]
    if not found:
        reasons = {name: str(error) for name, error in said.items() if isinstance(error, RpcError)}
        raise RpcUnavailable(f"No endpoint of chain {client.chain_id} answers.", reasons)
    return Fees(base=median_low(one.base for one in found), tip=median_low(one.tip for one in found))


def price(chain: Chain, fees: Fees, previous: Price | None = None) -> Price:
    """The offer for a first attempt, or for one that replaces `previous` at the same nonce."""
    cap = chain.max_fee_per_gas
    if fees.base > cap:
        raise FeesAboveCap(f"the base fee is {gwei(fees.base)}, the cap {gwei(cap)}")
    max_fee, tip = 2 * fees.base + fees.tip, fees.tip
    if previous is not None:
        least, least_tip = (more(fee, chain.bump_permille) for fee in (previous.max_fee, previous.tip))
        if least > cap or least_tip > cap:
            raise FeesAboveCap(f"replacing it needs {gwei(max(least, least_tip))}, the cap is {gwei(cap)}")
        max_fee, tip = max(max_fee, least), max(tip, least_tip)
    max_fee = min(max(max_fee, tip), cap)
    return Price(max_fee=max_fee, tip=min(tip, max_fee))


def more(fee: int, permille: int) -> int:
    """The least that a node takes in the place of `fee`, rounded up."""
    return fee + -(-fee * max(permille, LEAST_PERMILLE) // 1000) + (1 if fee == 0 else 0)


def gwei(wei: int) -> str:
    """For people."""
    text = f"{wei / 10**9:.3f}".rstrip("0").rstrip(".") if wei >= 10**6 else ""
    return f"{text} gwei" if text else f"{wei} wei"
