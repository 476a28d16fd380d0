"""The course of a run: failures, the way back, steps that always run, jumps; and what people press meanwhile."""

from collections.abc import Iterator

import pytest

from accounts.approvals.models import Approval
from ledger.errors import Invalid, Refused, StaleTransition
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, roll_back, skip_step
from runbooks.steps import Failed, Finished, Uncertain, Waiting
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.runs import HOUSE, Script, always, asks, begun, does, drafted, fresh, script, statuses, step, verbs
from work.models import Work

__all__ = ["quiet", "script"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def no_open_work() -> Iterator[None]:
    """Whatever a test did: a run that is over has no open step, and no step has two open rows of work."""
    yield
    for run in Run.objects.filter(status__in=("done", "aborted", "rolled_back")):
        assert not run.steps.filter(status__in=("running", "waiting")).exists()
    for one in StepRun.objects.all():
        rows = Work.objects.filter(
            kind="runbooks.step", payload__step=one.pk, status__in=("queued", "running", "waiting")
        )
        assert rows.count() <= 1


def again(run: Run, name: str) -> Run:
    retry_step(step=step(run, name), actor=HOUSE, reason="once more")
    settle()
    return fresh(run)


def test_what_always_runs_runs_after_the_end_and_only_then(script: Script) -> None:
    run = begun(does("a"), does("b"), always("hand_back"), always("tell"))
    assert (run.status, run.ending) == ("done", "done")
    assert script.began == ["a", "b", "hand_back", "tell"]
    assert verbs(run, "run.") == ["run.drafted", "run.running", "run.finishing", "run.done"]


def test_a_failure_runs_what_always_runs_and_a_retry_runs_it_again_at_the_end(script: Script) -> None:
    script.says(b=[Failed("no"), Finished("yes")])
    run = begun(does("a"), does("b"), does("c"), always("hand_back"))
    assert (run.status, run.reason) == ("failed", "step b failed: no")
    assert statuses(run) == {"a": "done", "b": "failed", "c": "pending", "hand_back": "done"}
    run = again(run, "b")
    assert (run.status, run.ending, run.reason) == ("done", "done", "")
    assert script.began == ["a", "b", "hand_back", "b", "c", "hand_back"]
    assert step(run, "hand_back").attempt == 2


def test_a_skip_goes_on_as_a_retry_does(script: Script) -> None:
    script.says(b=Failed("no"))
    run = begun(does("a"), does("b"), does("c"), always("hand_back"))
    skip_step(step=step(run, "b"), actor=HOUSE, reason="it was done by hand")
    settle()
    assert fresh(run).status == "done" and script.began == ["a", "b", "hand_back", "c", "hand_back"]


def test_one_that_always_runs_and_fails_holds_up_no_other_and_the_run_says_so(script: Script) -> None:
    script.says(first=[Failed("no key"), Finished("now")])
    run = begun(does("a"), always("first"), always("second"))
    assert (run.status, run.ending, run.reason) == ("failed", "done", "step first, which always runs, failed: no key")
    assert statuses(run)["second"] == "done"
    run = again(run, "first")
    assert run.status == "done" and script.began == ["a", "first", "second", "first"]


def test_both_failures_are_told(script: Script) -> None:
    script.says(a=Failed("broken"), first=Failed("no key"))
    run = begun(does("a"), always("first"))
    assert run.reason == "step a failed: broken; then step first, which always runs, failed: no key"
    skip_step(step=step(run, "first"), actor=HOUSE, reason="handed back by hand")
    settle()
    assert (fresh(run).status, fresh(run).reason) == ("failed", "step a failed: broken")


def test_while_the_last_steps_run_nothing_before_them_can_be_retried(script: Script) -> None:
    script.says(a=[Failed("no")])
    run = begun(does("a"), asks("hand", phase="finally"))
    assert run.status == "finishing"
    for press in (retry_step, skip_step):
        with pytest.raises(Refused, match="finishing"):
            press(step=step(run, "a"), actor=HOUSE, reason="now")
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    assert fresh(run).status == "failed"
    assert again(run, "a").status == "finishing"
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    assert fresh(run).status == "done"


def test_abort_lets_what_always_runs_have_its_turn(script: Script) -> None:
    run = begun(does("a"), asks("hand"), does("c"), asks("last", phase="finally"))
    abort_run(run=run, actor=HOUSE, reason="false alarm")
    settle()
    run = fresh(run)
    assert (run.status, run.ending, run.reason) == ("finishing", "aborted", "false alarm")
    assert statuses(run) == {"a": "done", "hand": "skipped", "c": "skipped", "last": "waiting"}
    with pytest.raises(Refused, match="is being aborted"):
        abort_run(run=run, actor=HOUSE, reason="again")
    complete_step(step=step(run, "last"), actor=HOUSE, answer={})
    settle()
    assert (fresh(run).status, fresh(run).reason) == ("aborted", "false alarm")
    with pytest.raises(StaleTransition):
        abort_run(run=run, actor=HOUSE, reason="once more")


def test_abort_after_a_failure_does_not_run_the_last_steps_twice(script: Script) -> None:
    script.says(a=Failed("no"))
    run = begun(does("a"), does("b"), always("last"))
    abort_run(run=run, actor=HOUSE, reason="given up")
    settle()
    assert fresh(run).status == "aborted" and script.began == ["a", "last"]
    assert statuses(run) == {"a": "failed", "b": "skipped", "last": "done"}


def test_a_run_that_never_began_ends_without_its_last_steps(script: Script) -> None:
    run = drafted(does("a", undo=True), always("last"))
    abort_run(run=run, actor=HOUSE, reason="not needed")
    settle()
    assert fresh(run).status == "aborted" and script.began == []
    assert set(statuses(run).values()) == {"skipped"}


def test_abort_while_the_last_steps_of_a_good_run_are_under_way(script: Script) -> None:
    run = begun(does("a"), asks("last", phase="finally"))
    abort_run(run=run, actor=HOUSE, reason="it was not right")
    assert (fresh(run).status, fresh(run).ending) == ("finishing", "aborted")
    skip_step(step=step(run, "last"), actor=HOUSE, reason="enough")
    settle()
    assert fresh(run).status == "aborted"
    assert "run.aborting" in verbs(run)


def test_rolling_back_undoes_what_is_done_in_reverse_and_one_at_a_time(script: Script) -> None:
    script.says(c=Failed("no"))
    run = begun(does("a", undo=True), does("b", undo=True), does("c", undo=True), does("d", undo=True), always("last"))
    assert (run.status, script.began) == ("failed", ["a", "b", "c", "last"])
    roll_back(run=run, actor=HOUSE, reason="the vault is fine")
    settle()
    run = fresh(run)
    assert (run.status, run.reason, run.turned_back) == ("rolled_back", "the vault is fine", True)
    assert script.began[4:] == ["b.rollback", "a.rollback", "last"]
    assert statuses(run) == {
        "a": "done",
        "a.rollback": "done",
        "b": "done",
        "b.rollback": "done",
        "c": "failed",
        "c.rollback": "skipped",
        "d": "skipped",
        "d.rollback": "skipped",
        "last": "done",
    }
    with pytest.raises(StaleTransition):
        roll_back(run=run, actor=HOUSE, reason="again")
    with pytest.raises(Refused):
        retry_step(step=step(run, "c"), actor=HOUSE)


def test_on_failure_rollback_does_it_by_itself(script: Script) -> None:
    script.says(b=Failed("no"))
    run = begun(does("a", undo=True), does("b", on_failure="rollback", undo=True), does("c"), always("last"))
    assert (run.status, run.reason) == ("rolled_back", "step b failed: no")
    assert script.began == ["a", "b", "a.rollback", "last"]


def test_a_step_that_cannot_be_undone_stops_and_can_be_tried_again(script: Script) -> None:
    script.says(**{"b.rollback": [Failed("stuck"), Finished("loose")]})
    run = begun(does("a", undo=True), does("b", undo=True), always("last"))
    assert run.status == "done"
    roll_back(run=run, actor=HOUSE, reason="wrong vault")
    settle()
    run = fresh(run)
    assert (run.status, run.reason) == ("failed", "step b.rollback failed while rolling back: stuck")
    assert statuses(run)["a.rollback"] == "pending"
    with pytest.raises(Refused, match="is done"):
        retry_step(step=step(run, "a"), actor=HOUSE)
    run = again(run, "b.rollback")
    assert run.status == "rolled_back"
    assert script.began == ["a", "b", "last", "b.rollback", "last", "b.rollback", "a.rollback", "last"]


def test_a_step_that_cannot_be_undone_can_be_skipped(script: Script) -> None:
    script.says(**{"b.rollback": Failed("stuck")})
    run = begun(does("a", undo=True), does("b", undo=True))
    roll_back(run=run, actor=HOUSE, reason="wrong vault")
    settle()
    skip_step(step=step(run, "b.rollback"), actor=HOUSE, reason="undone by hand")
    settle()
    assert fresh(run).status == "rolled_back" and statuses(run)["a.rollback"] == "done"


def test_nothing_to_undo_is_said(script: Script) -> None:
    run = begun(does("a"), asks("hand", undo=True))
    with pytest.raises(Refused, match="Nothing that is done has a way back"):
        roll_back(run=run, actor=HOUSE, reason="back")
    with pytest.raises(Invalid, match="reason"):
        roll_back(run=run, actor=HOUSE, reason=" ")
    assert fresh(run).status == "running"


def test_what_is_under_way_outside_is_first_let_come_to_its_end(script: Script) -> None:
    """A person is refused with a clear word; a failure that rolls back waits, and then undoes that step too."""
    script.says(sent=Waiting(on="proposal:7", reason="waiting for signatures"), bad=Failed("no"))
    run = begun(
        does("a", undo=True),
        does("sent", kind="notify", needs=("a",), undo=True),
        asks("hand", needs=("a",)),
        does("bad", needs=("hand",), on_failure="rollback"),
        always("last"),
    )
    with pytest.raises(Refused, match=r"sent is under way \(proposal 7: waiting for signatures\)"):
        roll_back(run=run, actor=HOUSE, reason="back")
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    assert (fresh(run).status, statuses(run)["sent"], statuses(run)["a.rollback"]) == (
        "rolling_back",
        "waiting",
        "pending",
    )
    script.says(sent=Finished("executed after all"))
    Work.objects.filter(status="waiting").update(run_at="2026-01-01T00:00Z")
    settle()
    assert fresh(run).status == "rolled_back"
    assert script.began[-3:] == ["sent.rollback", "a.rollback", "last"]


def test_open_questions_end_with_the_way_back(script: Script) -> None:
    approve = {"question": "Go on?", "required": 1, "role": "commander", "needs": "none"}
    run = begun(does("a", undo=True), does("ask", kind="approve", params=approve), does("b"))
    assert Approval.objects.get().status == "open"
    roll_back(run=run, actor=HOUSE, reason="no need to ask")
    settle()
    assert (fresh(run).status, statuses(run)["ask"], Approval.objects.get().status) == (
        "rolled_back",
        "skipped",
        "withdrawn",
    )


def test_on_failure_may_name_a_step_further_down(script: Script) -> None:
    script.says(a=Failed("no"))
    run = begun(does("a", on_failure="d", undo=True), does("b"), does("c"), does("d"), does("e"), always("last"))
    assert run.status == "done" and script.began == ["a", "d", "e", "last"]
    assert step(run, "b").reason == "left out: a failed"


def test_an_unknown_outcome_stops_everything_that_has_not_begun(script: Script) -> None:
    """Handed over already, the other branch gives its turn back; it begins once somebody has said what happened."""
    script.says(left=[Uncertain("who knows"), Finished("it had happened")])
    run = drafted(does("left", needs=()), does("right", needs=()), does("end", needs=("left", "right")), always("last"))
    begin(run=run, actor=HOUSE)
    settle()
    run = fresh(run)
    assert (run.status, statuses(run)) == (
        "paused",
        {"left": "unknown", "right": "pending", "end": "pending", "last": "pending"},
    )
    assert script.began == ["left"]
    run = again(run, "left")
    assert run.status == "done" and script.began == ["left", "left", "right", "end", "last"]


@pytest.mark.parametrize("where", ["last", "a.rollback"])
def test_an_unknown_outcome_on_the_way_back_or_at_the_end_is_parked_and_resumed(script: Script, where: str) -> None:
    script.says(**{where: [Uncertain("who knows"), Finished("it had happened")]}, b=Failed("no"))
    run = begun(does("a", undo=True), does("b", on_failure="rollback"), always("last"), always("very_last"))
    assert run.status == "paused"
    with pytest.raises(Refused):
        roll_back(run=run, actor=HOUSE, reason="back")
    assert again(run, where).status == "rolled_back"
    assert statuses(run)["very_last"] == "done"


def test_an_unknown_outcome_beside_a_failure(script: Script) -> None:
    """The failure ends the run; the unknown one, found later, pauses it until a person has said what happened."""
    script.says(bad=[Failed("no")], left=Waiting(on="proposal:1", reason="under way"))
    run = begun(
        does("left", kind="notify", needs=()), does("bad", needs=()), does("end", needs=("left", "bad")), always("last")
    )
    assert (run.status, statuses(run)["left"]) == ("failed", "waiting")
    script.says(left=[Uncertain("who knows"), Finished("done")])
    Work.objects.filter(status="waiting").update(run_at="2026-01-01T00:00Z")
    settle()
    assert fresh(run).status == "paused"
    run = again(run, "left")
    assert (run.status, statuses(run)["left"]) == ("failed", "pending")
    run = again(run, "bad")
    assert run.status == "done" and script.began.count("last") == 2


def test_what_is_unknown_when_the_run_turns_back_is_looked_at_and_then_undone_too(script: Script) -> None:
    script.says(sent=[Waiting(on="proposal:1", reason="under way")], bad=Failed("no"))
    run = begun(
        does("sent", kind="notify", needs=(), undo=True),
        asks("hand", needs=()),
        does("bad", needs=("hand",), on_failure="rollback"),
        does("end", needs=("sent", "bad")),
    )
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    script.says(sent=[Uncertain("who knows"), Finished("it had happened")])
    Work.objects.filter(status="waiting").update(run_at="2026-01-01T00:00Z")
    settle()
    assert (fresh(run).status, statuses(run)["sent"]) == ("paused", "unknown")
    run = again(run, "sent")
    assert (run.status, statuses(run)["sent"], statuses(run)["sent.rollback"]) == ("rolled_back", "done", "done")
    assert script.began == ["sent", "bad", "sent", "sent", "sent.rollback"]


def test_continue_that_failed_is_not_undone_and_may_be_retried_beside(script: Script) -> None:
    script.says(a=[Failed("no"), Finished("yes")])
    run = begun(does("a", on_failure="continue", undo=True), does("b", undo=True), asks("hand"))
    assert statuses(run)["a"] == "failed" and run.status == "running"
    run = again(run, "a")
    assert (run.status, statuses(run)["a"]) == ("running", "done")
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    assert script.began[-2:] == ["b.rollback", "a.rollback"]


def test_abort_while_rolling_back(script: Script) -> None:
    script.says(**{"b.rollback": Waiting(on="proposal:9", reason="signatures")})
    run = begun(does("a", undo=True), does("b", undo=True), always("last"))
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    abort_run(run=fresh(run), actor=HOUSE, reason="leave it")
    settle()
    assert fresh(run).status == "aborted"
    assert (statuses(run)["b.rollback"], statuses(run)["a.rollback"], statuses(run)["last"]) == (
        "skipped",
        "skipped",
        "done",
    )


def test_steps_that_only_stand_for_others_need_no_worker(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    from runbooks.steps import STEPS

    monkeypatch.setattr(STEPS["checklist"], "control", True)
    run = begun(does("a", needs=()), does("b", needs=()), does("both", kind="checklist", needs=("a", "b")), does("end"))
    assert run.status == "done" and step(run, "both").status == "done"
    assert not Work.objects.filter(payload__step=step(run, "both").pk).exists()


def test_a_held_run_stays_a_draft_until_it_is_begun_once(script: Script) -> None:
    run = drafted(does("a"))
    settle()
    assert (run.status, script.began) == ("draft", [])
    begin(run=run, actor=HOUSE)
    with pytest.raises(StaleTransition):
        begin(run=run, actor=HOUSE)
    settle()
    assert fresh(run).status == "done" and script.began == ["a"]
