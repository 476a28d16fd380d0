"""Initial and maintenance margin, liquidation, and what happens when it comes too late."""

from tests.chain.helix.world import CALL, DAY, PRICE, PUT, UNIT, USD, World


def test_opening_needs_the_initial_margin_to_the_last_unit(helix: World) -> None:
    alice, bob = helix.trader(1, 200 * USD - 1), helix.trader(2, 10_000 * USD)
    with helix.refused("InsufficientMargin") as said:
        helix.trade(0, alice, bob, 1, 2_000)
    assert said.args == (alice.address.lower(), 200 * USD - 1, 200 * USD)
    helix.fund([alice], 1)
    helix.trade(0, alice, bob, 1, 2_000)
    assert alice.margin == (200 * USD, 200 * USD, 100 * USD)
    assert alice.withdrawable == 0


def test_unrealised_profit_cannot_be_withdrawn(helix: World) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(2_500)
    assert alice.equity == 1_500 * USD
    assert alice.withdrawable == 1_000 * USD
    assert bob.withdrawable == 250 * USD
    with helix.refused("ExceedsWithdrawable"):
        alice.withdraw(1_000 * USD + 1)


def test_the_writer_of_a_put_keeps_margin_on_the_strike(helix: World) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    market = helix.add_market(PUT, 1_500, helix.now + DAY)
    helix.trade(market, alice, bob, 2, 10)
    assert bob.margin == (10_000 * USD + 20 * USD, 300 * USD, 150 * USD)


def test_liquidation_takes_half_first_and_pays_caller_and_insurance(helix: World) -> None:
    alice, bob, carol = helix.trader(1, 250 * USD), helix.trader(2, 10_000 * USD), helix.trader(3, 10_000 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(1_850)  # equity 100, maintenance 92.5
    with helix.refused("NotLiquidatable"):
        carol.liquidate(alice, 0, UNIT // 2)
    helix.set_price(1_830)  # equity 80, maintenance 91.5
    with helix.refused("LiquidationTooLarge") as said:
        carol.liquidate(alice, 0, UNIT)
    assert said.args == (UNIT, UNIT // 2)
    carol.liquidate(alice, 0, UNIT // 2)
    penalty = 1_830 * USD // 2 * 2 // 100
    assert (alice.size(0), carol.size(0)) == (UNIT // 2, UNIT // 2)
    assert alice.equity == 80 * USD - penalty
    assert carol.equity == 10_000 * USD + penalty // 2
    assert helix.solvency()["insurance"] == penalty - penalty // 2
    assert helix.vault.functions.openInterest(0).call() == [UNIT, UNIT, 0]
    with helix.refused("NotLiquidatable"):
        carol.liquidate(alice, 0, UNIT // 4)


def test_a_bankrupt_account_leaves_its_debt_to_the_insurance_then_in_the_open(helix: World) -> None:
    alice, bob, carol = helix.trader(1, 250 * USD), helix.trader(2, 10_000 * USD), helix.trader(3, 10_000 * USD)
    helix.send(helix.usd.functions.mint(carol.address, 100 * USD), helix.admin)
    carol.send(helix.usd.functions.approve(helix.vault.address, 100 * USD))
    carol.send(helix.vault.functions.fundInsurance(30 * USD))
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(1_700)  # 50 under water
    carol.liquidate(alice, 0, UNIT)
    assert (alice.collateral, alice.size(0)) == (0, 0)
    assert carol.equity == 10_000 * USD, "no reward out of the insurance"
    solvency = helix.solvency()
    assert (solvency["insurance"], solvency["badDebt"], solvency["surplus"]) == (0, 20 * USD, -20 * USD)
    carol.send(helix.vault.functions.fundInsurance(70 * USD))
    solvency = helix.solvency()
    assert (solvency["insurance"], solvency["badDebt"], solvency["surplus"]) == (50 * USD, 0, 0)


def test_a_loss_made_on_purpose_is_not_paid_by_the_insurance(helix: World) -> None:
    """Selling below the oracle's price to an accomplice must not leave a deficit behind."""
    alice, mallory, bob = helix.trader(1, 250 * USD), helix.trader(2, 10_000 * USD), helix.trader(3, 10_000 * USD)
    helix.fund([helix.trader(9)], 1)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(1_800)  # equity 50, below maintenance
    with helix.refused("InsufficientMargin"):
        helix.trade(0, mallory, alice, 1, 1_700)
    with helix.refused("InsufficientMargin"):
        helix.trade(0, mallory, alice, 0.5, 1_789)
    helix.trade(0, mallory, alice, 1, 1_800)
    assert alice.collateral == 50 * USD, "at the oracle's price it may always get out"


def test_nobody_liquidates_themselves_nor_beyond_their_means(helix: World) -> None:
    alice, bob, poor = helix.trader(1, 250 * USD), helix.trader(2, 10_000 * USD), helix.trader(3, 10 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(1_780)
    with helix.refused("SelfTrade"):
        alice.liquidate(alice, 0, UNIT)
    with helix.refused("InsufficientMargin"):
        poor.liquidate(alice, 0, UNIT)
    with helix.refused("LiquidationTooLarge"):
        bob.liquidate(alice, 1, UNIT)
    with helix.refused("ZeroAmount"):
        bob.liquidate(alice, 0, 0)
    with helix.refused("SizeNotInLots"):
        bob.liquidate(alice, 0, 10**12 + 1)


def test_bought_options_are_taken_last(helix: World) -> None:
    alice, bob = helix.trader(1, 300 * USD), helix.trader(2, 50_000 * USD)
    market = helix.add_market(CALL, 2_500, helix.now + DAY)
    helix.trade(market, alice, bob, 1, 50)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(1_780)
    with helix.refused("LiquidateMarginedFirst"):
        bob.liquidate(alice, market, UNIT)
    bob.liquidate(alice, 0, UNIT)
    assert (alice.size(0), alice.size(market)) == (0, UNIT)


def test_liquidation_waits_for_grace_after_pause_mode_and_outage(helix: World) -> None:
    alice, bob = helix.trader(1, 250 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.set_price(1_780)
    grace = helix.vault.functions.gracePeriod().call()

    def refused_until(start: int) -> None:
        with helix.refused("GracePeriod") as said:
            bob.liquidate(alice, 0, 10**12)
        assert said.args == (start + grace,)
        assert helix.vault.functions.liquidationsFrom(alice.address).call() == start + grace

    helix.send(helix.vault.functions.pause(), helix.guardian)
    with helix.refused("EnforcedPause"):
        bob.liquidate(alice, 0, 10**12)
    helix.send(helix.vault.functions.unpause(), helix.upgrader)
    refused_until(helix.now)
    helix.fund([alice], 1)  # time to top up is what the grace is for
    helix.travel(grace)
    bob.liquidate(alice, 0, 10**12)

    helix.set_price(1_780)  # two graces are a heartbeat, and silence beyond that would be an outage
    helix.send(helix.vault.functions.setMode(2), helix.guardian)
    with helix.refused("ModeForbids"):
        bob.liquidate(alice, 0, 10**12)
    helix.send(helix.vault.functions.setMode(1), helix.admin)
    refused_until(helix.now)
    helix.travel(grace)
    helix.set_price(1_780)
    bob.liquidate(alice, 0, 10**12)

    helix.travel(2 * DAY)  # the feed falls silent
    with helix.refused("OracleStale"):
        bob.liquidate(alice, 0, 10**12)
    helix.set_price(1_780)
    refused_until(helix.now)
    helix.travel(grace)
    bob.liquidate(alice, 0, 10**12)

    other = helix.deploy("HelixFeed", "ETH 2", 8, 3600, 1_780 * PRICE, helix.admin, helix.keeper)
    helix.send(helix.vault.functions.setMarketFeed(0, other.address), helix.admin)
    refused_until(helix.now)


def test_grace_counts_from_when_a_pause_ran_out_by_itself(helix: World) -> None:
    alice, bob = helix.trader(1, 250 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.send(helix.vault.functions.pause(), helix.guardian)
    until = helix.vault.functions.pausedUntil().call()
    grace = helix.vault.functions.gracePeriod().call()
    helix.at_next(until - 3000)
    helix.set_price(1_780)
    helix.at_next(until - 1)
    helix.set_price(1_780)
    helix.travel_to(until)
    with helix.refused("GracePeriod") as said:
        bob.liquidate(alice, 0, 10**12)
    assert said.args == (until + grace,)
    helix.travel_to(until + grace)
    bob.liquidate(alice, 0, 10**12)


def test_positions_per_account_are_bounded(helix: World) -> None:
    alice, bob = helix.trader(1, 100_000 * USD), helix.trader(2, 100_000 * USD)
    markets = [0, 1, *(helix.add_market(CALL, 2_100 + n, helix.now + DAY) for n in range(11))]
    for market in markets[:12]:
        helix.trade(market, alice, bob, 0.01, 60_000 if market == 1 else 2_000 if market == 0 else 20)
    with helix.refused("TooManyPositions"):
        helix.trade(markets[12], alice, bob, 0.01, 20)
    assert alice.margin[0] < 100_000 * USD
