"""A transaction and every set of bytes that was ever signed for it."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.chain.fields import AddressField, HashField, Uint256Field
from integrations.chain.models import Chain, Executor
from ledger.access import ScopedQuerySet
from ledger.models import Scope
from ledger.transitions import Status as HasStatus


class Transaction(HasStatus):
    """One effect on a chain. Its target, data and value never change; its nonce is given once."""

    class Status(models.TextChoices):
        QUEUED = "queued"
        RESERVED = "reserved"
        SIGNED = "signed"
        BROADCAST = "broadcast"
        MINED = "mined"
        FINAL = "final"
        FAILED = "failed"
        REFUSED = "refused"
        DROPPED = "dropped"
        UNKNOWN = "unknown"

    NOUN = "transaction"
    TRANSITIONS = {
        "queued": {"reserved", "refused", "failed"},
        "reserved": {"signed", "unknown", "dropped"},
        "signed": {"broadcast", "mined", "failed", "unknown", "dropped"},
        "broadcast": {"mined", "failed", "unknown", "dropped"},
        "mined": {"final", "broadcast", "unknown"},
        "failed": {"broadcast", "unknown"},
        "unknown": {"reserved", "signed", "broadcast", "mined", "failed", "dropped"},
    }
    IN_FLIGHT = (Status.QUEUED, Status.RESERVED, Status.SIGNED, Status.BROADCAST)
    HOLDS_NONCE = (Status.RESERVED, Status.SIGNED, Status.BROADCAST, Status.UNKNOWN)

    chain = models.ForeignKey(Chain, on_delete=models.PROTECT, related_name="transactions")
    executor = models.ForeignKey(Executor, on_delete=models.PROTECT, related_name="transactions")
    key = models.CharField(max_length=200, unique=True)
    about = models.CharField(max_length=80, blank=True, default="")
    scope = models.ForeignKey(Scope, null=True, on_delete=models.PROTECT, related_name="+")
    status = models.CharField(max_length=16, choices=Status, default=Status.QUEUED)
    to = AddressField()
    value = Uint256Field(default=0)
    data = models.BinaryField(default=b"")
    gas_limit = models.PositiveBigIntegerField(null=True)
    nonce = models.PositiveBigIntegerField(null=True)
    hash = HashField(null=True)  # of the bytes that count: the mined ones, or else the newest
    block_hash = HashField(null=True)
    block_number = models.PositiveBigIntegerField(null=True)
    receipt_status = models.BooleanField(null=True)
    gas_used = models.PositiveBigIntegerField(null=True)
    gas_price = Uint256Field(null=True)
    is_final = models.BooleanField(default=False)
    cancelling = models.BooleanField(default=False)
    private = models.BooleanField(default=False)  # asked for: first to the chain's private endpoints alone
    public_at = models.DateTimeField(null=True)  # when a private one went to the public endpoints after all
    public_reason = models.CharField(max_length=300, blank=True, default="")
    sent_block = models.PositiveBigIntegerField(null=True)  # the height when it was first looked for
    stuck_at = models.DateTimeField(null=True)  # since when its being stuck is an alarm
    foreign_seen_at = models.DateTimeField(null=True)
    reason = models.TextField(blank=True, default="")
    known = models.JSONField(default=dict)  # for a person, while the outcome is unknown
    actor = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())
    broadcast_at = models.DateTimeField(null=True)
    mined_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        constraints = [
            # A nonce whose transaction was dropped before it was ever signed is free again.
            models.UniqueConstraint(
                fields=["executor", "nonce"],
                name="transaction_nonce_once",
                condition=~Q(status="dropped") | Q(hash__isnull=False),
            ),
            models.CheckConstraint(
                name="transaction_has_nonce",
                condition=Q(nonce__isnull=False) | Q(status__in=["queued", "refused", "failed"]),
            ),
            models.CheckConstraint(
                name="transaction_mined_where",
                condition=~Q(status__in=["mined", "final"])
                | Q(block_hash__isnull=False, block_number__isnull=False, receipt_status=True, hash__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["executor", "-nonce"], name="transaction_by_nonce"),
            models.Index(fields=["about"], name="transaction_about"),
        ]

    def __str__(self) -> str:
        return f"transaction {self.pk} ({self.status})"


class SignedAttempt(models.Model):
    """Bytes that were signed, and therefore may be mined as long as their nonce is free: none is ever forgotten."""

    class Kind(models.TextChoices):
        FIRST = "first"
        BUMP = "bump"  # the same effect at a higher fee
        CANCEL = "cancel"  # nothing at all, at the same nonce, by a person's decision

    transaction = models.ForeignKey(Transaction, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()
    kind = models.CharField(max_length=8, choices=Kind, default=Kind.FIRST)
    raw = models.BinaryField()
    hash = HashField(unique=True)
    max_fee = Uint256Field()
    tip = Uint256Field()
    created_at = models.DateTimeField(db_default=Now())
    broadcast_at = models.DateTimeField(null=True)
    sent_at = models.DateTimeField(null=True)  # the last time; `broadcast_at` is the first
    answers = models.JSONField(default=dict)  # what each endpoint said to the last broadcast

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["transaction", "number"], name="attempt_number_once")]

    def __str__(self) -> str:
        return f"attempt {self.number} of transaction {self.transaction_id}"
