"""What a person handed in as proof of a step: the bytes themselves, under their hash."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from ledger.access import ScopedQuerySet
from runbooks.runs.models import StepRun

LARGEST = 5 * 1024 * 1024


class EvidenceQuerySet(ScopedQuerySet["Evidence"]):
    scope_path = "step__run__scope"


class Evidence(models.Model):
    """A file of one step. Whoever may see the run may see it; it never changes."""

    step = models.ForeignKey(StepRun, on_delete=models.PROTECT, related_name="evidence")
    name = models.CharField(max_length=150)
    media_type = models.CharField(max_length=60)  # from the content, never from what the sender says
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    content = models.BinaryField()
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    objects = EvidenceQuerySet.as_manager()

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["step", "sha256"], name="runbooks_evidence_once"),
            models.CheckConstraint(condition=Q(size__gte=1, size__lte=LARGEST), name="runbooks_evidence_size"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"evidence:{self.pk}"
