"""Monitors, the blocks they were evaluated at, and who watches."""

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from governance.protocols.models import Protocol
from integrations.chain.fields import HashField

SEVERITIES = [("SEV1", "SEV1"), ("SEV2", "SEV2"), ("SEV3", "SEV3"), ("SEV4", "SEV4")]


class Monitor(models.Model):
    """Something that is looked at with every block. What it looks at stands in its config."""

    slug = models.SlugField(max_length=63, unique=True)
    name = models.CharField(max_length=120)
    kind = models.CharField(max_length=40)
    config = models.JSONField()
    chain = models.ForeignKey("integrations.Chain", on_delete=models.PROTECT, related_name="+")
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="monitors")
    severity = models.CharField(max_length=4, choices=SEVERITIES, default="SEV2")
    failure_mode = models.SlugField(max_length=63, blank=True, default="")
    enabled = models.BooleanField(default=True)
    muted_until = models.DateTimeField(null=True, blank=True)  # judged and shown, but nobody is told
    mute_reason = models.CharField(max_length=200, blank=True, default="")
    revision = models.PositiveIntegerField(default=1)  # of what people set: whoever watches reads it anew then

    # what the last change found
    breached = models.BooleanField(default=False)
    blind = models.BooleanField(default=False)
    told = models.BooleanField(default=False)  # the breach is an alert: not while the monitor is muted
    reading = models.JSONField(default=dict)
    changed_block = models.PositiveBigIntegerField(null=True)
    changed_hash = HashField(null=True)
    changed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"monitor:{self.pk}"

    @property
    def actor(self) -> str:
        return f"monitor:{self.slug}"

    @property
    def muted(self) -> bool:
        return self.muted_until is not None and self.muted_until > timezone.now()

    @property
    def state(self) -> str:
        if not self.enabled:
            return "off"
        return "unknown" if self.blind else "firing" if self.breached else "calm"


class WatchedBlock(models.Model):
    """A block whose monitors were evaluated: each block once, also after a restart.

    Of the recent ones all are kept, with what each monitor read; then one a minute, for what monitors keep of the past.
    """

    chain = models.ForeignKey("integrations.Chain", on_delete=models.CASCADE, related_name="+")
    number = models.PositiveBigIntegerField()
    hash = HashField()
    parent_hash = HashField(null=True)
    timestamp = models.PositiveBigIntegerField()
    readings = models.JSONField(default=dict)  # monitor's id → [state, reading]
    kept = models.JSONField(default=dict)  # monitor's id → what it will want to know later
    on_the_minute = models.BooleanField(default=False)  # the first of its minute
    monitors = models.PositiveIntegerField()
    took_ms = models.PositiveIntegerField()
    at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-number", "-pk"]
        constraints = [models.UniqueConstraint(fields=["chain", "hash"], name="incidents_block_once")]
        indexes = [models.Index(fields=["chain", "-number"], name="incidents_block_number")]

    def __str__(self) -> str:
        return f"block {self.number}"


class WatchLease(models.Model):
    """Who watches: one row. Whoever holds it renews it; `fence` grows with each new holder."""

    name = models.CharField(max_length=40, primary_key=True)
    holder = models.CharField(max_length=120)
    fence = models.BigIntegerField(default=0)
    until = models.DateTimeField()
    beat_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.name} held by {self.holder}"
