"""Everything that must get done is a row here. Celery only says where to look."""

from django.db import models
from django.db.models.functions import Now

from ledger.access import ScopedQuerySet
from ledger.models import Scope


class Work(models.Model):
    """One piece of work. `fence` grows with every claim; a write that carries an older one is refused."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        UNKNOWN = "unknown"
        CANCELLED = "cancelled"

    OPEN = (Status.QUEUED, Status.RUNNING, Status.WAITING)

    kind = models.CharField(max_length=80)
    key = models.CharField(max_length=200)
    subject = models.CharField(max_length=80, blank=True, default="")
    payload = models.JSONField(default=dict)
    scope = models.ForeignKey(Scope, null=True, on_delete=models.PROTECT, related_name="+")
    actor = models.CharField(max_length=80)
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    run_at = models.DateTimeField(null=True, db_default=Now())  # null: waits until it is woken
    deadline = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    woken = models.BooleanField(default=False)  # woken while it ran: it must not go to sleep
    failures = models.PositiveIntegerField(default=0)
    hinted_at = models.DateTimeField(null=True)
    hints = models.PositiveIntegerField(default=0)
    error = models.TextField(blank=True, default="")
    reason = models.CharField(max_length=200, blank=True, default="")
    result = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "key"], name="work_once")]
        indexes = [
            models.Index(fields=["run_at"], name="work_due", condition=models.Q(status__in=["queued", "waiting"])),
            models.Index(fields=["lease_until"], name="work_leased", condition=models.Q(status="running")),
            models.Index(fields=["subject"], name="work_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.key} ({self.status})"


class Attempt(models.Model):
    """One claim of a row: who, when, and how it ended. A lost lease shows as `lost`."""

    work = models.ForeignKey(Work, on_delete=models.CASCADE, related_name="attempts")
    fence = models.BigIntegerField()
    worker = models.CharField(max_length=120)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=16, blank=True, default="")
    error = models.TextField(blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["work", "fence"], name="work_attempt_once")]

    def __str__(self) -> str:
        return f"attempt {self.fence} of {self.work_id}"
