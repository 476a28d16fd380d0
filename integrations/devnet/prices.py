"""Reads and writes the demo's price feeds."""

import math
from dataclasses import dataclass

from integrations.devnet.abi import ask, calldata
from integrations.devnet.chain import KEEPER
from integrations.devnet.deployment import FeedRef
from integrations.devnet.helix import FEED_DECIMALS, FEEDS
from integrations.devnet.rpc import Rpc

SWAY = 0.003
SWAY_SECONDS = 1800
_ROUND = "uint80,int256,uint256,uint256,uint80"


@dataclass(frozen=True, slots=True)
class Answer:
    """A feed's latest round."""

    round_id: int
    price: int
    updated_at: int


def latest(rpc: Rpc, feed: FeedRef) -> Answer:
    round_id, price, _, updated_at, _ = ask(rpc, feed.address, "latestRoundData()", returns=_ROUND)
    return Answer(round_id, price, updated_at)


def price_at(name: str, when: int, percent: int = 0) -> int:
    """What a feed says at a time: near its first answer always, so that a demo left alone bankrupts nobody."""
    base = next(feed.first_answer for feed in FEEDS if feed.name == name)
    phase = 2 * math.pi * (when % SWAY_SECONDS) / SWAY_SECONDS
    return int(base * (1 + SWAY * math.sin(phase))) * (100 + percent) // 100


def publish(rpc: Rpc, feed: FeedRef, price: int) -> str:
    """Sends an answer; it counts once it is mined. Anvil knows the keeper's key and its next nonce."""
    data = "0x" + calldata("updateAnswer(int256)", price).hex()
    transaction = {"from": KEEPER.address, "to": feed.address, "data": data, "gas": hex(300_000)}
    return str(rpc("eth_sendTransaction", transaction))


def publish_now(rpc: Rpc, feed: FeedRef, price: int) -> None:
    """Sends an answer and mines it."""
    publish(rpc, feed, price)
    rpc("evm_mine")


def shown(price: int) -> str:
    return f"${price / 10**FEED_DECIMALS:,.2f}"
