"""Deliveries: the outbox. One row for each destination of each message."""

from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from accounts.shielding import shielded
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from notify.audiences.models import Destination
from notify.messages.models import Message


class DeliveryQuerySet(ScopedQuerySet["Delivery"]):
    scope_path = "message__scope"


class Delivery(Status):
    """One copy on its way. Its tries are the attempts of its work row."""

    NOUN = "delivery"
    TRANSITIONS: ClassVar[Mapping[str, set[str]]] = {"queued": {"sent", "failed"}, "failed": {"queued"}}

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="deliveries")
    destination = models.ForeignKey(Destination, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    channel = models.CharField(max_length=32)
    address = models.CharField(max_length=254)
    sealed = models.TextField()
    status = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    reference = models.CharField(max_length=200, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")
    created_at = models.DateTimeField(db_default=Now())
    sent_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "channel", "address"], name="notify_once_an_address")]

    def __str__(self) -> str:
        return f"{self.channel} to {self.address}"

    @property
    def shielded(self) -> str:
        return shielded(self.address)

    @property
    def scope(self) -> Scope | None:
        return self.message.scope

    @property
    def work_key(self) -> str:
        return str(self.pk)
