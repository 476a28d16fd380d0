"""Which incident an alert belongs to, and what it does to one that is open already."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import connection
from django.utils import timezone

from incidents.incidents import paging
from incidents.incidents.models import OVER, Incident
from incidents.incidents.services import change_severity, hold, move, open_incident
from ledger import record
from ledger.models import Scope, ScopeClosure
from ledger.scopes import members_of_private
from ledger.statements import say

if TYPE_CHECKING:
    from incidents.alerts.models import Alert

# What was merged leads to the incident that took it in, and that one to its own.
OF_MODE = """
WITH RECURSIVE main AS (
  SELECT id, status, merged_into_id FROM incidents_incident WHERE failure_mode = %(mode)s
  AND NOT status = ANY(%(ended)s) AND protocol_id IS NOT DISTINCT FROM %(protocol)s::bigint
  UNION
  SELECT up.id, up.status, up.merged_into_id FROM main JOIN incidents_incident up ON up.id = main.merged_into_id
)
SELECT id FROM main WHERE NOT status = ANY(%(over)s) ORDER BY id DESC LIMIT 1
"""
OF_KEY = """
SELECT i.id FROM incidents_alert a JOIN incidents_incident i ON i.id = a.incident_id
WHERE a.key = %(key)s AND i.failure_mode = '' AND NOT i.status = ANY(%(over)s)
AND i.protocol_id IS NOT DISTINCT FROM %(protocol)s::bigint ORDER BY i.id DESC LIMIT 1
"""
GRAVE = ("SEV1", "SEV2")
LONGEST_REASON = 300
SENDER = "inbound:"  # whose word of an alert's end is the end of its page


def open_or_join(alert: "Alert", about: Scope | None = None, *, at_once: bool = True) -> Incident | None:
    """The rule: what goes wrong inside an open incident belongs to it. Else an open incident of the same protocol and
    failure mode takes the alert; else a grave or a known failure opens one. What has neither stays an alert."""
    inside = _open_above(about)
    if inside is not None:
        return _join(inside, alert, inside=True)
    if not alert.failure_mode and alert.severity not in GRAVE:
        return None
    if alert.failure_mode:  # without one only the same key is the same cause, and a key fires once at a time
        _one_at_a_time(f"incident:{alert.protocol_id}:{alert.failure_mode}")
    insiders = members_of_private(about) if about else None
    if found := None if insiders is not None else _same_cause(alert):
        return _join(found, alert)
    return open_incident(
        private=insiders is not None,
        members=insiders or (),
        title=alert.title,
        severity=alert.severity,
        actor=alert.source,
        protocol=alert.protocol,
        failure_mode=alert.failure_mode,
        detected_at=alert.raised_at if isinstance(alert.raised_at, datetime) else timezone.now(),
        first_bad=alert.detail,
        at_once=at_once,
    )


def _same_cause(alert: "Alert") -> Incident | None:
    """Of the same protocol and failure mode; without one, of the same key. What is wrong inside a private scope joins
    none of these, not even a private one: its members may be others."""
    about = {"protocol": alert.protocol_id, "over": list(OVER)}
    if alert.failure_mode:
        found = say(OF_MODE, {**about, "mode": alert.failure_mode, "ended": ["closed", "declined"]})
    else:
        found = say(OF_KEY, {**about, "key": alert.key})
    return Incident.objects.get(pk=found[0][0]) if found else None


def _open_above(about: Scope | None) -> Incident | None:
    """The open incident that something belongs to, by its scope."""
    if about is None:
        return None
    above = ScopeClosure.objects.filter(descendant=about).values("ancestor_id")
    return Incident.objects.exclude(status__in=OVER).filter(scope__in=above).order_by("-pk").first()


def _join(incident: Incident, alert: "Alert", *, inside: bool = False) -> Incident:
    """`inside`: it comes of what is being done there, so whoever does it is at work; it asks for nobody anew."""
    unled = not inside and incident.commander_id is None and not incident.is_over
    if unled:
        _judge_calm(incident, "_shared")  # what is being found calm is calm without this alert
    record(
        "incident.alert.joined",
        actor=alert.source,
        scope=incident.scope,
        subject=incident.subject,
        after={"alert": alert.subject, "title": alert.title},
    )
    if inside:
        _as_grave_as(incident, alert)
    else:
        worsened(incident, alert)
    if unled and alert.severity in paging.PAGED:
        paging.fires_again(incident, alert.source, f"It was calm, and fires again: {alert.title}"[:LONGEST_REASON])
    return incident


def follow_senders(incident: Incident, actor: str) -> None:
    """Of an incident that senders opened and that nobody leads: its page follows them, too. What monitors saw does not
    end so: a drained vault is calm."""
    from incidents.alerts.models import Alert

    _judge_calm(incident)
    held = hold(incident)
    burning = held.status in ("triage", "active") and held.commander_id is None
    alerts = Alert.objects.filter(incident=held)
    if not burning or not held.opened_by.startswith(SENDER) or alerts.filter(source__startswith="monitor:").exists():
        return
    firing = alerts.filter(status=Alert.State.FIRING, key__startswith=SENDER)  # and not what goes wrong inside, of ours
    if not firing.exists():
        paging.calm(held, actor)
    elif not firing.filter(acked_at=None).exists():
        paging.seen_elsewhere(held, actor)


def _judge_calm(incident: Incident, shared: str = "") -> None:
    """An alert that joins meanwhile waits, and then sees what was found; one that has joined is waited for."""
    with connection.cursor() as cursor:
        name = f"calm:{incident.pk}"
        cursor.execute(f"SELECT pg_advisory_xact_lock{shared}(hashtextextended(%s, 0))", [name])


def worsened(incident: Incident, alert: "Alert") -> None:
    """Something new fires, or fires worse: what was thought to be in hand is not, and its commander may be asleep."""
    _as_grave_as(incident, alert)
    if alert.severity not in paging.PAGED or incident.status not in ("contained", "restored"):
        return
    held = hold(incident)
    why = f"It was {held.status}, and fires again: {alert.title}"[:LONGEST_REASON]
    if held.status == "restored":
        move(incident=held, to="active", actor=alert.source, reason=why)
    elif held.status == "contained" and paging.again(held, alert.source, why):
        record("incident.asked.again", actor=alert.source, scope=held.scope, subject=held.subject, reason=why)


def _as_grave_as(incident: Incident, alert: "Alert") -> None:
    if alert.severity < incident.severity:
        change_severity(incident=incident, severity=alert.severity, actor=alert.source, reason=alert.title)


def _one_at_a_time(name: str) -> None:
    """Two alerts of one cause at the same moment must not open two incidents."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [name])
