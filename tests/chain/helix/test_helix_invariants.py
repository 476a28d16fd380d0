"""Whatever people do in whatever order, nothing appears out of nowhere."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.chain.helix.book import compare, rebuild
from tests.chain.helix.world import CALL, DAY, HEARTBEAT, PRICE, PUT, USD, Refusal, World

TRADERS = 4
WHO = st.integers(0, TRADERS - 1)
LOTS = st.one_of(st.integers(1, 3_000_000), st.integers(2_000_000, 2_900_000)).map(lambda lots: lots * 10**12)
MARKETS = [0, 0, 0, 1, 2, 3]
PREMIUM = st.integers(-300, 300)
Deal = tuple[int, int, int, int, int]
DEAL = st.tuples(WHO, st.sampled_from([1, 2, 3]), st.sampled_from(MARKETS), LOTS, PREMIUM)
CENTS = st.integers(-60_00, 60_00)


class Machine(RuleBasedStateMachine):
    """Random people on a real chain. A refusal is fine; a broken sum is not."""

    world: World
    done: Counter[str]

    @initialize(opening=st.lists(DEAL, min_size=5, max_size=8))
    def begin(self, opening: list[Deal]) -> None:
        world = self.world
        self.snapshot = world.rpc("evm_snapshot")
        self.expiry = world.now + 2 * DAY
        self.call = world.add_market(CALL, 2_050, self.expiry)
        self.put = world.add_market(PUT, 1_950, self.expiry)
        self.traders = [world.trader(n) for n in range(TRADERS)]
        world.fund(self.traders, 600 * USD)
        world.fund(self.traders[-1:], 100_000 * USD)  # someone must be able to take positions over
        # No grace here: it would turn nearly every liquidation of a random run away.
        world.send(world.vault.functions.setGracePeriod(0), world.admin)
        self.price = 2_000 * PRICE
        self.trade(opening)

    def teardown(self) -> None:
        if hasattr(self, "snapshot"):
            self.crash(fall=12, up=False, part=0)
            self.crash(fall=25, up=True, part=0)
            self.settle_everything()
            compare(rebuild(self.world.w3, self.world.vault), self.world.w3, self.world.vault)
            self.world.rpc("evm_revert", self.snapshot)

    @contextmanager
    def maybe(self, what: str, *allowed: str) -> Iterator[None]:
        try:
            yield
            self.done[what] += 1
        except Refusal as refusal:
            why = self.world.named(refusal)
            assert why in allowed, why
            self.done[f"{what}: {why}"] += 1

    # --- what people do ----------------------------------------------------------------------

    @rule(cents=CENTS, wait=st.integers(1, HEARTBEAT))
    def price_moves(self, cents: int, wait: int) -> None:
        self.price = max(PRICE, self.price + cents * PRICE // 25)
        self.world.at_next(self.world.now + wait)
        self.world.set_price(self.price / PRICE)
        self.world.set_price(self.price * 30 / PRICE, self.world.btc)

    @rule(wait=st.sampled_from([1, 60, HEARTBEAT // 2, HEARTBEAT + 1, DAY]))
    def time_passes(self, wait: int) -> None:
        self.world.travel(wait)
        if wait != HEARTBEAT + 1:  # else the feeds stay stale until a price moves
            self.price_moves(0, 1)

    @rule(deals=st.lists(DEAL, min_size=1, max_size=6))
    def trade(self, deals: list[tuple[int, int, int, int, int]]) -> None:
        for long, step, market, size, premium in deals:
            self.deal(long, (long + step) % TRADERS, market, size, premium)

    def deal(self, long: int, short: int, market: int, size: int, premium: int) -> None:
        intrinsic = max(self.price - 2_050 * PRICE, 2_000 * PRICE // 40)
        base = {0: self.price, 1: self.price * 30}.get(market, intrinsic)
        price = base + base * premium // 10_000
        if market == 1:
            size = (size // 30 // 10**12 + 1) * 10**12
        fill = self.world.fill(market, self.traders[long], self.traders[short], size, price)
        with self.maybe(
            "trade",
            "InsufficientMargin",
            "OracleStale",
            "MarketExpired",
            "SelfTrade",
            "PriceOutOfBand",
            "AwaitingSettlement",
        ):
            self.world.match([fill])

    @rule(who=WHO, amount=st.integers(1, 500 * USD))
    def deposit(self, who: int, amount: int) -> None:
        self.world.fund([self.traders[who]], amount)

    @rule(who=WHO, share=st.integers(1, 100))
    def withdraw(self, who: int, share: int) -> None:
        trader = self.traders[who]
        amount = max(1, trader.collateral * share // 100)
        # A winner may be owed what a bankrupt account lost: then the token itself refuses.
        with self.maybe(
            "withdraw", "ExceedsWithdrawable", "OracleStale", "AwaitingSettlement", "ERC20InsufficientBalance"
        ):
            trader.withdraw(amount)

    @rule(
        by=st.sampled_from([TRADERS - 1, TRADERS - 1, 0]), victim=WHO, market=st.integers(0, 3), part=st.integers(0, 2)
    )
    def liquidate(self, by: int, victim: int, market: int, part: int) -> None:
        held = self.held(victim)
        if held and market not in held:
            market = held[0]
        size = max(1, abs(self.traders[victim].size(market)) // 10**12 >> part) * 10**12
        with self.maybe(
            "liquidate",
            "SelfTrade",
            "NotLiquidatable",
            "LiquidationTooLarge",
            "LiquidateMarginedFirst",
            "InsufficientMargin",
            "OracleStale",
            "MarketExpired",
            "AwaitingSettlement",
        ):
            self.traders[by].liquidate(self.traders[victim], market, size)

    @rule(fall=st.integers(8, 25), up=st.booleans(), part=st.integers(0, 2))
    def crash(self, fall: int, up: bool, part: int) -> None:
        """The price jumps and someone looks at every account at once."""
        self.price_moves((1 if up else -1) * self.price * 25 // PRICE * fall // 100, 10)
        for victim in range(TRADERS - 1):
            self.liquidate(TRADERS - 1, victim, 0, part)

    def held(self, who: int) -> list[int]:
        open_markets = self.world.vault.functions.accountOf(self.traders[who].address).call()[1]
        return [market for market in range(4) if open_markets >> market & 1]

    @rule(amount=st.integers(1, 50 * USD))
    def insure(self, amount: int) -> None:
        self.world.send(self.world.usd.functions.mint(self.world.admin, amount), self.world.admin)
        self.world.send(self.world.vault.functions.fundInsurance(amount), self.world.admin)

    @precondition(lambda self: self.world.now >= self.expiry)
    @rule(market=st.integers(2, 3), who=st.lists(WHO, max_size=3))
    def settle(self, market: int, who: list[int]) -> None:
        f, world = self.world.vault.functions, self.world
        round_id = world.eth.functions.roundAt(self.expiry).call()
        with self.maybe("settle", "AlreadySettled", "NoDataPresent"):
            world.send(f.settleMarket(market, round_id), world.keeper)
        with self.maybe("pay out", "AwaitingSettlement"):
            world.send(f.settleAccounts(market, [self.traders[n].address for n in who]), world.keeper)

    def settle_everything(self) -> None:
        """At the end options are paid out and everybody's equity is added up at one price."""
        world = self.world
        world.at_next(max(world.now, self.expiry) + 1)
        world.set_price(self.price / PRICE)
        world.set_price(self.price * 30 / PRICE, world.btc)
        for market in (self.call, self.put):
            self.settle(market, list(range(TRADERS)))
        self.sums_hold()
        solvency = world.solvency()
        equity = sum(trader.equity for trader in self.traders)
        missing = solvency["assets"] + solvency["badDebt"] - solvency["insurance"] - equity
        assert 0 <= missing <= 200, "rounding, and only ever to the accounts' disadvantage"

    # --- what must hold ----------------------------------------------------------------------

    @invariant()
    def sums_hold(self) -> None:
        if not hasattr(self, "snapshot"):
            return
        solvency = self.world.solvency()
        dust = solvency["surplus"] + solvency["badDebt"]
        assert 0 <= dust <= 200, solvency
        imbalance = self.world.vault.functions.openInterestImbalance().call()
        assert imbalance == 0 or imbalance == self.unpaid_imbalance()

    def unpaid_imbalance(self) -> int:
        """Options of a settled market that are paid out on one side so far."""
        return sum(abs(sum(trader.size(market) for trader in self.traders)) for market in (self.call, self.put))


@pytest.mark.timeout(240)
def test_nothing_appears_out_of_nowhere(helix: World) -> None:
    Machine.world, Machine.done = helix, Counter()
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=6,
            stateful_step_count=40,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert all(Machine.done[what] > 0 for what in ("trade", "withdraw", "liquidate", "settle", "pay out")), Machine.done
    print(Machine.done)
