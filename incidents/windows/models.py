"""Maintenance windows."""

from django.db import models
from django.db.models.functions import Now
from django.utils import timezone

from governance.protocols.models import Protocol


class Window(models.Model):
    """While it is open, matching alerts are kept and shown, but open and join no incident. What still fires when it
    ends is handed over then."""

    title = models.CharField(max_length=120)
    protocol = models.ForeignKey(Protocol, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    pattern = models.CharField(max_length=200, blank=True, default="")  # of dedup keys, with * for anything
    grave = models.BooleanField(default=False)  # also alerts of SEV1
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, editable=False)  # early by hand, or when its time was over
    ended_by = models.CharField(max_length=80, blank=True, default="")
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-starts_at", "-pk"]
        indexes = [
            models.Index(fields=["ends_at"], condition=models.Q(ended_at__isnull=True), name="incidents_window_open")
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(ends_at__gt=models.F("starts_at")), name="incidents_window_ends")
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def subject(self) -> str:
        return f"window:{self.pk}"

    @property
    def state(self) -> str:
        now = timezone.now()
        if self.ended_at or self.ends_at <= now:
            return "over"
        return "active" if self.starts_at <= now else "planned"
