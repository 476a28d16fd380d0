"""Secrets at rest: sealed with keys from the environment (several at once, so that they can be rotated).

A sealed value says what it is for, and opens only for that: a ciphertext moved to another row is worthless there.
"""

import json
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings

from ledger.errors import Refused


class SealBroken(Refused):
    """It was sealed with a key that is not configured, for another purpose, or it was altered."""


def _box() -> MultiFernet:
    return _box_of(tuple(settings.FIELD_KEYS))


@lru_cache(maxsize=4)
def _box_of(keys: tuple[str, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: str, purpose: str) -> str:
    """Ciphertext for a text column, with the newest key."""
    return _box().encrypt(json.dumps({"for": purpose, "secret": secret}).encode()).decode()


def unseal(sealed: str, purpose: str) -> str:
    """The secret, if it was sealed for this purpose."""
    try:
        opened = json.loads(_box().decrypt(sealed.encode()))
    except (InvalidToken, ValueError) as error:
        raise SealBroken(f"The secret for {purpose} cannot be opened: check FIELD_KEYS.") from error
    if opened.get("for") != purpose:
        raise SealBroken(f"This secret was not sealed for {purpose}.")
    return str(opened["secret"])
