"""Verbs on maintenance windows: opened, ended. The end is a row of work, so it comes whatever happens."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.alerts.services import hand_over
from incidents.windows.models import Window
from ledger import Invalid, Refused, record
from ledger.text import one_line
from work import Done, Lease, Outcome, Wait, enqueue, wake

KIND = "incidents.window"
LONGEST = timedelta(days=7)
BEHIND = timedelta(minutes=1)  # longer than any transaction that read the window while it was open, and muted by it


@transaction.atomic
def open_window(
    *,
    title: str,
    ends_at: datetime,
    actor: str,
    starts_at: datetime | None = None,
    protocol: Protocol | None = None,
    pattern: str = "",
    grave: bool = False,
) -> Window:
    """It says whose alerts or which keys are expected, and ends by itself within a week."""
    now = timezone.now()
    begin = starts_at or now
    if ends_at <= max(begin, now):
        raise Invalid("ends_at", "is over before it begins", "a time after its start, and after now")
    if ends_at - begin > LONGEST:
        raise Invalid("ends_at", "is more than a week after its start", "a window for each week")
    if protocol is None and not pattern.strip("*?: "):
        raise Invalid("pattern", "would mute everything", "a protocol, or a pattern such as oracle_stale:*")
    window = Window.objects.create(
        title=one_line("title", title, 120),
        protocol=protocol,
        pattern=one_line("pattern", pattern, 200, empty=True),
        grave=grave,
        starts_at=begin,
        ends_at=ends_at,
        created_by=actor,
    )
    about = {"title": window.title, "pattern": pattern, "starts_at": begin, "ends_at": ends_at, "grave": grave}
    record("window.opened", actor=actor, subject=window.subject, after={**about, "protocol": protocol})
    enqueue(
        KIND, key=window.subject, subject=window.subject, payload={"window": window.pk}, actor=actor, run_at=ends_at
    )
    return window


@transaction.atomic
def end_window(*, window: Window, actor: str) -> Window:
    """Before its time. What it muted and still fires is handed over right away."""
    held = Window.objects.select_for_update(of=("self",)).get(pk=window.pk)
    if held.state == "over":
        raise Refused("This window is over.", "", "window-over")
    _close(held, actor)
    wake(KIND, held.subject)
    return held


def _close(window: Window, actor: str) -> None:
    window.ended_at, window.ended_by = timezone.now(), actor
    window.save(update_fields=["ended_at", "ended_by"])
    record("window.ended", actor=actor, subject=window.subject, after={"title": window.title})


def lift(lease: Lease) -> Outcome:
    """Its time is over: what it muted and still fires opens or joins incidents as if it had begun now. A minute later
    once more, for what was being muted at that moment."""
    with lease.commit() as turn:
        window = Window.objects.select_for_update(of=("self",)).get(pk=lease.work.payload["window"])
        outcome: Outcome = Done()
        if window.ended_at is None and window.ends_at > timezone.now():
            outcome = Wait(until=window.ends_at)
        else:
            if window.ended_at is None:
                _close(window, "system:windows")
            muted = Alert.objects.select_for_update(of=("self",)).select_related("protocol", "scope")
            for alert in muted.filter(window=window, status=Alert.State.FIRING, incident=None):
                hand_over(alert, alert.scope, "alert.unmuted", {"key": alert.key, "title": alert.title})
            if window.ended_at and timezone.now() < (again := window.ended_at + BEHIND):
                outcome = Wait(until=again)
        turn.end(outcome)
    return outcome
