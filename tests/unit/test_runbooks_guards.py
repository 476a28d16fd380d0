"""Guards hold all that they are judged by; what cannot be judged is an error, not a guess."""

from typing import Any

import pytest

from integrations.expressions import ExpressionError
from runbooks.plans.guards import begun, holds, typed
from tests.language_world import golden

PRICE: dict[str, Any] = {
    "that": "steps.look.status == 'done' and steps.look.price > inputs.cap",
    "inputs": {"cap": {"type": "uint256", "value": str(2**255)}},
    "run": {},
    "steps": {"look": "sub.look"},
    "types": {"look": {"price": "uint256"}},
}


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        ({"status": "done", "price": str(2**255 + 1)}, True),
        ({"status": "done", "price": 2**255 + 1}, True),
        ({"status": "done", "price": str(2**255)}, False),
        ({"status": "skipped"}, False),
        ({"status": "failed", "price": None}, False),
    ],
)
def test_numbers_of_256_bits_are_compared_exactly(found: dict[str, Any], answer: bool) -> None:
    assert holds(PRICE, {"sub.look": found}) is answer


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        ({"sub.look": {"status": "done"}}, r"`\.price` is not known; there is status"),
        ({}, r"`\.status` is not known"),
        ({"sub.look": {"status": "done", "price": "many"}}, "'many' is not a whole number"),
    ],
)
def test_what_cannot_be_judged_is_said(outputs: dict[str, Any], said: str) -> None:
    with pytest.raises(ExpressionError, match=said):
        holds(PRICE, outputs)


def test_a_guard_that_is_no_condition_is_refused() -> None:
    with pytest.raises(ExpressionError, match="neither true nor false"):
        holds({"that": "1 + 1", "inputs": {}, "run": {}, "steps": {}}, {})


def test_facts_of_the_run_and_records_of_inputs() -> None:
    vault = {"type": "contract", "chain_id": 1, "address": "0x11", "name": "V", "role": "vault", "text": "V (0x11)"}
    guard = {
        "that": "run.environment == 'drill' and inputs.vault.name == 'V'",
        "inputs": {"vault": vault},
        "run": {"environment": "drill"},
        "steps": {},
    }
    assert holds(guard, {}) is True
    assert holds({**guard, "run": {"environment": "live"}}, {}) is False


@pytest.mark.parametrize(
    ("statuses", "answer"),
    [
        ({}, False),
        ({"a": "pending", "b": "skipped"}, False),
        ({"a": "skipped", "b": "failed"}, True),
        ({"a": "unknown"}, True),
        ({"a": "done", "b": "pending"}, True),
    ],
)
def test_a_used_playbook_has_begun_when_one_of_its_steps_has(statuses: dict[str, str], answer: bool) -> None:
    guard = begun("sub", ["a", "b"])
    assert holds(guard, {name: {"status": status} for name, status in statuses.items()}) is answer


@pytest.mark.parametrize(
    ("kind", "value", "known"),
    [
        ("uint256", "7", 7),
        ("int256", -7, -7),
        ("bool", True, True),
        ("bool", False, False),
        ("bool", "false", False),
        ("address", "0xAb", "0xAb"),
        ("text", "a", "a"),
    ],
)
def test_recorded_values_have_their_kind_again(kind: str, value: Any, known: Any) -> None:
    assert typed(kind, value) == known and type(typed(kind, value)) is type(known)


def test_every_guard_of_the_golden_plan_can_be_judged() -> None:
    from governance.plans.canonical import parse

    outputs: dict[str, Any] = {
        "look": {"status": "done", "price": "7", "paused": False},
        "ask": {"status": "done", "choice": "all markets"},
        "pause": {"status": "done", "block": 9},
        "note": {"status": "done", "evidence": "seen"},
        "other.first": {"status": "done", "left": "1"},
        "other.second": {"status": "skipped"},
    }
    verdicts = {
        step["id"]: all(holds(guard, outputs) for guard in step["params"]["rules"]["if"])
        for step in parse(golden("everything"))["steps"]
    }
    assert [name for name, needed in verdicts.items() if not needed] == ["watch", "keep", "wonder", "by_hand"]
