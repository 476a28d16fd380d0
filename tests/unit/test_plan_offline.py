"""An exported plan is judged by its file alone: no database is opened, and every forgery is named."""

import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from governance.plans.canonical import canonical_bytes, hash_of
from runbooks.plans.offline import LARGEST, problems, summary
from tests.language_world import golden

PLAN = golden("everything")


def changed(**steps: Any) -> bytes:
    """The plan with params, rules or more of single steps changed."""
    document = json.loads(PLAN)
    for step in document["steps"]:
        for key, value in steps.get(step["id"], {}).items():
            if key == "rules":
                step["params"]["rules"] |= value
            else:
                step[key] = value
    return canonical_bytes(document)


def test_a_sound_plan_is_sound_and_readable() -> None:
    assert problems(PLAN) == []
    assert problems(PLAN, hash_of(PLAN)) == [] and problems(PLAN, hash_of(PLAN)[2:].upper()) == []
    lines = list(summary(PLAN))
    assert lines[0].startswith("everything, version 1, for live")
    assert "     only if not steps.look.paused" in lines and "     uses look.price" in lines
    assert any(
        line.startswith("later: look.price, int256, by step:look.price, within {'minimum': '1'") for line in lines
    )


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "not canonical"),
        (b"{}", "kind: Field required"),
        (PLAN + b"\n", "not canonical"),
        (PLAN.replace(b":", b": ", 1), "not canonical"),
        (b"\xff", "not UTF-8"),
        (b"[" * 5_000, "nested deeper"),
        (b" " * (LARGEST + 1), "larger than any plan"),
        (changed(look={"type": "lok"}), "look: there is no step type lok"),
        (changed(look={"params": {}}), "look: it does not say how it is run"),
        (changed(look={"needs": ["log"]}), "needs log, which does not come before it"),
        (changed(look={"params": {"a": {"$ref": "look.price"}, "rules": {}}}), "look: uses look.price"),
        (changed(look={"params": {"a": {"$ref": "x.y"}, "rules": {}}}), "no reference is called x.y"),
        (changed(look={"params": {"a": {"$eval": "1"}, "rules": {}}}), "the form $eval is not known"),
        (changed(pause={"rules": {"undo": "nothing"}}), "what undoes it, nothing, is not in the plan"),
        (changed(pause={"rules": {"on_failure": "look"}}), "goes on at look, which does not stand below"),
        (changed(pause={"rules": {"phase": "later"}}), "there is no phase later"),
        (changed(pause={"rules": {"if": [{"that": "1 +"}]}}), "a condition that cannot be judged"),
        (changed(pause={"rules": {"if": [5]}}), "a condition that cannot be judged"),
        (
            changed(pause={"rules": {"if": [{"that": "true", "steps": {"a": "b"}}]}}),
            "names b, which is not in the plan",
        ),
    ],
)
def test_what_is_no_plan_is_named(data: bytes, said: str) -> None:
    assert any(said in one for one in problems(data)), problems(data)


def test_a_plan_of_an_older_release_says_less_and_is_sound() -> None:
    document = json.loads(PLAN)
    document["steps"] = [step for step in document["steps"] if step["id"] in ("ask", "note")]
    document["steps"][0]["needs"] = document["steps"][1]["needs"] = []
    document["references"] = []
    for step in document["steps"]:
        for key in ("phase", "undo", "if", "before", "after", "lock"):
            del step["params"]["rules"][key]
    assert problems(canonical_bytes(document)) == []


def test_another_hash_is_another_plan() -> None:
    assert problems(PLAN, "0x" + "00" * 32) == [f"its hash is {hash_of(PLAN)}, not 0x{'00' * 32}"]


def test_the_command_needs_no_database(tmp_path: Path) -> None:
    file, other = tmp_path / "plan.json", tmp_path / "other.json"
    file.write_bytes(PLAN)
    other.write_bytes(changed(log={"title": "Another title"}))
    said = StringIO()
    call_command("playbook", "check-plan", str(file), "--sha256", hash_of(PLAN), "--against", str(other), stdout=said)
    text = said.getvalue()
    assert f"sha256 {hash_of(PLAN)}, as approved" in text
    assert "changed .steps[log].title: 'Another title' → 'Who was on duty?'" in text and "1 difference" in text
    with pytest.raises(CommandError, match="its hash is"):
        call_command("playbook", "check-plan", str(file), "--sha256", "0x00", stdout=said)
    with pytest.raises(CommandError, match="No such file"):
        call_command("playbook", "check-plan", str(tmp_path / "none.json"), stdout=said)


@pytest.mark.parametrize("value", [None, -1, True, "?", [], {}, [[]], [{}], {"$ref": "look.price"}])
def test_whatever_stands_in_the_rules_is_judged_and_never_an_exception(value: Any) -> None:
    """The file may be anybody's."""
    rules = next(step for step in json.loads(PLAN)["steps"] if step["id"] == "pause")["params"]["rules"]
    for name in rules:
        data = changed(pause={"rules": {name: value}})
        if not problems(data):
            assert list(summary(data))
