"""Keys whose silence is an alert. The timer is a row of work: it survives whatever happens to whoever waits for it."""

from datetime import datetime

from django.utils import timezone

from incidents.alerts.services import clear_alert, raise_alert
from incidents.inbound.models import InboundKey
from integrations.inbound import INBOUND, typed
from work import Done, Lease, Outcome, Wait, enqueue, wake

KIND = "incidents.silence"
MISSED = typed("heartbeat", "missed")


def alert_key(key: InboundKey) -> str:
    return f"{key.subject}:{MISSED}"


def due_at(key: InboundKey) -> datetime | None:
    """When it will have been silent for too long; None if it may be silent."""
    allowed = INBOUND[key.format].silence(key.settings)
    return (key.heard_at or key.created_at) + allowed if allowed and key.enabled else None


def listen(key: InboundKey, actor: str) -> None:
    """In the transaction of what was changed: from now on its silence is measured, or is not any more."""
    if INBOUND[key.format].silence(key.settings) is None:
        return
    if not key.enabled:
        clear_alert(key=alert_key(key), actor=actor, reason="the key was switched off")
        return
    key.heard_at, key.missed_at = timezone.now(), None
    key.save(update_fields=["heard_at", "missed_at"])
    enqueue(KIND, key=key.subject, subject=key.subject, payload={"key": key.pk}, actor=actor, run_at=due_at(key))
    wake(KIND, key.subject)


def heard(key: InboundKey) -> None:
    """A beat. The timer looks at this when it runs out, so nothing else need be touched."""
    InboundKey.objects.filter(pk=key.pk).update(heard_at=timezone.now(), missed_at=None)


def look(lease: Lease) -> Outcome:
    """The timer ran out: it was heard meanwhile and the timer runs on, or it is an alert, once for each silence."""
    with lease.commit() as turn:
        held = InboundKey.objects.select_for_update(of=("self",)).select_related("protocol")
        key = held.filter(pk=lease.work.payload["key"]).first()
        outcome = _judge(key) if key else Done()
        turn.end(outcome)
    return outcome


def _judge(key: InboundKey) -> Outcome:
    due, now = due_at(key), timezone.now()
    if due is None:
        return Wait(reason="switched off")
    if due > now:
        return Wait(until=due, reason="heard in time")
    if key.missed_at is None:
        raise_alert(
            key=alert_key(key),
            severity=key.severity,
            title=f"No heartbeat from {key.name}",
            source=key.subject,
            protocol=key.protocol,
            failure_mode=key.failure_mode,
            detail={"heard_at": key.heard_at, "due_at": due},
        )
        InboundKey.objects.filter(pk=key.pk).update(missed_at=now)
    return Wait(until=now + (due - (key.heard_at or key.created_at)), reason="silent")
