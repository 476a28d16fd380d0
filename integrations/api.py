"""`API` lists this room's resources."""

from integrations.chain.api import ExecutorViewSet, TransactionViewSet

API = [
    ("executors", ExecutorViewSet, "executor"),
    ("transactions", TransactionViewSet, "transaction"),
]
