"""What governance asks of floors above about a proposal.

`to_execute`: right before it is executed, whether what people approved still holds. `to_wait_for`: whether the run that
it was made for still waits for it.
"""

from accounts.approvals.consent import Consent
from governance.proposals.models import Proposal

to_execute: Consent[Proposal] = Consent()
to_wait_for: Consent[Proposal] = Consent()
