"""A price that is stale or absurd moves nothing."""

import pytest

from tests.chain.helix.world import CALL, DAY, HEARTBEAT, PRICE, UNIT, USD, World


def test_every_action_that_needs_a_price_refuses_a_stale_one(helix: World) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.trade(0, alice, bob, 0.1, 2_000)
    updated = helix.eth.functions.latestTimestamp().call()
    helix.travel_to(updated + HEARTBEAT)
    assert alice.margin[0] == 1_000 * USD, "as old as the heartbeat is not stale yet"
    helix.travel_to(updated + HEARTBEAT + 1)
    fill = helix.fill(0, alice, bob, UNIT, 2_000 * PRICE)
    f = helix.vault.functions
    for call, sender in (
        (f.withdraw(1, alice.address), alice.address),
        (f.matchTrades([fill]), helix.keeper),
        (f.liquidate(bob.address, 0, UNIT), alice.address),
        (f.pokeFunding(0), alice.address),
        (f.marginOf(alice.address), alice.address),
        (f.oraclePrice(0), alice.address),
    ):
        with helix.refused("OracleStale") as said:
            helix.send(call, sender)
        assert said.args[:3] == (helix.eth.address.lower(), updated, HEARTBEAT)
    assert helix.solvency()["surplus"] == 0, "the totals can be read all the same"


def test_topping_up_and_leaving_without_positions_need_no_price(helix: World) -> None:
    alice = helix.trader(1, 100 * USD)
    helix.travel(DAY)
    helix.fund([alice], 100 * USD)
    alice.withdraw(200 * USD)


@pytest.mark.parametrize("answer", [0, -1, 10**18 + 1])
def test_absurd_answers_are_refused(helix: World, answer: int) -> None:
    helix.send(helix.eth.functions.updateAnswer(answer), helix.keeper)
    with helix.refused("OracleInvalid") as said:
        helix.vault.functions.oraclePrice(0).call()
    assert said.args[1] == answer


def test_one_dead_feed_does_not_stop_the_other_market(helix: World) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.travel(DAY)
    helix.set_price(2_000)
    helix.trade(0, alice, bob, 0.1, 2_000)
    with helix.refused("OracleStale"):
        helix.trade(1, alice, bob, 0.01, 60_000)


def test_the_feed_says_since_when_it_is_back(helix: World) -> None:
    feed = helix.eth.functions
    assert feed.restoredAt().call() == 0
    helix.travel(HEARTBEAT - 10)
    helix.set_price(2_000)
    assert feed.restoredAt().call() == 0
    helix.travel(HEARTBEAT + 1)
    helix.set_price(2_000)
    assert feed.restoredAt().call() == helix.now
    helix.send(feed.updateAnswer(0), helix.keeper)
    helix.travel(5)
    helix.set_price(2_000)
    assert feed.restoredAt().call() == helix.now, "back from a bad answer as well"


def test_the_feed_speaks_chainlink(helix: World) -> None:
    feed = helix.eth.functions
    helix.set_price(2_345.678)
    assert (feed.decimals().call(), feed.description().call(), feed.version().call()) == (8, "ETH / USD", 4)
    round_id, answer, started, updated, answered_in = feed.latestRoundData().call()
    assert (answer, updated, answered_in) == (234_567_800_000, started, round_id)
    assert feed.getRoundData(round_id).call() == [round_id, answer, started, updated, answered_in]
    assert feed.getRoundData(round_id - 1).call()[1] == 2_000 * PRICE
    with helix.refused("NoDataPresent"):
        feed.getRoundData(round_id + 1).call()
    with helix.refused("AccessControlUnauthorizedAccount"):
        helix.send(feed.updateAnswer(1), helix.guardian)
    with helix.refused("HeartbeatOutOfRange"):
        helix.send(feed.setHeartbeat(0), helix.admin)


def test_rounds_are_found_by_time(helix: World) -> None:
    feed = helix.eth.functions
    first = feed.getRoundData(1).call()[3]
    times = [first]
    for price in (2_001, 2_002, 2_003, 2_004):
        helix.travel(7)
        helix.set_price(price)
        times.append(helix.now)
    assert feed.roundAt(first - 1).call() == 0
    for number, at in enumerate(times, start=1):
        assert feed.roundAt(at).call() == number
        assert feed.roundAt(at + 3).call() == number


def test_a_market_can_be_given_another_feed(helix: World) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    helix.travel(DAY)
    spare = helix.deploy("HelixFeed", "ETH / USD, spare", 8, HEARTBEAT, 2_100 * PRICE, helix.admin, helix.keeper)
    helix.send(helix.vault.functions.setMarketFeed(0, spare.address), helix.admin)
    assert alice.equity == 1_100 * USD
    helix.travel(DAY)
    with helix.refused("OracleStale"):
        helix.send(helix.vault.functions.setMarketFeed(0, helix.eth.address), helix.admin)


def test_a_bad_round_after_expiry_does_not_settle(helix: World) -> None:
    expiry = helix.now + DAY
    market = helix.add_market(CALL, 2_000, expiry)
    helix.at_next(expiry + 5)
    helix.send(helix.eth.functions.updateAnswer(-5), helix.keeper)
    with helix.refused("OracleInvalid"):
        helix.send(helix.vault.functions.settleMarket(market, 1), helix.keeper)
