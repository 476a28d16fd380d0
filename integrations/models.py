"""The models of everything outside the walls; they live with their nouns."""

from integrations.chain.models import Chain, Endpoint, Executor, Head
from integrations.chain.transactions.models import SignedAttempt, Transaction

__all__ = ["Chain", "Endpoint", "Executor", "Head", "SignedAttempt", "Transaction"]
