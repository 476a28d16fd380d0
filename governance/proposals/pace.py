"""How long a Safe's owners usually take: from proposing to enough signatures, in incidents and in drills."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from django.db.models import Min

from governance.plans.models import Plan
from governance.proposals.models import Proposal
from ledger.models import Event

LOOK_BACK = 20


@dataclass(frozen=True)
class Pace:
    """What the last quorums of a Safe took."""

    usual: timedelta
    slowest: timedelta
    earnest: int
    drills: int

    @property
    def words(self) -> str:
        parts = [f"{self.earnest} in earnest"] if self.earnest else []
        parts += [f"{self.drills} in drills"] if self.drills else []
        slowest = f"; the slowest took {spelled(self.slowest)}" if self.earnest + self.drills > 1 else ""
        return f"Enough signatures usually took {spelled(self.usual)} here ({', '.join(parts)}){slowest}."


def pace_of(proposal: Proposal) -> Pace | None:
    """From the last proposals of this Safe that got there; None before the first."""
    before = Proposal.objects.filter(safe=proposal.safe_id).exclude(pk=proposal.pk).select_related("plan")
    got_there = before.filter(status__in=("ready", "executing", "executed", "unknown", "failed", "superseded"))
    rows = {one.subject: one for one in got_there.order_by("-pk")[:LOOK_BACK]}
    found = Event.objects.filter(verb="proposal.ready", subject__in=list(rows)).values("subject").annotate(at=Min("at"))
    took = [(rows[one["subject"]], one["at"] - rows[one["subject"]].created_at) for one in found]
    if not took:
        return None
    drills = sum(row.plan is not None and row.plan.environment != Plan.Environment.LIVE for row, _ in took)
    spans = [span for _, span in took]
    usual = timedelta(seconds=median(span.total_seconds() for span in spans))
    return Pace(usual, max(spans), len(took) - drills, drills)


def expected_at(proposal: Proposal, pace: Pace | None) -> datetime | None:
    """When there are usually enough; None where nothing is known, or nothing is awaited."""
    return proposal.created_at + pace.usual if pace and proposal.status == "signing" else None


def spelled(span: timedelta) -> str:
    seconds = max(int(span.total_seconds()), 0)
    for size, name in ((86_400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{round(seconds / size)} {name}"
    return f"{seconds} s"
