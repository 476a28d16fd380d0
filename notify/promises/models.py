"""Promises."""

from collections.abc import Mapping
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from notify.messages.models import Message


class PromiseQuerySet(ScopedQuerySet["Promise"]):
    scope_path = "message__scope"


class Promise(Status):
    """An update that an audience was told to expect by a certain time."""

    NOUN = "promise"
    TRANSITIONS: ClassVar[Mapping[str, set[str]]] = {
        "open": {"kept", "overdue", "void"},
        "overdue": {"kept", "void"},
    }

    class State(models.TextChoices):
        OPEN = "open"
        OVERDUE = "overdue"
        KEPT = "kept"
        VOID = "void"  # what it was about is over

    message = models.OneToOneField(Message, on_delete=models.PROTECT, related_name="promise")
    due_at = models.DateTimeField()
    status = models.CharField(max_length=8, choices=State, default=State.OPEN)
    kept_by = models.ForeignKey(Message, null=True, on_delete=models.PROTECT, related_name="keeps")
    created_at = models.DateTimeField(db_default=Now())

    objects = PromiseQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["status", "due_at"], name="notify_promise_due")]

    def __str__(self) -> str:
        return f"update to {self.message.audience} by {self.due_at:%H:%M}"

    @property
    def scope(self) -> Scope | None:
        return self.message.scope
