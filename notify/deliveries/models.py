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


class Lane(models.Model):
    """The way to one address: what goes there goes one after the other, at a pace that its receiver takes.

    `free_at` moves on by a pause with every sending; so far as it lies ahead, the burst is used up. `busy_until`:
    nothing is sent before, since something is being sent (by `holder`, which may come back when its worker died), or
    since the last try failed. `failures`: tries in a row that did.
    """

    channel = models.CharField(max_length=32)
    address = models.CharField(max_length=254)
    free_at = models.DateTimeField(db_default=Now())
    busy_until = models.DateTimeField(db_default=Now())
    holder = models.BigIntegerField(null=True)
    failures = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["channel", "address"], name="notify_lane_once")]

    def __str__(self) -> str:
        return f"lane to {self.channel} {self.pk}"


class Delivery(Status):
    """One copy on its way. Its tries are the attempts of its work row."""

    NOUN = "delivery"
    TRANSITIONS: ClassVar[Mapping[str, set[str]]] = {
        "queued": {"sent", "failed", "withdrawn"},
        "failed": {"queued"},
        "withdrawn": {"sent"},  # it was on the wire already when it was taken back
    }

    class State(models.TextChoices):
        QUEUED = "queued"
        SENT = "sent"
        FAILED = "failed"
        WITHDRAWN = "withdrawn"

    message = models.ForeignKey(Message, on_delete=models.PROTECT, related_name="deliveries")
    destination = models.ForeignKey(Destination, null=True, on_delete=models.SET_NULL, related_name="deliveries")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    channel = models.CharField(max_length=32)
    address = models.CharField(max_length=254)
    sealed = models.TextField()  # for the mail address of an account; a destination keeps its own
    status = models.CharField(max_length=12, choices=State, default=State.QUEUED)
    reference = models.CharField(max_length=200, blank=True, default="")
    error = models.CharField(max_length=300, blank=True, default="")
    lane = models.ForeignKey(Lane, on_delete=models.PROTECT, related_name="deliveries")
    # Several that go out as one have one carrier, itself among them: chosen at the first try, so that every further
    # one says the same.
    carrier = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="carried")
    created_at = models.DateTimeField(db_default=Now())
    queued_at = models.DateTimeField(
        db_default=Now()
    )  # when it was last put into the outbox: its patience runs from here
    sent_at = models.DateTimeField(null=True)

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["message", "channel", "address"], name="notify_once_an_address")]
        indexes = [
            models.Index(fields=["lane", "id"], name="notify_lane_queue", condition=models.Q(status="queued")),
            models.Index(fields=["message"], name="notify_message_queue", condition=models.Q(status="queued")),
            models.Index(fields=["queued_at"], name="notify_delivery_waits", condition=models.Q(status="queued")),
        ]

    def __str__(self) -> str:
        return f"{self.channel} to {self.address}"

    @property
    def shielded(self) -> str:
        return shielded(self.address)

    @property
    def is_private(self) -> bool:
        """To a way that somebody added for themselves: shown to nobody else. Only a copy to the mail address of an
        account brings its settings along."""
        return self.user_id is not None and not self.sealed

    @property
    def scope(self) -> Scope | None:
        return self.message.scope

    @property
    def work_key(self) -> str:
        return str(self.pk)

    @property
    def token(self) -> str:
        """The same at every try; receivers that remember it take a repetition for one."""
        return f"breakglass-delivery-{self.pk}"

    @property
    def carried_by(self) -> int | None:
        """The copy that this one went out with, if it was not by itself."""
        return self.carrier_id if self.carrier_id != self.pk else None
