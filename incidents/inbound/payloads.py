"""What was sent, as it is kept: without what is secret in it, the same once however often it comes."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.utils import timezone

from incidents.inbound.models import InboundPayload
from incidents.inbound.senders import UNCHANGED

KEEP_PAYLOADS = timedelta(days=30)
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
KEPT = KEEP.replace("$FROM", f"WHERE {UNCHANGED}")


def shown(body: Any, withheld: Sequence[str]) -> Any:
    """A payload as it is kept: without what is secret in it, whatever it is called by."""
    if isinstance(body, dict):
        return {
            name: DOTS if name in withheld or (SECRET.fullmatch(name) and value) else shown(value, ())
            for name, value in body.items()
        }
    return [shown(one, ()) for one in body] if isinstance(body, list) else body


def forget() -> None:
    """Payloads that nobody sent for a month; what became of them stays with the alerts."""
    InboundPayload.objects.filter(last_at__lt=timezone.now() - KEEP_PAYLOADS).delete()
