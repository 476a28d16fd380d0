"""Who may stop Helix, for how long, and who may change it."""

import pytest

from tests.chain.helix.world import (
    DAY,
    HALTED,
    NORMAL,
    PAUSE,
    REDUCE_ONLY,
    UNIT,
    USD,
    WITHDRAW_ONLY,
    ZERO,
    World,
)


def test_a_pause_ends_by_itself(helix: World) -> None:
    alice = helix.trader(1, 100 * USD)
    helix.send(helix.vault.functions.pause(), helix.guardian)
    until = helix.now + PAUSE
    assert helix.vault.functions.paused().call() is True
    assert helix.vault.functions.pausedUntil().call() == until
    with helix.refused("EnforcedPause") as said:
        alice.withdraw(1)
    assert said.args == (until,)
    with helix.refused("EnforcedPause"):
        helix.send(helix.vault.functions.pause(), helix.guardian)
    helix.travel_to(until - 1)
    assert helix.vault.functions.paused().call() is True
    helix.travel_to(until)
    assert helix.vault.functions.paused().call() is False
    alice.withdraw(100 * USD)


def test_everything_that_moves_value_stops_while_paused(helix: World) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    expiry = helix.now + 60
    market = helix.add_market(1, 2_000, expiry)
    fill = helix.fill(0, alice, bob, UNIT, 2_000 * 10**8)
    helix.send(helix.vault.functions.pause(), helix.guardian)
    f = helix.vault.functions
    calls = [
        (f.deposit(1), alice.address),
        (f.depositFor(bob.address, 1), alice.address),
        (f.batchDepositFor([bob.address], [1]), alice.address),
        (f.withdraw(1, alice.address), alice.address),
        (f.matchTrades([fill]), helix.keeper),
        (f.liquidate(bob.address, 0, UNIT), alice.address),
        (f.settleMarket(market, 1), alice.address),
        (f.settleAccounts(market, [alice.address]), alice.address),
        (f.pokeFunding(0), alice.address),
    ]
    for call, sender in calls:
        with helix.refused("EnforcedPause"):
            helix.send(call, sender)


def test_the_guardian_has_three_pauses_in_thirty_rolling_days(helix: World) -> None:
    pause = helix.vault.functions.pause
    starts = []
    for gap in (0, 10 * DAY, 17 * DAY):
        helix.travel(gap + 1)
        helix.send(pause(), helix.guardian)
        starts.append(helix.now)
    assert helix.vault.functions.pausesUsed().call() == 3
    helix.travel_to(starts[0] + 30 * DAY - 1)
    with helix.refused("PauseLimit") as said:
        helix.send(pause(), helix.guardian)
    assert said.args == (starts[0] + 30 * DAY,)
    helix.travel_to(starts[0] + 30 * DAY)
    helix.send(pause(), helix.guardian)
    helix.travel(PAUSE)
    with helix.refused("PauseLimit") as said:
        helix.send(pause(), helix.guardian)
    assert said.args == (starts[1] + 30 * DAY,), "no second row of three right after the first"


def test_unpausing_belongs_to_others_and_gives_the_pauses_back(helix: World) -> None:
    f = helix.vault.functions
    with helix.refused("ExpectedPause"):
        helix.send(f.unpause(), helix.admin)
    for who in (helix.upgrader, helix.admin, helix.upgrader, helix.admin):
        helix.send(f.pause(), helix.guardian)
        for stranger in (helix.guardian, helix.keeper, helix.migrator):
            with helix.refused("NotAllowed"):
                helix.send(f.unpause(), stranger)
        helix.send(f.unpause(), who)
        assert f.paused().call() is False
        assert f.pausedUntil().call() == helix.now
        assert f.pausesUsed().call() == 0


def test_the_guardian_only_tightens_the_mode(helix: World) -> None:
    set_mode = helix.vault.functions.setMode
    for mode in (REDUCE_ONLY, WITHDRAW_ONLY, HALTED):
        helix.send(set_mode(mode), helix.guardian)
        assert helix.vault.functions.mode().call() == mode
        for looser in range(mode + 1):
            with helix.refused("ModeNotStricter") as said:
                helix.send(set_mode(looser), helix.guardian)
            assert said.args == (mode, looser)
    with helix.refused("AccessControlUnauthorizedAccount"):
        helix.send(set_mode(HALTED), helix.keeper)
    helix.send(set_mode(NORMAL), helix.admin)
    assert helix.vault.functions.mode().call() == NORMAL


@pytest.mark.parametrize("mode", [NORMAL, REDUCE_ONLY, WITHDRAW_ONLY, HALTED])
def test_what_each_mode_lets_through(helix: World, mode: int) -> None:
    alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
    helix.trade(0, alice, bob, 1, 2_000)
    grow = helix.fill(0, alice, bob, UNIT // 10, 2_000 * 10**8)
    shrink = helix.fill(0, bob, alice, UNIT // 10, 2_000 * 10**8)
    f = helix.vault.functions
    helix.send(helix.usd.functions.mint(alice.address, USD), helix.admin)
    alice.send(helix.usd.functions.approve(helix.vault.address, USD))
    helix.send(f.setMode(mode), helix.admin)
    allowed = [
        (f.matchTrades([grow]), helix.keeper, NORMAL, "NotReducing" if mode == REDUCE_ONLY else "ModeForbids"),
        (f.matchTrades([shrink]), helix.keeper, REDUCE_ONLY, "ModeForbids"),
        (f.deposit(USD), alice.address, REDUCE_ONLY, "ModeForbids"),
        (f.pokeFunding(0), alice.address, REDUCE_ONLY, "ModeForbids"),
        (f.withdraw(USD, alice.address), alice.address, WITHDRAW_ONLY, "ModeForbids"),
    ]
    for call, sender, strictest, error in allowed:
        if mode <= strictest:
            helix.send(call, sender)
        else:
            with helix.refused(error):
                helix.send(call, sender)


def test_strangers_change_nothing(helix: World) -> None:
    alice = helix.trader(1, USD)
    f = helix.vault.functions
    params = ("X", 0, helix.eth.address, 0, 0, 1_000, 500, 1_000, 200)
    calls = [
        f.pause(),
        f.setMode(HALTED),
        f.setPauseDuration(60),
        f.setGracePeriod(60),
        f.addMarket(params),
        f.setMarketRisk(0, 1_000, 500, 1_000, 200),
        f.setMarketFeed(0, helix.btc.address),
        f.settleMarketAt(0, 1),
        f.matchTrades([]),
        f.setMigrationTarget(alice.address),
        f.migrateCollateral([alice.address]),
        f.upgradeToAndCall(helix.implementation, b""),
        f.grantRole(b"\0" * 32, alice.address),
    ]
    for call in calls:
        with helix.refused("AccessControlUnauthorizedAccount"):
            alice.send(call)
    for role_holder in (helix.guardian, helix.keeper, helix.migrator):
        with helix.refused("AccessControlUnauthorizedAccount"):
            helix.send(f.upgradeToAndCall(helix.implementation, b""), role_holder)


def test_bounds_of_what_the_admin_sets(helix: World) -> None:
    f = helix.vault.functions
    market = ("X", 0, helix.eth.address, 0, 0, 1_000, 500, 1_000, 200)
    option = ("X", 1, helix.eth.address, 10**8, helix.now + DAY, 1_000, 500, 1_000, 200)
    bad = {
        "pauseDuration": [f.setPauseDuration(0), f.setPauseDuration(7 * DAY + 1)],
        "gracePeriod": [f.setGracePeriod(DAY + 1)],
        "initialBps": [f.setMarketRisk(0, 500, 500, 1_000, 200), f.setMarketRisk(0, 10_001, 500, 1_000, 200)],
        "penaltyBps": [f.setMarketRisk(0, 1_000, 500, 1_000, 500)],
        "bandBps": [f.setMarketRisk(0, 1_000, 500, 0, 200), f.setMarketRisk(0, 1_000, 500, 10_000, 200)],
        "strike": [f.addMarket((*market[:3], 1, *market[4:])), f.addMarket((*option[:3], 0, *option[4:]))],
        "expiry": [f.addMarket((*market[:4], 1, *market[5:])), f.addMarket((*option[:4], helix.now, *option[5:]))],
        "target": [f.setMigrationTarget(helix.vault.address)],
    }
    for name, calls in bad.items():
        for call in calls:
            with helix.refused("InvalidParameter") as said:
                helix.send(call, helix.admin)
            assert said.args == (name,)
    feed = helix.deploy("HelixFeed", "18 decimals", 18, 60, 1, helix.admin, helix.keeper)
    with helix.refused("FeedDecimals"):
        helix.send(f.addMarket(("X", 0, feed.address, *market[3:])), helix.admin)
    with helix.refused("NoSuchMarket"):
        helix.send(f.setMarketRisk(99, *market[5:]), helix.admin)


def test_nobody_initialises_twice_nor_the_bare_implementation(helix: World) -> None:
    roles = (helix.admin,) * 5
    for address in (helix.vault.address, helix.implementation):
        vault = helix.at(address)
        with helix.refused("InvalidInitialization"):
            helix.send(vault.functions.initialize(helix.usd.address, roles, 60, 60), helix.admin)


def test_the_engine_refuses_direct_calls(helix: World) -> None:
    engine = helix.at(helix.engine)
    alice = helix.trader(1)
    params = ("X", 0, helix.eth.address, 0, 0, 1_000, 500, 1_000, 200)
    f = engine.functions
    for call in (
        f.matchTrades([]),
        f.liquidate(alice.address, 0, UNIT),
        f.settleAccounts(0, []),
        f.addMarket(params),
        f.setMarketRisk(0, 1_000, 500, 1_000, 200),
        f.setMarketFeed(0, helix.btc.address),
        f.pokeFunding(0),
        f.settleMarket(0, 1),
        f.settleMarketAt(0, 1),
    ):
        with helix.refused("OnlyInVault"):
            alice.send(call)


def test_migration_moves_collateral_to_the_same_account_in_the_admins_target(helix: World) -> None:
    alice, bob, carol = (helix.trader(n, n * 100 * USD) for n in (1, 2, 3))
    other = helix.second_vault()
    helix.trade(0, bob, carol, 0.1, 2_000)
    f = helix.vault.functions
    with helix.refused("ModeForbids"):
        helix.send(f.migrateCollateral([alice.address]), helix.migrator)
    helix.send(f.setMode(HALTED), helix.guardian)
    with helix.refused("ZeroAddress"):
        helix.send(f.migrateCollateral([alice.address]), helix.migrator)
    helix.send(f.setMigrationTarget(other.address), helix.admin)
    with helix.refused("OpenPositions"):
        helix.send(f.migrateCollateral([alice.address, bob.address]), helix.migrator)
    helix.send(f.migrateCollateral([alice.address]), helix.migrator)
    helix.send(f.migrateCollateral([alice.address]), helix.migrator)  # again does nothing
    assert alice.collateral == 0
    assert other.functions.collateralOf(alice.address).call() == 100 * USD
    assert helix.usd.functions.balanceOf(other.address).call() == 100 * USD
    assert helix.solvency()["surplus"] == 0


def test_deposits_of_nothing_or_to_nobody_are_refused(helix: World) -> None:
    alice = helix.trader(1, USD)
    f = helix.vault.functions
    helix.send(helix.usd.functions.mint(helix.admin, USD), helix.admin)
    for call, error in (
        (f.deposit(0), "ZeroAmount"),
        (f.depositFor(ZERO, USD), "ZeroAddress"),
        (f.batchDepositFor([alice.address, helix.keeper], [USD, 0]), "ZeroAmount"),
        (f.batchDepositFor([alice.address], []), "LengthMismatch"),
        (f.fundInsurance(0), "ZeroAmount"),
        (f.withdraw(0, alice.address), "ZeroAmount"),
        (f.withdraw(1, ZERO), "ZeroAddress"),
        (f.withdraw(1, helix.vault.address), "ZeroAddress"),
    ):
        with helix.refused(error):
            helix.send(call, helix.admin)
