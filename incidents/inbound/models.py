"""Where other systems send their alerts, and what came in."""

import json
from typing import Any

from django.db import models
from django.db.models.functions import Now
from pydantic import BaseModel, SecretStr

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES
from integrations.inbound import INBOUND
from integrations.sealing import seal, unseal

PURPOSE = "inbound key"


class InboundKey(models.Model):
    """An address alerts can be sent to. Only the key's hash is kept; the format says how a payload is read.

    After a rotation the key before it goes on working until `previous_until`, so that no alert is lost on the way.
    """

    name = models.CharField(max_length=80, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    format = models.CharField(max_length=40, default="generic")
    config = models.JSONField(default=dict)
    sealed = models.TextField(blank=True, default="", editable=False)  # what of the config is secret
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    severity = models.CharField(max_length=4, choices=SEVERITIES, default="SEV3")  # where the payload names none
    failure_mode = models.SlugField(max_length=63, blank=True, default="")  # likewise
    enabled = models.BooleanField(default=True)
    previous = models.CharField(max_length=64, null=True, unique=True, editable=False)
    previous_until = models.DateTimeField(null=True, editable=False)
    rotated_at = models.DateTimeField(null=True, editable=False)
    heard_at = models.DateTimeField(null=True, editable=False)  # of one whose silence is an alert
    missed_at = models.DateTimeField(null=True, editable=False)  # when that was said, until it is heard again
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"inbound:{self.pk}"

    @property
    def settings(self) -> BaseModel:
        """The config with its secrets."""
        opened: dict[str, Any] = json.loads(unseal(self.sealed, PURPOSE)) if self.sealed else {}
        return INBOUND.parse(self.format, {**self.config, **opened})

    def configure(self, parsed: BaseModel) -> None:
        """What is secret of it is sealed; the rest is plain."""
        found = {name: getattr(parsed, name) for name in type(parsed).model_fields}
        secret = {name: value.get_secret_value() for name, value in found.items() if isinstance(value, SecretStr)}
        plain = parsed.model_dump(mode="json")
        self.config = {name: value for name, value in plain.items() if name not in secret}
        self.sealed = seal(json.dumps(secret), PURPOSE) if secret else ""

    def secrets(self) -> list[str]:
        """The names of what is sealed."""
        return sorted(json.loads(unseal(self.sealed, PURPOSE))) if self.sealed else []


class InboundPayload(models.Model):
    """What was sent, without what is secret in it. The same payload again is the same row."""

    key = models.ForeignKey(InboundKey, on_delete=models.CASCADE, related_name="payloads")
    digest = models.CharField(max_length=64)
    body = models.JSONField()
    times = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["key", "-last_at"], name="incidents_payload_last")]
        constraints = [models.UniqueConstraint(fields=["key", "digest"], name="incidents_payload_once")]

    def __str__(self) -> str:
        return f"payload {self.pk} for {self.key_id}"


class SeenSignature(models.Model):
    """A signature counts once. It is kept for as long as its time would still be taken."""

    key = models.ForeignKey(InboundKey, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64)
    seen_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["seen_at"], name="incidents_signature_seen")]
        constraints = [models.UniqueConstraint(fields=["key", "digest"], name="incidents_signature_once")]

    def __str__(self) -> str:
        return f"signature {self.pk} for {self.key_id}"
