"""Monitors, the blocks they were evaluated at, and who watches."""

from django.db import models
from django.db.models.functions import Now

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

    # what the last change found
    breached = models.BooleanField(default=False)
    blind = models.BooleanField(default=False)
    reading = models.JSONField(default=dict)
    changed_block = models.PositiveBigIntegerField(null=True)
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
    def state(self) -> str:
        if not self.enabled:
            return "off"
        return "unknown" if self.blind else "firing" if self.breached else "calm"


class WatchedBlock(models.Model):
    """A block whose monitors were evaluated: each block once, also after a restart. Recent ones only."""

    chain = models.ForeignKey("integrations.Chain", on_delete=models.CASCADE, related_name="+")
    number = models.PositiveBigIntegerField()
    hash = HashField()
    timestamp = models.PositiveBigIntegerField()
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
