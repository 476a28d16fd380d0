"""What that API knows beyond a proposal: who handed it in, and who may do so for an owner."""

from typing import Any

from django.db import models
from django.db.models.functions import Now

from governance.proposals.models import Proposal
from governance.safes.models import Safe
from integrations.chain.fields import AddressField
from ledger.statements import say


class Submission(models.Model):
    """A proposal that came in through the API, with the address that proved to have sent it."""

    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="submission")
    proposer = AddressField()  # an owner
    delegate = AddressField(null=True, blank=True)  # who sent it in the owner's name
    origin = models.JSONField(default=dict)  # what the sender says it is from: text or an object

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.proposer} proposed {self.proposal_id}"


# Asked whenever something is proposed, so it is composed once.
OF = """
SELECT delegate, delegator FROM governance_delegate
WHERE chain_id = %(chain)s AND (safe_id = %(safe)s OR safe_id IS NULL) AND delegator = ANY(%(owners)s)
  AND (expires_at IS NULL OR expires_at > statement_timestamp()) ORDER BY id
"""


def delegates_of(safe: Safe) -> list[tuple[str, str]]:
    """Who may hand in proposals to this Safe now, each with a present owner who named it."""
    return [(row[0], row[1]) for row in say(OF, {"chain": safe.chain_id, "safe": safe.pk, "owners": safe.owners})]


class Delegate(models.Model):
    """An address that an owner lets hand in proposals; it never confirms. Without a Safe: for all of that owner's."""

    chain = models.ForeignKey("integrations.Chain", on_delete=models.PROTECT, related_name="+")
    safe = models.ForeignKey(Safe, null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    delegate = AddressField()
    delegator = AddressField()
    label = models.CharField(max_length=50)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["chain", "safe", "delegate", "delegator"],
                nulls_distinct=False,
                name="governance_delegate_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator}"

    @property
    def subject(self) -> str:
        return f"delegate:{self.delegate}"

    @property
    def shown(self) -> dict[str, Any]:
        """For the ledger."""
        return {
            "chain": self.chain.chain_id,
            "safe": self.safe.address if self.safe else None,
            "delegate": self.delegate,
            "delegator": self.delegator,
            "label": self.label,
            "expires_at": self.expires_at,
        }
