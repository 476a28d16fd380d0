"""The rule for fees, by itself: never above the cap, always enough to replace what waits, and no more than that."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as some

from integrations.chain.models import Chain
from integrations.chain.reading import Fees
from integrations.chain.transactions.pricing import FeesAboveCap, Price, gwei, more, price

WEI = some.integers(0, 10**12)
PERMILLE = some.integers(100, 1000)
GWEI = 10**9


def chain(cap: int = 1000 * GWEI, permille: int = 125) -> Chain:
    return Chain(chain_id=731337, max_fee_per_gas=cap, bump_permille=permille)


@given(base=WEI, tip=WEI, cap=WEI)
def test_a_first_offer_has_room_for_the_base_fee_to_double_below_the_cap(base: int, tip: int, cap: int) -> None:
    if base > cap:
        with pytest.raises(FeesAboveCap):
            price(chain(cap), Fees(base, tip))
        return
    offer = price(chain(cap), Fees(base, tip))
    assert offer.max_fee == min(2 * base + tip, cap)
    assert offer.tip == min(tip, offer.max_fee)


@given(base=WEI, tip=WEI, cap=WEI, max_fee=WEI, old_tip=WEI, permille=PERMILLE)
@example(base=0, tip=0, cap=10, max_fee=0, old_tip=0, permille=125)
def test_a_replacement_pays_what_nodes_demand_in_both_fees_or_is_not_made(
    base: int, tip: int, cap: int, max_fee: int, old_tip: int, permille: int
) -> None:
    old = Price(max_fee, min(old_tip, max_fee))
    try:
        offer = price(chain(cap, permille), Fees(base, tip), old)
    except FeesAboveCap:
        assert base > cap or more(old.max_fee, permille) > cap or more(old.tip, permille) > cap
        return
    for new, before in ((offer.max_fee, old.max_fee), (offer.tip, old.tip)):
        assert new * 1000 >= before * (1000 + permille)
        assert new > before
    assert offer.tip <= offer.max_fee <= cap


@given(fee=WEI, permille=PERMILLE)
def test_more_is_the_least_integer_that_is_enough(fee: int, permille: int) -> None:
    least = more(fee, permille)
    assert least * 1000 >= fee * (1000 + permille)
    assert fee == 0 or (least - 1) * 1000 < fee * (1000 + permille)


def test_ten_percent_and_an_eighth() -> None:
    assert more(100, 100) == 110
    assert more(100, 125) == 113
    assert more(1, 100) == 2
    assert more(100, 50) == 110  # no node takes less than 10 %, whatever is configured


def test_a_spike_is_followed_up_to_the_cap_and_not_beyond() -> None:
    first = price(chain(), Fees(10 * GWEI, GWEI))
    assert first.max_fee == 21 * GWEI
    second = price(chain(), Fees(80 * GWEI, GWEI), first)
    assert second.max_fee == 161 * GWEI
    third = price(chain(cap=190 * GWEI), Fees(150 * GWEI, GWEI), second)
    assert third.max_fee == 190 * GWEI  # as much as there is, and still enough to replace
    with pytest.raises(FeesAboveCap, match=r"the base fee is 300 gwei, the cap 190 gwei"):
        price(chain(cap=190 * GWEI), Fees(300 * GWEI, GWEI), third)
    with pytest.raises(FeesAboveCap, match="replacing it needs"):
        price(chain(cap=190 * GWEI), Fees(150 * GWEI, GWEI), third)


def test_when_fees_fall_a_replacement_still_pays_more() -> None:
    old = Price(100 * GWEI, 2 * GWEI)
    offer = price(chain(), Fees(GWEI, GWEI), old)
    assert (offer.max_fee, offer.tip) == (112_500_000_000, 2_250_000_000)


def test_fees_in_words() -> None:
    assert [gwei(fee) for fee in (0, 5, 10**6, 1_500_000_000, 300 * GWEI)] == [
        "0 wei",
        "5 wei",
        "0.001 gwei",
        "1.5 gwei",
        "300 gwei",
    ]
