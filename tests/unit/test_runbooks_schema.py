"""The published JSON Schema and lint's first half refuse the same playbooks."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runbooks.playbooks.form import form
from runbooks.playbooks.jsonschema import json_schema
from runbooks.playbooks.reader import Document, read
from tests.language_world import LIBRARY, PLAYBOOKS, ROOT

SCHEMA = jsonschema.Draft202012Validator(json_schema())
WRITTEN = [*sorted(LIBRARY.glob("*.yaml")), *sorted(PLAYBOOKS.glob("*.yaml"))]
STEPS = sorted((ROOT / "tests" / "fixtures" / "steps").glob("*.json"))
MEANING = ("value_error", "assertion_error")
"""What a model's own code refuses (two fields that exclude each other, a signature): no schema can say it."""


def judged(data: Any) -> tuple[bool, set[str]]:
    """Whether the schema takes it, and of which kinds lint's mistakes are."""
    return SCHEMA.is_valid(data), {problem.rule for problem in form(Document(data=data))}


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema())
    text = json.dumps(json_schema())
    for reference in (part.split('"')[0] for part in text.split('"$ref": "#/$defs/')[1:]):
        assert reference in json_schema()["$defs"], reference


@pytest.mark.parametrize("path", WRITTEN, ids=lambda path: path.stem)
def test_what_lints_fits_the_schema(path: Path) -> None:
    document = read(path.read_text(encoding="utf-8"))
    assert list(form(document)) == [] and SCHEMA.is_valid(document.data)


def one_step(kind: str, config: Any) -> dict[str, Any]:
    return {"playbook": "one", "title": "One step", "summary": "Has one step.", "steps": [{"id": "a", kind: config}]}


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.stem)
def test_configs_of_every_step_type(path: Path) -> None:
    cases = json.loads(path.read_text(encoding="utf-8"))
    for config in cases["valid"]:
        assert judged(one_step(path.stem, config)) == (True, set()), config
    for case in cases["invalid"]:
        valid, wrong = judged(one_step(path.stem, case["config"]))
        assert wrong, case
        assert not valid or wrong <= set(MEANING), case


def mutations(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every place of a playbook, with values of another kind for it, or `None` for a key that nobody knows."""
    for kind in (5, -1, True, None, "?", "x" * 5_000, [], {}, [5], {"surprise": 1}, [[]], 2**70):
        if type(kind) is not type(value) or kind != value:
            yield path, kind
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        yield from mutations(item, (*path, key))


def put(data: Any, path: tuple[Any, ...], value: Any) -> Any:
    if not path:
        return value
    found = copy.deepcopy(data)
    inner = found
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return found


def test_no_playbook_is_refused_by_one_and_taken_by_the_other() -> None:
    """Every place of the playbook that has everything, with a dozen wrong values each."""
    data = read((PLAYBOOKS / "everything.yaml").read_text(encoding="utf-8")).data
    data["steps"] = [step for step in data["steps"] if step["id"] in ("look", "together", "pause", "reach", "other")]
    apart = []
    for path, value in mutations(data):
        valid, wrong = judged(put(data, path, value))
        if (not valid and not wrong) or (valid and wrong - set(MEANING)):
            apart.append((path, value, valid, wrong))
    assert apart == []


def test_keys_that_nobody_knows_are_refused_by_both_wherever_they_stand() -> None:
    data = read((PLAYBOOKS / "everything.yaml").read_text(encoding="utf-8")).data
    for path, value in list(mutations(data)):
        if value == {} and path and isinstance(find(data, path), dict) and not free(path):
            changed = put(data, (*path, "surprise"), 1)
            valid, wrong = judged(changed)
            assert not valid and wrong, path


def test_names_of_a_wrong_form_are_refused_by_both() -> None:
    data = read((PLAYBOOKS / "everything.yaml").read_text(encoding="utf-8")).data
    for path in [("inputs",), *(path for path, value in mutations(data) if value == {} and path[-1:] == ("reads",))]:
        for name in ("Vault", "x-y", "1x", "ü", "", "x" * 42):
            valid, wrong = judged(put(data, (*path, name), next(iter(find(data, path).values()))))
            assert not valid and wrong, (path, name)


def find(data: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        data = data[key]
    return data


def free(path: tuple[Any, ...]) -> bool:
    """Where names are the author's own: inputs, reads, cases, bounds, answers to another playbook."""
    return path[-1] in ("inputs", "reads", "cases", "bounds")
