"""The only way in: an admin's invitation, by mail."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from ledger.transitions import Status


class InvitationStatus(models.TextChoices):
    SENT = "sent", "Sent"
    ACCEPTED = "accepted", "Accepted"
    WITHDRAWN = "withdrawn", "Withdrawn"


class Invitation(Status):
    """One address, one link, one use. Its link is made from a signature at sending; no secret is stored."""

    NOUN = "invitation"
    TRANSITIONS = {InvitationStatus.SENT: {InvitationStatus.ACCEPTED, InvitationStatus.WITHDRAWN}}

    email = models.EmailField()
    levels = ArrayField(models.CharField(max_length=16), default=list, blank=True)
    status = models.CharField(max_length=16, choices=InvitationStatus, default=InvitationStatus.SENT)
    invited_by = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="invitations")
    user = models.ForeignKey("accounts.User", null=True, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["email"], condition=models.Q(status=InvitationStatus.SENT), name="accounts_invited_once"
            )
        ]

    def __str__(self) -> str:
        return self.email
