"""A run of a plan, and its steps."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from governance.plans.models import Plan
from integrations.chain.fields import AddressField, HashField
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from runbooks.playbooks.models import PlaybookVersion

SETTLED = ("done", "skipped")
OPEN_STEP = ("running", "waiting")
MOVING = ("running", "rolling_back", "finishing")  # the engine starts steps in these, and only in these
OVER = ("done", "aborted", "rolled_back")  # for good
NEVER_BEGUN = ("draft", "awaiting_approval")


class Phase(models.TextChoices):
    """Which steps it is the turn of: forward, undoing in reverse, or those that always run."""

    MAIN = "main"
    ROLLBACK = "rollback"
    FINALLY = "finally"


class Run(Status):
    """One execution of one plan. Its scope hangs below the incident's, so that it is exactly as private."""

    NOUN = "run"
    TRANSITIONS = {
        "draft": {"awaiting_approval", "running", "aborted"},
        "awaiting_approval": {"running", "aborted"},
        "running": {"paused", "rolling_back", "finishing", "done", "failed", "aborted"},
        "rolling_back": {"paused", "finishing", "rolled_back", "failed", "aborted"},
        "finishing": {"paused", "running", "rolling_back", "done", "failed", "rolled_back", "aborted"},
        "paused": {"running", "rolling_back", "finishing", "failed", "aborted"},
        "failed": {"paused", "running", "rolling_back", "finishing", "aborted"},
        "done": {"running", "rolling_back", "finishing"},  # a reorg took what it had proved, or it is undone
        "rolled_back": {"rolling_back", "finishing"},  # a reorg took what it had proved
        "aborted": {"finishing"},  # the same
    }

    class State(models.TextChoices):
        DRAFT = "draft"
        AWAITING_APPROVAL = "awaiting_approval", "awaiting approval"
        RUNNING = "running"
        PAUSED = "paused"
        ROLLING_BACK = "rolling_back", "rolling back"
        FINISHING = "finishing"
        DONE = "done"
        FAILED = "failed"
        ROLLED_BACK = "rolled_back", "rolled back"
        ABORTED = "aborted"

    class Ending(models.TextChoices):
        """What the run becomes once its `finally` steps are over."""

        NONE = ""
        DONE = "done"
        FAILED = "failed"
        ROLLED_BACK = "rolled_back", "rolled back"
        ABORTED = "aborted"

    scope = models.ForeignKey(Scope, on_delete=models.PROTECT, related_name="+")
    version = models.ForeignKey(PlaybookVersion, on_delete=models.PROTECT, related_name="runs")
    plan = models.OneToOneField(Plan, on_delete=models.PROTECT, related_name="run")
    plan_hash = HashField()
    environment = models.CharField(max_length=16, choices=Plan.Environment)
    title = models.CharField(max_length=120)
    status = models.CharField(max_length=20, choices=State, default=State.DRAFT)
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.MAIN)
    ending = models.CharField(max_length=16, choices=Ending, blank=True, default=Ending.NONE)
    cause = models.TextField(blank=True, default="")  # why it came to its end, is undone or was aborted
    reason = models.TextField(blank=True, default="")  # the same, and what went wrong in what always runs
    turned_back = models.BooleanField(default=False)  # rolling back has begun: there is no way forward any more
    needs_approval = models.BooleanField(default=False)
    created_by = models.CharField(max_length=80)
    begun_by = models.CharField(max_length=80, blank=True, default="")  # another one, where it was held as a draft
    created_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"run {self.pk}: {self.title}"

    @property
    def state(self) -> str:
        """The status as it stands in a sentence."""
        return str(self.get_status_display()).lower()

    @property
    def is_over(self) -> bool:
        return self.status in OVER


class StepQuerySet(ScopedQuerySet["StepRun"]):
    scope_path = "run__scope"


class Stage(models.TextChoices):
    """How far an attempt has come, so that nothing is asked or done again that was answered or done."""

    NOT_BEGUN = "", "not begun"  # its lock, approvals and `before` conditions are looked at
    ACTING = "acting"  # whatever it does outside may have been done from here on
    AFTER = "after"  # it is done; its `after` conditions are looked at


class StepRun(Status):
    """One step of a run. What it does stands in the plan; here stands only how it went."""

    NOUN = "step"
    TRANSITIONS = {
        "pending": {"running", "waiting", "done", "failed", "skipped"},  # done: one that only stands for others
        "running": {"waiting", "done", "failed", "unknown", "skipped"},
        "waiting": {"pending", "running", "done", "failed", "unknown", "skipped"},
        "failed": {"pending", "skipped"},
        "unknown": {"pending", "failed", "skipped"},
        "done": {"pending"},  # a reorg took what it had proved, or a `finally` step runs again
        "skipped": {"pending"},  # a `finally` step runs again
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
    phase = models.CharField(max_length=16, choices=Phase, default=Phase.MAIN)
    position = models.PositiveIntegerField()
    title = models.CharField(max_length=200)
    status = models.CharField(max_length=16, choices=State, default=State.PENDING)
    attempt = models.PositiveIntegerField(default=1)  # a person's retry begins a new one
    since = models.PositiveIntegerField(
        default=1
    )  # from this attempt on it is done anew; what earlier ones did is past
    handed = models.PositiveIntegerField(default=0)  # how often this attempt was given back before it began
    stage = models.CharField(max_length=16, choices=Stage, default=Stage.NOT_BEGUN)
    tries = models.PositiveIntegerField(default=0)  # how often this attempt was tried by itself
    reason = models.TextField(blank=True, default="")  # what it waits for, or why it failed
    proof = models.TextField(blank=True, default="")  # the line that stays when it is done
    waiting_for = models.CharField(max_length=80, blank=True, default="")
    waits_since = models.DateTimeField(null=True, blank=True)  # since when it waits for what it waits for
    logged = models.PositiveIntegerField(default=0)  # lines of its log; they are bounded
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
        """Of its row of work. A step that is given back before it began is handed over again under another key."""
        again = f".{self.handed}" if self.handed else ""
        return f"step:{self.pk}:{self.attempt}{again}"

    @property
    def rules(self) -> dict[str, Any]:
        """From the plan; see `runbooks.plans.compile.RULES`."""
        found = self.run.plan.parsed().step(self.step_id)
        return dict(found.params["rules"]) if found else {}


class Lock(models.Model):
    """A contract that one run acts on; no second one does at the same time."""

    chain_id = models.BigIntegerField()
    address = AddressField()
    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="locks")
    taken_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["chain_id", "address"], name="runbooks_lock_once")]

    def __str__(self) -> str:
        return f"{self.address} of chain {self.chain_id}: run {self.run_id}"
