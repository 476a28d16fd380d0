"""Executor accounts: where their keys lie, what they hold, what is wrong with them, what they may do."""

from integrations.chain.executors.services import (
    add_executor,
    add_remote_executor,
    open_account,
    open_signer,
    remove_executor,
)

__all__ = ["add_executor", "add_remote_executor", "open_account", "open_signer", "remove_executor"]
