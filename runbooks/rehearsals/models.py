"""A rehearsal of a plan: where it was taken, and what came of it."""

from django.db import models
from django.db.models.functions import Now

from governance.plans.models import Plan
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from runbooks.runs.models import Run

UNDER_WAY = ("queued", "running")


class Rehearsal(Status):
    """Taken of a run's plan on forks of its chains. As private as the run: it hangs on the same scope."""

    NOUN = "rehearsal"
    TRANSITIONS = {"queued": {"running", "error"}, "running": {"passed", "failed", "error"}}

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        PASSED = "passed"
        FAILED = "failed"
        ERROR = "error"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="rehearsals")
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="rehearsals", null=True, blank=True)
    status = models.CharField(max_length=16, choices=State, default=State.QUEUED)
    reason = models.TextField(blank=True, default="")
    blocks = models.JSONField(default=list)  # one a chain: its id and name, the block's number, hash and time
    report = models.JSONField(null=True, blank=True)  # see runbooks.rehearsals.report; grows while it runs
    sha256 = models.CharField(max_length=66, blank=True, default="")  # of the finished report's canonical bytes
    taken_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["plan"],
                condition=models.Q(status__in=UNDER_WAY),
                name="runbooks_rehearsal_one_at_a_time",
            )
        ]

    def __str__(self) -> str:
        return f"rehearsal {self.pk} of plan {self.plan_id}"

    @property
    def is_over(self) -> bool:
        return self.status not in UNDER_WAY

    @property
    def key(self) -> str:
        """Of its work."""
        return self.subject
