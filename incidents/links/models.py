"""Incidents that have to do with each other."""

from django.db import models
from django.db.models.functions import Now

from incidents.incidents.models import Incident


class IncidentLink(models.Model):
    """Two incidents, the older first. Each is shown at the other only to those who may see it."""

    first = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="+")
    made_by = models.CharField(max_length=80)
    made_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="incidents_link_once"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="incidents_link_in_order"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} and {self.second_id}"
