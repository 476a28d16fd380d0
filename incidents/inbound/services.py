"""Taking alerts in: what is answered with 2xx is stored."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.alerts.services import clear_alert, raise_alert
from incidents.inbound.models import InboundKey, InboundPayload
from incidents.watch.models import SEVERITIES
from integrations.inbound import INBOUND, Incoming
from ledger import Invalid, record

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32


@dataclass(frozen=True, slots=True)
class Received:
    """The stored payload and the alerts it raised, saw again or cleared."""

    payload: InboundPayload
    alerts: tuple[Alert, ...]


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def key_for(secret: str) -> InboundKey | None:
    """Looked up by its hash, so that the database holds no secret and no comparison takes telling time."""
    return InboundKey.objects.filter(digest=digest_of(secret), enabled=True).select_related("protocol").first()


def parse(raw: bytes) -> Any:
    """JSON, bounded in depth; numbers with a fraction become text, since no event holds one."""
    try:
        body = json.loads(raw.decode("utf-8"), parse_float=str, parse_constant=_no_constant)
    except (UnicodeDecodeError, ValueError, RecursionError):
        raise Invalid("", "the body is not JSON", "one JSON object, UTF-8, without NaN") from None
    return _bounded(body, 0)


def _no_constant(_text: str) -> Any:
    raise ValueError


def _bounded(value: Any, depth: int) -> Any:
    if depth > MAX_DEPTH:
        raise Invalid("", f"the body is nested deeper than {MAX_DEPTH}", "a flatter object")
    if isinstance(value, dict):
        return {_clean(key): _bounded(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list):
        return [_bounded(item, depth + 1) for item in value]
    return _clean(value) if isinstance(value, str) else value


def _clean(text: str) -> str:
    """PostgreSQL's JSON holds neither NUL nor half a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def receive(*, key: InboundKey, body: Any) -> Received:
    """Store the payload, then raise or clear what it says; both or neither."""
    kind = INBOUND[key.format]
    incoming = kind.read(kind.Config.model_validate(key.config), body)
    digest = digest_of(json.dumps(body, sort_keys=True))
    with transaction.atomic():
        payload, new = InboundPayload.objects.get_or_create(key=key, digest=digest, defaults={"body": body})
        if not new:
            InboundPayload.objects.filter(pk=payload.pk).update(times=F("times") + 1)
        alerts = tuple(alert for one in incoming if (alert := _apply(key, one)))
    return Received(payload, alerts)


def _apply(key: InboundKey, one: Incoming) -> Alert | None:
    name = f"{key.subject}:{one.key}"
    if not one.firing:
        return clear_alert(key=name, actor=key.subject)
    return raise_alert(
        key=name,
        severity=one.severity or key.severity,
        title=one.title,
        source=key.subject,
        protocol=key.protocol,
        failure_mode=one.failure_mode,
        detail={"payload": one.detail},
    )


@transaction.atomic
def create_key(
    *,
    name: str,
    actor: str,
    format: str = "generic",
    config: Mapping[str, Any] | None = None,
    protocol: Protocol | None = None,
    severity: str = "SEV3",
    secret: str = "",
) -> tuple[InboundKey, str]:
    """The key is shown once; here stays its hash."""
    parsed = INBOUND.parse(format, config or {})
    if severity not in dict(SEVERITIES):
        raise Invalid("severity", f"{severity!r} is not known", "SEV1, SEV2, SEV3 or SEV4")
    if InboundKey.objects.filter(name=name).exists():
        raise Invalid("name", "is taken", "a name that says who sends")
    secret = secret or secrets.token_urlsafe(24)
    key = InboundKey.objects.create(
        name=name,
        digest=digest_of(secret),
        format=format,
        config=parsed.model_dump(mode="json"),
        protocol=protocol,
        severity=severity,
        created_by=actor,
    )
    record("inbound.key.created", actor=actor, subject=key.subject, after={"name": name, "format": format})
    return key, secret
