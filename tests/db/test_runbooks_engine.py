"""The engine on a real database: order, waiting, retries, verbs, approvals, and a worker that dies anywhere."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone

from accounts.approvals.models import Approval
from accounts.approvals.selectors import waiting_for
from accounts.approvals.services import give, refuse
from governance.plans.models import Plan
from integrations.secrets.scrubbing import remember
from ledger.errors import Invalid, Refused
from ledger.models import Event
from ledger.scopes import open_scope
from runbooks.playbooks.models import PlaybookVersion
from runbooks.playbooks.services import load_library, save_version
from runbooks.runs import engine
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, skip_step, start_run
from runbooks.steps import STEPS, Again, Failed, Finished, Result, Turn, Uncertain
from tests.drain import settle
from tests.people import person
from work import LostLease, hints, leases, runner
from work.models import Work

pytestmark = pytest.mark.django_db(transaction=True)
ONE_BY_HAND = """\
playbook: by-hand
title: By hand
summary: One thing by hand, one question.
steps:
  - id: first
    manual: {instruction: Look at the moon., evidence: text}
  - id: second
    wait: {duration: 0s}
"""
PARALLEL = """\
playbook: parallel
title: In parallel
summary: Two beside each other, then one.
steps:
  - {id: left, manual: {instruction: Left hand., evidence: none}, needs: []}
  - {id: right, manual: {instruction: Right hand., evidence: none}, needs: []}
  - {id: both, wait: {duration: 0s}, needs: [left, right]}
"""


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No broker here: the test itself runs what is due."""
    monkeypatch.setattr(hints, "send", lambda work_id, queue, delay=0: True)
    monkeypatch.setattr(leases.Heart, "BEAT", 0.05)
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


def start(yaml: str, **kw: Any) -> Run:
    version = save_version(yaml=yaml, actor="system:test")
    run = start_run(
        playbook=version, inputs=kw.pop("inputs", {}), scope=kw.pop("scope", None), actor="system:test", **kw
    )
    settle()
    return run


def step(run: Run, name: str) -> StepRun:
    return StepRun.objects.get(run=run, step_id=name)


def verbs(run: Run) -> list[str]:
    return list(Event.objects.filter(scope=run.scope).order_by("pk").values_list("verb", flat=True))


class Scripted:
    """Makes `wait` steps answer what the test says, one answer a call; the engine around them is real."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Result | Exception) -> None:
        self.answers, self.calls = list(answers), 0
        monkeypatch.setattr(STEPS["wait"], "begin", classmethod(lambda _cls, turn: self.answer(turn)))

    def answer(self, _turn: Turn) -> Result:
        self.calls += 1
        found = self.answers.pop(0) if self.answers else Finished(proof="at last")
        if isinstance(found, Exception):
            raise found
        return found


def test_a_step_by_hand_waits_for_its_evidence_and_the_run_ends() -> None:
    run = start(ONE_BY_HAND)
    first = step(run, "first")
    assert (first.status, step(run, "second").status) == ("waiting", "pending")
    assert Work.objects.get(kind=engine.KIND).status == "waiting"
    with pytest.raises(Invalid, match="evidence"):
        complete_step(step=first, actor="system:test", answer={"evidence": " "})
    with pytest.raises(Refused):
        complete_step(step=step(run, "second"), actor="system:test", answer={"evidence": "x"})
    complete_step(step=first, actor="system:test", answer={"evidence": "It is full."})
    settle()
    run.refresh_from_db()
    first = step(run, "first")
    assert (run.status, first.status, first.proof) == ("done", "done", "It is full.")
    assert verbs(run)[-6:] == ["step.waiting", "step.answered", "step.done", "step.running", "step.done", "run.done"]


def test_steps_without_needs_between_them_run_beside_each_other() -> None:
    run = start(PARALLEL)
    assert {s.step_id: s.status for s in run.steps.all()} == {"left": "waiting", "right": "waiting", "both": "pending"}
    complete_step(step=step(run, "right"), actor="system:test", answer={})
    settle()
    assert step(run, "both").status == "pending"
    complete_step(step=step(run, "left"), actor="system:test", answer={})
    settle()
    assert Run.objects.get(pk=run.pk).status == "done"


def test_tries_are_counted_and_the_last_one_stops_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Scripted(monkeypatch, Again("not yet"), Again("still not"), Again("no"))
    yaml = ONE_BY_HAND.replace(
        "wait: {duration: 0s}", "wait: {duration: 0s}\n    retry: {attempts: 3, delay: 0s}\n    needs: []"
    )
    run = start(yaml)
    second, run = step(run, "second"), Run.objects.get(pk=run.pk)
    assert (second.status, second.tries, second.reason, script.calls) == ("failed", 3, "no", 3)
    assert run.status == "failed"
    retry_step(step=second, actor="system:test", reason="the endpoint is back")
    settle()
    second = step(run, "second")
    assert (second.status, second.attempt, second.proof) == ("done", 2, "at last")
    assert Run.objects.get(pk=run.pk).status == "running"
    with pytest.raises(Refused, match="is done"):
        retry_step(step=second, actor="system:test")


def test_on_failure_continue_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Scripted(monkeypatch, Failed("broken"))
    yaml = """\
playbook: go-on
title: Go on
summary: The first may fail.
steps:
  - {id: a, wait: {duration: 0s}, on_failure: continue}
  - {id: b, wait: {duration: 0s}}
"""
    run = start(yaml)
    assert [s.status for s in run.steps.all()] == ["failed", "done"]
    assert Run.objects.get(pk=run.pk).status == "done"


def test_an_unknown_outcome_is_parked_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    Scripted(monkeypatch, Uncertain("a foreign transaction took the nonce", choices=("retry", "skip")))
    run = start(ONE_BY_HAND.replace("wait: {duration: 0s}", "wait: {duration: 0s}\n    needs: []"))
    second = step(run, "second")
    assert (second.status, second.output["choices"]) == ("unknown", ["retry", "skip"])
    assert Run.objects.get(pk=run.pk).status == "paused"
    with pytest.raises(Invalid, match="reason"):
        skip_step(step=second, actor="system:test", reason="")
    skip_step(step=second, actor="system:test", reason="seen on the explorer")
    assert step(run, "second").status == "skipped"
    assert Run.objects.get(pk=run.pk).status == "running"


def test_an_exception_in_a_step_is_told_without_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    Scripted(monkeypatch, RuntimeError("secret of the house"))
    run = start(ONE_BY_HAND.replace("wait: {duration: 0s}", "wait: {duration: 0s}\n    needs: []"))
    assert step(run, "second").status == "failed"
    assert "secret" not in step(run, "second").reason
    assert not Event.objects.filter(reason__contains="secret").exists()


def test_what_a_step_says_is_kept_without_secrets_and_without_what_cannot_be_stored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    remember("the very secret key")
    Scripted(monkeypatch, Failed("no\x00: the very secret key", {"seen": ["the very secret key\x00"]}))
    run = start(ONE_BY_HAND.replace("wait: {duration: 0s}", "wait: {duration: 0s}\n    needs: []"))
    failed = step(run, "second")
    assert (failed.reason, failed.output) == ("no\ufffd: ••••••", {"seen": ["••••••\ufffd"]})


def test_abort_stops_everything_and_cannot_be_undone() -> None:
    run = start(ONE_BY_HAND)
    first = step(run, "first")
    abort_run(run=run, actor="system:test", reason="false alarm")
    settle()
    run.refresh_from_db()
    assert run.status == "aborted" and {s.status for s in run.steps.all()} == {"skipped"}
    assert Work.objects.get(kind=engine.KIND).status == "cancelled"
    with pytest.raises(Refused):
        complete_step(step=first, actor="system:test", answer={"evidence": "too late"})
    with pytest.raises(Refused):
        abort_run(run=run, actor="system:test", reason="again")


def test_a_step_that_waits_too_long_fails_with_what_it_waited_for() -> None:
    run = start(ONE_BY_HAND)
    StepRun.objects.filter(run=run, step_id="first").update(started_at=timezone.now() - timedelta(hours=2))
    Work.objects.update(run_at=timezone.now())
    settle()
    assert step(run, "first").status == "failed"
    assert step(run, "first").reason.startswith("not finished within 30m")


def test_the_executor_refuses_a_plan_whose_stored_text_was_altered() -> None:
    run = start(ONE_BY_HAND)
    altered = run.plan.document.replace("0s", "9s")
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")  # as somebody with the database's keys could
        Plan.objects.filter(pk=run.plan_id).update(document=altered.replace("moon", "sun"))
        cursor.execute("SET session_replication_role = origin")
    complete_step(step=step(run, "first"), actor="system:test", answer={"evidence": "It is full."})
    settle()
    assert step(run, "first").status == "failed"
    assert "no longer has the hash that was approved" in step(run, "first").reason
    assert step(run, "second").status == "pending"


def test_neither_who_drafted_a_run_nor_who_began_it_says_yes_to_it() -> None:
    ana, ben, cleo = (person(name, "commander") for name in ("ana", "ben", "cleo"))
    asks = "  - {id: ask, approve: {question: Shall we go on?}}\n"
    yaml = ONE_BY_HAND.replace("steps:\n", f"approval: {{required: 1, role: commander}}\nsteps:\n{asks}")
    version = save_version(yaml=yaml, actor=ana.actor)
    run = start_run(playbook=version, inputs={}, scope=None, actor=ana.actor, hold=True)
    begin(run=run, actor=ben.actor)
    for about in (run.subject, run.steps.get(step_id="ask").subject):
        settle()
        approval = Approval.objects.get(about=about)
        for user, said in ((ana, "drafted"), (ben, "asked for")):
            with pytest.raises(Refused, match=said):
                give(approval=approval, user=user)
            assert approval not in waiting_for(user)
        assert approval in waiting_for(cleo)
        give(approval=approval, user=cleo)
    settle()
    assert run.steps.get(step_id="ask").status == "done"


def test_a_playbook_that_demands_it_waits_for_approval_of_the_plans_hash() -> None:
    ana, ben = person("ana", "commander"), person("ben", "commander")
    yaml = ONE_BY_HAND.replace("steps:", "approval: {required: 1, role: commander}\nsteps:")
    version = save_version(yaml=yaml, actor=ana.actor)
    run = start_run(playbook=version, inputs={}, scope=None, actor=ana.actor)
    settle()
    approval = Approval.objects.get(about=run.subject)
    assert (run.status, approval.subject_hash) == ("awaiting_approval", run.plan_hash)
    assert not Work.objects.filter(kind=engine.KIND).exists()
    with pytest.raises(Refused):
        give(approval=approval, user=ana)
    give(approval=approval, user=ben)
    settle()
    assert Run.objects.get(pk=run.pk).status == "running"
    assert step(run, "first").status == "waiting"
    rehearsal = start_run(playbook=version, inputs={}, scope=None, actor=ana.actor, environment="rehearsal")
    assert rehearsal.status == "running", "a rehearsal needs nobody's approval"
    drill = start_run(playbook=version, inputs={}, scope=None, actor=ana.actor, environment="drill")
    assert drill.status == "awaiting_approval", "a drill drills those who approve as well"


def test_an_approve_step_asks_others_and_a_no_stops_it() -> None:
    ana, ben, cleo = person("ana", "commander"), person("ben", "commander"), person("cleo", "commander")
    yaml = """\
playbook: ask
title: Ask first
summary: One question.
steps:
  - {id: ask, approve: {question: Shall we go on?, required: 1, role: commander}}
"""
    version = save_version(yaml=yaml, actor=ana.actor)
    run = start_run(playbook=version, inputs={}, scope=None, actor=ana.actor)
    settle()
    asked = step(run, "ask")
    approval = Approval.objects.get(about=asked.subject)
    assert asked.status == "waiting" and approval.title == "Shall we go on?"
    refuse(approval=approval, user=ben, reason="not tonight")
    settle()
    assert step(run, "ask").status == "failed" and Run.objects.get(pk=run.pk).status == "failed"
    retry_step(step=asked, actor=ana.actor)
    settle()
    give(approval=Approval.objects.get(about=asked.subject, status="open"), user=cleo)
    settle()
    assert step(run, "ask").status == "done" and Run.objects.get(pk=run.pk).status == "done"


def test_a_run_of_a_private_scope_is_private() -> None:
    ana, val, aud = person("ana", "commander"), person("val", "viewer"), person("aud", "auditor")
    parent = open_scope(kind="incident", title="secret", private=True, members=[ana.actor], actor=ana.actor)
    run = start(ONE_BY_HAND, scope=parent)
    for who, sees in ((ana, True), (val, False), (aud, True)):
        assert Run.objects.visible_to(who).filter(pk=run.pk).exists() is sees
        assert StepRun.objects.visible_to(who).exists() is sees
        assert Plan.objects.visible_to(who).exists() is sees


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("point", ["step.begun", "step.acted", "work.claimed", "work.settling"])
def test_a_worker_that_dies_there_neither_loses_nor_doubles_the_step(
    point: str, at_once: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is left as a killed worker leaves it: running, its lease run out; then another one comes."""
    done: list[int] = []

    class Died(BaseException):
        pass

    def begin(_cls: type, turn: Turn) -> Result:
        done.append(turn.step.pk)
        return Finished(proof="once")

    armed = [True]

    def die(name: str) -> None:
        if name == point and armed:
            armed.clear()
            raise Died

    monkeypatch.setattr(STEPS["wait"], "begin", classmethod(begin))
    monkeypatch.setattr(STEPS["wait"], "at_once", classmethod(lambda _cls, params: at_once))
    monkeypatch.setattr("work.faults.point", die)
    version = save_version(yaml=ONE_BY_HAND.replace("wait:", "needs: []\n    wait:"), actor="system:test")
    run = start_run(playbook=version, inputs={}, scope=None, actor="system:test")
    row = Work.objects.get(subject=step(run, "second").subject)
    if point == "work.settling":
        runner.run(row.pk)  # the engine ends its turn itself: this point is passed by nobody
    else:
        with pytest.raises(Died):
            runner.run(row.pk)
    while leases.HEART._thread is not None:  # a dead worker's heart does not beat once more
        threading.Event().wait(0.02)
    Work.objects.filter(pk=row.pk, status="running").update(lease_until=timezone.now() - timedelta(seconds=1))
    settle()
    assert step(run, "second").status == "done"
    assert Event.objects.filter(verb="step.done", subject=step(run, "second").subject).count() == 1
    assert len(done) == (2 if point == "step.acted" else 1)


def test_a_worker_that_lost_its_lease_can_write_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def begin(_cls: type, turn: Turn) -> Result:
        Work.objects.filter(pk=turn.lease.work.pk).update(fence=turn.lease.fence + 1)
        return Finished(proof="too late")

    monkeypatch.setattr(STEPS["wait"], "begin", classmethod(begin))
    monkeypatch.setattr(STEPS["wait"], "at_once", classmethod(lambda _cls, params: False))
    version = save_version(yaml=ONE_BY_HAND.replace("wait:", "needs: []\n    wait:"), actor="system:test")
    run = start_run(playbook=version, inputs={}, scope=None, actor="system:test")
    assert runner.run(Work.objects.get(subject=step(run, "second").subject).pk) is None
    assert step(run, "second").status == "running"
    assert LostLease.__doc__


def test_two_ends_at_once_start_the_next_step_once() -> None:
    run = start(PARALLEL)
    for name in ("left", "right"):
        complete_step(step=step(run, name), actor="system:test", answer={})
    rows = list(Work.objects.filter(status="queued").values_list("pk", flat=True))
    assert len(rows) == 2

    def work(pk: int) -> None:
        runner.run(pk)
        connection.close()

    threads = [threading.Thread(target=work, args=(pk,)) for pk in rows]
    [t.start() for t in threads]
    [t.join() for t in threads]
    settle()
    assert Run.objects.get(pk=run.pk).status == "done"
    assert Event.objects.filter(verb="step.running", subject=step(run, "both").subject).count() == 1


def test_the_library_loads_once_and_a_version_never_changes() -> None:
    first = load_library(actor="system:demo")
    assert [v.pk for v in load_library(actor="system:demo")] == [v.pk for v in first]
    version = first[0]
    changed = save_version(yaml=version.yaml + "# a word more\n", actor="system:test", slug=version.playbook.slug)
    assert changed.number == 2
    with pytest.raises(Invalid, match="but this is other"):
        save_version(yaml=version.yaml, actor="system:test", slug="other")
    with pytest.raises(Exception, match="never changes"), transaction.atomic():
        PlaybookVersion.objects.filter(pk=version.pk).update(yaml="x")
