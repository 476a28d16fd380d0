"""Verbs on the keys with which other systems send alerts: made, rotated, configured, switched off and on."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.inbound import silence
from incidents.inbound.models import InboundKey
from incidents.inbound.senders import digest_of
from incidents.watch.models import SEVERITIES
from integrations.inbound import INBOUND
from integrations.inbound.reading import failure_mode as checked_mode
from ledger import Invalid, record
from ledger.text import one_line

GRACE = timedelta(hours=24)


def new_secret() -> str:
    """32 hexadecimal digits, the form of a PagerDuty routing key: senders that check it take ours."""
    return secrets.token_hex(16)


@transaction.atomic
def create_key(
    *,
    name: str,
    actor: str,
    format: str = "generic",
    config: Mapping[str, Any] | None = None,
    protocol: Protocol | None = None,
    severity: str = "SEV3",
    failure_mode: str = "",
    secret: str = "",
) -> tuple[InboundKey, str]:
    """The key is shown once; here stays its hash."""
    parsed = INBOUND.parse(format, config or {})
    _known(severity, failure_mode)
    name = one_line("name", name, 80)
    if InboundKey.objects.filter(name=name).exists():
        raise Invalid("name", "is taken", "a name that says who sends")
    secret = secret or new_secret()
    key = InboundKey(
        name=name,
        digest=digest_of(secret),
        format=format,
        protocol=protocol,
        severity=severity,
        failure_mode=failure_mode,
        created_by=actor,
    )
    key.configure(parsed)
    key.save()
    silence.listen(key, actor)
    record("inbound.key.created", actor=actor, subject=key.subject, after={"name": name, "format": format})
    return key, secret


def _known(severity: str, failure_mode: str) -> None:
    if severity not in dict(SEVERITIES):
        raise Invalid("severity", f"{severity!r} is not known", "SEV1, SEV2, SEV3 or SEV4")
    checked_mode(failure_mode, "failure_mode")


def _hold(key: InboundKey) -> InboundKey:
    return InboundKey.objects.select_for_update(of=("self",)).select_related("protocol").get(pk=key.pk)


@transaction.atomic
def rotate_key(*, key: InboundKey, actor: str, grace: timedelta = GRACE) -> str:
    """A new secret. The one before works until the grace is over, or ends now if there is none."""
    held, secret, now = _hold(key), new_secret(), timezone.now()
    held.previous, held.previous_until = (held.digest, now + grace) if grace else (None, None)
    held.digest, held.rotated_at = digest_of(secret), now
    held.save(update_fields=["digest", "previous", "previous_until", "rotated_at"])
    record("inbound.key.rotated", actor=actor, subject=held.subject, after={"old_until": held.previous_until})
    return secret


@transaction.atomic
def change_key(
    *,
    key: InboundKey,
    actor: str,
    config: Mapping[str, Any],
    severity: str,
    failure_mode: str = "",
    protocol: Protocol | None = None,
) -> InboundKey:
    """How payloads are read from now on. A secret that is left out stays as it is."""
    held = _hold(key)
    opened = {name: value for name, value in held.settings.model_dump().items() if name in held.secrets()}
    parsed = INBOUND.parse(held.format, {**opened, **config})
    _known(severity, failure_mode)
    before = {"config": held.config, "severity": held.severity, "failure_mode": held.failure_mode}
    held.configure(parsed)
    held.severity, held.failure_mode, held.protocol = severity, failure_mode, protocol
    held.save(update_fields=["config", "sealed", "severity", "failure_mode", "protocol"])
    silence.listen(held, actor)
    after = {"config": held.config, "severity": severity, "failure_mode": failure_mode, "secrets": held.secrets()}
    record("inbound.key.changed", actor=actor, subject=held.subject, before=before, after=after)
    return held


@transaction.atomic
def enable_key(*, key: InboundKey, enabled: bool, actor: str) -> InboundKey:
    """Switched off, it is as if it did not exist: 404 for whoever sends."""
    held = _hold(key)
    if held.enabled == enabled:
        return held
    held.enabled = enabled
    held.save(update_fields=["enabled"])
    silence.listen(held, actor)
    record(f"inbound.key.{'enabled' if enabled else 'disabled'}", actor=actor, subject=held.subject)
    return held
