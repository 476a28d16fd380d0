"""The document's schema: what a plan must say, and what is refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from governance.plans.schema import Bounds, Document, Reference, check_value, references_in, resolve


def document(**changes: Any) -> dict[str, Any]:
    step = {"id": "check", "type": "check", "params": {"min": {"$ref": "age"}}}
    return {
        "kind": "playbook",
        "environment": "live",
        "chains": [1, 731337],
        "steps": [step, {"id": "pause", "type": "safe.propose", "needs": ["check"]}],
        "references": [{"id": "age", "type": "uint256", "rule": "step:check.age", "bounds": {"maximum": "10"}}],
        **changes,
    }


def test_a_plan_is_read_and_found_by_step() -> None:
    plan = Document.model_validate(document())
    assert plan.step("pause") is not None
    assert plan.step("nowhere") is None
    assert Document.model_validate_json(plan.canonical()).canonical() == plan.canonical()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"chains": [2, 1]}, "ascending"),
        ({"chains": [1, 1]}, "ascending"),
        ({"environment": "prod"}, "environment"),
        ({"surprise": 1}, "surprise"),
        ({"steps": []}, "steps"),
        ({"steps": [{"id": "a", "type": "x"}, {"id": "a", "type": "x"}]}, "used twice"),
        ({"steps": [{"id": "a", "type": "x", "needs": ["b"]}, {"id": "b", "type": "x"}]}, "does not come before"),
        ({"references": []}, "no reference is called age"),
    ],
)
def test_what_does_not_hang_together_is_refused(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Document.model_validate(document(**changes))


def test_references_are_found_and_put_in() -> None:
    params = {"a": [{"$ref": "x"}, 1], "b": {"c": {"$ref": "y"}}}
    assert references_in(params) == ["x", "y"]
    assert resolve(params, {"x": "7", "y": True}) == {"a": ["7", 1], "b": {"c": True}}
    with pytest.raises(KeyError):
        resolve(params, {"x": "7"})


@pytest.mark.parametrize(
    ("kind", "bounds", "value", "words"),
    [
        ("uint256", {}, 7, "as text"),
        ("uint256", {}, "07", "decimal"),
        ("uint256", {"maximum": "10"}, "11", "above the plan's maximum 10"),
        ("int256", {"minimum": "-3"}, "-4", "below the plan's minimum -3"),
        ("address", {}, "0x12", "40 hex digits"),
        ("bytes32", {}, "0x" + "AB" * 32, "64 hex digits"),
        ("bool", {}, "true", "true or false"),
        ("text", {"one_of": ["a", "b"]}, "c", "one of a, b"),
        ("text", {"max_length": 2}, "abc", "at most 2"),
        ("text", {}, "\ud800", "Unicode"),
    ],
)
def test_a_value_outside_its_bounds_says_which(kind: Any, bounds: dict[str, Any], value: Any, words: str) -> None:
    reference = Reference(id="x", type=kind, rule="step:a.b", bounds=Bounds(**bounds))
    with pytest.raises(ValueError, match=words):
        check_value(reference, value)


def test_a_value_inside_its_bounds_is_kept() -> None:
    reference = Reference(id="x", type="uint256", rule="step:a.b", bounds=Bounds(minimum="5", maximum=str(2**256)))
    assert check_value(reference, str(2**256 - 1)) == str(2**256 - 1)
