"""Two hundred traders with collateral and matched positions, so that screens look like those of a working protocol.

Everyone is made from one seed: the same people with the same sizes at the same prices on every devnet.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak

from integrations.devnet.abi import ask, calldata
from integrations.devnet.builder import Builder
from integrations.devnet.chain import CHAIN_ID, DEPLOYER, KEEPER
from integrations.devnet.helix import FEEDS, MARKETS, MarketPlan, feed_address, parts
from integrations.devnet.orders import ORDER_FIELDS, OrderDomain, address_of, matched
from integrations.devnet.rpc import Rpc

TRADERS = 200
ROUNDS = 10
DEPOSITS_A_CALL = 100
LOT = 10**12
USD = 10**6
INSURANCE = 250_000 * USD

_ORDER = f"({','.join(ORDER_FIELDS)})"
_MATCH = f"matchTrades(({_ORDER},bytes,{_ORDER},bytes,uint128,uint128)[])"


@dataclass(frozen=True, slots=True)
class Trader:
    """Somebody with a key of their own, made from their number."""

    index: int
    key: PrivateKey
    address: str
    deposit: int


@dataclass(frozen=True, slots=True)
class Trade:
    """Two traders to match. Price in the feed's 8 decimals, size in 18."""

    market: int
    long: Trader
    short: Trader
    size: int
    price: int


@dataclass(frozen=True, slots=True)
class Round:
    """What the feeds say, and what is traded then."""

    answers: dict[str, int]
    trades: tuple[Trade, ...]


@cache
def traders() -> tuple[Trader, ...]:
    dice = random.Random(CHAIN_ID)  # noqa: S311 (a repeatable demo, nothing secret)
    people = []
    for index in range(TRADERS):
        key = PrivateKey(keccak(text=f"breakglass helix trader {index}"))
        # Many small ones, few large ones.
        dollars = min(max(int(math.exp(dice.gauss(math.log(80_000), 1.1))), 1_000), 1_500_000)
        people.append(Trader(index, key, address_of(key), dollars * USD))
    return tuple(people)


def rounds() -> Iterator[Round]:
    """Feeds that wander a little, and each trader matched a few times."""
    dice = random.Random(CHAIN_ID + 1)  # noqa: S311 (a repeatable demo, nothing secret)
    answers = {feed.name: feed.first_answer for feed in FEEDS}
    pairs = _pairs(dice)
    each = math.ceil(len(pairs) / ROUNDS)
    for number in range(ROUNDS):
        answers = {name: int(answer * (1 + dice.gauss(0, 0.004))) for name, answer in answers.items()}
        trades = [_trade(dice, answers, long, short) for long, short in pairs[number * each : (number + 1) * each]]
        yield Round(dict(answers), tuple(trades))


def _pairs(dice: random.Random) -> list[tuple[Trader, Trader]]:
    """Three times over, everyone with someone of about their own size."""
    pairs: list[tuple[Trader, Trader]] = []
    for _ in range(3):
        people = sorted(traders(), key=lambda trader: trader.deposit * dice.uniform(0.7, 1.4))
        couples = list(zip(people[::2], people[1::2], strict=True))
        pairs += [couple if dice.random() < 0.5 else couple[::-1] for couple in couples]
    dice.shuffle(pairs)
    return pairs


def _trade(dice: random.Random, answers: dict[str, int], long: Trader, short: Trader) -> Trade:
    index = dice.choices(range(len(MARKETS)), weights=[30, 25, 15, 12, 10, 8])[0]
    market = MARKETS[index]
    answer = answers[market.feed]
    # Each trade takes at most a quarter of the smaller one's collateral as margin, so three never take all of it.
    margin = min(long.deposit, short.deposit) * dice.uniform(0.03, 0.25)
    notional = margin * 10_000 / market.initial_bps
    size = int(notional * 10**20 / answer) // LOT * LOT
    return Trade(index, long, short, size, _price(dice, market, answer))


def _price(dice: random.Random, market: MarketPlan, answer: int) -> int:
    if market.kind == "perpetual":
        return int(answer * dice.uniform(0.998, 1.002))
    intrinsic = max(0, answer - market.strike if market.kind == "call" else market.strike - answer)
    return intrinsic + int(answer * dice.uniform(0.015, 0.03))


def populate(builder: Builder) -> None:
    """Money, deposits, trades. About a dozen transactions and as many blocks."""
    _deposit(builder)
    vault, deadline = parts()["vault"].address, builder.rpc.timestamp() + 24 * 3600
    domain = OrderDomain(CHAIN_ID, vault)
    salt = 0
    for number, round_ in enumerate(rounds()):
        for name, answer in round_.answers.items():
            data = calldata("updateAnswer(int256)", answer)
            builder.send(feed_address(name), data, sender=KEEPER.address, what=f"{name} in round {number}", gas=300_000)
        builder.flush()
        fills = [
            matched(
                domain,
                market=trade.market,
                long=trade.long.key,
                short=trade.short.key,
                size=trade.size,
                price=trade.price,
                deadline=deadline,
                salt=(salt := salt + 1),
            )
            for trade in round_.trades
        ]
        what = f"the trades of round {number}"
        builder.send(vault, calldata(_MATCH, fills), sender=KEEPER.address, what=what, gas=40_000_000)
        builder.flush()


def _deposit(builder: Builder) -> None:
    usd, vault = parts()["usd"].address, parts()["vault"].address
    people = traders()
    total = sum(trader.deposit for trader in people) + INSURANCE
    builder.send(usd, calldata("mint(address,uint256)", DEPLOYER.address, total), what="the dollars", gas=200_000)
    builder.send(usd, calldata("approve(address,uint256)", vault, total), what="the approval", gas=200_000)
    for start in range(0, len(people), DEPOSITS_A_CALL):
        some = people[start : start + DEPOSITS_A_CALL]
        data = calldata("batchDepositFor(address[],uint256[])", [t.address for t in some], [t.deposit for t in some])
        builder.send(vault, data, what=f"deposits from {start}", gas=25_000_000)
    builder.send(vault, calldata("fundInsurance(uint256)", INSURANCE), what="the insurance", gas=300_000)
    builder.flush()


def populated(rpc: Rpc) -> int:
    """How many accounts the vault knows."""
    vault = parts()["vault"].address
    types = "(int256,uint256,uint256,uint256,uint256,uint256)"
    return int(ask(rpc, vault, "totals()", returns=types)[0][3])
