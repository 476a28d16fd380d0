"""A run of a plan, and its steps."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from governance.plans.models import Plan
from integrations.chain.fields import HashField
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from runbooks.playbooks.models import PlaybookVersion

SETTLED = ("done", "skipped")
OPEN_STEP = ("running", "waiting")


class Run(Status):
    """One execution of one plan. Its scope hangs below the incident's, so that it is exactly as private."""

    NOUN = "run"
    TRANSITIONS = {
        "draft": {"awaiting_approval", "running", "aborted"},
        "awaiting_approval": {"running", "aborted"},
        "running": {"paused", "done", "failed", "aborted"},
        "paused": {"running", "failed", "aborted"},
        "failed": {"running", "aborted"},
        "done": {"running"},  # a reorg took what it had proved
    }

    class State(models.TextChoices):
        DRAFT = "draft"
        AWAITING_APPROVAL = "awaiting_approval", "awaiting approval"
        RUNNING = "running"
        PAUSED = "paused"
        DONE = "done"
        FAILED = "failed"
        ABORTED = "aborted"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(PlaybookVersion, on_delete=models.PROTECT, related_name="runs")
    plan = models.OneToOneField(Plan, on_delete=models.PROTECT, related_name="run")
    plan_hash = HashField()
    environment = models.CharField(max_length=16, choices=Plan.Environment)
    title = models.CharField(max_length=120)
    status = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    needs_approval = models.BooleanField(default=False)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.title}"

    @property
    def is_over(self) -> bool:
        return self.status in ("done", "aborted")


class StepQuerySet(ScopedQuerySet["StepRun"]):
    scope_path = "run__scope"


class StepRun(Status):
    """One step of a run. What it does stands in the plan; here stands only how it went."""

    NOUN = "step"
    TRANSITIONS = {
        "pending": {"running", "skipped"},
        "running": {"waiting", "done", "failed", "unknown", "skipped"},
        "waiting": {"done", "failed", "unknown", "skipped"},
        "failed": {"pending", "skipped"},
        "unknown": {"pending", "failed", "skipped"},
        "done": {"pending"},  # a reorg took what it had proved
    }

    class State(models.TextChoices):
        PENDING = "pending"
        RUNNING = "running"
        WAITING = "waiting"
        DONE = "done"
        FAILED = "failed"
        UNKNOWN = "unknown"
        SKIPPED = "skipped"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="steps")
    step_id = models.CharField(max_length=64)
    type = models.CharField(max_length=32)
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempt = models.PositiveIntegerField(default=1)  # a person's retry begins a new one
    tries = models.PositiveIntegerField(default=0)  # how often this attempt was tried by itself
    reason = models.TextField(blank=True, default="")  # what it waits for, or why it failed
    proof = models.TextField(blank=True, default="")  # the line that stays when it is done
    waiting_for = models.CharField(max_length=80, blank=True, default="")
    output = models.JSONField(default=dict)
    answer = models.JSONField(null=True, blank=True)  # what a person said, for steps that ask one
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = StepQuerySet.as_manager()

    class Meta:
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "step_id"], name="runbooks_step_once"),
            models.UniqueConstraint(fields=["run", "position"], name="runbooks_step_position"),
        ]

    def __str__(self) -> str:
        return f"{self.step_id} of run {self.run_id}"

    @property
    def scope(self) -> Scope:
        return self.run.scope

    @property
    def actor(self) -> str:
        """Who acts when the engine does this step."""
        return f"run:{self.run_id}"

    @property
    def key(self) -> str:
        return f"step:{self.pk}:{self.attempt}"

    @property
    def rules(self) -> dict[str, Any]:
        """From the plan; see `runbooks.plans.compile.RULES`."""
        found = self.run.plan.parsed().step(self.step_id)
        return dict(found.params["rules"]) if found else {}
