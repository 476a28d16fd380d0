"""One Safe transaction on its way to the chain."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from governance.plans.models import Plan
from governance.safes.models import Safe
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.fields import AddressField, HashField, Uint256Field
from integrations.safe.hashes import SafeTx
from ledger.access import ScopedQuerySet
from ledger.transitions import Status

DEAD = ("rejected", "superseded", "failed")
OPEN = ("draft", "signing", "ready", "executing", "unknown")


class Proposal(Status):
    """The raw fields are what is signed; everything else on the page is derived from them, every time."""

    NOUN = "proposal"
    TRANSITIONS = {
        "draft": {"signing", "rejected"},
        "signing": {"ready", "executed", "rejected", "superseded", "failed"},  # executed: by somebody else
        "ready": {"executing", "executed", "signing", "rejected", "superseded", "failed"},
        "executing": {"executed", "failed", "superseded", "unknown"},
        "unknown": {"executing", "executed", "failed"},  # a person decided about its transaction
        "executed": {"executing"},  # a reorg took its block
    }

    class State(models.TextChoices):
        DRAFT = "draft"
        SIGNING = "signing"
        READY = "ready"
        EXECUTING = "executing"
        EXECUTED = "executed"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"
        FAILED = "failed"
        UNKNOWN = "unknown"

    safe = models.ForeignKey(Safe, on_delete=models.PROTECT, related_name="proposals")
    scope = models.ForeignKey("ledger.Scope", on_delete=models.PROTECT, related_name="+")
    plan = models.ForeignKey(Plan, null=True, blank=True, on_delete=models.PROTECT, related_name="proposals")
    step_id = models.CharField(max_length=64, blank=True, default="")
    status = models.CharField(max_length=16, choices=State, default=State.DRAFT)
    title = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    calls = models.JSONField()  # what was asked for; `to`, `value`, `data` below are what is signed
    auto_execute = models.BooleanField(default=False)

    chain_id = models.BigIntegerField()
    version = models.CharField(max_length=16)
    to = AddressField()
    value = Uint256Field(default=0)
    data = models.BinaryField(default=b"")
    operation = models.PositiveSmallIntegerField(default=0)
    safe_tx_gas = Uint256Field(default=0)
    base_gas = Uint256Field(default=0)
    gas_price = Uint256Field(default=0)
    gas_token = AddressField(default=ZERO_ADDRESS)
    refund_receiver = AddressField(default=ZERO_ADDRESS)
    nonce = Uint256Field()
    safe_tx_hash = HashField(db_index=True)

    simulation = models.JSONField(null=True, blank=True)  # the last one, with the block it was pinned to
    simulated_at = models.DateTimeField(null=True, blank=True)
    transaction = models.ForeignKey(
        "integrations.Transaction", null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    outcome = models.JSONField(null=True, blank=True)  # block, transaction hash, predicted and actual changes
    stopped = models.JSONField(null=True, blank=True)  # why execution stopped, in words for people
    expires_at = models.DateTimeField(null=True, blank=True)  # not executed after it; its proposer's choice
    created_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())
    created_block = models.BigIntegerField(default=0)  # nobody can have executed it before

    objects = ScopedQuerySet.as_manager()

    class Meta:
        ordering = ["-pk"]
        indexes = [models.Index(fields=["safe", "nonce"], name="governance_proposal_nonce")]
        constraints = [
            models.CheckConstraint(condition=models.Q(operation__in=(0, 1)), name="governance_proposal_operation"),
            models.UniqueConstraint(
                fields=["plan", "step_id"],
                condition=models.Q(plan__isnull=False) & ~models.Q(status__in=DEAD),
                name="governance_proposal_once_a_step",
            ),
            models.UniqueConstraint(
                fields=["safe_tx_hash"], condition=~models.Q(status__in=DEAD), name="governance_proposal_once"
            ),
        ]

    def __str__(self) -> str:
        return f"#{self.pk} {self.title}"

    @property
    def safe_tx(self) -> SafeTx:
        """The transaction from the stored raw fields; its hash is never taken from the row."""
        return SafeTx(
            chain_id=self.chain_id,
            safe=self.safe.address,
            version=self.version,
            to=self.to,
            value=self.value,
            data=bytes(self.data),
            operation=self.operation,
            safe_tx_gas=self.safe_tx_gas,
            base_gas=self.base_gas,
            gas_price=self.gas_price,
            gas_token=self.gas_token,
            refund_receiver=self.refund_receiver,
            nonce=self.nonce,
        )

    @property
    def counted(self) -> int:
        """Signatures that count now: of present owners, and still worth something to the Safe."""
        owners = set(self.safe.owners)
        return sum(one.owner in owners and not one.lapsed for one in self.confirmations.all())

    @property
    def raw_fields(self) -> dict[str, Any]:
        """As a browser, a device or the offline verifier reads them: every uint a decimal string."""
        return {
            "chainId": str(self.chain_id),
            "safe": self.safe.address,
            "version": self.version,
            "to": self.to,
            "value": str(self.value),
            "data": "0x" + bytes(self.data).hex(),
            "operation": self.operation,
            "safeTxGas": str(self.safe_tx_gas),
            "baseGas": str(self.base_gas),
            "gasPrice": str(self.gas_price),
            "gasToken": self.gas_token,
            "refundReceiver": self.refund_receiver,
            "nonce": str(self.nonce),
        }


class Via(models.TextChoices):
    """How a signature came here."""

    BROWSER = "browser"
    PASTED = "pasted"
    API = "api"
    LINK = "link"  # by a signer without an account
    CHAIN = "chain"  # an approveHash that was seen
    SERVICE = "service"  # a Safe Transaction Service had it


class Confirmation(models.Model):
    """An owner's signature over the recomputed hash."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="confirmations")
    owner = AddressField()
    signature = models.BinaryField()
    kind = models.CharField(max_length=16)  # eip712, eth_sign, approved, contract
    lapsed = models.CharField(max_length=300, blank=True, default="")  # why the Safe would not take it any more
    user = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    via = models.CharField(max_length=16, choices=Via, default=Via.API)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["created_at"]
        constraints = [models.UniqueConstraint(fields=["proposal", "owner"], name="governance_one_signature_an_owner")]

    def __str__(self) -> str:
        return f"{self.owner} signed {self.proposal_id}"


class NestedConfirmation(models.Model):
    """A signature within an owner that is a Safe itself: over that Safe's own message, by one of its owners."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="nested")
    within = AddressField()  # the owning Safe
    owner = AddressField()
    signature = models.BinaryField()
    kind = models.CharField(max_length=16)
    user = models.ForeignKey("accounts.User", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    via = models.CharField(max_length=16, choices=Via, default=Via.API)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["proposal", "within", "owner"], name="governance_nested_once_an_owner")
        ]

    def __str__(self) -> str:
        return f"{self.owner} signed {self.proposal_id} within {self.within}"


class Sight(models.Model):
    """A signer opened the proposal's page: one row, and one event, however often they look."""

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="sights")
    user = models.ForeignKey("accounts.User", on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["proposal", "user"], name="governance_seen_once")]

    def __str__(self) -> str:
        return f"{self.user_id} saw {self.proposal_id}"
