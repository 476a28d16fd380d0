"""Audiences and their destinations."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from pydantic import BaseModel

from accounts.shielding import shielded
from integrations.channels import CHANNELS
from integrations.sealing import seal, unseal


class Audience(models.Model):
    """A group told together. Inside: people of this desk. Outside: everyone else, told only what was approved."""

    class Kind(models.TextChoices):
        INSIDE = "inside"
        OUTSIDE = "outside"

    slug = models.SlugField(unique=True, max_length=63)
    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=8, choices=Kind)
    purpose = models.CharField(max_length=200, blank=True, default="")
    level = models.CharField(max_length=16, blank=True, default="")  # inside: everybody at this level or above belongs

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="inside") | models.Q(level=""), name="notify_outside_has_no_level"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Destination(models.Model):
    """One way to reach an audience, or one person. What it is told is sealed: an address book is worth stealing."""

    audience = models.ForeignKey(Audience, null=True, on_delete=models.CASCADE, related_name="destinations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="destinations")
    label = models.CharField(max_length=80, blank=True, default="")
    channel = models.CharField(max_length=32)
    sealed = models.TextField()
    enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(audience__isnull=False) ^ models.Q(user__isnull=False), name="notify_one_owner"
            )
        ]

    def __str__(self) -> str:
        return self.label or f"{self.channel} {self.pk}"

    @property
    def config(self) -> BaseModel:
        return CHANNELS[self.channel].Config.model_validate_json(unseal(self.sealed, "destination"))

    @staticmethod
    def seal(config: BaseModel) -> str:
        return seal(config.model_dump_json(), "destination")

    def address(self) -> Any:
        return CHANNELS[self.channel].address(self.config)

    @property
    def shielded(self) -> str:
        return shielded(str(self.address()))
