"""Taking alerts in: what is answered with 2xx is stored. Most are another firing of what fires already, so that is one
statement; so is a grave one of its own (`opening.py`); everything else is one transaction."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from incidents.alerts.services import acknowledge_alert, clear_alert, raise_alert
from incidents.inbound import silence
from incidents.inbound.models import InboundKey
from incidents.inbound.opening import open_at_once
from incidents.inbound.payloads import KEEP, KEPT, shown
from incidents.inbound.senders import UNCHANGED, Sender, read
from integrations.inbound import INBOUND, Action, Call, Incoming
from integrations.inbound.decoding import decode
from integrations.inbound.signatures import SKEW
from ledger import Refused
from ledger.statements import say

MAX_BYTES = 1024 * 1024
KEEP_SIGNATURES = 30 * SKEW  # longer than any format takes a signature for fresh

# The same alert again, no graver than it was: counted, its payload kept, nothing else.
AGAIN = """
WITH seen AS (
  UPDATE incidents_alert SET times = times + 1, last_at = statement_timestamp()
  WHERE key = %(alert)s AND status = 'firing' AND severity <= %(severity)s AND $UNCHANGED RETURNING id AS alert_id
), kept AS ($KEEP)
SELECT kept.id, seen.alert_id FROM kept, seen
""".replace("$KEEP", KEEP.replace("$FROM", "FROM seen")).replace("$UNCHANGED", UNCHANGED)
SIGNED = """
WITH forgotten AS (
  DELETE FROM incidents_seensignature WHERE seen_at < statement_timestamp() - make_interval(secs => %(age)s)
)
INSERT INTO incidents_seensignature (key_id, digest, seen_at) VALUES (%(key)s, %(digest)s, statement_timestamp())
ON CONFLICT (key_id, digest) DO NOTHING RETURNING id
"""


class Replayed(Refused):
    """This very request was taken before."""


class Changed(Refused):
    """The sender's key is not what it was when it was read."""


@dataclass(frozen=True, slots=True)
class Received:
    """The stored payload, the alerts it raised, saw again, acknowledged or cleared, and what the sender expects."""

    payload: int
    alerts: tuple[int, ...]
    answer: Mapping[str, Any] | None = None


def receive(*, sender: Sender, raw: bytes, headers: Mapping[str, str]) -> Received:
    """Store the payload, and do what it says; both or neither. A key that changed since it was read is read again."""
    try:
        return _receive(sender, raw, headers)
    except Changed:
        fresh = read(sender.digest)
        if fresh is None:
            raise
        return _receive(fresh, raw, headers)


def _receive(sender: Sender, raw: bytes, headers: Mapping[str, str]) -> Received:
    key, config, kind = sender.key, sender.config, INBOUND[sender.key.format]
    proof = kind.prove(config, Call(raw, headers, timezone.now()))
    body = {} if kind.any_body else decode(raw)
    incoming = kind.read(config, body)
    values = {
        "key": key.pk,
        "mark": sender.mark,
        "digest": hashlib.sha256(raw).hexdigest(),
        "body": json.dumps(shown(body, kind.withheld)),
    }
    answer = kind.answer(body)
    brief = None if proof else _briefly(key, incoming, values, silent=kind.silence(config) is None)
    if brief is not None and brief[1] is not None:
        return Received(brief[0], (brief[1],), answer)
    with transaction.atomic():
        payload = _keep(values) if brief is None else brief[0]
        if proof:
            _once(key, proof)
        if kind.silence(config) is not None:
            silence.heard(key)
        # In one order, whatever order they are sent in: two payloads with the same alerts must not wait for each other.
        done = {one.key: _apply(key, one, payload) for one in sorted(incoming, key=lambda one: one.key)}
    return Received(payload, tuple(alert for one in incoming if (alert := done[one.key])), answer)


def _keep(values: Mapping[str, Any]) -> int:
    kept = say(KEPT, values)
    if not kept:
        raise Changed("This key was changed at this very moment.", "send it again", "changed")
    payload: int = kept[0][0]
    return payload


def _briefly(
    key: InboundKey, incoming: Sequence[Incoming], values: Mapping[str, Any], *, silent: bool
) -> tuple[int, int | None] | None:
    """The payload and its one alert, where a statement alone says all of it. `silent`: nobody waits for its beat."""
    if len(incoming) != 1 or incoming[0].action is not Action.TRIGGER:
        return None
    one = incoming[0]
    about = {"alert": f"{key.subject}:{one.key}", "severity": one.severity or key.severity}
    if found := say(AGAIN, {**values, **about}):
        return found[0][0], found[0][1]
    return open_at_once(key, one, shown(one.detail, ()), values) if silent else None


def _once(key: InboundKey, proof: str) -> None:
    """A signature that somebody kept and sends again does nothing; whoever sends news signs anew."""
    digest = hashlib.sha256(proof.encode()).hexdigest()
    if not say(SIGNED, {"key": key.pk, "digest": digest, "age": KEEP_SIGNATURES.total_seconds()}):
        raise Replayed("This signed request was taken already.", "nothing was done; sign it anew", "replayed")


def _apply(key: InboundKey, one: Incoming, payload: int) -> int | None:
    name = f"{key.subject}:{one.key}"
    if one.action is Action.RESOLVE:
        cleared = clear_alert(key=name, actor=key.subject)
        return cleared.pk if cleared else None
    if one.action is Action.ACKNOWLEDGE:
        acked = acknowledge_alert(key=name, actor=key.subject)
        return acked.pk if acked else None
    return raise_alert(
        key=name,
        severity=one.severity or key.severity,
        title=one.title,
        source=key.subject,
        protocol=key.protocol,
        failure_mode=one.failure_mode or key.failure_mode,
        detail={**shown(one.detail, ()), "payload": f"payload:{payload}"},
        at_once=False,
    ).pk
