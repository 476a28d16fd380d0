"""Messages."""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status
from notify.audiences.models import Audience

TEST = "test"
"""The template of a test, which goes to one destination, also while that is switched off."""
LET_OUT = ("approved", "sent", "failed")  # whatever became of its copies, its words were free to be told


class Message(Status):
    """Words for an audience, or for named people. What was approved is what is sent: the text never changes."""

    NOUN = "message"
    TRANSITIONS: ClassVar[Mapping[str, set[str]]] = {
        "awaiting_approval": {"approved", "rejected"},
        "approved": {"sent", "failed", "withdrawn"},
        "failed": {"approved"},
        "withdrawn": {"sent"},
    }

    class State(models.TextChoices):
        AWAITING_APPROVAL = "awaiting_approval"
        APPROVED = "approved"
        SENT = "sent"
        FAILED = "failed"
        REJECTED = "rejected"
        WITHDRAWN = "withdrawn"

    scope = models.ForeignKey(Scope, null=True, on_delete=models.PROTECT, related_name="+")
    audience = models.ForeignKey(Audience, null=True, on_delete=models.PROTECT, related_name="messages")
    key = models.CharField(max_length=200, unique=True)
    template = models.CharField(max_length=63, blank=True, default="")
    subject_line = models.CharField(max_length=200)
    body = models.TextField()
    link = models.CharField(max_length=300, blank=True, default="")
    digest = models.CharField(max_length=66)
    status = models.CharField(max_length=20, choices=State)
    requested_by = models.CharField(max_length=80)
    authority = models.CharField(max_length=120, blank=True, default="")  # what approved it: `approval:6`, `plan:0x…`
    created_at = models.DateTimeField(db_default=Now())
    let_out_at = models.DateTimeField(null=True)  # when its words were free to be told
    sent_at = models.DateTimeField(null=True)
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrections")
    next_update_by = models.DateTimeField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["scope", "id"], name="notify_message_scope")]

    def __str__(self) -> str:
        return self.subject_line

    @property
    def said_at(self) -> datetime:
        """When it was let out; messages of before that was written down have only their beginning."""
        return self.let_out_at or self.created_at

    @property
    def is_correctable(self) -> bool:
        """Whoever was told something wrong is told what is right."""
        return self.status in LET_OUT and self.audience is not None and self.audience.kind == Audience.Kind.OUTSIDE
