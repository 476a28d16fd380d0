"""Taking alerts in: what is answered with 2xx is stored. Most are another firing of what fires already, so that is one
statement; everything else is one transaction."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from incidents.alerts.services import acknowledge_alert, clear_alert, raise_alert
from incidents.inbound import silence
from incidents.inbound.models import InboundKey, InboundPayload
from integrations.inbound import INBOUND, Action, Call, Incoming
from integrations.inbound.decoding import decode
from integrations.inbound.signatures import SKEW
from ledger import Refused
from ledger.statements import say

MAX_BYTES = 1024 * 1024
KEEP_PAYLOADS = timedelta(days=30)
KEEP_SIGNATURES = 30 * SKEW  # longer than any format takes a signature for fresh
DOTS = "••••••"
SECRET = re.compile(
    r"(pass(word|wd)?|(client|signing|shared)?_?secret|api_?key|(access|auth|refresh)_?token|authorization|bearer|"
    r"private_?key|routing_?key|credentials?)",
    re.IGNORECASE,
)

KEEP = """
INSERT INTO incidents_inboundpayload AS p (key_id, digest, body, times, received_at, last_at)
SELECT %(key)s::bigint, %(digest)s::text, %(body)s::jsonb, 1, statement_timestamp(), statement_timestamp() $FROM
ON CONFLICT (key_id, digest) DO UPDATE SET times = p.times + 1, last_at = statement_timestamp()
RETURNING id
"""
KEPT = KEEP.replace("$FROM", "")
# The same alert again, no graver than it was: counted, its payload kept, nothing else.
AGAIN = """
WITH seen AS (
  UPDATE incidents_alert SET times = times + 1, last_at = statement_timestamp()
  WHERE key = %(alert)s AND status = 'firing' AND severity <= %(severity)s RETURNING id AS alert_id
), kept AS ($KEEP)
SELECT kept.id, seen.alert_id FROM kept, seen
""".replace("$KEEP", KEEP.replace("$FROM", "FROM seen"))
SIGNED = """
WITH forgotten AS (
  DELETE FROM incidents_seensignature WHERE seen_at < statement_timestamp() - make_interval(secs => %(age)s)
)
INSERT INTO incidents_seensignature (key_id, digest, seen_at) VALUES (%(key)s, %(digest)s, statement_timestamp())
ON CONFLICT (key_id, digest) DO NOTHING RETURNING id
"""


class Replayed(Refused):
    """This very request was taken before."""


@dataclass(frozen=True, slots=True)
class Received:
    """The stored payload, the alerts it raised, saw again, acknowledged or cleared, and what the sender expects."""

    payload: int
    alerts: tuple[int, ...]
    answer: Mapping[str, Any] | None = None


def receive(*, key: InboundKey, raw: bytes, headers: Mapping[str, str]) -> Received:
    """Store the payload, and do what it says; both or neither."""
    kind, config = INBOUND[key.format], key.settings
    proof = kind.prove(config, Call(raw, headers, timezone.now()))
    body = {} if kind.any_body else decode(raw)
    incoming = kind.read(config, body)
    values = {
        "key": key.pk,
        "digest": hashlib.sha256(raw).hexdigest(),
        "body": json.dumps(shown(body, kind.withheld)),
    }
    answer = kind.answer(body)
    if not proof and (found := _again(key, incoming, values)):
        return Received(found[0], (found[1],), answer)
    with transaction.atomic():
        if proof:
            _once(key, proof)
        payload: int = say(KEPT, values)[0][0]
        if kind.silence(config) is not None:
            silence.heard(key)
        # In one order, whatever order they are sent in: two payloads with the same alerts must not wait for each other.
        done = {one.key: _apply(key, one, payload) for one in sorted(incoming, key=lambda one: one.key)}
    return Received(payload, tuple(alert for one in incoming if (alert := done[one.key])), answer)


def forget() -> None:
    """Payloads that nobody sent for a month; what became of them stays with the alerts."""
    InboundPayload.objects.filter(last_at__lt=timezone.now() - KEEP_PAYLOADS).delete()


def _again(key: InboundKey, incoming: Sequence[Incoming], values: Mapping[str, Any]) -> tuple[Any, ...] | None:
    if len(incoming) != 1 or incoming[0].action is not Action.TRIGGER:
        return None
    about = {"alert": f"{key.subject}:{incoming[0].key}", "severity": incoming[0].severity or key.severity}
    found = say(AGAIN, {**values, **about})
    return found[0] if found else None


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


def shown(body: Any, withheld: Sequence[str]) -> Any:
    """A payload as it is kept: without what is secret in it, whatever it is called by."""
    if isinstance(body, dict):
        return {
            name: DOTS if name in withheld or (SECRET.fullmatch(name) and value) else shown(value, ())
            for name, value in body.items()
        }
    return [shown(one, ()) for one in body] if isinstance(body, list) else body
