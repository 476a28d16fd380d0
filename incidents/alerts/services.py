"""Alerts: raised once a key, cleared, and handed to an incident by rule."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.incidents.services import open_or_join
from incidents.watch.models import Monitor
from ledger import record, transition
from ledger.models import Scope


@transaction.atomic
def raise_alert(
    *,
    key: str,
    severity: str,
    title: str,
    source: str,
    monitor: Monitor | None = None,
    protocol: Protocol | None = None,
    failure_mode: str = "",
    detail: Mapping[str, Any] | None = None,
    about: Scope | None = None,
) -> Alert:
    """The same key while it fires is the same alert. A new one opens or joins an incident, if the rule says so.

    `about`: the scope of what is wrong. What is wrong inside a private scope is told inside it, never beside it.
    """
    alert, created = Alert.objects.get_or_create(
        key=key[:200],
        status=Alert.State.FIRING,
        defaults={
            "title": title[:200],
            "severity": severity,
            "source": source,
            "monitor": monitor,
            "protocol": protocol,
            "failure_mode": failure_mode,
            "detail": dict(detail or {}),
        },
    )
    if not created:
        Alert.objects.filter(pk=alert.pk).update(times=alert.times + 1, last_at=timezone.now())
        return alert
    incident = open_or_join(alert, about)
    alert.incident = incident
    alert.scope = incident.scope if incident else about
    Alert.objects.filter(pk=alert.pk).update(incident=incident, scope=alert.scope)
    record(
        "alert.raised",
        actor=source,
        scope=alert.scope,
        subject=alert.subject,
        after={
            "key": alert.key,
            "title": alert.title,
            "severity": severity,
            "incident": incident.subject if incident else None,
            "detail": alert.detail,
        },
    )
    return alert


@transaction.atomic
def clear_alert(*, key: str, actor: str, reason: str = "") -> Alert | None:
    """The cause is gone. Its incident stays as people left it."""
    alert = Alert.objects.select_for_update(of=("self",)).filter(key=key[:200], status=Alert.State.FIRING).first()
    if alert is None:
        return None
    also = {"cleared_at": timezone.now()}
    transition(alert, "cleared", actor=actor, reason=reason, also=also, after={"key": alert.key, "title": alert.title})
    return alert
