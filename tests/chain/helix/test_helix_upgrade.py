"""From the first version to the second: nothing is lost, one thing is new."""

from tests.chain.helix.book import compare, rebuild
from tests.chain.helix.world import DAY, GRACE, PAUSE, PUT, UNIT, USD, World, artifact

SLOT = "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc"


def upgrade(helix: World) -> None:
    engine = helix.deploy("HelixEngineV2")
    second = helix.deploy("HelixVaultV2", engine.address)
    helix.send(helix.vault.functions.upgradeToAndCall(second.address, b""), helix.upgrader)
    implementation = helix.w3.eth.get_storage_at(helix.vault.address, int(SLOT, 16))
    assert implementation[12:].hex() == second.address[2:].lower()
    helix.vault = helix.at(helix.vault.address, artifact("HelixVaultV2")["abi"])


def test_an_upgrade_keeps_every_balance_and_position(helix: World) -> None:
    first = helix.vault
    try:
        alice, bob = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD)
        market = helix.add_market(PUT, 1_900, helix.now + DAY)
        helix.trade(0, alice, bob, 1, 2_010)
        helix.trade(market, bob, alice, 1, 30)
        helix.send(helix.vault.functions.pause(), helix.guardian)
        fill = helix.fill(0, bob, alice, UNIT, 2_000 * 10**8)  # signed before the upgrade
        before = rebuild(helix.w3, helix.vault)
        margins = (alice.margin, bob.margin)
        assert helix.vault.functions.version().call() == "1.0.0"
        upgrade(helix)
        assert helix.vault.functions.version().call() == "2.0.0"
        compare(before, helix.w3, helix.vault)
        assert helix.vault.functions.paused().call() is True
        assert [m[1:] for m in (alice.margin, bob.margin)] == [m[1:] for m in margins]
        helix.send(helix.vault.functions.unpause(), helix.upgrader)
        helix.match([fill])
        assert alice.size(0) == 0
    finally:
        helix.vault = first


def test_the_second_version_caps_open_interest(helix: World) -> None:
    first = helix.vault
    try:
        alice, bob = helix.trader(1, 10_000 * USD), helix.trader(2, 10_000 * USD)
        upgrade(helix)
        f = helix.vault.functions
        with helix.refused("AccessControlUnauthorizedAccount"):
            alice.send(f.setOpenInterestCap(0, 1))
        with helix.refused("NoSuchMarket"):
            helix.send(f.setOpenInterestCap(9, 1), helix.admin)
        helix.trade(0, alice, bob, 2, 2_000)
        helix.send(f.setOpenInterestCap(0, UNIT), helix.admin)
        with helix.refused("OpenInterestCapExceeded"):
            helix.trade(0, alice, bob, 0.1, 2_000)
        helix.trade(0, bob, alice, 0.5, 2_000)  # still above the cap, but shrinking
        helix.trade(0, bob, alice, 0.5, 2_000)
        assert f.openInterestCap(0).call() == UNIT
        assert f.openInterest(0).call() == [UNIT, UNIT, 0]
    finally:
        helix.vault = first


def test_only_a_proxiable_implementation_is_taken(helix: World) -> None:
    with helix.refused("ERC1967InvalidImplementation"):
        helix.send(helix.vault.functions.upgradeToAndCall(helix.usd.address, b""), helix.upgrader)
    direct = helix.at(helix.implementation)
    with helix.refused("UUPSUnauthorizedCallContext"):
        helix.send(direct.functions.upgradeToAndCall(helix.implementation, b""), helix.upgrader)


def test_a_timelock_can_be_the_admin(helix: World) -> None:
    timelock = helix.deploy("TimelockController", DAY, [helix.guardian], [helix.guardian], helix.admin)
    f = helix.vault.functions
    admin_role = b"\0" * 32
    helix.send(f.grantRole(admin_role, timelock.address), helix.admin)
    helix.send(f.renounceRole(admin_role, helix.admin), helix.admin)
    with helix.refused("AccessControlUnauthorizedAccount"):
        helix.send(f.setGracePeriod(GRACE * 2), helix.admin)
    call = (helix.vault.address, 0, helix.vault.encode_abi("setGracePeriod", [GRACE * 2]), b"\0" * 32, b"\0" * 32)
    helix.send(timelock.functions.schedule(*call, DAY), helix.guardian)
    with helix.refused("TimelockUnexpectedOperationState"):
        helix.send(timelock.functions.execute(*call), helix.guardian)
    helix.travel(DAY)
    helix.send(timelock.functions.execute(*call), helix.guardian)
    assert f.gracePeriod().call() == GRACE * 2
    assert f.pauseState().call()[2] == PAUSE
