"""Incidents: what people lead."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status

OVER = ("closed", "declined")


class Incident(Status):
    """An emergency, or what may be one. It has a scope of its own; everything done for it hangs below that."""

    NOUN = "incident"
    TRANSITIONS = {
        "triage": {"active", "contained", "declined"},
        "active": {"contained", "restored", "declined"},
        "contained": {"active", "restored"},
        "restored": {"active", "closed"},
    }

    class State(models.TextChoices):
        TRIAGE = "triage"
        ACTIVE = "active"
        CONTAINED = "contained"
        RESTORED = "restored"
        CLOSED = "closed"
        DECLINED = "declined"

    scope = models.OneToOneField(Scope, on_delete=models.PROTECT, related_name="incident")
    title = models.CharField(max_length=200)
    summary = models.TextField(blank=True, default="")
    severity = models.CharField(max_length=4, choices=SEVERITIES)
    status = models.CharField(max_length=12, choices=State, default=State.TRIAGE)
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="incidents")
    failure_mode = models.SlugField(max_length=63, blank=True, default="")
    commander = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="commands"
    )
    opened_by = models.CharField(max_length=80)
    first_bad_block = models.PositiveBigIntegerField(null=True, blank=True)
    first_bad_at = models.DateTimeField(null=True, blank=True)
    detected_at = models.DateTimeField(null=True, blank=True)
    opened_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["protocol", "failure_mode", "status"], name="incidents_incident_rule")]

    def __str__(self) -> str:
        return f"incident {self.pk}: {self.title}"

    @property
    def is_over(self) -> bool:
        return self.status in OVER
