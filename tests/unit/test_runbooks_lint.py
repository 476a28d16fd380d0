"""Lint says the line, the column, what is wrong and what would be right; for every mistake at once."""

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbooks.playbooks.durations import parse_duration, spell
from runbooks.playbooks.jsonschema import json_schema
from runbooks.playbooks.lint import lint
from runbooks.playbooks.reader import NotReadable, read
from runbooks.steps import STEPS

LIBRARY = sorted((Path(__file__).resolve().parents[2] / "runbooks" / "library").glob("*.yaml"))
GOOD = """\
playbook: small
title: A small one
summary: Reads one thing.
inputs:
  vault: {type: contract}
steps:
  - id: look
    check:
      reads:
        paused: {on: "${{ inputs.vault }}", call: "paused() returns (bool)"}
      that: paused == true
  - id: pause
    wait: {duration: 5s}
"""


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_the_library_is_clean_and_fits_the_published_schema(path: Path) -> None:
    linted = lint(path.read_text())
    assert linted.problems == ()
    assert linted.playbook is not None and linted.playbook.playbook == path.stem
    jsonschema.Draft202012Validator(json_schema()).validate(read(path.read_text()).data)


def test_at_most_half_of_a_library_playbook_is_by_hand() -> None:
    for path in LIBRARY:
        playbook = lint(path.read_text()).playbook
        assert playbook is not None
        assert sum(step.type == "manual" for step in playbook.steps) * 2 <= len(playbook.steps)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title:", "titel:", "2:1: `titel` is not known here (did you mean `title`?)"),
        ("title: A small one\n", "", "1:1: `title` is missing (add `title: …`)"),
        ("type: contract", "type: contrct", "5:17: `contrct` is not one of"),
        ("check:\n", "chek:\n", "8:5: `chek` is not known here (did you mean `check`?)"),
        ("    wait: {duration: 5s}\n", "", "12:5: this step does not say what it does (add one of approve, check"),
        ("duration: 5s", "duration: 5", "13:22: a duration is wanted, such as 90s, 10m or 1h30m"),
        ("duration: 5s", "durations: 5s", "13:12: `durations` is not known here (did you mean `duration`?)"),
        ("id: pause", "id: look", "12:9: the id `look` is used twice"),
        ("wait:", "needs: [loook]\n    wait:", "13:13: no step above is called `loook` (did you mean `look`?)"),
        ("paused == true", "halted == true", "9:7: `that` uses halted; the reads are paused"),
        ("returns (bool)", "", "10:51: say what it answers"),
        ("inputs.vault }}", "inputs.valt }}", "10:22: `inputs.valt` is not known here (did you mean `inputs.vault`?)"),
        ("  vault:", "  spare: {type: text}\n  vault:", "5:3: the input `spare` is never used"),
        ("wait: {duration: 5s}", "wait: {duration: 5s}\n    check: {}", "14:5: a step does one thing"),
        ("wait: {duration: 5s}", "wait: 5s", "13:11: `wait` wants a mapping"),
        ("id: pause", "id: Pause it", "12:9: `Pause it` has the wrong form"),
        ("title: A small one", "title: A small one\ntitle: again", "3:1: `title` stands here twice"),
        ("playbook: small", "playbook: &x small", "1:11: anchors and aliases are not allowed"),
        ("playbook: small", "playbook: !!python/name:os.system small", "1:11: tags are not allowed"),
        ("steps:", "steps: [", "not valid YAML"),
        (GOOD, "", "1:1: the file is empty"),
        (GOOD, "- a\n", "1:1: a playbook is a mapping"),
        (GOOD, "a: " + "[" * 500, "too deep or too long"),
        (GOOD, "a: " + "x" * 70_000, "larger than 64 KiB"),
        (GOOD, "a: \x07", "character YAML does not allow"),
    ],
)
def test_a_mistake_is_named_with_its_place(old: str, new: str, said: str) -> None:
    assert old in GOOD
    linted = lint(GOOD.replace(old, new, 1) if old != GOOD else new)
    assert linted.playbook is None
    told = [problem.at("f")[2:] for problem in linted.problems]
    assert any(said in line for line in told), told


ASKS = """\
  - id: ask
    approve: {question: Go on now?}
"""


def test_no_failure_leads_around_an_approval() -> None:
    end = "  - id: end\n    wait: {duration: 5s}\n"
    leap = GOOD.replace("  - id: pause\n", "  - id: pause\n    on_failure: {}\n", 1)
    assert leap != GOOD
    said = [problem.message for problem in lint(leap.replace("{}", "end") + ASKS + end).problems]
    assert said == ["`end` stands after the approval `ask`"]
    assert lint(leap.replace("{}", "ask") + ASKS + end).problems == ()


@pytest.mark.parametrize("word", ["continue", "end"])
def test_a_refused_approval_cannot_be_passed_over(word: str) -> None:
    end = "  - id: end\n    wait: {duration: 5s}\n"
    said = lint(GOOD + ASKS + f"    on_failure: {word}\n" + end).problems
    assert [problem.at("f") for problem in said] == [
        f"f:16:17: `{word}` would go on when the approval `ask` is refused (stop or rollback)"
    ]
    inside = "".join(f"      {line}\n" for line in ASKS.splitlines())
    around = f"  - id: both\n    on_failure: {word}\n    if:\n      that: 'true'\n      then:\n{inside}"
    assert [problem.at("f") for problem in lint(GOOD + around + end).problems] == [
        f"f:15:17: `{word}` would go on when the approval `ask` is refused "
        "(say `on_failure: stop` or `rollback` at `ask`)"
    ]
    for right in ("stop", "rollback"):
        assert lint(GOOD + ASKS + f"    on_failure: {right}\n" + end).problems == ()


def test_every_mistake_is_told_at_once() -> None:
    bad = GOOD.replace("title:", "titel:").replace("type: contract", "type: x").replace("wait:", "wiat:")
    assert {problem.line for problem in lint(bad).problems} >= {1, 2, 5, 12, 13}


def test_a_good_one_is_good() -> None:
    linted = lint(GOOD)
    assert linted.problems == () and linted.playbook is not None
    assert linted.playbook.needs_of(0) == () and linted.playbook.needs_of(1) == ("look",)


def test_unquoted_addresses_keep_their_letters() -> None:
    assert read("a: 0xAbCd000000000000000000000000000000000001").data == {
        "a": "0xAbCd000000000000000000000000000000000001"
    }


@given(st.text(max_size=200))
def test_any_text_lints_without_an_exception(text: str) -> None:
    linted = lint(text)
    assert linted.problems and all(problem.line >= 1 and problem.column >= 1 for problem in linted.problems)


ANYTHING = st.recursive(
    st.text(max_size=5) | st.integers() | st.none() | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
PLACES = (
    "steps: {}",
    'steps: [{{"id": "a", "wait": {{"duration": "1s"}}}}]\nfinally: {}',
    'steps: [{{"id": "a", "parallel": {{"steps": {}}}}}]',
    'steps: [{{"id": "a", "if": {{"that": "true", "then": {}}}}}]',
    'steps: [{{"id": "a", "switch": {{"on": "1", "cases": {}}}}}]',
    'steps: [{{"id": "a", "switch": {}}}]',
    'steps: [{{"id": "a", "playbook": {{"use": "b", "inputs": {}}}}}]',
    'steps: [{{"id": "a", "manual": {{"instruction": "abc"}}, "rollback": {}}}]',
    'steps: [{{"id": "a", "manual": {{"instruction": "abc"}}, "before": {}}}]',
    'steps: [{{"id": "a", "manual": {{"instruction": "abc"}}, "bounds": {}}}]',
    'steps: [{{"id": "a", "manual": {{"instruction": "abc"}}, "lock": {}}}]',
    'steps: [{{"id": "a", "safe": {}}}]',
    'steps: [{{"id": "a", "http": {{"url": "https://a.b/c", "method": "POST", "body": {}}}}}]',
)


@given(st.sampled_from(PLACES), ANYTHING | st.dictionaries(st.sampled_from(sorted(STEPS)), ANYTHING, max_size=2))
def test_any_structure_anywhere_lints_without_an_exception(place: str, value: object) -> None:
    """Unused inputs are always a mistake here, so a clean answer would be wrong as well."""
    assert lint(GOOD.split("steps:")[0] + place.format(json.dumps(value))).problems


@given(st.integers(0, 90 * 86_400))
def test_durations_read_back(seconds: int) -> None:
    assert parse_duration(spell(seconds)) == seconds


def test_not_readable_carries_its_place() -> None:
    with pytest.raises(NotReadable) as caught:
        read("a: 1\na: 2")
    assert (caught.value.problem.line, caught.value.problem.column) == (2, 1)


def test_the_example_in_the_docs_is_right() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "playbooks.md").read_text()
    example = page.split("```yaml\n")[1].split("```")[0]
    assert lint(example).problems == ()
