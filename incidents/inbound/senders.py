"""Who sends: the key behind a secret. What was read of one is remembered by this process; whoever writes on its word
asks in the same statement whether the row is still the one that was read, so that nothing that was changed, rotated or
switched off elsewhere counts for a moment longer."""

import hashlib
from dataclasses import dataclass

from pydantic import BaseModel

from incidents.inbound.models import InboundKey
from integrations.inbound import INBOUND
from ledger.statements import Shape, say

ROW = Shape(InboundKey)
# Where a row stands, and the transaction that wrote it: another of either means that it was written anew.
MARK = "k.xmin::text || k.ctid::text"
KNOWN = f"""
SELECT {ROW.columns("k")}, {MARK}, k.digest = %(digest)s FROM incidents_inboundkey k WHERE k.enabled
AND (k.digest = %(digest)s OR (k.previous = %(digest)s AND k.previous_until > statement_timestamp()))
"""  # noqa: S608
UNCHANGED = f"EXISTS (SELECT FROM incidents_inboundkey k WHERE k.id = %(key)s AND {MARK} = %(mark)s)"
MOST = 1_000


@dataclass(frozen=True, slots=True)
class Sender:
    """A key with its settings opened, as it was when it was read."""

    key: InboundKey
    config: BaseModel
    mark: str
    digest: str


_remembered: dict[str, Sender] = {}


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def sender_of(secret: str) -> Sender | None:
    """Looked up by its hash, so that the database holds no secret and no comparison takes telling time."""
    return read(digest_of(secret))


def remembered(secret: str) -> Sender | None:
    """As it was read last, or as it is now."""
    digest = digest_of(secret)
    return _remembered.get(digest) or read(digest)


def read(digest: str) -> Sender | None:
    found = say(KNOWN, {"digest": digest})
    _remembered.pop(digest, None)
    if not found:
        return None
    *row, mark, current = found[0]
    key = ROW.build(iter(row))
    sender = Sender(key, key.settings, mark, digest)
    # One whose time runs out is asked for each time, and so is one whose row every beat of it changes.
    if current and INBOUND[key.format].silence(sender.config) is None:
        if len(_remembered) >= MOST:
            _remembered.clear()
        _remembered[digest] = sender
    return sender
