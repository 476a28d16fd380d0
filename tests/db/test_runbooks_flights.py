"""A step that was given up on is not over while its transaction may still be mined: no rollback overtakes it."""

import pytest
from django.db import transaction

from governance.proposals.models import Proposal
from integrations.chain.models import Executor
from integrations.chain.transactions.models import Transaction
from ledger import record
from ledger.errors import Refused
from runbooks.runs.models import Lock, Run, StepRun
from runbooks.runs.services import retry_step, roll_back, skip_step
from runbooks.steps import Failed, Finished, Result, Turn, Uncertain, Waiting
from runbooks.steps.send import Send
from tests.browser import chain_world
from tests.db.test_runbooks_aftermath import Mine, proposed
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.runs import HOUSE, ON_VAULT, VAULT, Script, always, asks, begun, does, fresh, script, statuses, step
from work.models import Work

__all__ = ["quiet", "script"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)
SEND = {"kind": "notify"}
LATE = Failed("not finished within 30m")


def sent(held: StepRun, status: str = "broadcast") -> Transaction:
    """What the step sent, as it stands in the rows."""
    executor = Executor.objects.first() or chain_world.executor()
    return Transaction.objects.create(
        chain=executor.chain,
        executor=executor,
        key=f"{held.subject}:{held.attempt}",
        about=held.subject,
        status=status,
        to=VAULT,
        nonce=90,
        hash="0x" + "5a" * 32,
        actor=HOUSE,
    )


def moves(transaction: Transaction, status: str) -> None:
    mined = {"block_hash": "0x" + "ab" * 32, "block_number": 7, "receipt_status": True} if status == "mined" else {}
    Transaction.objects.filter(pk=transaction.pk).update(status=status, **mined)


def goes_on() -> None:
    Work.objects.filter(kind="runbooks.step", status="waiting").update(run_at="2026-01-01T00:00Z")
    settle()


def stopped(script: Script) -> Run:
    script.says(act=LATE)
    return begun(does("a", undo=True), does("act", undo=True, **SEND))


@pytest.mark.parametrize("status", ["queued", "reserved", "signed", "broadcast", "unknown"])
def test_a_person_is_told_which_transaction_may_still_be_mined(script: Script, status: str) -> None:
    run = stopped(script)
    living = sent(step(run, "act"), status)
    said = rf"Step act is not over: transaction {living.pk} is {status}"
    with pytest.raises(Refused, match=said) as refused:
        roll_back(run=run, actor=HOUSE, reason="back")
    assert f"cancel or resolve it on the page of transaction {living.pk}" in refused.value.hint
    assert (fresh(run).status, fresh(run).turned_back) == ("failed", False)
    moves(living, "dropped")
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    assert fresh(run).status == "rolled_back" and script.began == ["a", "act", "a.rollback"]


def test_a_step_that_was_skipped_is_not_overtaken_either(script: Script) -> None:
    run = stopped(script)
    living = sent(step(run, "act"))
    skip_step(step=step(run, "act"), actor=HOUSE, reason="done by hand")
    settle()
    with pytest.raises(Refused, match="act is not over"):
        roll_back(run=fresh(run), actor=HOUSE, reason="back")
    moves(living, "mined")  # skipped: a person has said that what it did stays
    roll_back(run=fresh(run), actor=HOUSE, reason="back")
    settle()
    assert fresh(run).status == "rolled_back" and "act.rollback" not in script.began


@pytest.mark.parametrize("status", ["executing", "unknown"])
def test_a_proposal_that_is_being_executed_is_not_overtaken(script: Script, status: str) -> None:
    chain_world.executor()
    run = stopped(script)
    proposal = proposed(run, "act")
    Proposal.objects.filter(pk=proposal.pk).update(status=status)
    with pytest.raises(Refused, match=f"act is not over: proposal {proposal.pk} is {status}"):
        roll_back(run=run, actor=HOUSE, reason="back")
    Proposal.objects.filter(pk=proposal.pk).update(status="failed")
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    assert fresh(run).status == "rolled_back"


def test_what_was_mined_after_its_step_had_failed_is_undone_too(script: Script) -> None:
    run = stopped(script)
    moves(sent(step(run, "act")), "mined")
    script.says(act=Finished("mined after all"))
    roll_back(run=run, actor=HOUSE, reason="back")
    settle()
    assert (fresh(run).status, statuses(run)["act"]) == ("rolled_back", "done")
    assert script.began == ["a", "act", "act", "act.rollback", "a.rollback"]


def test_nobody_else_acts_on_a_contract_while_a_failed_step_may_still_reach_it(script: Script) -> None:
    """Its transaction outlives it: the lock does too, and goes to who waits for it once the chain has spoken."""
    made: list[Transaction] = []

    def late(turn: Turn) -> Result:
        made.append(sent(turn.step))
        return LATE

    script.says(act=late)
    first = begun(does("act", lock=ON_VAULT, **SEND))
    assert first.status == "failed" and Lock.objects.get().run_id == first.pk
    second = begun(asks("other", lock=ON_VAULT))
    assert step(second, "other").reason == f"locked by run {first.pk}"
    with transaction.atomic():
        StepRun.objects.filter(pk=step(first, "act").pk).update(type="send")
        moves(made[0], "failed")
        record("transaction.failed", actor=HOUSE, subject=made[0].subject, before={"status": "broadcast"})
    settle()
    assert (Lock.objects.get().run_id, step(second, "other").waiting_for) == (
        second.pk,
        step(second, "other").subject,
    )


def test_a_rollback_by_itself_waits_for_the_transaction_with_its_lock_and_then_undoes_it(script: Script) -> None:
    """However long it takes, past the step's own timeout; nothing of the run is undone meanwhile."""
    made: list[Transaction] = []

    def late(turn: Turn) -> Result:
        made.append(sent(turn.step))
        return LATE

    script.says(act=[late, Waiting(on="step:1", reason="sent with nonce 90; not mined yet")])
    run = begun(does("a", undo=True), does("act", undo=True, lock=ON_VAULT, on_failure="rollback", **SEND))
    assert (run.status, statuses(run)["act"], statuses(run)["a.rollback"]) == ("rolling_back", "waiting", "pending")
    script.says(act=Waiting(on="step:1", reason="not mined yet"))
    StepRun.objects.filter(pk=step(run, "act").pk).update(started_at="2026-01-01T00:00Z")
    goes_on()
    assert (fresh(run).status, step(run, "act").status) == ("rolling_back", "waiting")
    assert step(run, "act").reason == "not mined yet" and Lock.objects.filter(run=run).exists()
    with pytest.raises(Refused, match="act is not over"):
        skip_step(step=step(run, "act"), actor=HOUSE, reason="enough")
    moves(made[0], "unknown")
    script.says(act=Uncertain("who knows"))
    goes_on()
    assert (fresh(run).status, step(run, "act").status) == ("paused", "unknown")
    with pytest.raises(Refused, match="act is not over"):
        skip_step(step=step(run, "act"), actor=HOUSE, reason="enough")
    moves(made[0], "mined")
    script.says(act=Finished("mined after all"))
    retry_step(step=step(run, "act"), actor=HOUSE)
    goes_on()
    assert fresh(run).status == "rolled_back" and script.began[-2:] == ["act.rollback", "a.rollback"]


def test_a_step_that_dies_while_the_rollback_waits_for_it_stops_the_run_and_can_be_skipped_later(
    script: Script,
) -> None:
    def late(turn: Turn) -> Result:
        sent(turn.step)
        return LATE

    script.says(act=[late, Failed("its workers died")])
    run = begun(does("a", undo=True), does("act", on_failure="rollback", **SEND), always("last"))
    assert run.status == "failed" and statuses(run)["a.rollback"] == "pending"
    assert "step act failed while rolling back, but transaction" in run.reason
    with pytest.raises(Refused, match="act is not over"):
        skip_step(step=step(run, "act"), actor=HOUSE, reason="enough")
    moves(Transaction.objects.get(about=step(run, "act").subject), "failed")
    skip_step(step=step(run, "act"), actor=HOUSE, reason="it reverted")
    settle()
    assert (fresh(run).status, statuses(run)["a.rollback"]) == ("rolled_back", "done")


def test_nothing_new_is_sent_while_the_run_goes_back(script: Script) -> None:
    run = begun(does("act", **SEND))
    Run.objects.filter(pk=run.pk).update(turned_back=True)
    result = Send.begin(Turn(step=step(run, "act"), params={}, lease=Mine()))  # type: ignore[arg-type]  # never asked
    assert isinstance(result, Failed) and "not sent any more" in result.reason


def test_one_that_always_runs_and_was_skipped_begins_anew_on_the_rerun(script: Script) -> None:
    script.says(a=[Failed("no")], last=[LATE])
    run = begun(does("a"), always("last", **SEND))
    sent(step(run, "last"))
    skip_step(step=step(run, "last"), actor=HOUSE, reason="done by hand")
    retry_step(step=step(run, "a"), actor=HOUSE)
    settle()
    held = step(run, "last")
    assert (fresh(run).status, held.status, held.attempt, held.since) == ("done", "done", 2, 2)
