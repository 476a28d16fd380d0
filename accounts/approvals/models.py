"""Approval: N of M by role over a subject's hash, never the requester. One noun, used by every room."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from accounts.levels import Level
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status


class Needs(models.TextChoices):
    """What a yes must come with."""

    NONE = "none", "A signed-in person"
    WALLET = "wallet", "A wallet's signature"
    PASSKEY = "passkey", "A fresh passkey"


class ApprovalStatus(models.TextChoices):
    OPEN = "open", "Open"
    SATISFIED = "satisfied", "Satisfied"
    REFUSED = "refused", "Refused"
    WITHDRAWN = "withdrawn", "Withdrawn"
    SUPERSEDED = "superseded", "Superseded"


class ApprovalQuerySet(ScopedQuerySet["Approval"]):
    def open(self) -> "ApprovalQuerySet":
        return self.filter(status=ApprovalStatus.OPEN).exclude(expires_at__lte=timezone.now())


class Approval(Status):
    """A question to people: may this, with exactly this hash, go ahead?

    `required` different people of `role` or above must say yes; one no ends it. The requester is never among them.
    A satisfied approval is judged again whenever it is used: see `selectors.is_satisfied`.
    """

    NOUN = "approval"
    TRANSITIONS = {
        ApprovalStatus.OPEN: {
            ApprovalStatus.SATISFIED,
            ApprovalStatus.REFUSED,
            ApprovalStatus.WITHDRAWN,
            ApprovalStatus.SUPERSEDED,
        },
        # Somebody took their yes back, or lost the role: it can be asked for again, or ended.
        ApprovalStatus.SATISFIED: {ApprovalStatus.OPEN, ApprovalStatus.WITHDRAWN, ApprovalStatus.REFUSED},
    }

    id: int
    scope = models.ForeignKey(Scope, null=True, on_delete=models.PROTECT, related_name="approvals")
    about = models.CharField(max_length=80, help_text="the subject, such as run:3")
    subject_hash = models.CharField(max_length=66, help_text="0x and 64 lowercase hex digits")
    title = models.CharField(max_length=200)
    link = models.CharField(max_length=300, blank=True, default="", help_text="where the subject can be looked at")
    required = models.PositiveSmallIntegerField()
    role = models.CharField(max_length=16, choices=Level)
    needs = models.CharField(max_length=8, choices=Needs, default=Needs.NONE)
    chain_id = models.BigIntegerField(null=True, help_text="wallets must sign for this chain; empty: any known chain")
    requester = models.CharField(max_length=80)
    requester_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="approvals_requested"
    )
    drafter_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+"
    )  # who wrote what another one asks for now: no more than who asks do they say yes to it
    status = models.CharField(max_length=12, choices=ApprovalStatus, default=ApprovalStatus.OPEN)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField(null=True)

    objects = ApprovalQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["about", "subject_hash"], name="accounts_approval_about")]
        constraints = [
            models.UniqueConstraint(
                fields=["about", "subject_hash", "role", "needs"],
                condition=Q(status__in=[ApprovalStatus.OPEN, ApprovalStatus.SATISFIED]),
                name="accounts_approval_live_once",
            ),
            models.CheckConstraint(condition=Q(required__gte=1), name="accounts_approval_required"),
            models.CheckConstraint(condition=Q(subject_hash__regex="^0x[0-9a-f]{64}$"), name="accounts_approval_hash"),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()


class Verdict(models.TextChoices):
    GIVEN = "given", "Yes"
    REFUSED = "refused", "No"


class Decision(models.Model):
    """One person's word, with its proof. The database holds one a person, however many wallets they have."""

    approval = models.ForeignKey(Approval, on_delete=models.PROTECT, related_name="decisions")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="decisions")
    verdict = models.CharField(max_length=8, choices=Verdict)
    reason = models.TextField(blank=True, default="")
    wallet = models.CharField(max_length=42, blank=True, default="", help_text="the address that signed")
    signature = models.TextField(blank=True, default="")
    chain_id = models.BigIntegerField(null=True)
    deadline = models.BigIntegerField(null=True, help_text="part of what was signed; unix seconds")
    passkey_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(db_default=Now())
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["decided_at", "id"]
        constraints = [
            models.UniqueConstraint(fields=["approval", "user"], name="accounts_decision_one_a_person"),
            models.UniqueConstraint(
                fields=["approval", "wallet"], condition=~Q(wallet=""), name="accounts_decision_one_a_wallet"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.verdict} by {self.user_id}"
