"""What the chain says of a step that had ended: a reorg takes proofs back in every phase; nothing is told twice."""

import pytest
from django.db import transaction

from accounts.approvals.models import Approval
from accounts.approvals.services import refuse
from governance.plans.schema import Reference
from governance.plans.services import known_values
from governance.proposals.consent import to_execute, to_wait_for
from governance.proposals.models import Proposal
from ledger.models import Event
from runbooks.runs.aftermath import gave_up, lost_proof
from runbooks.runs.approvals import not_approved
from runbooks.runs.models import Run, Stage
from runbooks.runs.services import abort_run, begin, retry_step, roll_back, skip_step
from runbooks.steps import Again, Failed, Finished, Turn, Uncertain, Waiting
from runbooks.steps.safe import SafeStep
from tests.browser import chain_world
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.people import person
from tests.private_world import a_proposal, a_safe
from tests.runs import HOUSE, WITH_APPROVAL, Script, always, asks, begun, does, drafted, fresh, script, statuses, step

__all__ = ["quiet", "script"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)
SEND = {"kind": "notify"}


def reorg(run: Run, name: str) -> Run:
    with transaction.atomic():
        lost_proof(step(run, name))
    return fresh(run)


def test_a_run_that_was_done_proves_itself_again_and_what_always_runs_does_not_run_again(script: Script) -> None:
    run = begun(does("sent", **SEND), does("told", **SEND), does("more"), always("last"))
    assert run.status == "done"
    run = reorg(run, "sent")
    assert (run.status, statuses(run)["sent"], statuses(run)["told"], statuses(run)["last"]) == (
        "running",
        "pending",
        "done",
        "done",
    )
    settle()
    assert (fresh(run).status, step(run, "sent").attempt) == ("done", 2)
    assert script.began == ["sent", "told", "more", "last", "sent"]
    lost = Event.objects.get(verb="step.pending").after["lost"]
    assert lost == {"attempt": 1, "proof": "did sent"}


def test_a_run_that_had_failed_stays_so_and_goes_on_from_there_when_it_is_retried(script: Script) -> None:
    script.says(bad=[Failed("no")])
    run = begun(does("sent", **SEND), does("bad"), always("last"))
    run = reorg(run, "sent")
    assert (run.status, statuses(run)["sent"]) == ("failed", "pending")
    settle()
    assert script.began == ["sent", "bad", "last"]
    retry_step(step=step(run, "bad"), actor=HOUSE)
    settle()
    assert fresh(run).status == "done"
    assert script.began[3:5] in (["sent", "bad"], ["bad", "sent"]) and script.began[-1] == "last"


def test_what_was_left_behind_is_not_proved_again(script: Script) -> None:
    back = begun(does("sent", undo=True, **SEND), always("last"))
    roll_back(run=back, actor=HOUSE, reason="back")
    settle()
    given_up = begun(does("sent", **SEND), asks("hand"))
    abort_run(run=given_up, actor=HOUSE, reason="enough")
    for run, status in ((back, "rolled_back"), (given_up, "aborted")):
        run = reorg(run, "sent")
        assert (run.status, statuses(run)["sent"]) == (status, "done")


def test_undoing_and_the_last_steps_prove_themselves_again(script: Script) -> None:
    run = begun(does("sent", undo=True, **SEND), always("last", **SEND), always("very_last"))
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    run = reorg(run, "sent.rollback")
    assert (run.status, statuses(run)["last"]) == ("rolling_back", "done")
    settle()
    assert fresh(run).status == "rolled_back"
    run = reorg(run, "last")
    assert run.status == "finishing"
    settle()
    assert fresh(run).status == "rolled_back"
    assert script.began[-2:] == ["sent.rollback", "last"]


def test_a_reorg_while_the_last_steps_run_goes_back_and_comes_again(script: Script) -> None:
    run = begun(does("sent", **SEND), always("first"), asks("hand", phase="finally"))
    run = reorg(run, "sent")
    assert run.status == "running"
    settle()
    assert (fresh(run).status, script.began) == ("finishing", ["sent", "first", "sent"])


def test_a_reorg_while_what_must_hold_after_it_is_looked_at(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    found = [Again("not yet"), Finished("now")]
    monkeypatch.setattr("runbooks.steps.check.look", lambda _params, _environment: found.pop(0))
    run = begun(does("sent", after=[{"name": "after"}], attempts=3, delay=3_600, **SEND))
    assert step(run, "sent").stage == Stage.AFTER
    run = reorg(run, "sent")
    assert step(run, "sent").stage == Stage.ACTING


def test_a_transaction_that_was_given_up_fails_its_step_and_the_run_ends_as_it_says(script: Script) -> None:
    script.says(sent=Uncertain("who knows"))
    run = begun(does("sent", **SEND), always("last"))
    assert run.status == "paused"
    with transaction.atomic():
        gave_up(step(run, "sent"), "user:1", "given up: the nonce was taken")
    settle()
    run = fresh(run)
    assert (run.status, run.reason, script.began) == (
        "failed",
        "step sent failed: given up: the nonce was taken",
        ["sent", "last"],
    )


def test_what_was_recorded_stays_recorded_when_the_same_deed_is_mined_in_another_block(script: Script) -> None:
    block = Reference(id="sent.block", type="uint256", rule="step:sent.block")
    script.says(sent=[Finished("mined", {"block": "100"}), Finished("mined", {"block": "101"})])
    says = {"seconds": {"$text": ["It happened in block ", {"$ref": "sent.block"}]}}
    run = begun(does("sent", **SEND), does("told", params=says), references=(block,))
    reorg(run, "sent")
    settle()
    assert (fresh(run).status, step(run, "sent").output["block"]) == ("done", "101")
    assert known_values(run.plan) == {"sent.block": "100"}
    kept = Event.objects.get(verb="plan.value.kept").after
    assert (kept["recorded"], kept["now"]) == ("100", "101")


def test_what_was_read_and_is_another_after_a_reorg_stops(script: Script) -> None:
    price = Reference(id="read.price", type="uint256", rule="step:read.price")
    script.says(read=[Finished("read", {"price": "12"}), Finished("read", {"price": "13"})])
    run = begun(does("read"), does("use", params={"seconds": {"$ref": "read.price"}}), references=(price,))
    reorg(run, "read")
    settle()
    assert (fresh(run).status, step(run, "read").status) == ("failed", "failed")
    assert "read.price is recorded as 12; it cannot become 13" in step(run, "read").reason


def proposed(run: Run, name: str) -> Proposal:
    made = a_proposal(a_safe(), run.scope, "Pause")
    Proposal.objects.filter(pk=made.pk).update(plan=run.plan, step_id=name)
    made.refresh_from_db()
    return made


def test_a_proposal_that_its_run_went_on_without_is_not_executed_by_itself(script: Script) -> None:
    """It was done by hand, say: signed in full an hour later, it would be done twice."""
    chain_world.executor()
    script.says(act=Waiting(on="proposal:1", reason="signatures"))
    run = begun(does("act", **SEND), does("more"))
    proposal = proposed(run, "act")
    assert to_execute.objection(proposal) == to_wait_for.objection(proposal) == ""
    skip_step(step=step(run, "act"), actor=HOUSE, reason="it was done by hand")
    assert to_wait_for.objection(proposal) == "no step of a run waits for it"
    assert to_execute.objection(proposal).startswith("its step was skipped: it was done by hand; reject it")


def test_a_proposal_that_came_too_late_is_not_executed_after_the_rollback(script: Script) -> None:
    chain_world.executor()
    script.says(act=Failed("not finished within 1h"))
    run = begun(does("first", undo=True), does("act", on_failure="rollback", **SEND))
    assert run.status == "rolled_back"
    assert to_execute.objection(proposed(run, "act")).startswith(
        "its step failed, and the run was rolled back; reject it"
    )


def test_a_run_whose_approval_was_refused_is_over_and_says_why(script: Script) -> None:
    run = begin(run=drafted(does("act"), yaml=WITH_APPROVAL), actor=HOUSE)
    settle()
    refuse(approval=Approval.objects.get(), user=person("ana", "commander"), reason="the feed is fine")
    settle()
    run = fresh(run)
    assert (run.status, run.reason) == ("aborted", "its approval was refused: the feed is fine")
    assert script.began == []


@pytest.mark.parametrize("word", ["continue", "act"])
def test_a_refused_approval_stops_the_run_whatever_its_plan_says(script: Script, word: str) -> None:
    approve = {"question": "Go on?", "required": 1, "role": "commander", "needs": "none"}
    parts = (does("ask", kind="approve", params=approve, on_failure=word), does("between"), does("act", **SEND))
    run = begun(*parts)
    refuse(approval=Approval.objects.get(), user=person("ana", "commander"), reason="no")
    settle()
    assert (fresh(run).status, statuses(run)["ask"], script.began) == ("failed", "failed", [])
    assert not_approved(run, acts=True, step_id="act") == "the approval “ask” was not given"
    assert not_approved(run, acts=True, step_id="ask") == ""


def test_a_proposal_of_what_always_runs_is_not_taken_for_a_second_one(script: Script) -> None:
    """A plan proposes each step once. What must be done anew, and cannot be, says so: nobody must believe it is."""
    chain_world.executor()
    script.says(last=[Finished("done"), Waiting(on="proposal:1", reason="signatures")], a=[Failed("no")])
    run = begun(does("a"), always("last", **SEND))
    proposal = proposed(run, "last")
    Proposal.objects.filter(pk=proposal.pk).update(status="executed", outcome={"block": 7})
    retry_step(step=step(run, "a"), actor=HOUSE)
    settle()
    held = step(run, "last")
    assert (held.status, held.attempt, held.since) == ("waiting", 2, 2)
    safe = {"chain_id": proposal.chain_id, "address": proposal.safe.address}
    params = {"safe": safe, "safe_name": "S", "calls": [], "title": "Pause", "description": ""}
    result = SafeStep.begin(Turn(step=held, params=params, lease=Mine()))  # type: ignore[arg-type]  # asked only this
    assert isinstance(result, Failed) and "is not proposed again" in result.reason


class Mine:
    """A lease that is still held."""

    def check(self) -> None: ...
