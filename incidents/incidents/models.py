"""Incidents: what people lead."""

from typing import TypeVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status

M = TypeVar("M", bound=models.Model)
OVER = ("closed", "declined", "merged")
FUNDS = ("at_risk", "moved", "saved")


class OfIncident(ScopedQuerySet[M]):
    """For what hangs on an incident: as private as it is."""

    scope_path = "incident__scope"


class Incident(Status):
    """An emergency, or what may be one. It has a scope of its own; everything done for it hangs below that."""

    NOUN = "incident"
    TRANSITIONS = {
        "triage": {"active", "contained", "declined", "merged"},
        "active": {"contained", "restored", "declined", "merged"},
        "contained": {"active", "restored", "merged"},
        "restored": {"active", "closed", "merged"},
    }

    class State(models.TextChoices):
        TRIAGE = "triage"
        ACTIVE = "active"
        CONTAINED = "contained"
        RESTORED = "restored"
        CLOSED = "closed"
        DECLINED = "declined"
        MERGED = "merged"

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
    handover_to = models.ForeignKey(  # asked to take command; until they do, the commander still leads
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    handover_note = models.TextField(blank=True, default="")
    handover_at = models.DateTimeField(null=True, blank=True)
    severity_by = models.CharField(max_length=80, blank=True, default="")  # whose word the severity is, last
    next_update_by = models.DateTimeField(null=True, blank=True)  # what was promised with the last update
    nudged = models.JSONField(default=dict, blank=True)  # what was missing when somebody was last reminded of it
    funds_at_risk = models.PositiveBigIntegerField(null=True, blank=True)  # whole US dollars, like the two below
    funds_moved = models.PositiveBigIntegerField(null=True, blank=True)
    funds_saved = models.PositiveBigIntegerField(null=True, blank=True)
    merged_into = models.ForeignKey("self", null=True, blank=True, on_delete=models.PROTECT, related_name="merged")
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
    def severity_is_judged(self) -> bool:
        """Whether a person has said so, or only whatever raised the alarm."""
        return self.severity_by.startswith(("user:", "token:"))

    @property
    def is_over(self) -> bool:
        return self.status in OVER
