"""Locks on contracts: two runs never act on one at once, nobody waits for ever, and a lock is never left behind."""

import threading

import pytest
from django.db import connection

from runbooks.runs.models import Lock, Run
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, roll_back
from runbooks.steps import Failed, Finished, Uncertain
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.runs import HOUSE, ON_VAULT, Script, asks, begun, does, drafted, fresh, script, statuses, step
from work import runner
from work.models import Work

__all__ = ["quiet", "script"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


def holder() -> int | None:
    return Lock.objects.values_list("run_id", flat=True).first()


def test_the_second_run_waits_without_a_worker_and_goes_on_when_the_first_lets_go(script: Script) -> None:
    first = begun(asks("act", lock=ON_VAULT), asks("after"))
    second = begun(does("act", kind="notify", lock=ON_VAULT))
    waiting = step(second, "act")
    assert (holder(), waiting.status, waiting.reason) == (first.pk, "waiting", f"locked by run {first.pk}")
    assert waiting.waits_since is not None and Work.objects.get(subject=waiting.subject).status == "waiting"
    complete_step(step=step(first, "act"), actor=HOUSE, answer={})
    settle()
    assert (fresh(second).status, fresh(first).status, holder()) == ("done", "running", None)
    assert script.began == ["act"]


def test_a_lock_is_kept_until_no_step_to_come_acts_on_it(script: Script) -> None:
    run = begun(does("one", lock=ON_VAULT), asks("between"), does("two", lock=ON_VAULT), asks("end"))
    assert holder() == run.pk
    complete_step(step=step(run, "between"), actor=HOUSE, answer={})
    settle()
    assert (statuses(run)["end"], holder()) == ("waiting", None)


def test_a_failed_run_lets_go_and_a_retry_takes_it_again(script: Script) -> None:
    script.says(act=[Failed("no"), Finished("yes")])
    first = begun(does("act", lock=ON_VAULT), does("more", lock=ON_VAULT))
    assert (first.status, holder()) == ("failed", None)
    second = begun(asks("other", lock=ON_VAULT))
    retry_step(step=step(first, "act"), actor=HOUSE)
    settle()
    assert (holder(), step(first, "act").reason) == (second.pk, f"locked by run {second.pk}")
    complete_step(step=step(second, "other"), actor=HOUSE, answer={})
    settle()
    assert (fresh(first).status, holder()) == ("done", None)


def test_what_nobody_knows_keeps_its_lock(script: Script) -> None:
    script.says(act=Uncertain("who knows"))
    run = begun(does("act", lock=ON_VAULT))
    assert (run.status, holder()) == ("paused", run.pk)
    abort_run(run=run, actor=HOUSE, reason="seen on the chain: nothing happened")
    assert holder() is None


def test_the_way_back_acts_under_the_same_lock(script: Script) -> None:
    run = begun(does("act", lock=ON_VAULT, undo=True), asks("hand"))
    other = begun(asks("other", lock=ON_VAULT))
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    assert (statuses(run)["act.rollback"], step(run, "act.rollback").reason) == ("waiting", f"locked by run {other.pk}")
    abort_run(run=other, actor=HOUSE, reason="make room")
    settle()
    assert (fresh(run).status, holder()) == ("rolled_back", None)


def test_aborting_a_run_that_waits_for_a_lock_leaves_nothing(script: Script) -> None:
    first = begun(asks("act", lock=ON_VAULT))
    second = begun(does("act", lock=ON_VAULT))
    abort_run(run=second, actor=HOUSE, reason="not needed")
    complete_step(step=step(first, "act"), actor=HOUSE, answer={})
    settle()
    assert (fresh(first).status, fresh(second).status, holder(), script.began) == ("done", "aborted", None, [])


def test_a_lock_that_comes_free_while_the_run_stands_still_is_taken_when_it_goes_on(script: Script) -> None:
    script.says(odd=[Uncertain("who knows"), Finished("it had happened")])
    first = begun(asks("act", lock=ON_VAULT))
    second = begun(does("act", needs=(), lock=ON_VAULT), asks("hand", needs=()), does("odd", needs=("hand",)))
    complete_step(step=step(second, "hand"), actor=HOUSE, answer={})
    settle()
    assert (fresh(second).status, statuses(second)["act"]) == ("paused", "waiting")
    complete_step(step=step(first, "act"), actor=HOUSE, answer={})
    settle()
    assert (fresh(second).status, statuses(second)["act"], holder()) == ("paused", "pending", None)
    retry_step(step=step(second, "odd"), actor=HOUSE)
    settle()
    assert fresh(second).status == "done" and script.began == ["odd", "act", "odd"]


def test_who_waits_too_long_fails_with_what_it_waited_for(script: Script) -> None:
    first = begun(asks("act", lock=ON_VAULT))
    second = begun(does("act", lock=ON_VAULT, timeout=1))
    threading.Event().wait(1.1)
    Work.objects.filter(subject=step(second, "act").subject).update(run_at="2026-01-01T00:00Z")
    settle()
    assert step(second, "act").reason == f"not begun within 1s: locked by run {first.pk}"
    assert fresh(second).status == "failed" and holder() == first.pk


def test_a_rehearsal_takes_no_lock(script: Script) -> None:
    begun(asks("act", lock=ON_VAULT))
    rehearsal = begun(does("act", lock=ON_VAULT), environment="rehearsal")
    assert rehearsal.status == "done"


def test_two_that_would_wait_for_each_other_do_not(script: Script) -> None:
    """One holds A and wants B, the other holds B and wants A: the one that would close the circle fails at once."""
    other = {"chain_id": 31337, "address": "0xe7f1725E7734CE288F8367e1Bb143E90bb3F0512", "name": "Oracle"}
    ends = {"lock": ON_VAULT, "needs": ("two",)}
    one = begun(asks("hand", lock=ON_VAULT), does("two", lock=other), does("end", **ends))
    second = begun(asks("hand", lock=other), does("two", lock=ON_VAULT), does("end", lock=other))
    assert Lock.objects.count() == 2
    complete_step(step=step(one, "hand"), actor=HOUSE, answer={})
    settle()
    assert step(one, "two").reason == f"locked by run {second.pk}"
    complete_step(step=step(second, "hand"), actor=HOUSE, answer={})
    settle()
    assert (
        step(second, "two").reason == f"run {one.pk} has this lock, and run {one.pk} itself waits for run {second.pk}"
    )
    assert (fresh(second).status, fresh(one).status, holder()) == ("failed", "done", None)


def test_two_workers_at_the_same_moment_give_one_lock(script: Script) -> None:
    runs = [drafted(asks("act", lock=ON_VAULT)) for _ in range(4)]
    for run in runs:
        begin(run=run, actor=HOUSE)
    rows = list(Work.objects.filter(kind="runbooks.step").values_list("pk", flat=True))
    together = threading.Barrier(len(rows))

    def take(row: int) -> None:
        together.wait()
        try:
            runner.run(row)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=[row]) for row in rows]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Lock.objects.count() == 1
    for _ in runs:
        mine = Run.objects.get(pk=holder() or 0)
        assert step(mine, "act").waiting_for == step(mine, "act").subject
        complete_step(step=step(mine, "act"), actor=HOUSE, answer={})
        settle()
    assert {fresh(run).status for run in runs} == {"done"} and holder() is None
