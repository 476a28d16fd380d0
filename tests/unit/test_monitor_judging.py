"""What monitors make of what was read: pure, so every edge can be tried."""

from typing import Any

import pytest

from incidents.monitors import MONITORS, Blind, Breach, Calm, Verdict
from incidents.monitors.volatility import realised
from incidents.watch import multicall
from incidents.watch.asking import At, Branch, Flight, Past, Read, Sample
from incidents.watch.evaluate import storable
from incidents.watch.history import _thinned
from integrations.chain.abi import encode_args
from integrations.chain.abi_types import parse_signature
from integrations.chain.endpoints import Glance
from integrations.chain.reading import Block

A, B = "0x" + "11" * 20, "0x" + "22" * 20
NOW = 1_800_000_000


def judge(kind: str, config: dict[str, Any], answers: list[Any], **at: Any) -> Verdict:
    member = MONITORS[kind]
    block = at.pop("block", Block(100, "0x" + "aa" * 32, "0x" + "bb" * 32, NOW, 0))
    return member.judge(member.Config.model_validate(config), answers, At(block, at.pop("now", NOW), NOW, **at))


def round_(answer: int, age: int = 0) -> bytes:
    values = (7, answer, NOW - age, NOW - age, 7)
    return b"".join((value % (1 << 256)).to_bytes(32) for value in values)


def kept(*values: tuple[int, dict[str, Any]]) -> Past:
    return Past(Sample(100 - age, NOW - age, one) for age, one in values)


@pytest.mark.parametrize(
    ("prices", "bps"),
    [
        ([100, 105], 500),
        ([100, 105, 100], 690),  # there and back again
        ([1000 + n for n in range(51)], 69),  # as far, in fifty small steps
        ([100], 0),
        ([], 0),
    ],
)
def test_volatility_counts_moves_and_not_distance(prices: list[int], bps: int) -> None:
    assert realised(prices) == pytest.approx(bps, abs=1)


def test_the_price_in_force_when_the_window_began_counts() -> None:
    past = kept((700, {"price": 100}), (650, {"price": 80}), (10, {"price": 80}))
    said = judge("volatility", {"feed": A, "name": "x", "window": 600}, [round_(81)], past=past)
    assert isinstance(said, Calm) and said.reading["volatility_bps"] == 125


@pytest.mark.parametrize(
    ("ours", "theirs", "decimals", "fires"),
    [(102, 100, 8, False), (103, 100, 8, True), (100, 103, 8, True), (100, 101 * 10**10, 18, False), (0, 100, 8, None)],
)
def test_sources_are_compared_in_their_own_decimals(ours: int, theirs: int, decimals: int, fires: bool | None) -> None:
    config = {"feed": A, "other": B, "name": "x", "other_decimals": decimals}
    said = judge("oracle_deviation", config, [round_(ours), round_(theirs)])
    assert isinstance(said, Blind if fires is None else Breach if fires else Calm)


def test_an_old_second_source_is_none() -> None:
    config = {"feed": A, "other": B, "name": "x", "oldest": 60}
    assert isinstance(judge("oracle_deviation", config, [round_(1), round_(1, age=61)]), Blind)


def test_what_came_in_is_set_off_against_what_went_out() -> None:
    config = {"token": A, "holder": B, "name": "x", "window": 600, "limit_bps": 2000, "decimals": 0, "floor": 50}
    past = kept((900, {"held": 500}), (600, {"held": 100}), (30, {"held": 300}))
    assert isinstance(judge("outflow", config, [(80).to_bytes(32)], past=past), Calm)
    said = judge("outflow", config, [(79).to_bytes(32)], past=past)
    assert isinstance(said, Breach) and said.reading["out_bps"] == 2100
    assert isinstance(judge("outflow", {**config, "floor": 101}, [(0).to_bytes(32)], past=past), Calm), "too little"
    assert isinstance(judge("outflow", config, [None], past=past), Blind)


def test_a_missing_cent_counts_unless_it_is_tolerated() -> None:
    figures = b"".join((value % (1 << 256)).to_bytes(32) for value in (9_999, 0, 0, 10_000, -1, 0))
    config = {"contract": A, "name": "x"}
    assert isinstance(judge("collateral_gap", config, [figures]), Breach)
    assert isinstance(judge("collateral_gap", {**config, "tolerance_bps": 1}, [figures]), Calm)


def test_liquidations_are_counted_over_the_window_alone() -> None:
    config = {"contract": A, "name": "x", "window": 600, "limit": 5}
    past = kept((700, {"total": 50, "new": 9}), (500, {"total": 53, "new": 3}))
    assert isinstance(judge("liquidation_surge", config, [[1, 1]], past=past), Calm)
    said = judge("liquidation_surge", config, [[1, 1, 1]], past=past)
    assert isinstance(said, Breach) and said.reading["count"] == 6 and said.keep == {"total": 56, "new": 3}


def test_stress_adds_up_in_the_open() -> None:
    config = {"feed": A, "token": A, "holder": B, "name": "Helix", "heartbeat": 100, "decimals": 0}
    past = kept((300, {"price": 1000, "in": 0, "out": 0, "held": 1000}))
    moved = type("Log", (), {"data": (100).to_bytes(32)})
    said = judge("stress_score", config, [round_(960, age=50), (900).to_bytes(32), [], [moved]], past=past)
    assert isinstance(said, Breach)
    # 4 % of 5 % volatility: 32 of 40; a tenth of the holdings, all one way, of a fifth: 20 of 40; half a heartbeat: 10
    assert said.reading["score"] == 62 and said.reading["volatility"].startswith("32 of 40")
    assert "volatility 32 (4 % in 600 s)" in said.title.replace("10 min", "600 s") and "latency 10" in said.title


def test_the_head_is_late_by_the_clock_of_whoever_saw_it() -> None:
    ahead = Block(100, "0x" + "aa" * 32, "", NOW + 500, 0)  # a chain whose clock a fault moved
    assert isinstance(judge("head_lag", {"limit": 60}, [], now=NOW + 60, block=ahead), Calm)
    assert isinstance(judge("head_lag", {"limit": 60}, [], now=NOW + 61, block=ahead), Breach)
    assert isinstance(judge("head_lag", {"limit": 60}, [], now=NOW + 9_000, since=NOW + 8_990), Calm), "it just began"


def test_endpoints_that_say_nothing_cannot_agree() -> None:
    good, late, other = Glance("a", 100, 1.0, ""), Glance("b", 94, 1.0, "late"), Glance("c", 100, 1.0, "", True)
    silent = Glance("d", None, None, "no answer")
    config = {"limit": 5}
    assert isinstance(judge("endpoints_disagree", config, [[good, good]]), Calm)
    assert isinstance(judge("endpoints_disagree", config, [[good, late]]), Breach)
    assert isinstance(judge("endpoints_disagree", config, [[good, other]]), Breach)
    assert isinstance(judge("endpoints_disagree", config, [[good, silent]]), Blind)
    assert isinstance(judge("endpoints_disagree", config, [[good]]), Blind)


def test_the_deepest_reorg_and_the_longest_wait_are_named() -> None:
    said = judge("reorg_depth", {"limit": 2}, [[Branch(90, 1), Branch(80, 3)]])
    assert isinstance(said, Breach) and "3 blocks were replaced from 80 on" in said.title
    told = judge("stuck_transaction", {"limit": 5}, [[Flight(1, "", 6), Flight(2, "", 9)]])
    assert isinstance(told, Breach) and told.title.startswith(
        "Transaction 2 has not been mined for 9 blocks, and 1 more"
    )


def test_what_a_contract_says_cannot_stop_the_block() -> None:
    name = parse_signature("name() view returns (string)")
    raw = encode_args(name.outputs, ["bad\x00na\x1bme"])
    config = {"contract": A, "name": "x", "function": "name() view returns (string)", "expected": "good"}
    said = storable(judge("value_changed", config, [raw]))
    assert isinstance(said, Breach) and said.title.isprintable() and said.reading["value"].isprintable()


def test_a_bundle_that_is_none_is_not_believed() -> None:
    reads = [Read(A, b"\x01\x02"), Read(B, b"")]
    answers = parse_signature("aggregate3() returns ((bool ok, bytes data)[] all)").outputs
    raw = encode_args(answers, [[(True, b"\x05"), (False, b"why")]])
    assert multicall.decode(raw, 2) == [b"\x05", None]
    for broken in (b"", raw[:-33], raw[:40], b"\xff" * len(raw)):
        assert multicall.decode(broken, 2) is None
    assert multicall.decode(raw, 3) is None
    known = parse_signature("aggregate3((address target, bool allowFailure, bytes callData)[] calls)")
    assert multicall.encode(reads) == known.selector + encode_args(
        known.inputs, [[(A, True, b"\x01\x02"), (B, True, b"")]]
    )


def test_of_the_far_past_a_sample_a_minute_is_kept() -> None:
    samples = [Sample(number, number * 10, {}) for number in range(100)]
    found = [one.number for one in _thinned(samples, 90, 300)]
    assert found == [30, 36, 42, 48, 54, 60, 66, 72, 78, 84, *range(90, 100)]
