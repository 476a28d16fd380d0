"""Tasks: what somebody in the war room is to do, beside the steps of runs."""

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from incidents.incidents.models import Incident, OfIncident
from ledger.models import Scope
from ledger.transitions import Status


class Task(Status):
    """One thing to be done, of an incident; `number` is how people call it there."""

    NOUN = "task"
    TRANSITIONS = {"open": {"done", "cancelled"}, "done": {"open"}, "cancelled": {"open"}}

    class State(models.TextChoices):
        OPEN = "open"
        DONE = "done"
        CANCELLED = "cancelled"

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="tasks")
    number = models.PositiveIntegerField()
    title = models.CharField(max_length=300)
    status = models.CharField(max_length=12, choices=State, default=State.OPEN)
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="tasks"
    )
    assigned_at = models.DateTimeField(null=True, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    due_on = models.DateField(null=True, blank=True)  # an action item: tracked, and reminded of, until it is done
    opened_by = models.CharField(max_length=80)
    opened_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)

    objects = OfIncident.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["incident", "number"], name="incidents_task_number")]

    def __str__(self) -> str:
        return f"task {self.number} of incident {self.incident_id}: {self.title}"

    @property
    def scope(self) -> Scope:
        return self.incident.scope
