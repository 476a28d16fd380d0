"""What people write into an incident: updates, notes, and CAN reports."""

from django.db import models
from django.db.models.functions import Now

from incidents.incidents.models import Incident, OfIncident


class Update(models.Model):
    """One text as it reads now. What it said before stands in the ledger, with each correction."""

    class Kind(models.TextChoices):
        UPDATE = "update"
        NOTE = "note"
        CAN = "can"  # conditions, actions, needs

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="updates")
    kind = models.CharField(max_length=8, choices=Kind)
    text = models.TextField(blank=True, default="")
    conditions = models.TextField(blank=True, default="")
    actions = models.TextField(blank=True, default="")
    needs = models.TextField(blank=True, default="")
    next_by = models.DateTimeField(null=True, blank=True)  # until when the next one was promised with it
    posted_by = models.CharField(max_length=80)
    posted_at = models.DateTimeField(db_default=Now())
    edited_at = models.DateTimeField(null=True, blank=True)

    objects = OfIncident.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["incident", "-id"], name="incidents_update_of")]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} of incident {self.incident_id}"

    @property
    def words(self) -> str:
        """As one text."""
        if self.kind != self.Kind.CAN:
            return self.text
        return f"Conditions: {self.conditions}\nActions: {self.actions}\nNeeds: {self.needs}"

    @property
    def subject(self) -> str:
        return f"update:{self.pk}"
