"""Roles of an incident, and who holds them."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from incidents.incidents.models import Incident, OfIncident


class Role(models.TextChoices):
    """Beside the commander, who is the incident's own."""

    OPERATIONS = "operations"
    STRATEGY = "strategy"
    PROTOCOL = "protocol"
    WEB = "web"
    SCRIBE = "scribe"
    COMMUNICATIONS = "communications"
    SIGNER_LIAISON = "signer-liaison", "Signer liaison"


class Assignment(models.Model):
    """A role in somebody's hands, from when it was given until it went on. Unseen until its holder says so or acts."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="assignments")
    role = models.CharField(max_length=16, choices=Role)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    given_by = models.CharField(max_length=80)
    given_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OfIncident.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["incident", "role"], condition=models.Q(ended_at=None), name="incidents_role_held_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} as {self.role} of incident {self.incident_id}"

    @property
    def subject(self) -> str:
        return f"assignment:{self.pk}"
