"""Which playbooks a plan may use is read from the database beforehand, with those that these use."""

import pytest

from ledger import Invalid
from runbooks.plans.compile import compile_plan
from runbooks.plans.world import context_for, lint_among_stored
from runbooks.playbooks.selectors import document_of
from runbooks.playbooks.services import save_version
from runbooks.runs.services import start_run

pytestmark = pytest.mark.django_db

TEXT = """\
playbook: {name}
title: Playbook {name}
summary: Waits, or uses another one.
steps:
  - {step}
"""


def save(name: str, step: str) -> None:
    save_version(yaml=TEXT.format(name=name, step=step), actor="user:1")


def use(other: str, version: str = "") -> str:
    return f"{{id: go, playbook: {{use: {other}{version}}}}}"


def test_the_newest_version_or_the_one_that_is_named() -> None:
    save("inner", "{id: one, wait: {duration: 1s}}")
    save("inner", "{id: two, wait: {duration: 1s}}")
    save("middle", use("inner"))
    for step, wanted in (
        (use("middle"), ["go.go.two", "go.go", "go"]),
        (use("inner", ", version: 1"), ["go.one", "go"]),
    ):
        version = save_version(yaml=TEXT.format(name="outer", step=step), actor="user:1")
        document = document_of(version)
        plan = compile_plan(
            playbook=document,
            yaml=version.yaml,
            version=version.number,
            inputs={},
            context=context_for(protocol=None, environment="live", playbook=document),
        )
        assert [one.id for one in plan.steps] == wanted
    assert plan.steps[-1].params["version"] == 1


def test_playbooks_that_use_each_other_are_refused_when_a_run_begins() -> None:
    save("one", use("two"))
    version = save_version(yaml=TEXT.format(name="two", step=use("one")), actor="user:1")
    with pytest.raises(Invalid, match="a playbook cannot use itself: two → one → two"):
        start_run(playbook=version, inputs={}, scope=None, actor="user:1", environment="drill")


def test_a_playbook_that_is_not_stored_is_named() -> None:
    version = save_version(yaml=TEXT.format(name="outer", step=use("nowhere")), actor="user:1")
    with pytest.raises(Invalid, match="no playbook nowhere is stored"):
        start_run(playbook=version, inputs={}, scope=None, actor="user:1", environment="drill")


def test_a_run_of_a_playbook_that_uses_another_one_stands_in_one_row() -> None:
    save("inner", "{id: one, wait: {duration: 1s}}")
    version = save_version(yaml=TEXT.format(name="outer", step=use("inner")), actor="user:1")
    run = start_run(playbook=version, inputs={}, scope=None, actor="user:1", environment="drill")
    assert list(run.steps.order_by("position").values_list("step_id", "type")) == [
        ("go.one", "wait"),
        ("go", "playbook"),
    ]


def test_lint_looks_into_stored_playbooks_that_are_used() -> None:
    save("two", "{id: one, wait: {duration: 1s}}")
    text = TEXT.format(name="one", step="{id: go, playbook: {use: two, inputs: {some: 1}}}")
    assert [problem.message for problem in lint_among_stored(text).problems] == ["two has no input `some`"]
    assert lint_among_stored(TEXT.format(name="one", step=use("two"))).problems == ()
    save("two", use("one"))
    found = lint_among_stored(TEXT.format(name="one", step=use("two"))).problems
    assert [problem.message for problem in found] == ["a playbook cannot use itself: one → two → one"]
