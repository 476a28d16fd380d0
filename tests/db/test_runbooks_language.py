"""The language, compiled and carried out: branches, values, undoing and what always runs, from YAML to the end."""

from typing import Any

import pytest

from governance.plans.services import known_values
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run
from runbooks.runs.services import complete_step, roll_back, start_run
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.runs import HOUSE, fresh, statuses, step, verbs
from work.models import Work

__all__ = ["quiet"]  # a fixture
pytestmark = pytest.mark.django_db(transaction=True)
INNER = """\
playbook: inner
title: Inner
summary: What another playbook uses.
inputs:
  what: {type: text, title: What}
steps:
  - {id: look, manual: {instruction: "Look at ${{ inputs.what }}.", evidence: none}}
  - {id: rest, wait: {duration: 0s}}
"""
OUTER = """\
playbook: outer
title: Outer
summary: All that a playbook can be made of.
inputs:
  depth: {type: uint256, title: Depth, default: 3}
steps:
  - id: how
    decide: {question: How far?, options: [far, near]}
  - id: both
    parallel:
      steps:
        - {id: left, manual: {instruction: To the left., evidence: none}, rollback: {wait: {duration: 0s}}}
        - id: right
          manual: {instruction: "They chose ${{ steps.how.choice }}.", evidence: text}
          rollback: {wait: {duration: 0s}, title: Undo the right}
  - id: way
    switch:
      on: steps.how.choice
      cases:
        far:
          - {id: far_one, wait: {duration: 0s}}
          - id: deep
            if:
              that: inputs.depth > 2
              then: [{id: deep_one, wait: {duration: 0s}}]
              else: [{id: flat_one, wait: {duration: 0s}}]
      default:
        - {id: near_one, wait: {duration: 0s}}
  - id: used
    playbook: {use: inner, inputs: {what: the moon}}
  - {id: only_near, if: "steps.how.choice == 'near'", wait: {duration: 0s}}
  - id: end
    manual: {instruction: The end., evidence: none}
finally:
  - {id: hand_back, wait: {duration: 0s}}
"""


@pytest.fixture
def run() -> Run:
    save_version(yaml=INNER, actor=HOUSE)
    version = save_version(yaml=OUTER, actor=HOUSE)
    found = start_run(playbook=version, inputs={}, scope=None, actor=HOUSE)
    settle()
    return found


def answer(run: Run, name: str, **given: Any) -> dict[str, str]:
    complete_step(step=step(run, name), actor=HOUSE, answer=given)
    settle()
    return statuses(run)


def test_every_branch_is_taken_or_left_out_and_the_values_reach_those_who_asked(run: Run) -> None:
    assert statuses(run)["how"] == "waiting" and statuses(run)["left"] == "pending"
    found = answer(run, "how", choice="far")
    assert known_values(run.plan) == {"how.choice": "far"}
    assert (found["left"], found["right"], found["both"]) == ("waiting", "waiting", "pending")
    answer(run, "left")
    found = answer(run, "right", evidence="They did.")
    assert found["both"] == "done" and step(run, "right").proof == "They did."
    assert {name: found[name] for name in ("far_one", "deep_one", "flat_one", "deep", "near_one", "way")} == {
        "far_one": "done",
        "deep_one": "done",
        "flat_one": "skipped",
        "deep": "done",
        "near_one": "skipped",
        "way": "done",
    }
    assert found["used.look"] == "waiting"
    found = answer(run, "used.look")
    assert (found["used.rest"], found["used"], found["only_near"], found["end"]) == (
        "done",
        "done",
        "skipped",
        "waiting",
    )
    answer(run, "end")
    assert fresh(run).status == "done" and statuses(run)["hand_back"] == "done"
    joins = {step(run, name).subject for name in ("both", "way", "deep", "used")}
    assert not Work.objects.filter(subject__in=joins).exists(), "what only stands for others costs no worker"


def test_the_other_branch_and_the_way_back(run: Run) -> None:
    answer(run, "how", choice="near")
    answer(run, "left")
    answer(run, "right", evidence="They did.")
    found = answer(run, "used.look")
    assert (found["near_one"], found["far_one"], found["deep"], found["only_near"]) == (
        "done",
        "skipped",
        "skipped",
        "done",
    )
    roll_back(run=run, actor=HOUSE, reason="it was the wrong moon")
    settle()
    assert fresh(run).status == "rolled_back"
    undone = [line for line in verbs(run, "step.done") if "rollback" in line or "hand_back" in line]
    assert undone == ["step.done right.rollback", "step.done left.rollback", "step.done hand_back"]
