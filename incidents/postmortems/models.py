"""What was learnt from an incident."""

from django.db import models
from django.db.models.functions import Now

from incidents.incidents.models import Incident, OfIncident


class Postmortem(models.Model):
    """Its written part, one for each incident. Timeline and legs are not copied: they are read from the ledger."""

    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="postmortem")
    summary = models.TextField(blank=True, default="")
    impact = models.TextField(blank=True, default="")
    causes = models.TextField(blank=True, default="")
    went_well = models.TextField(blank=True, default="")
    went_badly = models.TextField(blank=True, default="")
    lessons = models.TextField(blank=True, default="")
    drafted_by = models.CharField(max_length=80)
    drafted_at = models.DateTimeField(db_default=Now())
    edited_at = models.DateTimeField(null=True, blank=True)

    objects = OfIncident.as_manager()

    def __str__(self) -> str:
        return f"postmortem of incident {self.incident_id}"

    @property
    def subject(self) -> str:
        return f"postmortem:{self.pk}"
