"""Runs of plans written by hand, with steps that answer what a test says; the engine around them is real."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from governance.plans.schema import Document
from ledger.models import Event
from runbooks.playbooks.selectors import document_of
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import begin, draft_run
from runbooks.steps import STEPS, Finished, Result, Turn
from tests.drain import settle

HOUSE = "system:test"
CHAIN = 31337
VAULT = "0x5FbDB2315678afecb367f032d93F642f64180aa3"
RULES: dict[str, Any] = {
    "text": "",
    "role": "responder",
    "expect": 60,
    "timeout": 1_800,
    "attempts": 1,
    "delay": 0,
    "phase": "main",
    "undo": "",
    "on_failure": "stop",
    "if": [],
    "before": [],
    "after": [],
    "lock": None,
    "marks": None,
}
YAML = """\
playbook: written-by-hand
title: Written by hand
summary: Its plan is made by the test that uses it.
steps:
  - {id: a, wait: {duration: 0s}}
"""
WITH_APPROVAL = YAML.replace("steps:", "approval: {required: 1, role: commander}\nsteps:")
ON_VAULT = {"chain_id": CHAIN, "address": VAULT, "name": "Vault"}


def does(
    name: str, *, kind: str = "wait", needs: tuple[str, ...] | None = None, undo: bool = False, **said: Any
) -> Any:
    """One step, or with `undo` two: itself and the one that undoes it. `params` are its own; the rest are rules."""
    params = said.pop("params", {"seconds": 0})
    rules = {**RULES, **said, "undo": f"{name}.rollback" if undo else ""}
    found: list[dict[str, Any]] = [
        {"id": name, "type": kind, "title": name, "needs": needs, "params": {**params, "rules": rules}}
    ]
    if undo:
        back = {**RULES, "phase": "rollback"}
        step = {"id": f"{name}.rollback", "type": kind, "title": f"undo {name}", "needs": ()}
        found.append({**step, "params": {"seconds": 0, "rules": back}})
    return found


def asks(name: str, **said: Any) -> Any:
    return does(name, kind="manual", params={"instruction": "By hand.", "evidence": "none"}, **said)


def always(name: str, **said: Any) -> Any:
    return does(name, phase="finally", **said)


def plan_of(*parts: Any, environment: str = "live", references: Any = ()) -> Document:
    """Each step needs the one before it of its own phase, unless it says otherwise."""
    steps = [dict(step) for part in parts for step in part]
    last: dict[str, str] = {}
    for step in steps:
        phase = step["params"]["rules"]["phase"]
        if step["needs"] is None:
            step["needs"] = (last[phase],) if phase in last else ()
        if phase != "rollback":
            last[phase] = step["id"]
    return Document(kind="playbook", environment=environment, chains=(), steps=tuple(steps), references=references)


def drafted(*parts: Any, environment: str = "live", yaml: str = YAML, actor: str = HOUSE, references: Any = ()) -> Run:
    version = save_version(yaml=yaml, actor=actor)
    return draft_run(
        version=version,
        document=document_of(version),
        plan_document=plan_of(*parts, environment=environment, references=references),
        environment=environment,
        parents=[],
        actor=actor,
    )


def begun(*parts: Any, **said: Any) -> Run:
    run = begin(run=drafted(*parts, **said), actor=HOUSE)
    settle()
    return fresh(run)


def fresh(run: Run) -> Run:
    return Run.objects.select_related("scope", "plan", "version__playbook").get(pk=run.pk)


def step(run: Run, name: str) -> StepRun:
    return StepRun.objects.select_related("run").get(run=run, step_id=name)


def statuses(run: Run) -> dict[str, str]:
    return dict(run.steps.order_by("position").values_list("step_id", "status"))


def verbs(run: Run, noun: str = "") -> list[str]:
    """What was recorded of a run, in order; the subject's step id beside a step's verb."""
    names = {f"step:{pk}": name for pk, name in run.steps.values_list("pk", "step_id")}
    found = Event.objects.filter(scope=run.scope, verb__startswith=noun).order_by("pk").values_list("verb", "subject")
    return [f"{verb} {names[subject]}" if subject in names else verb for verb, subject in found]


Answer = Result | Exception | Callable[[Turn], Result]


class Script:
    """Makes the steps of some types answer what the test says, each by its id; what is not said is Finished."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, Answer | list[Answer]] | None = None
    ) -> None:
        self.answers = dict(answers or {})
        self.began: list[str] = []
        for kind in ("wait", "notify"):
            monkeypatch.setattr(STEPS[kind], "begin", classmethod(lambda _cls, turn: self.answer(turn)))
            monkeypatch.setattr(STEPS[kind], "resume", classmethod(lambda _cls, turn: self.answer(turn)))

    def says(self, **answers: Any) -> None:
        self.answers.update(answers)

    def answer(self, turn: Turn) -> Result:
        name = turn.step.step_id
        self.began.append(name)
        found = self.answers.get(name)
        if isinstance(found, list):
            found = found.pop(0) if found else None
        if isinstance(found, Exception):
            raise found
        if callable(found):
            return found(turn)
        return found or Finished(proof=f"did {name}")


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Iterator[Script]:
    yield Script(monkeypatch)
