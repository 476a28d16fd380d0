"""Where other systems send their alerts, and what came in."""

from django.db import models
from django.db.models.functions import Now

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES


class InboundKey(models.Model):
    """An address alerts can be sent to. Only the key's hash is kept; the format says how a payload is read."""

    name = models.CharField(max_length=80, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    format = models.CharField(max_length=40, default="generic")
    config = models.JSONField(default=dict)
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    severity = models.CharField(max_length=4, choices=SEVERITIES, default="SEV3")  # where the payload names none
    enabled = models.BooleanField(default=True)
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"inbound:{self.pk}"


class InboundPayload(models.Model):
    """What was sent, before anything is made of it. The same payload again is the same row."""

    key = models.ForeignKey(InboundKey, on_delete=models.CASCADE, related_name="payloads")
    digest = models.CharField(max_length=64)
    body = models.JSONField()
    times = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-pk"]
        constraints = [models.UniqueConstraint(fields=["key", "digest"], name="incidents_payload_once")]

    def __str__(self) -> str:
        return f"payload {self.pk} for {self.key_id}"
