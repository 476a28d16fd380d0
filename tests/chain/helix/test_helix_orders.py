"""What a keeper can do with signed orders, and what it cannot."""

from dataclasses import replace
from typing import Any

from integrations.devnet.orders import Order
from tests.chain.helix.world import CALL, DAY, PRICE, PUT, UNIT, USD, World


def pair(helix: World, **changes: Any) -> tuple[Order, Order]:
    alice, bob = helix.trader(1), helix.trader(2)
    long = Order(alice.address, 0, True, False, UNIT, 2_010 * PRICE, helix.now + DAY, 0, 7)
    return replace(long, **changes), replace(long, account=bob.address, is_long=False, limit_price=1_990 * PRICE)


def signed(helix: World, long: Order, short: Order, size: int = UNIT, price: int = 2_000 * PRICE) -> Any:
    keys = {trader.address: trader.key for trader in (helix.trader(n) for n in (1, 2, 3))}
    return (
        long.as_tuple(),
        long.sign(helix.domain, keys[long.account]),
        short.as_tuple(),
        short.sign(helix.domain, keys[short.account]),
        size,
        price,
    )


def test_the_digest_is_what_the_contract_computes(helix: World) -> None:
    long, _ = pair(helix)
    assert helix.vault.functions.hashOrder(long.as_tuple()).call() == long.digest(helix.domain)


def test_an_order_is_filled_in_parts_and_never_over(helix: World) -> None:
    helix.fund([helix.trader(1), helix.trader(2)], 10_000 * USD)
    long, short = pair(helix)
    digest = long.digest(helix.domain)
    helix.match([signed(helix, long, short, UNIT // 4), signed(helix, long, short, UNIT // 2)])
    assert helix.vault.functions.orderFilled(digest).call() == UNIT * 3 // 4
    with helix.refused("OrderOverfilled") as said:
        helix.match([signed(helix, long, short, UNIT // 4 + 10**12)])
    assert said.args == (digest, UNIT, UNIT * 3 // 4)
    helix.match([signed(helix, long, short, UNIT // 4)])


def test_the_keeper_cannot_leave_what_was_signed(helix: World) -> None:
    helix.fund([helix.trader(1), helix.trader(2)], 10_000 * USD)
    long, short = pair(helix)
    good = signed(helix, long, short)
    cases = [
        ("OrderMismatch", (*good[:5], 2_011 * PRICE)),
        ("OrderMismatch", (*good[:5], 1_989 * PRICE)),
        ("OrderMismatch", signed(helix, replace(long, is_long=False), short)),
        ("OrderMismatch", signed(helix, long, replace(short, is_long=True))),
        ("OrderMismatch", signed(helix, long, replace(short, market=1))),
        ("OrderExpired", signed(helix, replace(long, deadline=helix.now - 1), short)),
        ("OrderOutdated", signed(helix, replace(long, epoch=1), short)),
        ("OrderSignature", (replace(long, size=2 * UNIT).as_tuple(), *good[1:])),
        ("OrderSignature", (good[0], good[3], *good[2:])),
        ("OrderSignature", (good[0], b"", *good[2:])),
        ("SelfTrade", signed(helix, long, replace(short, account=long.account))),
        ("ZeroAmount", (*good[:4], 0, good[5])),
        ("SizeNotInLots", (*good[:4], UNIT - 1, good[5])),
        ("NoSuchMarket", signed(helix, replace(long, market=9), replace(short, market=9))),
        ("NotReducing", signed(helix, replace(long, reduce_only=True), short)),
    ]
    for error, fill in cases:
        with helix.refused(error):
            helix.match([fill])
    with helix.refused("OrderOverfilled"):
        helix.match([good, good])
    helix.match([good])


def test_a_high_s_signature_is_refused(helix: World) -> None:
    helix.fund([helix.trader(1), helix.trader(2)], 10_000 * USD)
    good = signed(helix, *pair(helix))
    curve = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    s = curve - int.from_bytes(good[1][32:64])
    twin = good[1][:32] + s.to_bytes(32) + bytes([55 - good[1][64]])
    with helix.refused("OrderSignature"):
        helix.match([(good[0], twin, *good[2:])])


def test_cancelled_orders_are_worthless(helix: World) -> None:
    alice, bob = helix.trader(1), helix.trader(2)
    helix.fund([alice, bob], 10_000 * USD)
    long, short = pair(helix)
    with helix.refused("NotAllowed"):
        bob.send(helix.vault.functions.cancelOrder(long.as_tuple()))
    alice.send(helix.vault.functions.cancelOrder(long.as_tuple()))
    with helix.refused("OrderOverfilled"):
        helix.match([signed(helix, long, short)])
    bob.send(helix.vault.functions.cancelAllOrders())
    with helix.refused("OrderOutdated") as said:
        helix.match([signed(helix, replace(long, salt=8), short)])
    assert said.args == (short.digest(helix.domain), 0, 1)
    helix.match([signed(helix, replace(long, salt=8), replace(short, epoch=1))])


def test_prices_stay_in_the_band(helix: World) -> None:
    alice, bob = helix.trader(1, 100_000 * USD), helix.trader(2, 100_000 * USD)
    call = helix.add_market(CALL, 1_500, helix.now + DAY)
    put = helix.add_market(PUT, 2_500, helix.now + DAY)
    limits = {0: (1_800, 2_200), call: (450, 2_000), put: (450, 2_500)}
    for market, (low, high) in limits.items():
        for price in (low - 0.01, high + 0.01):
            with helix.refused("PriceOutOfBand") as said:
                helix.trade(market, alice, bob, 0.01, price)
            assert said.args[2:] == (low * PRICE, high * PRICE)
        helix.trade(market, alice, bob, 0.01, low)
        helix.trade(market, alice, bob, 0.01, high)


def test_one_bad_fill_undoes_its_batch(helix: World) -> None:
    alice, bob, poor = helix.trader(1, 1_000 * USD), helix.trader(2, 1_000 * USD), helix.trader(3)
    fills = [
        helix.fill(0, alice, bob, UNIT, 2_000 * PRICE),
        helix.fill(0, poor, bob, UNIT, 2_000 * PRICE),
    ]
    with helix.refused("InsufficientMargin"):
        helix.match(fills)
    assert alice.size(0) == 0
    helix.match(fills[:1])


def test_two_hundred_accounts_fit_into_a_few_transactions(helix: World) -> None:
    traders = [helix.trader(n) for n in range(100, 300)]
    for start in range(0, 200, 100):
        helix.fund(traders[start : start + 100], 10_000 * USD)
    fills = [
        helix.fill(0, long, short, UNIT, 2_000 * PRICE) for long, short in zip(traders[::2], traders[1::2], strict=True)
    ]
    used = [helix.match(fills[start : start + 50])["gasUsed"] for start in (0, 50)]
    assert max(used) < 25_000_000
    assert helix.vault.functions.totals().call()[3:5] == (200, 200)
