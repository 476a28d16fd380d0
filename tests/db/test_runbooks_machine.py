"""A state machine over runs and steps: whatever people, workers and deaths do in whatever order, the rules hold."""

import contextlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from ledger.errors import Refused
from ledger.models import Event
from runbooks.playbooks.services import save_version
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import abort_run, complete_step, retry_step, skip_step, start_run
from runbooks.steps import STEPS, Again, Failed, Finished, Result, Turn, Uncertain
from tests.db.test_runbooks_engine import quiet
from work import runner
from work.models import Work

__all__ = ["quiet"]  # a fixture
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
YAML = """\
playbook: machine
title: A machine
summary: Two beside each other, a hand, then the end.
steps:
  - {id: left, wait: {duration: 0s}, needs: [], retry: {attempts: 2, delay: 0s}}
  - {id: right, wait: {duration: 0s}, needs: [], on_failure: continue}
  - {id: hand, manual: {instruction: By hand., evidence: none}, needs: [left, right]}
  - {id: last, wait: {duration: 0s}, needs: [hand]}
"""
NEEDS = {"left": (), "right": (), "hand": ("left", "right"), "last": ("hand",)}
RESULTS: dict[str, Result] = {
    "done": Finished(proof="did it"),
    "failed": Failed("did not work"),
    "again": Again("not yet"),
    "unknown": Uncertain("who knows"),
}


class Died(BaseException):
    """A worker's process is gone in the middle of a turn."""


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.effects: dict[tuple[int, int], int] = {}
        self.answer: str = "done"
        version = save_version(yaml=YAML, actor="user:1")
        self.run = start_run(playbook=version, inputs={}, scope=None, actor="user:1")
        machine = self

        def begin(_cls: type, turn: Turn) -> Result:
            if machine.answer == "died":
                raise Died
            result = RESULTS[machine.answer]
            if isinstance(result, Finished):
                key = (turn.step.pk, turn.step.attempt)
                machine.effects[key] = machine.effects.get(key, 0) + 1
            return result

        self.original = STEPS["wait"].__dict__["begin"]
        STEPS["wait"].begin = classmethod(begin)  # type: ignore[assignment,method-assign]  # put back in teardown

    def teardown(self) -> None:
        STEPS["wait"].begin = self.original  # type: ignore[method-assign]  # as it was

    def steps(self) -> dict[str, StepRun]:
        return {step.step_id: step for step in StepRun.objects.filter(run=self.run)}

    def due(self) -> list[int]:
        rows = Work.objects.filter(scope=self.run.scope, status__in=("queued", "waiting"), run_at__lte=timezone.now())
        rows |= Work.objects.filter(scope=self.run.scope, status="running", lease_until__lt=timezone.now())
        return list(rows.values_list("pk", flat=True))

    @precondition(lambda self: bool(self.due()))
    @rule(pick=st.integers(0, 7), answer=st.sampled_from(["done", "done", "failed", "again", "unknown", "died"]))
    def a_worker_takes_a_turn(self, pick: int, answer: str) -> None:
        due = self.due()
        row, self.answer = due[pick % len(due)], answer
        try:
            runner.run(row)
        except Died:
            Work.objects.filter(pk=row).update(lease_until=timezone.now() - timedelta(seconds=1))

    def tried(self, act: Any) -> None:
        with contextlib.suppress(Refused):  # a rule said no: nothing has changed, which the invariants look at
            act()

    @rule(name=st.sampled_from(list(NEEDS)))
    def somebody_retries(self, name: str) -> None:
        before = self.steps()[name]
        self.tried(lambda: retry_step(step=before, actor="user:2"))
        if before.status not in ("failed", "unknown"):
            assert self.steps()[name].attempt == before.attempt

    @rule(name=st.sampled_from(list(NEEDS)))
    def somebody_skips(self, name: str) -> None:
        self.tried(lambda: skip_step(step=self.steps()[name], actor="user:2", reason="not needed"))

    @rule()
    def somebody_does_the_hand_step(self) -> None:
        self.tried(lambda: complete_step(step=self.steps()["hand"], actor="user:2"))

    @precondition(lambda self: Event.objects.filter(scope=self.run.scope).count() > 25)
    @rule()
    def somebody_aborts(self) -> None:
        self.tried(lambda: abort_run(run=self.run, actor="user:2", reason="enough"))

    @invariant()
    def no_attempt_took_effect_twice(self) -> None:
        assert all(count == 1 for count in self.effects.values()), self.effects

    @invariant()
    def nothing_began_before_what_it_needs(self) -> None:
        steps = self.steps()
        over = Run.objects.get(pk=self.run.pk).status == "aborted"
        for name, needs in NEEDS.items():
            if steps[name].status in ("pending", "skipped") or over:
                continue
            for need in needs:
                passed = steps[need].status in ("done", "skipped") or (
                    need == "right" and steps[need].status == "failed"
                )
                retried = steps[need].attempt > 1  # somebody tried it again after the next had begun
                assert passed or retried, (name, need, steps[need].status)

    @invariant()
    def the_run_says_what_its_steps_are(self) -> None:
        run, steps = Run.objects.get(pk=self.run.pk), self.steps()
        if run.status == "done":
            assert all(s.status in ("done", "skipped") or s.step_id == "right" for s in steps.values())
        if run.status == "running":
            assert not any(s.status == "failed" and s.step_id != "right" for s in steps.values())
            assert self.has_somewhere_to_go(steps), {name: s.status for name, s in steps.items()}
        if run.status == "aborted":
            live = Work.objects.filter(scope=run.scope, kind="runbooks.step", status__in=("queued", "waiting"))
            assert not live.exists()

    def has_somewhere_to_go(self, steps: dict[str, StepRun]) -> bool:
        """A running run is never stuck: some step has an open row of work."""
        keys = [step.key for step in steps.values()]
        return Work.objects.filter(key__in=keys, status__in=Work.OPEN).exists()

    @invariant()
    def every_end_is_in_the_record_once_an_attempt(self) -> None:
        for step in self.steps().values():
            done = Event.objects.filter(subject=step.subject, verb="step.done").count()
            assert done <= step.attempt


def test_whatever_happens_the_rules_hold() -> None:
    chosen = settings(
        max_examples=15,
        stateful_step_count=25,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=chosen)
