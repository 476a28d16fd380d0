"""A worker dies before and after every single commit of a run, one at a time: the run ends as it would have.

The run has what an engine can stumble over: a lock, conditions before and after, a value that later steps use, a guard,
a branch, a failure that is left out, a failure that rolls back, and steps that always run.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.plans.schema import Reference
from governance.plans.services import known_values
from ledger.chain import link_once
from ledger.models import Event
from ledger.subscriptions import dispatch, ensure_rows
from runbooks.runs.models import Lock, Run
from runbooks.runs.services import begin
from runbooks.steps import Failed, Finished, Result
from tests.db.test_runbooks_engine import quiet
from tests.runs import HOUSE, ON_VAULT, Script, always, does, drafted, fresh, script, statuses
from work import leases, runner
from work.leases import Lease, Turn
from work.models import Work

__all__ = ["quiet", "script"]  # fixtures
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
GUARD = {
    "that": "steps.read.price > 15",
    "inputs": {},
    "steps": {"read": "read"},
    "types": {"read": {"price": "uint256"}},
    "run": {},
}
PRICE = Reference(id="read.price", type="uint256", rule="step:read.price")
PARTS = (
    does("read", undo=True),
    does(
        "act",
        kind="notify",
        lock=ON_VAULT,
        before=[{}],
        after=[{}],
        undo=True,
        params={"seconds": {"$ref": "read.price"}},
    ),
    does("left", needs=("act",)),
    does("right", kind="notify", needs=("act",), on_failure="continue"),
    does("dear", needs=("left", "right"), **{"if": [GUARD]}),
    does("trips", on_failure="goes_on"),
    does("missed"),
    does("goes_on", kind="notify"),
    does("breaks", on_failure="rollback"),
    always("hand_back", kind="notify"),
    always("tell"),
)


class Died(BaseException):
    """The worker's process is gone."""


class Reaper:
    """Lets the worker die at its n-th commit: before it (nothing is written) or right after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed, self.at, self.after = 0, 0, False
        commit = Lease.commit

        @contextmanager
        def watched(lease: Lease, outcome: Any = None) -> Iterator[Turn]:
            with commit(lease, outcome) as turn:
                yield turn
                self.passed += 1
                if self.passed == self.at and not self.after:
                    raise Died
            if self.passed == self.at and self.after:
                raise Died

        monkeypatch.setattr(Lease, "commit", watched)

    def run(self, at: int, *, after: bool) -> Run:
        """One run from its beginning to its end, with one death in it."""
        self.passed, self.at, self.after = 0, at, after
        run = drafted(*PARTS, references=(PRICE,))
        begin(run=run, actor=HOUSE)
        for _ in range(60):
            link_once()
            dispatch()
            past = timezone.now() - timedelta(seconds=1)
            Work.objects.filter(status="running").update(lease_until=past)
            due = Work.objects.filter(status__in=("queued", "waiting"), run_at__lte=timezone.now())
            due |= Work.objects.filter(status="running", lease_until__lt=timezone.now())
            rows = list(due.order_by("pk").values_list("pk", flat=True))
            if not rows:
                break
            for row in rows:
                try:
                    runner.run(row)
                except Died:
                    while leases.HEART._thread is not None:  # a dead worker's heart does not beat once more
                        threading.Event().wait(0.01)
        return fresh(run)


def story(run: Run) -> dict[str, Any]:
    """What must be the same however often a worker died."""
    named = {step.subject: step.step_id for step in run.steps.all()}
    ends = Event.objects.filter(scope=run.scope, verb__in=("step.done", "step.failed", "step.skipped"))
    return {
        "run": (run.status, run.reason),
        "steps": statuses(run),
        "attempts": {step.step_id: (step.attempt, step.proof) for step in run.steps.all()},
        "ends": sorted(f"{verb} {named[subject]}" for verb, subject in ends.values_list("verb", "subject")),
        "values": known_values(run.plan),
        "locks": list(Lock.objects.filter(run=run)),
    }


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_a_death_at_any_commit_changes_nothing(script: Script, monkeypatch: pytest.MonkeyPatch, after: bool) -> None:
    def holds(_params: Any, _environment: str) -> Result:
        return Finished("it holds")

    monkeypatch.setattr("runbooks.steps.check.look", holds)
    script.says(read=Finished("read", {"price": "12"}), right=Failed("no"), trips=Failed("no"), breaks=Failed("no"))
    ensure_rows()
    reaper = Reaper(monkeypatch)
    wanted = story(reaper.run(0, after=after))
    commits, acted = reaper.passed, list(script.began)
    assert wanted["run"] == ("rolled_back", "step breaks failed: no") and commits > 15
    assert acted[-4:] == ["act.rollback", "read.rollback", "hand_back", "tell"]
    for at in range(1, commits + 1):
        script.began.clear()
        assert story(reaper.run(at, after=after)) == wanted, f"death at commit {at} of {commits}"
        assert set(script.began) == set(acted) and len(script.began) <= len(acted) + 1, "only the one that died again"
