"""Profit and loss of the three kinds, funding, and settlement at expiry."""

import pytest

from tests.chain.helix.world import CALL, DAY, HEARTBEAT, HOUR, PRICE, PUT, UNIT, USD, World


def test_a_partial_close_realises_its_share(helix: World) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 4, 2_000)
    helix.set_price(2_100)
    helix.trade(0, bob, alice, 1, 2_100)
    assert alice.size(0) == 3 * UNIT
    assert alice.collateral == 10_100 * USD
    assert bob.collateral == 9_900 * USD
    assert alice.equity == 10_400 * USD


def test_a_trade_can_turn_a_long_into_a_short(helix: World) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 2, 2_000)
    helix.trade(0, bob, alice, 5, 2_050)
    assert (alice.size(0), bob.size(0)) == (-3 * UNIT, 3 * UNIT)
    assert (alice.collateral, bob.collateral) == (10_100 * USD, 9_900 * USD)
    helix.set_price(2_000)
    assert (alice.equity, bob.equity) == (10_250 * USD, 9_750 * USD)
    assert helix.vault.functions.openInterest(0).call() == [3 * UNIT, 3 * UNIT, 0]


def test_an_order_of_two_decimals_too_many_costs_both_sides_the_same(helix: World) -> None:
    """Values are rounded once for both sides, so nothing appears or vanishes."""
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.set_price(2_000.12345678)
    helix.trade(0, alice, bob, 0.000007, 2_000.12345678)
    helix.trade(0, alice, bob, 0.000001, 1_999.99999999)
    long, short = (helix.vault.functions.positionOf(t.address, 0).call() for t in (alice, bob))
    assert long[0] == -short[0] == 8 * 10**12
    assert long[1] == -short[1] == 14_000 + 1_999
    assert alice.equity + bob.equity <= 2_000 * USD


def test_longs_pay_funding_while_trades_are_above_the_oracle(helix: World) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 3, 2_020)  # 1 % above: 1 % a day
    assert helix.vault.functions.getMarket(0).call()[14] == UNIT // 100
    opened = helix.now
    helix.at_next(opened + HOUR)
    helix.set_price(2_000)
    before = helix.solvency()
    helix.at_next(opened + 6 * HOUR)
    helix.set_price(2_000)
    paid = 3 * 2_000 * USD // 100 * 6 // 24
    assert alice.equity == 10_000 * USD - 60 * USD - paid
    assert bob.equity == 10_000 * USD + 60 * USD + paid
    helix.at_next(opened + 6 * HOUR + 1)
    helix.trade(0, bob, alice, 3, 2_000)
    assert 0 <= 10_000 * USD - 60 * USD - paid - alice.collateral < USD
    assert alice.collateral + bob.collateral in (20_000 * USD, 20_000 * USD - 1)
    assert helix.solvency()["assets"] == before["assets"]
    assert helix.solvency()["surplus"] in (0, 1)


def test_an_outage_is_not_charged_in_one_blow(helix: World) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 3, 2_020)
    helix.travel(3 * DAY)
    helix.set_price(2_000)
    assert alice.equity == 10_000 * USD - 60 * USD - 3 * 2_000 * USD // 100 * 8 // 24


def test_dust_trades_hardly_move_the_funding_rate(helix: World) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    helix.trade(0, alice, bob, 3, 2_000)
    helix.trade(0, alice, bob, 0.000001, 2_190)
    assert 0 < helix.vault.functions.getMarket(0).call()[14] < UNIT // 10**6


@pytest.mark.parametrize(
    ("kind", "strike", "last", "payoff"),
    [(CALL, 2_100, 2_400, 300), (CALL, 2_100, 2_000, 0), (PUT, 1_900, 1_500, 400), (PUT, 1_900, 1_900, 0)],
)
def test_options_pay_their_intrinsic_value_at_expiry(
    helix: World, kind: int, strike: int, last: int, payoff: int
) -> None:
    alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
    expiry = helix.now + 7 * DAY
    market = helix.add_market(kind, strike, expiry)
    helix.trade(market, alice, bob, 5, 80)
    assert alice.margin == (10_000 * USD - 400 * USD, 0, 0), "a bought option is paid for and needs no margin"
    assert bob.margin[1] > 0
    helix.at_next(expiry - 10)
    helix.set_price(last)
    helix.travel_to(expiry)
    with helix.refused("MarketExpired"):
        helix.trade(market, alice, bob, 1, 80)
    with helix.refused("AwaitingSettlement"):
        alice.withdraw(1)
    helix.at_next(expiry + 1)
    helix.set_price(last * 3)  # after expiry: must not count
    round_id = helix.eth.functions.roundAt(expiry).call()
    helix.send(helix.vault.functions.settleMarket(market, round_id), bob.address)
    profit = (payoff - 80) * 5 * USD
    assert (alice.equity, bob.equity) == (10_000 * USD + profit, 10_000 * USD - profit)
    helix.send(helix.vault.functions.settleAccounts(market, [alice.address]), bob.address)
    assert helix.solvency()["surplus"] == 0, "a market paid out by half is whole as well"
    helix.send(helix.vault.functions.settleAccounts(market, [bob.address, alice.address, bob.address]), bob.address)
    assert (alice.collateral, bob.collateral) == (10_000 * USD + profit, 10_000 * USD - profit)
    alice.withdraw(alice.collateral)
    bob.withdraw(bob.collateral)
    assert helix.solvency()["assets"] == 0


def test_only_the_round_in_force_at_expiry_settles(helix: World) -> None:
    expiry = helix.now + DAY
    market = helix.add_market(CALL, 2_000, expiry)
    settle = helix.vault.functions.settleMarket
    helix.at_next(expiry - 100)
    helix.set_price(2_100)
    right = helix.eth.functions.latestRound().call()
    with helix.refused("MarketNotExpired"):
        helix.send(settle(market, right), helix.keeper)
    helix.travel_to(expiry)
    with helix.refused("NoDataPresent"):
        helix.send(settle(market, right), helix.keeper)
    helix.at_next(expiry + 1)
    helix.set_price(2_500)
    helix.set_price(2_600)
    for wrong in (right - 1, right + 1):
        with helix.refused("WrongRound"):
            helix.send(settle(market, wrong), helix.keeper)
    helix.send(settle(market, right), helix.keeper)
    assert helix.vault.functions.getMarket(market).call()[10] == 2_100 * PRICE
    with helix.refused("AlreadySettled"):
        helix.send(settle(market, right), helix.keeper)


def test_a_round_that_was_stale_at_expiry_gives_way_to_the_next(helix: World) -> None:
    expiry = helix.now + DAY
    market = helix.add_market(PUT, 2_000, expiry)
    helix.at_next(expiry - HEARTBEAT - 1)
    helix.set_price(2_100)
    helix.at_next(expiry + 5)
    helix.set_price(1_700)
    stale = helix.eth.functions.roundAt(expiry).call()
    helix.send(helix.vault.functions.settleMarket(market, stale), helix.keeper)
    assert helix.vault.functions.getMarket(market).call()[10] == 1_700 * PRICE


def test_the_admin_may_name_the_price_only_after_three_days(helix: World) -> None:
    expiry = helix.now + DAY
    market = helix.add_market(PUT, 2_000, expiry)
    by_hand = helix.vault.functions.settleMarketAt
    helix.travel_to(expiry + 3 * DAY - 5)
    with helix.refused("MarketNotExpired"):
        helix.send(by_hand(market, 1_800 * PRICE), helix.admin)
    helix.travel_to(expiry + 3 * DAY)
    with helix.refused("AccessControlUnauthorizedAccount"):
        helix.send(by_hand(market, 1_800 * PRICE), helix.keeper)
    helix.send(by_hand(market, 1_800 * PRICE), helix.admin)
    with helix.refused("AlreadySettled"):
        helix.send(by_hand(market, 1_900 * PRICE), helix.admin)
    with helix.refused("MarketNotExpired"):
        helix.send(by_hand(0, 1_800 * PRICE), helix.admin)
