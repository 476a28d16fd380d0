"""All of Helix's state can be rebuilt from its events."""

from tests.chain.helix.book import compare, rebuild
from tests.chain.helix.world import CALL, DAY, HOUR, PRICE, PUT, REDUCE_ONLY, UNIT, USD, WITHDRAW_ONLY, World


def test_a_fresh_vault(helix: World) -> None:
    compare(rebuild(helix.w3, helix.vault), helix.w3, helix.vault)


def test_a_long_life(helix: World) -> None:
    """One of everything, the book compared after each chapter."""
    alice, bob, carol = helix.trader(1, 1_000 * USD), helix.trader(2, 5_000 * USD), helix.trader(3, 50_000 * USD)
    f = helix.vault.functions
    expiry = helix.now + DAY
    call, put = helix.add_market(CALL, 2_050, expiry), helix.add_market(PUT, 1_950, expiry)

    def same() -> None:
        compare(rebuild(helix.w3, helix.vault), helix.w3, helix.vault)

    helix.trade(0, alice, bob, 3, 2_015)
    helix.trade(1, bob, carol, 0.05, 60_100)
    helix.trade(call, carol, bob, 2, 40)
    helix.trade(put, carol, alice, 1, 35)
    same()

    helix.travel(HOUR // 2)
    helix.set_price(1_900)
    helix.set_price(60_500, helix.btc)
    helix.send(f.pokeFunding(0), alice.address)
    helix.send(helix.usd.functions.mint(helix.admin, 100 * USD), helix.admin)
    helix.send(f.fundInsurance(100 * USD), helix.admin)
    carol.withdraw(1_000 * USD)
    helix.set_price(1_780)
    carol.liquidate(alice, 0, UNIT)
    same()

    order = helix.fill(0, carol, bob, UNIT, 1_780 * PRICE)
    carol.send(f.cancelOrder(order[0]))
    bob.send(f.cancelAllOrders())
    helix.send(f.pause(), helix.guardian)
    helix.send(f.unpause(), helix.upgrader)
    helix.send(f.pause(), helix.guardian)
    helix.send(f.setMode(REDUCE_ONLY), helix.guardian)
    helix.send(f.setMode(WITHDRAW_ONLY), helix.guardian)
    same()

    helix.at_next(f.pausedUntil().call())
    helix.set_price(2_400)
    round_id = helix.eth.functions.roundAt(expiry).call()
    for market in (call, put):
        helix.send(f.settleMarket(market, round_id), alice.address)
        helix.send(f.settleAccounts(market, [alice.address, bob.address, carol.address]), alice.address)
    same()

    helix.send(f.setMode(0), helix.admin)
    helix.send(f.setMarketRisk(0, 2_000, 1_000, 500, 300), helix.admin)
    spare = helix.deploy("HelixFeed", "spare", 8, HOUR, 2_400 * PRICE, helix.admin, helix.keeper)
    helix.send(f.setMarketFeed(0, spare.address), helix.admin)
    helix.send(f.setGracePeriod(60), helix.admin)
    helix.send(f.setPauseDuration(HOUR), helix.admin)
    helix.send(f.grantRole(f.KEEPER_ROLE().call(), carol.address), helix.admin)
    helix.send(f.revokeRole(f.KEEPER_ROLE().call(), helix.keeper), helix.admin)
    same()

    other = helix.second_vault()
    dora = helix.trader(4, 77 * USD)
    helix.send(f.setMigrationTarget(other.address), helix.admin)
    helix.send(f.setMode(WITHDRAW_ONLY), helix.guardian)
    helix.send(f.migrateCollateral([dora.address]), helix.migrator)
    same()
