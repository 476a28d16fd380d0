"""Right before a proposal is executed, floors above are asked whether what people approved still holds."""

from accounts.approvals.consent import Consent
from governance.proposals.models import Proposal

to_execute: Consent[Proposal] = Consent()
