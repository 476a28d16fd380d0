"""Collateral in and out."""

from tests.chain.helix.world import UNIT, USD, World


def test_deposit_and_withdraw(helix: World) -> None:
    alice = helix.trader(1, 1_000 * USD)
    assert alice.collateral == 1_000 * USD
    alice.withdraw(400 * USD)
    assert alice.collateral == 600 * USD
    assert helix.usd.functions.balanceOf(alice.address).call() == 400 * USD
    with helix.refused("ExceedsWithdrawable") as said:
        alice.withdraw(600 * USD + 1)
    assert said.args == (alice.address.lower(), 600 * USD + 1, 600 * USD)


def test_a_trade_moves_value_from_one_side_to_the_other(helix: World) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.trade(0, alice, bob, 2, 2_000)
    assert (alice.size(0), bob.size(0)) == (2 * UNIT, -2 * UNIT)
    helix.set_price(2_100)
    assert alice.equity == 1_200 * USD
    assert bob.equity == 800 * USD
    helix.trade(0, bob, alice, 2, 2_100)
    assert (alice.collateral, bob.collateral) == (1_200 * USD, 800 * USD)
    assert (alice.size(0), bob.size(0)) == (0, 0)
