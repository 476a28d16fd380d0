"""Rebuilds everything Helix knows from its events alone, checking each against the state before it."""

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from hexbytes import HexBytes
from web3 import Web3
from web3.contract import Contract

PAUSE_WINDOW = 30 * 24 * 3600


@dataclass
class Side:
    """One account's position in one market."""

    size: int = 0
    cost: int = 0
    funding_index: int = 0


@dataclass
class MarketBook:
    symbol: str
    kind: int
    feed: str
    strike: int
    expiry: int
    initial: int
    maintenance: int
    band: int
    penalty: int
    funding_at: int
    funding_index: int = 0
    premium: int = 0
    settled: bool = False
    settlement_price: int = 0


@dataclass
class Book:
    token: str = ""
    collateral: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    known: set[str] = field(default_factory=set)
    epochs: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    positions: dict[tuple[str, int], Side] = field(default_factory=dict)
    markets: list[MarketBook] = field(default_factory=list)
    filled: dict[bytes, int] = field(default_factory=dict)
    roles: set[tuple[bytes, str]] = field(default_factory=set)
    insurance: int = 0
    bad_debt: int = 0
    mode: int = 0
    paused_until: int = 0
    pause_starts: list[int] = field(default_factory=list)
    resumed_at: int = 0
    grace: int = 0
    pause_duration: int = 0
    target: str = "0x" + 40 * "0"
    implementation: str = ""

    def apply(self, name: str, args: dict[str, Any], timestamp: int) -> None:
        handler = getattr(self, f"on_{name}", None)
        assert handler is not None or name in TOLD_TWICE, f"nothing is rebuilt from {name}"
        if handler is not None:
            handler(args, timestamp)

    # --- accounts ----------------------------------------------------------------------------

    def on_CollateralChanged(self, e: dict[str, Any], _: int) -> None:
        self.collateral[e["account"]] += e["change"]
        assert self.collateral[e["account"]] == e["collateral"]

    def on_Deposited(self, e: dict[str, Any], _: int) -> None:
        self.known.add(e["account"])

    def on_PositionChanged(self, e: dict[str, Any], _: int) -> None:
        self.known.add(e["account"])
        self.positions[e["account"], e["market"]] = Side(e["size"], e["cost"], e["fundingIndex"])
        if e["size"]:
            assert e["fundingIndex"] == self.markets[e["market"]].funding_index

    def on_OrderFilled(self, e: dict[str, Any], _: int) -> None:
        assert e["filled"] > self.filled.get(e["orderHash"], 0)
        self.filled[e["orderHash"]] = e["filled"]

    def on_OrderCancelled(self, e: dict[str, Any], _: int) -> None:
        self.filled[e["orderHash"]] = 2**256 - 1

    def on_EpochRaised(self, e: dict[str, Any], _: int) -> None:
        assert e["epoch"] == self.epochs[e["account"]] + 1
        self.epochs[e["account"]] = e["epoch"]

    def on_InsuranceChanged(self, e: dict[str, Any], _: int) -> None:
        self.insurance += e["change"]
        assert self.insurance == e["insurance"]

    def on_BadDebtChanged(self, e: dict[str, Any], _: int) -> None:
        self.bad_debt += e["change"]
        assert self.bad_debt == e["badDebt"]

    # --- markets -----------------------------------------------------------------------------

    def on_MarketAdded(self, e: dict[str, Any], timestamp: int) -> None:
        assert e["market"] == len(self.markets)
        p = e["params"]
        names = ("symbol", "kind", "feed", "strike", "expiry", "initialBps", "maintenanceBps", "bandBps", "penaltyBps")
        self.markets.append(MarketBook(*(p[name] for name in names), funding_at=timestamp))

    def on_MarketRiskSet(self, e: dict[str, Any], _: int) -> None:
        market = self.markets[e["market"]]
        market.initial, market.maintenance = e["initialBps"], e["maintenanceBps"]
        market.band, market.penalty = e["bandBps"], e["penaltyBps"]

    def on_MarketFeedSet(self, e: dict[str, Any], timestamp: int) -> None:
        self.markets[e["market"]].feed = e["feed"]
        self.resumed_at = timestamp

    def on_FundingAccrued(self, e: dict[str, Any], timestamp: int) -> None:
        market = self.markets[e["market"]]
        market.funding_index, market.funding_at = e["fundingIndex"], e["timestamp"]
        assert e["timestamp"] == timestamp

    def on_PremiumChanged(self, e: dict[str, Any], _: int) -> None:
        self.markets[e["market"]].premium = e["premium"]

    def on_MarketSettled(self, e: dict[str, Any], _: int) -> None:
        market = self.markets[e["market"]]
        market.settled, market.settlement_price = True, e["price"]

    # --- guard -------------------------------------------------------------------------------

    def on_ModeChanged(self, e: dict[str, Any], timestamp: int) -> None:
        assert e["from"] == self.mode
        self.mode = e["to"]
        if e["from"] >= 2 > e["to"]:
            self.resumed_at = timestamp

    def on_Paused(self, e: dict[str, Any], timestamp: int) -> None:
        self.paused_until = e["until"]
        assert e["until"] == timestamp + self.pause_duration
        self.pause_starts = [*self.pause_starts, timestamp][-3:]
        assert e["pausesUsed"] == self.pauses_used(timestamp)

    def pauses_used(self, now: int) -> int:
        return sum(now < start + PAUSE_WINDOW for start in self.pause_starts)

    def on_Unpaused(self, e: dict[str, Any], timestamp: int) -> None:
        assert e["timestamp"] == timestamp
        self.paused_until = timestamp
        self.pause_starts = []

    def on_GracePeriodSet(self, e: dict[str, Any], _: int) -> None:
        self.grace = e["gracePeriod"]

    def on_PauseDurationSet(self, e: dict[str, Any], _: int) -> None:
        self.pause_duration = e["pauseDuration"]

    def on_MigrationTargetSet(self, e: dict[str, Any], _: int) -> None:
        self.target = e["target"]

    def on_TokenSet(self, e: dict[str, Any], _: int) -> None:
        self.token = e["token"]

    def on_RoleGranted(self, e: dict[str, Any], _: int) -> None:
        self.roles.add((e["role"], e["account"]))

    def on_RoleRevoked(self, e: dict[str, Any], _: int) -> None:
        self.roles.remove((e["role"], e["account"]))

    def on_Upgraded(self, e: dict[str, Any], _: int) -> None:
        self.implementation = e["implementation"]

    # --- sums --------------------------------------------------------------------------------

    def side(self, account: str, market: int) -> Side:
        return self.positions.get((account, market), Side())

    def held(self, market: int) -> list[Side]:
        return [side for (_, number), side in self.positions.items() if number == market and side.size]


# Told for people's sake: what they change is told by another event as well.
TOLD_TWICE = {"Withdrawn", "Migrated", "TradeMatched", "Liquidated", "Initialized", "EIP712DomainChanged"}


def rebuild(w3: Web3, vault: Contract) -> Book:
    """Reads every log of the vault from block 0; nothing else is asked."""
    decoders = {HexBytes(event().topic): event() for event in vault.events}
    book = Book()
    times: dict[int, int] = {}
    for log in w3.eth.get_logs({"address": vault.address, "fromBlock": 0, "toBlock": "latest"}):
        block = log["blockNumber"]
        if block not in times:
            times[block] = int(w3.eth.get_block(block)["timestamp"])
        told = decoders[log["topics"][0]].process_log(log)
        book.apply(told["event"], dict(told["args"]), times[block])
    return book


Expected = list[tuple[Any, Any]]


def compare(book: Book, w3: Web3, vault: Contract) -> None:
    """Every getter against the rebuilt book, asked in batches: the demo has thousands of answers."""
    assert vault.functions.pauseState().call()[2] == book.pause_duration
    expected = [*_of_the_whole(book, vault), *_of_accounts(book, vault)]
    for number in range(len(book.markets)):
        expected.append((vault.functions.getMarket(number), _market(book, number)))
    for start in range(0, len(expected), 200):
        chunk = expected[start : start + 200]
        with w3.batch_requests() as batch:
            for call, _ in chunk:
                batch.add(call)
            answers = batch.execute()
        for (call, wanted), answer in zip(chunk, answers, strict=True):
            given = tuple(answer) if isinstance(answer, list | tuple) else answer
            assert given == wanted, f"{call.fn_name}{call.args}: {given}, but the events say {wanted}"


def _of_the_whole(book: Book, vault: Contract) -> Expected:
    f = vault.functions
    held = sum(1 for side in book.positions.values() if side.size)
    start = max(book.paused_until, book.resumed_at)
    return [
        (
            f.totals(),
            (
                sum(book.collateral.values()),
                book.insurance,
                book.bad_debt,
                len(book.known),
                held,
                len(book.markets),
            ),
        ),
        (f.mode(), book.mode),
        (f.pausedUntil(), book.paused_until),
        (f.gracePeriod(), book.grace),
        (f.token(), book.token),
        (f.migrationTarget(), book.target),
        (f.liquidationsFrom(vault.address), start + book.grace if start else 0),
        *((f.hasRole(role, account), True) for role, account in book.roles),
        *((f.orderFilled(digest), filled) for digest, filled in book.filled.items()),
    ]


def _of_accounts(book: Book, vault: Contract) -> Expected:
    f = vault.functions
    expected: Expected = []
    for account in book.known:
        held = sum(1 << market for market in range(len(book.markets)) if book.side(account, market).size)
        expected.append((f.accountOf(account), (book.collateral[account], held, book.epochs[account])))
    for (account, market), side in book.positions.items():
        expected.append((f.positionOf(account, market), (side.size, side.cost, side.funding_index)))
    return expected


def _market(book: Book, number: int) -> tuple[Any, ...]:
    market, held = book.markets[number], book.held(number)
    return (
        market.symbol,
        market.feed,
        market.kind,
        market.settled,
        market.expiry,
        market.initial,
        market.maintenance,
        market.band,
        market.penalty,
        market.strike,
        market.settlement_price,
        sum(side.size for side in held if side.size > 0),
        -sum(side.size for side in held if side.size < 0),
        market.funding_index,
        market.premium,
        sum(side.cost for side in held),
        market.funding_at,
        len(held),
        sum(side.size * side.funding_index for side in held),
    )
