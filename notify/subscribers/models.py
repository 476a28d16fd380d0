"""Subscribers."""

from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ledger.models import Scope
from ledger.transitions import Status
from notify.audiences.models import Audience, Destination


class Subscriber(Status):
    """Somebody who is no user here. Their address is sealed, and gone once they leave."""

    NOUN = "subscriber"
    TRANSITIONS: ClassVar[Mapping[str, set[str]]] = {"asked": {"confirmed"}, "confirmed": {"left"}}

    class State(models.TextChoices):
        ASKED = "asked"  # told to nobody: whoever typed the address may not be who reads there
        CONFIRMED = "confirmed"
        LEFT = "left"

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="subscribers")
    channel = models.CharField(max_length=32)
    mark = models.CharField(max_length=64)  # of the address: the same one is found again without being stored in clear
    sealed = models.TextField(blank=True, default="")
    destination = models.OneToOneField(Destination, null=True, on_delete=models.SET_NULL, related_name="subscriber")
    status = models.CharField(max_length=12, choices=State, default=State.ASKED)
    asked_at = models.DateTimeField(db_default=Now())
    turn = models.PositiveIntegerField(default=1)  # links of an earlier turn are worth nothing

    class Meta:
        constraints = [models.UniqueConstraint(fields=["audience", "mark"], name="notify_subscriber_once")]
        indexes = [models.Index(fields=["status", "asked_at"], name="notify_subscriber_asked")]

    def __str__(self) -> str:
        return f"subscriber {self.pk} by {self.channel}"

    @property
    def scope(self) -> Scope | None:
        return None
