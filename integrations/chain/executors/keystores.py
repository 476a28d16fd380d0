"""Encrypted keystores that are brought along: the JSON of geth and others, version 3."""

import json
from typing import Any

from eth_account import Account

from ledger.errors import Invalid

MOST_WORK = 2**20
"""A keystore says how much work opening it takes: one that asks for hours is refused."""


def open_keystore(text: str, password: str) -> str:
    """The private key in it, in memory only."""
    try:
        keystore = json.loads(text)
        parameters = _of(_of(keystore, "crypto", "Crypto"), "kdfparams")
        if int(parameters.get("n", 0)) > MOST_WORK or int(parameters.get("c", 0)) > 10 * MOST_WORK:
            raise Invalid("keystore", "Opening it would take too long.", "one with the usual parameters")
        if int(parameters.get("r", 8)) > 32 or int(parameters.get("p", 1)) > 16:
            raise Invalid("keystore", "Opening it would take too long.", "one with the usual parameters")
        key = Account.decrypt(keystore, password)
    except Invalid:
        raise
    except Exception:  # eth_keyfile raises several kinds, some of which quote what they were given
        raise Invalid("keystore", "It does not open.", "a keystore of version 3, and its password") from None
    return "0x" + bytes(key).hex()


def _of(holder: Any, *names: str) -> Any:
    return next(holder[name] for name in names if name in holder)
