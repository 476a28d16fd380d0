"""Audiences and their destinations."""

import json
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from pydantic import BaseModel, ValidationError

from accounts.shielding import shielded
from integrations.channels import CHANNELS, Undelivered
from integrations.families import unmasked
from integrations.sealing import SealBroken, seal, unseal
from ledger.errors import Invalid

# Who is asked for help in confidence, by letters that a person approves one by one: of what is private they may hear.
CONFIDANTS = ("exchanges", "bridges", "issuers", "legal", "seal-911", "whitehats")


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

    @property
    def is_public(self) -> bool:
        """What they hear, everybody hears."""
        return self.kind == self.Kind.OUTSIDE and self.slug not in CONFIDANTS


class Destination(models.Model):
    """One way to reach an audience, or one person. What it is told is sealed: an address book is worth stealing."""

    audience = models.ForeignKey(Audience, null=True, on_delete=models.CASCADE, related_name="destinations")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="destinations")
    label = models.CharField(max_length=80, blank=True, default="")
    channel = models.CharField(max_length=32)
    sealed = models.TextField()
    enabled = models.BooleanField(default=True)
    disabled_because = models.CharField(max_length=300, blank=True, default="")
    pause = models.PositiveIntegerField(null=True)  # least seconds between two sendings; null: the channel's own
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
    def subject(self) -> str:
        return f"destination:{self.pk}"

    @property
    def config(self) -> BaseModel:
        return opened(self.channel, self.sealed)

    @staticmethod
    def seal(config: BaseModel) -> str:
        return seal(json.dumps(unmasked(config)), "destination")

    def address(self) -> Any:
        """Whom it reaches, as may be shown; a config that cannot be read must not take its page along."""
        try:
            return CHANNELS[self.channel].address(self.config)
        except (Undelivered, Invalid):
            return f"{self.channel} {self.pk}"

    @property
    def shielded(self) -> str:
        return shielded(str(self.address()))


def opened(channel: str, sealed: str) -> BaseModel:
    """A sealed config; Undelivered where it cannot be read, in words that hold nothing of it."""
    try:
        return CHANNELS[channel].Config.model_validate_json(unseal(sealed, "destination"))
    except SealBroken as error:
        raise Undelivered(error.message, permanent=False) from None
    except ValidationError:
        reason = f"its settings are not those that {channel} takes: enter them anew"
        raise Undelivered(reason, permanent=True) from None
    except Invalid as error:
        raise Undelivered(error.message, permanent=True) from None
