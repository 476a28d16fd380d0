"""Right before a transaction is given its nonce, floors above are asked whether what people approved still holds."""

from accounts.approvals.consent import Consent
from integrations.chain.transactions.models import Transaction

to_send: Consent[Transaction] = Consent()
