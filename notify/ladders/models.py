"""Escalation ladders."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from notify.ladders.steps import Climb


class Ladder(models.Model):
    """How a page climbs. A page that has begun keeps the ladder as it was then."""

    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=80)
    climb = models.JSONField()
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def subject(self) -> str:
        return f"ladder:{self.pk}"

    @property
    def climbing(self) -> Climb:
        return Climb.model_validate(self.climb)

    def frozen(self) -> dict[str, Any]:
        """What a page that begins now takes with it."""
        return {"ladder": self.slug, "name": self.name, **self.climbing.model_dump(mode="json")}
