"""Plans as they were hashed, and the values that became known later."""

import json
from functools import lru_cache
from typing import Any

from django.db import models
from django.db.models.functions import Now

from governance.plans.schema import Document
from integrations.chain.fields import HashField
from ledger.access import ScopedQuerySet


@lru_cache(maxsize=64)
def _parsed(document: str) -> Document:
    return Document.model_validate_json(document)


class Plan(models.Model):
    """Everything that will be done. Never changed: a trigger refuses UPDATE and DELETE."""

    class Environment(models.TextChoices):
        LIVE = "live"
        DRILL = "drill"
        REHEARSAL = "rehearsal"

    scope = models.ForeignKey("ledger.Scope", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=64)
    environment = models.CharField(max_length=16, choices=Environment)
    document = models.TextField()  # the canonical bytes, as UTF-8 text: what sha256 is taken over
    sha256 = HashField()
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["sha256"], name="governance_plan_sha256")]

    def __str__(self) -> str:
        return f"{self.kind} {self.sha256[:10]}"

    @property
    def subject(self) -> str:
        return f"plan:{self.pk}"

    def parsed(self) -> Document:
        """Read once a process for each text: it never changes, and whoever changes a row's text gets another one."""
        return _parsed(self.document)

    def data(self) -> Any:
        return json.loads(self.document)


class PlanValue(models.Model):
    """What a reference turned out to be. Recorded once, then as fixed as the plan."""

    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="values")
    reference = models.CharField(max_length=64)
    value = models.JSONField()
    recorded_by = models.CharField(max_length=80)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["reference"]
        constraints = [models.UniqueConstraint(fields=["plan", "reference"], name="governance_plan_value_once")]

    def __str__(self) -> str:
        return f"{self.reference} of plan {self.plan_id}"
