"""A state machine over runs and steps: whatever people, workers and deaths do in whatever order, the rules hold.

Two runs of one plan share a lock. The rules of the machine are what people press, what workers' turns come to, and
where they die; the invariants are what must be true after each of them. In the end everything answers well and
somebody presses what there is to press: every run must then come to an end.
"""

import contextlib
from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from accounts.approvals.models import Approval
from accounts.approvals.selectors import is_satisfied
from accounts.approvals.services import give, take_back
from ledger.chain import link_once
from ledger.errors import Refused
from ledger.models import Event
from ledger.subscriptions import dispatch, ensure_rows
from runbooks.runs.course import MOVING_IN
from runbooks.runs.models import OPEN_STEP, OVER, Lock, Run, StepRun
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, roll_back, skip_step
from runbooks.steps import STEPS, Again, Failed, Finished, Result, Turn, Uncertain, Waiting
from tests.db.test_runbooks_engine import quiet
from tests.people import person
from tests.runs import HOUSE, ON_VAULT, always, asks, does, drafted
from work import runner
from work.models import Work

__all__ = ["quiet"]  # a fixture
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
APPROVE = {"question": "Go on?", "required": 1, "role": "commander", "needs": "none"}
RIGHT_IS_DONE = {"that": "steps.right.status == 'done'", "inputs": {}, "steps": {"right": "right"}, "run": {}}
PARTS = (
    does("left", kind="notify", needs=(), undo=True, lock=ON_VAULT, attempts=2),
    does("right", needs=(), undo=True, on_failure="continue"),
    does("only_then", needs=("right",), **{"if": [RIGHT_IS_DONE]}),
    does("ask", kind="approve", needs=("left", "only_then"), params=APPROVE),
    does("act", kind="notify", undo=True, on_failure="rollback"),
    does("jump", on_failure="last"),
    does("between"),
    asks("hand"),
    does("last", kind="notify", lock=ON_VAULT),
    always("hand_back", kind="notify"),
    always("tell"),
)
ACTING = ("left", "act", "last", "hand_back")
RESULTS: dict[str, Result] = {
    "done": Finished(proof="did it"),
    "failed": Failed("did not work"),
    "again": Again("not yet"),
    "unknown": Uncertain("who knows"),
    "waiting": Waiting(on="proposal:1", reason="somebody else must act"),
}
NAMES = [step["id"] for part in PARTS for step in part]
ANSWERS = ["done", "done", "done", "failed", "again", "unknown", "waiting", "died before", "died after"]


class Died(BaseException):
    """A worker's process is gone in the middle of a turn."""


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        ensure_rows()
        self.answer = "done"
        self.effects: set[tuple[int, int]] = set()  # what happened outside, by step and attempt
        self.asked: set[str] = set()  # keys of attempts whose step has been asked to do something
        self.drawn = 0  # not what was asked: that depends on the clock, and what may be drawn must not
        self.wrong: list[str] = []  # what a step saw that must not be
        self.people = [person("", "commander"), person("", "commander")]
        self.runs = [drafted(*PARTS) for _ in range(2)]
        self.pks = [run.pk for run in self.runs]
        for run in self.runs:
            begin(run=run, actor=HOUSE)
        machine = self
        self.originals = {
            name: {verb: STEPS[name].__dict__.get(verb) for verb in ("begin", "resume")} for name in ("wait", "notify")
        }
        for name in self.originals:
            for verb in ("begin", "resume"):
                setattr(STEPS[name], verb, classmethod(lambda _cls, turn: machine.turn(turn)))

    def teardown(self) -> None:
        try:
            self.everything_comes_to_an_end()
        finally:
            for name, verbs in self.originals.items():
                for verb, original in verbs.items():
                    if original is None:
                        delattr(STEPS[name], verb)
                    else:
                        setattr(STEPS[name], verb, original)

    # what a step does, and what must be true at that moment

    def turn(self, turn: Turn) -> Result:
        step, run = turn.step, Run.objects.get(pk=turn.step.run_id)
        if step.key not in self.asked:
            self.asked.add(step.key)
            self.look_at_a_beginning(step, run)
        if self.answer == "died before":
            raise Died
        if self.answer in ("done", "died after"):
            self.effects.add((step.pk, step.attempt))
        if self.answer == "died after":
            raise Died
        return RESULTS[self.answer]

    def look_at_a_beginning(self, step: StepRun, run: Run) -> None:
        if run.status != MOVING_IN[step.phase]:
            self.wrong.append(f"{step} began while the run was {run.status}")
        for asked in run.steps.filter(type="approve", status="done"):
            holds = is_satisfied(asked.subject, asked.output["hash"])
            if step.phase == "main" and STEPS[step.type].acts and not holds:
                self.wrong.append(f"{step} acts while {asked} does not hold")
        locked = step.step_id in ("left", "last", "left.rollback")
        if locked and not Lock.objects.filter(run=run).exists():
            self.wrong.append(f"{step} acts without its lock")
        if step.phase == "rollback":
            undone = StepRun.objects.get(run=run, step_id=step.step_id.removesuffix(".rollback"))
            if undone.status != "done":
                self.wrong.append(f"{step} undoes what is {undone.status}")

    # what workers and the ledger do

    def due(self) -> list[int]:
        """Between two turns nobody works: who is still running has died, though its heart may have beaten once more."""
        rows = Work.objects.filter(scope__in=[run.scope_id for run in self.runs])
        rows.filter(status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
        found = rows.filter(status__in=("queued", "waiting"), run_at__lte=timezone.now())
        found |= rows.filter(status="running", lease_until__lt=timezone.now())
        return list(found.order_by("pk").values_list("pk", flat=True))

    @rule(turns=st.lists(st.tuples(st.integers(0, 15), st.sampled_from(ANSWERS)), min_size=1, max_size=6))
    def workers_take_turns(self, turns: list[tuple[int, str]]) -> None:
        self.drawn += len(turns)
        for pick, answer in turns:
            due = self.due()
            if not due:
                return
            row, self.answer = due[pick % len(due)], answer
            with contextlib.suppress(Died):
                runner.run(row)

    @rule()
    def the_ledger_hands_on(self) -> None:
        link_once()
        dispatch()

    @rule()
    def what_waits_outside_moves(self) -> None:
        waiting = StepRun.objects.filter(status="waiting", waiting_for="proposal:1").values_list("pk", flat=True)
        Work.objects.filter(payload__step__in=list(waiting), status="waiting").update(run_at=timezone.now())

    def fresh(self) -> list[Run]:
        return list(Run.objects.filter(pk__in=self.pks))

    def all_steps(self) -> list[StepRun]:
        return list(StepRun.objects.filter(run__in=self.pks))

    # what people press

    def step(self, which: int, name: str) -> StepRun:
        return StepRun.objects.select_related("run").get(run=self.runs[which], step_id=name)

    def tried(self, act: Callable[[], Any]) -> bool:
        with contextlib.suppress(Refused):  # a rule said no: nothing has changed, which the invariants look at
            act()
            return True
        return False

    @rule(which=st.integers(0, 1), name=st.sampled_from(NAMES))
    def somebody_retries(self, which: int, name: str) -> None:
        before = self.step(which, name)
        pressed = self.tried(lambda: retry_step(step=before, actor=HOUSE))
        assert self.step(which, name).attempt == before.attempt + pressed
        assert not pressed or before.status in ("failed", "unknown")

    @rule(which=st.integers(0, 1), name=st.sampled_from(NAMES))
    def somebody_skips(self, which: int, name: str) -> None:
        if self.tried(lambda: skip_step(step=self.step(which, name), actor=HOUSE, reason="not needed")):
            assert not self.tried(lambda: skip_step(step=self.step(which, name), actor=HOUSE, reason="twice"))

    @rule(which=st.integers(0, 1))
    def somebody_does_the_hand_step(self, which: int) -> None:
        if self.tried(lambda: complete_step(step=self.step(which, "hand"), actor=HOUSE, answer={})):
            assert not self.tried(lambda: complete_step(step=self.step(which, "hand"), actor=HOUSE, answer={}))

    @rule(who=st.integers(0, 1))
    def somebody_approves(self, who: int) -> None:
        for approval in Approval.objects.filter(status="open", scope__in=[run.scope_id for run in self.runs]):
            self.tried(lambda approval=approval: give(approval=approval, user=self.people[who]))

    @rule(who=st.integers(0, 1))
    def somebody_takes_a_yes_back(self, who: int) -> None:
        for approval in Approval.objects.filter(
            status__in=("open", "satisfied"), scope__in=[run.scope_id for run in self.runs]
        ):
            self.tried(lambda approval=approval: take_back(approval=approval, user=self.people[who]))

    @precondition(lambda self: self.drawn > 6)
    @rule(which=st.integers(0, 1))
    def somebody_rolls_back(self, which: int) -> None:
        self.tried(lambda: roll_back(run=self.runs[which], actor=HOUSE, reason="back"))

    @precondition(lambda self: self.drawn > 9)
    @rule(which=st.integers(0, 1))
    def somebody_aborts(self, which: int) -> None:
        self.tried(lambda: abort_run(run=self.runs[which], actor=HOUSE, reason="enough"))

    # what must always be true

    @invariant()
    def no_step_saw_what_must_not_be(self) -> None:
        assert not self.wrong, self.wrong

    @invariant()
    def no_step_has_two_open_attempts(self) -> None:
        rows = Work.objects.filter(scope__in=[run.scope_id for run in self.runs], status__in=Work.OPEN)
        keys = list(rows.values_list("key", flat=True))
        assert len(keys) == len(set(keys))
        for step in self.all_steps():
            assert step.status not in OPEN_STEP or step.key in keys, f"nobody will ever look at {step} ({step.status})"

    @invariant()
    def a_run_is_what_its_steps_are(self) -> None:
        for run in self.fresh():
            steps = list(run.steps.all())
            unknown = [step for step in steps if step.status == "unknown"]
            if run.status in ("running", "rolling_back", "finishing"):
                assert not unknown or run.ending == "aborted", unknown
                assert run.status == MOVING_IN[run.phase]
                self.goes_on_by_itself_or_waits_for_somebody(run, steps)
            if run.status == "paused":
                assert unknown
            if run.status in (*OVER, "failed"):
                left = [step for step in steps if step.phase == "finally" and step.status in ("pending", *OPEN_STEP)]
                assert not left, f"{run} is {run.status} and {left} did not run"
            if run.status in OVER:
                assert not [step for step in steps if step.status in OPEN_STEP]
            if run.status == "done":
                assert all(s.status in ("done", "skipped", "failed") for s in steps if s.phase == "main")
            if run.status == "rolled_back":
                self.everything_done_is_undone(steps)

    def goes_on_by_itself_or_waits_for_somebody(self, run: Run, steps: list[StepRun]) -> None:
        keys = [step.key for step in steps if step.status in ("pending", *OPEN_STEP)]
        live = Work.objects.filter(key__in=keys, status__in=Work.OPEN)
        assert live.exists(), (run, {step.step_id: step.status for step in steps})

    def everything_done_is_undone(self, steps: list[StepRun]) -> None:
        named = {step.step_id: step for step in steps}
        for name in ("left", "right", "act"):
            if named[name].status == "done":
                assert named[f"{name}.rollback"].status in ("done", "skipped")

    @invariant()
    def a_lock_has_one_run_and_no_run_that_is_over(self) -> None:
        for lock in Lock.objects.select_related("run"):
            assert lock.run.status not in OVER

    @invariant()
    def events_tell_what_rows_say(self) -> None:
        told: dict[str, list[tuple[str, str]]] = {}
        found = Event.objects.filter(scope__in=[run.scope_id for run in self.runs], after__has_key="status")
        for subject, before, after in found.order_by("pk").values_list("subject", "before__status", "after__status"):
            told.setdefault(subject, []).append((before, after))
        for thing in (*self.fresh(), *self.all_steps()):
            states = told.get(thing.subject, [])
            assert all(one[1] == other[0] for one, other in pairwise(states)), (thing, states)
            assert (states[-1][1] if states else type(thing)().status) == thing.status, (thing, states)

    # in the end

    def everything_comes_to_an_end(self) -> None:
        """Everything answers well, and somebody presses what there is to press."""
        for _ in range(60):
            if all(run.status in OVER for run in self.fresh()):
                return
            for _ in range(30):
                self.the_ledger_hands_on()
                self.what_waits_outside_moves()
                if not (due := self.due()):
                    break
                for row in due:
                    self.answer = "done"
                    runner.run(row)
            self.somebody_presses_what_there_is()
        states = {
            run.pk: (run.status, {s.step_id: (s.status, s.reason) for s in run.steps.all()}) for run in self.fresh()
        }
        raise AssertionError(f"never comes to an end: {states}")

    def somebody_presses_what_there_is(self) -> None:
        for who in (0, 1):
            self.somebody_approves(who)
        for which in (0, 1):
            self.somebody_does_the_hand_step(which)
            for step in StepRun.objects.filter(run=self.runs[which], status__in=("unknown", "failed")):
                self.tried(lambda step=step: retry_step(step=step, actor=HOUSE))


def test_whatever_happens_the_rules_hold() -> None:
    chosen = settings(
        max_examples=10,
        stateful_step_count=30,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(Machine, settings=chosen)
