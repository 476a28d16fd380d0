"""Alerts: raised once a key, acknowledged, cleared, and handed to an incident by rule."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.incidents.joining import open_or_join, worsened
from incidents.incidents.models import Incident
from incidents.watch.models import Monitor
from incidents.windows.selectors import window_of
from ledger import record, transition
from ledger.models import Scope
from ledger.services import Change, plain
from ledger.statements import Shape

LONGEST_KEY = 200
LONGEST_TOLD = 4_000  # of an alert's detail in its event; the rest is with the alert
ROW = Shape(Alert)
SEEN_AGAIN = (
    "ON CONFLICT (key) WHERE status = 'firing' DO UPDATE SET times = there.times + 1, last_at = statement_timestamp()"
)
HAND_OVER = """
UPDATE incidents_alert SET incident_id = %(incident)s, scope_id = %(into)s, window_id = %(window)s WHERE id = %(alert)s
"""


def name_of(key: str) -> str:
    """A key as the column holds it. A longer one ends in its hash: two that begin alike are still two."""
    if len(key) <= LONGEST_KEY:
        return key
    return f"{key[: LONGEST_KEY - 33]}~{hashlib.sha256(key.encode()).hexdigest()[:32]}"


@transaction.atomic(savepoint=False)
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
    at_once: bool = True,
) -> Alert:
    """The same key while it fires is the same alert. A new one opens or joins an incident, if the rule says so.

    `about`: the scope of what is wrong. What is wrong inside a private scope is told inside it, never beside it.
    `at_once`: whoever is to be told is told in this transaction, and not a moment after it.
    """
    wanted = Alert(
        key=name_of(key),
        title=title[:200],
        severity=severity,
        source=source,
        monitor=monitor,
        protocol=protocol,
        failure_mode=failure_mode,
        detail=plain(detail or {}),
    )
    alert, new = ROW.insert(wanted, SEEN_AGAIN)
    if not new:
        return _graver(alert, severity, source) if severity < alert.severity else alert
    alert.protocol, alert.monitor = protocol, monitor
    after = {"key": alert.key, "title": alert.title, "severity": severity}
    hand_over(alert, about, "alert.raised", after, at_once=at_once)
    return alert


def hand_over(alert: Alert, about: Scope | None, verb: str, after: Mapping[str, Any], *, at_once: bool = True) -> None:
    """To an incident, by rule, unless a maintenance window expects it; with the event that tells of the alert."""
    window = window_of(alert)
    incident = open_or_join(alert, about, at_once=at_once) if window is None else None
    alert.incident, alert.scope, alert.window = incident, incident.scope if incident else about, window
    into = {"incident": alert.incident_id, "into": alert.scope_id, "window": alert.window_id, "alert": alert.pk}
    told = {"muted": window.subject} if window else {}
    record(
        verb,
        actor=alert.source,
        scope=alert.scope,
        subject=alert.subject,
        after={**after, **told, "incident": incident.subject if incident else None, "detail": _told(alert.detail)},
        change=Change(HAND_OVER, into, stale=f"{alert.subject} is gone"),
    )


def _told(detail: dict[str, Any]) -> dict[str, Any]:
    text = json.dumps(detail, sort_keys=True)
    if len(text) <= LONGEST_TOLD:
        return detail
    short: dict[str, Any] = {name: detail[name] for name in ("payload", "first_bad_block") if name in detail}
    return {**short, "sha256": hashlib.sha256(text.encode()).hexdigest()}


def _graver(alert: Alert, severity: str, source: str) -> Alert:
    """Its sender says that it is worse than it was: so is its incident; what was too slight
    for one, or whose incident is over, opens one."""
    before = {"severity": alert.severity}
    Alert.objects.filter(pk=alert.pk).update(severity=severity)
    alert.severity = severity
    after = {"key": alert.key, "severity": severity}
    incident = Incident.objects.filter(pk=alert.incident_id).first() if alert.incident_id else None
    if incident is None or incident.is_over:
        hand_over(alert, alert.scope, "alert.worsened", after)
        return alert
    scope = alert.scope
    record("alert.worsened", actor=source, scope=scope, subject=alert.subject, before=before, after=after)
    worsened(incident, alert)
    return alert


@transaction.atomic
def acknowledge_alert(*, key: str, actor: str) -> Alert | None:
    """Its sender says that somebody looks at it. It fires on; None if it does not fire."""
    alert = Alert.objects.select_for_update(of=("self",)).filter(key=name_of(key), status=Alert.State.FIRING).first()
    if alert is None or alert.acked_at is not None:
        return alert
    alert.acked_at, alert.acked_by = timezone.now(), actor
    alert.save(update_fields=["acked_at", "acked_by"])
    about = {"key": alert.key, "title": alert.title}
    record("alert.acknowledged", actor=actor, scope=alert.scope, subject=alert.subject, after=about)
    return alert


@transaction.atomic
def clear_alert(*, key: str, actor: str, reason: str = "") -> Alert | None:
    """The cause is gone. Its incident stays as people left it."""
    alert = Alert.objects.select_for_update(of=("self",)).filter(key=name_of(key), status=Alert.State.FIRING).first()
    if alert is None:
        return None
    also = {"cleared_at": timezone.now()}
    transition(alert, "cleared", actor=actor, reason=reason, also=also, after={"key": alert.key, "title": alert.title})
    return alert
