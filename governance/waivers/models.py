"""Leave to sign past blocking findings."""

from django.db import models
from django.db.models.functions import Now

from governance.proposals.models import Proposal
from integrations.chain.fields import HashField


class Waiver(models.Model):
    """Somebody's written reason why these findings do not stop this very transaction.

    It counts for nothing until somebody of another role approved its hash (`accounts.approvals`).
    """

    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="waivers")
    findings = models.JSONField()  # key, finding, label, call and text of each, as they were read
    reason = models.TextField()
    sha256 = HashField()  # of the transaction's hash, the findings' keys and the reason: what is approved
    requested_by = models.CharField(max_length=80)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"waiver {self.pk} of proposal {self.proposal_id}"

    @property
    def subject(self) -> str:
        return f"waiver:{self.pk}"

    @property
    def keys(self) -> set[str]:
        return {one["key"] for one in self.findings}
