"""Alerts: what was seen, once for as long as it lasts."""

from django.db import models
from django.db.models.functions import Now

from governance.protocols.models import Protocol
from incidents.watch.models import SEVERITIES, Monitor
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status


class Alert(Status):
    """One thing that is wrong. The same key while it still fires is the same alert, seen once more."""

    NOUN = "alert"
    TRANSITIONS = {"firing": {"cleared"}, "cleared": set()}

    class State(models.TextChoices):
        FIRING = "firing"
        CLEARED = "cleared"

    key = models.CharField(max_length=200)
    title = models.CharField(max_length=200)
    severity = models.CharField(max_length=4, choices=SEVERITIES)
    status = models.CharField(max_length=8, choices=State, default=State.FIRING)
    source = models.CharField(max_length=80)  # the actor that raised it: `monitor:oracle-stale`, `inbound:12`
    monitor = models.ForeignKey(Monitor, null=True, blank=True, on_delete=models.PROTECT, related_name="alerts")
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    failure_mode = models.SlugField(max_length=63, blank=True, default="")
    detail = models.JSONField(default=dict)
    times = models.PositiveIntegerField(default=1)
    scope = models.ForeignKey(Scope, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    incident = models.ForeignKey(
        "incidents.Incident", null=True, blank=True, on_delete=models.PROTECT, related_name="alerts"
    )
    window = models.ForeignKey(  # of maintenance, which muted it
        "incidents.Window", null=True, blank=True, on_delete=models.PROTECT, related_name="alerts"
    )
    raised_at = models.DateTimeField(db_default=Now())
    last_at = models.DateTimeField(db_default=Now())
    cleared_at = models.DateTimeField(null=True, blank=True)
    acked_at = models.DateTimeField(null=True, blank=True)  # its sender says that somebody looks at it
    acked_by = models.CharField(max_length=80, blank=True, default="")

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["incident"], name="incidents_alert_incident"),
            models.Index(fields=["key"], name="incidents_alert_key"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(status="firing"), name="incidents_alert_fires_once"
            )
        ]

    def __str__(self) -> str:
        return self.title
