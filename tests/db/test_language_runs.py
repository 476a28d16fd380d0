"""A playbook as it is written, through lint, plan and engine to its end: branches, values, undoing, finally."""

from typing import Any

import pytest

from governance.plans.services import known_values
from ledger.models import Event
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import complete_step, roll_back, start_run
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle

__all__ = ["quiet"]  # fixture
pytestmark = pytest.mark.django_db(transaction=True)
WHOLE = """\
playbook: whole
title: A whole language
summary: Asks, branches, names what was said, and ends.
inputs:
  mode: {type: choice, choices: [careful, quick]}
steps:
  - id: ask
    decide: {question: How far does it reach?, options: [one market, all markets]}
    bounds: {choice: {one_of: [one market, all markets]}}
  - id: reach
    switch:
      on: steps.ask.choice
      cases:
        one market:
          - {id: watch, wait: {duration: 0s}}
        all markets:
          - id: both
            parallel:
              steps:
                - id: seen
                  manual: {instruction: What did you see?, evidence: text}
                  bounds: {evidence: {max_length: 20}}
                - {id: hurry, if: inputs.mode == 'quick', wait: {duration: 0s}}
          - id: repeat
            manual: {instruction: "Repeat: ${{ steps.seen.evidence }}, in ${{ inputs.mode }} mode.", evidence: none}
            rollback: {manual: {instruction: "Take back ${{ steps.seen.evidence }}.", evidence: none}}
  - {id: end, if: steps.repeat.status == 'skipped', manual: {instruction: Nothing was repeated., evidence: none}}
finally:
  - {id: bye, manual: {instruction: Say goodbye., evidence: none}}
"""


def start(mode: str) -> Run:
    version = save_version(yaml=WHOLE, actor="system:test")
    run = start_run(playbook=version, inputs={"mode": mode}, scope=None, actor="system:test")
    settle()
    return run


def answer(run: Run, name: str, **said: Any) -> None:
    complete_step(step=StepRun.objects.get(run=run, step_id=name), actor="system:test", answer=said)
    settle()
    run.refresh_from_db()


def statuses(run: Run) -> dict[str, str]:
    return dict(run.steps.order_by("position").values_list("step_id", "status"))


def reason(run: Run, name: str) -> str:
    return StepRun.objects.get(run=run, step_id=name).reason


def test_only_the_branch_that_was_chosen_is_done() -> None:
    run = start("careful")
    answer(run, "ask", choice="one market")
    found = statuses(run)
    assert found["watch"] == "done"
    assert {name for name, status in found.items() if status == "skipped"} >= {"seen", "hurry", "repeat"}
    assert reason(run, "seen") == 'not needed: (steps.ask.choice) == "all markets"'
    answer(run, "end")
    answer(run, "bye")
    assert run.status == "done"
    assert known_values(run.plan) == {"ask.choice": "one market"}


def test_what_was_said_stands_in_what_is_asked_next_and_can_be_undone() -> None:
    run = start("careful")
    answer(run, "ask", choice="all markets")
    assert (statuses(run)["hurry"], reason(run, "hurry")) == ("skipped", "not needed: inputs.mode == 'quick'")
    answer(run, "seen", evidence="the moon")
    assert known_values(run.plan)["seen.evidence"] == "the moon"
    answer(run, "repeat")
    answer(run, "bye")
    assert run.status == "done" and statuses(run)["end"] == "skipped"
    said = Event.objects.filter(scope=run.scope, verb="plan.value.recorded")
    assert said.count() == 2


def test_what_lies_outside_the_bounds_fails_the_step_that_yields_it() -> None:
    run = start("quick")
    answer(run, "ask", choice="all markets")
    assert statuses(run)["hurry"] == "done"
    answer(run, "seen", evidence="far too much of everything")
    assert statuses(run)["seen"] == "failed" and "at most 20 characters" in reason(run, "seen")
    answer(run, "bye")
    assert run.status == "failed"


def test_rolling_back_asks_with_what_was_said() -> None:
    run = start("careful")
    answer(run, "ask", choice="all markets")
    answer(run, "seen", evidence="the moon")
    answer(run, "repeat")
    answer(run, "bye")
    roll_back(run=run, actor="system:test", reason="it was the sun")
    settle()
    assert statuses(run)["repeat.rollback"] == "waiting"
    answer(run, "repeat.rollback")
    assert run.status == "finishing"
    answer(run, "bye")
    assert run.status == "rolled_back"
