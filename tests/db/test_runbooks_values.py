"""What steps yield and what stands on it: references, guards, conditions, approvals bound to values."""

from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.approvals.models import Approval
from accounts.approvals.proofs import WalletSignature, typed_data
from accounts.approvals.services import give, refuse, request_approval, take_back
from accounts.models import Wallet
from governance.plans.models import PlanValue
from governance.plans.schema import Bounds, Reference
from governance.plans.services import known_values, values_hash
from integrations.chain.models import Chain
from ledger import Refused
from ledger.models import Event
from runbooks.runs.engine import advance
from runbooks.runs.models import StepRun
from runbooks.runs.services import complete_step, retry_step, roll_back, skip_step
from runbooks.steps import Again, Failed, Finished, Result, Turn
from tests.db.test_runbooks_engine import quiet
from tests.drain import settle
from tests.people import browser_of, person, wallet_of
from tests.runs import HOUSE, Script, asks, begun, does, fresh, script, statuses, step
from work.models import Work

__all__ = ["quiet", "script"]  # fixtures
pytestmark = pytest.mark.django_db(transaction=True)
PRICE = Reference(id="read.price", type="uint256", rule="step:read.price", bounds=Bounds(minimum="10", maximum="20"))
APPROVE = {"question": "Go on?", "required": 1, "role": "commander", "needs": "none"}


def guard(that: str, *steps: str) -> dict[str, Any]:
    return {"that": that, "inputs": {}, "steps": {name: name for name in steps}, "run": {"environment": "live"}}


def test_what_a_step_yields_is_recorded_with_its_end_and_put_where_the_plan_names_it(script: Script) -> None:
    seen: list[Any] = []

    def use(turn: Turn) -> Result:
        seen.append(turn.params["seconds"])
        return Finished("used")

    script.says(read=Finished("read", {"price": 12}), use=use)
    run = begun(does("read"), does("use", params={"seconds": {"$ref": "read.price"}}), references=(PRICE,))
    assert (run.status, known_values(run.plan), seen) == ("done", {"read.price": "12"}, ["12"])


@pytest.mark.parametrize(
    ("output", "why"),
    [
        ({"price": 21}, "above the plan's maximum 20"),
        ({"price": "9"}, "below the plan's minimum 10"),
        ({"price": True}, "recorded as text"),
        ({"other": 12}, "did not yield price"),
    ],
)
def test_what_lies_outside_what_was_approved_fails_the_step(script: Script, output: Any, why: str) -> None:
    script.says(read=Finished("read", output))
    run = begun(does("read"), does("use", params={"seconds": {"$ref": "read.price"}}), references=(PRICE,))
    assert (run.status, statuses(run)["use"]) == ("failed", "pending")
    assert why in step(run, "read").reason and not PlanValue.objects.exists()


def test_a_step_whose_guard_is_false_is_not_needed(script: Script) -> None:
    script.says(read=Finished("read", {"price": "12"}))
    wants = {**guard("steps.read.price > 15", "read"), "types": {"read": {"price": "uint256"}}}
    run = begun(does("read"), does("dear", **{"if": [wants]}), does("end"))
    assert (run.status, statuses(run)["dear"], step(run, "dear").reason) == (
        "done",
        "skipped",
        "not needed: steps.read.price > 15",
    )
    assert not Work.objects.filter(subject=step(run, "dear").subject).exists()


def test_a_guard_may_ask_how_a_step_ended(script: Script) -> None:
    script.says(a=Failed("no"))
    failed, done = guard("steps.a.status == 'failed'", "a"), guard("steps.a.status == 'done'", "a")
    run = begun(
        does("a", on_failure="continue"), does("if_failed", **{"if": [failed]}), does("if_done", **{"if": [done]})
    )
    assert (run.status, statuses(run)["if_failed"], statuses(run)["if_done"]) == ("done", "done", "skipped")


def test_a_guard_that_cannot_be_judged_stops_rather_than_guesses(script: Script) -> None:
    wants = {**guard("steps.read.price > 15", "read"), "types": {"read": {"price": "uint256"}}}
    run = begun(does("read"), does("dear", **{"if": [wants]}))
    assert run.status == "failed" and step(run, "dear").reason.startswith("its condition cannot be judged")


class Looks:
    """Stands where a check reads the chain: answers what the test says of each condition."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[Result]) -> None:
        self.answers = answers
        monkeypatch.setattr("runbooks.steps.check.look", self.look)

    def look(self, params: Any, _environment: str) -> Result:
        return self.answers[params["name"]].pop(0)


def test_before_and_after_are_looked_at_and_what_is_done_is_not_done_again(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = Looks(
        monkeypatch,
        before=[Again("not paused"), Finished("paused")],
        after=[Again("still 3"), Again("still 3"), Finished("is 4")],
    )
    run = begun(does("act", kind="notify", before=[{"name": "before"}], after=[{"name": "after"}], attempts=2))
    act = step(run, "act")
    assert (run.status, act.status, act.reason, script.began) == ("failed", "failed", "after it: still 3", ["act"])
    looks.answers["after"] = [Finished("is 4")]
    retry_step(step=act, actor=HOUSE, reason="the node was behind")
    settle()
    act = step(run, "act")
    assert (fresh(run).status, act.proof, act.attempt, script.began) == ("done", "did act", 2, ["act"])


def test_what_does_not_hold_before_keeps_it_from_beginning(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    looks = Looks(monkeypatch, before=[Failed("no such contract")])
    run = begun(does("act", kind="notify", before=[{"name": "before"}]))
    assert (step(run, "act").reason, script.began) == ("before it: no such contract", [])
    looks.answers["before"] = [Finished("it is there")]
    retry_step(step=step(run, "act"), actor=HOUSE)
    settle()
    assert fresh(run).status == "done" and script.began == ["act"]


def test_an_approval_that_no_longer_holds_stops_what_acts_and_not_the_way_back(script: Script) -> None:
    ana, ben = person("ana", "commander"), person("ben", "commander")
    parts = (
        does("first", undo=True),
        does("ask", kind="approve", params=APPROVE),
        asks("hand"),
        does("look"),
        does("act", kind="notify"),
    )
    run = begun(*parts)
    approval = Approval.objects.get()
    give(approval=approval, user=ana)
    settle()
    assert (statuses(run)["ask"], step(run, "ask").output["hash"]) == ("done", run.plan_hash)
    take_back(approval=approval, user=ana)
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    assert (statuses(run)["look"], statuses(run)["act"]) == ("done", "failed"), "only what acts is held up"
    assert step(run, "act").reason == "the approval “ask” no longer holds; have it approved anew, then retry"
    give(approval=Approval.objects.get(), user=ben)
    retry_step(step=step(run, "act"), actor=HOUSE)
    settle()
    assert fresh(run).status == "done"
    take_back(approval=Approval.objects.get(), user=ben)
    roll_back(run=run, actor=HOUSE, reason="they changed their mind")
    settle()
    assert fresh(run).status == "rolled_back"


def test_a_role_that_was_lost_and_a_wallet_that_was_unlinked_no_longer_count(script: Script) -> None:
    ana = person("ana", "commander")
    account = wallet_of(ana)
    run = begun(
        does("ask", kind="approve", params={**APPROVE, "needs": "wallet"}), asks("hand"), does("act", kind="notify")
    )
    approval = Approval.objects.get()
    deadline = int(timezone.now().timestamp()) + 600
    Chain.objects.create(chain_id=31337, name="Anvil", kind="devnet")
    message = typed_data(approval, verdict="given", chain_id=31337, deadline=deadline)
    signed = account.sign_typed_data(full_message=message)
    signature = WalletSignature("0x" + signed.signature.hex().removeprefix("0x"), 31337, deadline)
    give(approval=approval, user=ana, signature=signature)
    settle()
    assert statuses(run)["ask"] == "done"
    Wallet.objects.filter(user=ana).delete()
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    assert "no longer holds" in step(run, "act").reason and script.began == []


def test_whoever_asked_cannot_skip_the_question(script: Script) -> None:
    """A commander may skip steps, and may not approve what they started: the one must not lead around the other."""
    ana = person("ana", "commander")
    parts = (does("ask", kind="approve", params=APPROVE), does("act", kind="notify"))
    run = begun(*parts, actor=ana.actor)
    url = f"/runbooks/steps/{step(run, 'ask').pk}/skip/"
    for press in (1, 2):
        with pytest.raises(Refused, match="never skipped"):
            skip_step(step=step(run, "ask"), actor=ana.actor, reason="nobody answers")
        browser_of(ana).post(url, {"reason": "nobody answers"})
        settle()
        assert script.began == []
        if press == 1:
            assert statuses(run)["ask"] == "waiting"
            assert (
                f'id="skip-{step(run, "ask").pk}"'
                not in browser_of(ana).get(f"/runbooks/runs/{run.pk}/").content.decode()
            )
            refuse(approval=Approval.objects.get(), user=person("ben", "commander"), reason="no")
            settle()
            assert statuses(run)["ask"] == "failed"


def test_an_approval_asked_after_a_value_is_known_binds_to_it(script: Script) -> None:
    ana = person("ana", "commander")
    script.says(read=Finished("read", {"price": "12"}))
    run = begun(
        does("read"), does("ask", kind="approve", params=APPROVE), does("act", kind="notify"), references=(PRICE,)
    )
    approval = Approval.objects.get()
    assert approval.subject_hash == values_hash(run.plan) != run.plan_hash
    give(approval=approval, user=ana)
    settle()
    assert fresh(run).status == "done"


def test_a_value_that_becomes_known_while_people_are_asked_asks_them_anew(script: Script) -> None:
    ana = person("ana", "commander")
    script.says(read=Finished("read", {"price": "12"}))
    run = begun(
        does("ask", kind="approve", params=APPROVE, needs=()),
        asks("hand", needs=()),
        does("read", needs=("hand",)),
        does("act", kind="notify", needs=("ask", "read")),
        references=(PRICE,),
    )
    first = Approval.objects.get()
    assert first.subject_hash == run.plan_hash
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    first.refresh_from_db()
    second = Approval.objects.exclude(pk=first.pk).get()
    assert (first.status, second.subject_hash) == ("superseded", values_hash(run.plan))
    give(approval=second, user=ana)
    settle()
    assert fresh(run).status == "done"


def test_an_approval_of_another_hash_is_worth_nothing(script: Script) -> None:
    """Somebody who can write rows makes a step say that it was approved, by a hash of their own choosing."""
    ana, forged = person("ana", "commander"), "0x" + "ab" * 32
    run = begun(does("ask", kind="approve", params=APPROVE), asks("hand"), does("act", kind="notify"))
    asked = step(run, "ask")
    about = {"subject": asked.subject, "subject_hash": forged, "role": "commander", "requester": HOUSE, "actor": HOUSE}
    give(approval=request_approval(**about, scope=None, required=1, title="?"), user=ana)
    StepRun.objects.filter(pk=asked.pk).update(status="done", output={"hash": forged})
    Work.objects.filter(subject=asked.subject).update(status="cancelled")
    with transaction.atomic():
        advance(fresh(run), actor=HOUSE)
    settle()
    complete_step(step=step(run, "hand"), actor=HOUSE, answer={})
    settle()
    assert "no longer holds" in step(run, "act").reason and script.began == []


def test_a_log_is_bounded_and_an_event_a_line(script: Script) -> None:
    def talk(turn: Turn) -> Result:
        for number in range(205):
            turn.log(f"line {number} " + "x" * 600)
        return Finished("said it")

    script.says(a=talk)
    run = begun(does("a"))
    lines = Event.objects.filter(verb="step.logged", subject=step(run, "a").subject).order_by("pk")
    assert run.status == "done" and lines.count() == 200
    assert len(lines[0].after["line"]) == 500 and lines[0].after["line"].startswith("line 0 ")
