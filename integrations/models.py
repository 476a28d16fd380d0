"""The models of everything outside the walls; they live with their nouns."""

from integrations.chain.models import Chain, Endpoint, Executor, Head
from integrations.chain.transactions.models import SignedAttempt, Transaction
from integrations.secrets.models import Secret

__all__ = ["Chain", "Endpoint", "Executor", "Head", "Secret", "SignedAttempt", "Transaction"]
