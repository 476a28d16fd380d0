"""What happens to incidents: opened by rule or by hand, led, changed, ended."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts.models import User
from accounts.selectors import actor_names
from governance.protocols.models import Protocol
from incidents.incidents import paging
from incidents.incidents.models import OVER, Incident
from incidents.updates.services import add_note as add_note
from incidents.updates.services import add_update as add_update
from incidents.watch.models import SEVERITIES
from ledger import Invalid, Refused, StaleTransition, alarm, record, transition
from ledger.models import Event
from ledger.scopes import add_member, open_scope, set_private
from ledger.statements import Shape
from ledger.text import one_line, prose
from runbooks.playbooks.models import Playbook
from runbooks.runs.models import Run
from runbooks.runs.services import start_run
from work import Done, Item, Lease, Outcome, enqueue_many, wake

ROW = Shape(Incident)
LONGEST_TEXT = 10_000
LONGEST_SUBJECT = 200
NUDGE = "incidents.nudge"
TELL = "incidents.tell"
RESPONDERS = "responders"
LOOK = timedelta(seconds=30)  # between two looks at whether something is missing


@transaction.atomic(savepoint=False)
def open_incident(
    *,
    title: str,
    severity: str,
    actor: str,
    summary: str = "",
    protocol: Protocol | None = None,
    failure_mode: str = "",
    private: bool = False,
    members: Iterable[str] = (),
    detected_at: datetime | None = None,
    first_bad: Mapping[str, Any] | None = None,
    tell: bool = True,
    at_once: bool = True,
) -> Incident:
    """A scope of its own, the record of when it began, and the responders told; if not at once, as work of its own."""
    title = one_line("title", title, 200)
    _known_severity(severity)
    who = {*members, actor} if actor.startswith("user:") else set(members)
    scope = open_scope(kind="incident", title=title, private=private, members=who if private else (), actor=actor)
    block, at = first_bad_of(first_bad or {})
    wanted = Incident(
        scope=scope,
        title=title,
        summary=prose("summary", summary, LONGEST_TEXT, empty=True),
        severity=severity,
        protocol=protocol,
        failure_mode=failure_mode,
        opened_by=actor,
        severity_by=actor,
        detected_at=detected_at or timezone.now(),
        first_bad_block=block,
        first_bad_at=at,
        opened_at=timezone.now(),
    )
    incident, _ = ROW.insert(wanted)
    incident.scope, incident.protocol = scope, protocol
    about = {
        "title": title,
        "severity": severity,
        "failure_mode": failure_mode,
        "first_bad_block": block,
        "first_bad_at": at,
        "detected_at": incident.detected_at,
    }
    record("incident.opened", actor=actor, scope=scope, subject=incident.subject, after=about)
    if tell and at_once:
        _call(incident, actor)
    later = [Item(NUDGE, incident.subject, incident.subject, {}, scope, actor, timezone.now() + LOOK)]
    if tell and not at_once:
        later.append(Item(TELL, incident.subject, incident.subject, {}, scope, actor))
    enqueue_many(later)
    return incident


def tell_later(lease: Lease) -> Outcome:
    """Of an incident that opened in a flood of alerts: whoever sent them did not wait for this."""
    incident = Incident.objects.select_related("scope", "protocol").get(pk=int(lease.work.key.partition(":")[2]))
    outcome = Done()
    with lease.commit(outcome):
        if not incident.is_over:
            _call(incident, lease.work.actor)
    return outcome


def _call(incident: Incident, actor: str) -> None:
    """Tells the responders, and asks for somebody who leads unless somebody does."""
    _tell_responders(incident, actor)
    if incident.commander_id is None:
        paging.opened(incident, actor)


def first_bad_of(detail: Mapping[str, Any]) -> tuple[int | None, datetime | None]:
    """As far as what the alarm's sender wrote can be one: an emergency does not wait for somebody's clock."""
    block, at = detail.get("first_bad_block"), detail.get("first_bad_at")
    known = isinstance(block, int) and not isinstance(block, bool) and 0 <= block < 2**63
    return block if known else None, _moment(at) if isinstance(at, str) else None


def _moment(text: str) -> datetime | None:
    try:
        at = parse_datetime(text)
    except ValueError:  # well formed, and no day of any calendar
        return None
    if at is not None and timezone.is_naive(at):
        at = at.replace(tzinfo=UTC)
    return at if at is not None and at <= timezone.now() + timedelta(minutes=5) else None


def _tell_responders(incident: Incident, actor: str) -> None:
    """A private incident is told to its members only. That nobody can be told is an alarm of its own: it must not
    keep the incident from being opened."""
    from notify.services import send

    users = _members(incident) if incident.scope.private else []
    words = opening_words(incident)
    try:
        send(
            key=f"{incident.subject}:opened",
            audience="" if incident.scope.private else RESPONDERS,
            users=users,
            template="plain",
            context=words,
            scope=incident.scope,
            actor=actor,
            link=words["link"],
        )
    except Invalid as error:
        record(
            "incident.responders.untold",
            actor=actor,
            scope=incident.scope,
            subject=incident.subject,
            reason=error.message,
            alarm=alarm("responders_untold", "SEV3", title="An incident opened and the responders could not be told"),
        )


def opening_words(incident: Incident) -> dict[str, str]:
    """Subject, body and link of what the responders are told."""
    link = reverse("incidents:incident", args=[incident.pk])
    body = (
        f"{incident.title}\n\nSeverity {incident.severity}. "
        f"First bad block: {incident.first_bad_block or 'not known'}. Nobody has taken command yet."
    )
    subject = " ".join(f"{incident.severity} {incident.title}".split())[:LONGEST_SUBJECT]
    return {"subject": subject, "body": f"{body}\n\nWar room: {link}", "link": link}


def _members(incident: Incident) -> list[User]:
    names = incident.scope.members.filter(who__startswith="user:").values_list("who", flat=True)
    return list(User.objects.filter(pk__in=[int(name.split(":")[1]) for name in names]))


def _known_severity(severity: str) -> None:
    if severity not in dict(SEVERITIES):
        raise Invalid("severity", f"{severity!r} is not known", "SEV1, SEV2, SEV3 or SEV4")


def hold(incident: Incident) -> Incident:
    """Its row, locked: whatever leads it is decided one after the other."""
    return Incident.objects.select_for_update(of=("self",)).select_related("scope", "commander").get(pk=incident.pk)


def open_only(incident: Incident) -> None:
    if incident.is_over:
        raise Refused(f"This incident is {incident.status}.", "open a new one", "incident-over")


@transaction.atomic
def take_command(*, incident: Incident, user: User, over: str | None = None) -> Incident:
    """This person leads from now on. Taking over from somebody else is a change of hands, and recorded as such.

    `over`: whom this person saw in command when they asked, empty for nobody. Of two who reach for it at once, the
    second is told who was first, and does not take it away unawares.
    """
    held = hold(incident)
    open_only(held)
    if held.commander_id == user.pk:
        paging.led(held, user)  # asked for again meanwhile: whoever leads says that they are here
        return held
    now = held.commander
    if now and over not in (None, now.actor) and held.handover_to_id != user.pk:
        raise Refused(f"{now.display_name} commands already.", "to take it over all the same: /take over", "commanded")
    before = {"commander": held.commander.actor} if held.commander else None
    if held.scope.private:
        _let_in(held, user, role="commander", actor=user.actor)
    Incident.objects.filter(pk=held.pk).update(commander=user, handover_to=None, handover_note="", handover_at=None)
    held.commander, held.handover_to = user, None
    record(
        "incident.command.taken",
        actor=user.actor,
        scope=held.scope,
        subject=held.subject,
        before=before,
        after={"commander": user.actor},
    )
    if held.status == "triage":
        transition(held, "active", actor=user.actor, reason="command was taken")
    paging.led(held, user)
    return held


@transaction.atomic
def change_severity(*, incident: Incident, severity: str, actor: str, reason: str = "") -> Incident:
    """A person who says what a monitor had said already makes it their judgement, and that is recorded too."""
    _known_severity(severity)
    held = hold(incident)
    open_only(held)
    before = held.severity
    judged = severity == before and actor.startswith(("user:", "token:")) and not held.severity_is_judged
    if severity == before and not judged:
        return held
    Incident.objects.filter(pk=held.pk).update(severity=severity, severity_by=actor)
    held.severity, held.severity_by = severity, actor
    how = "confirmed" if judged else "raised" if severity < before else "lowered"
    record(
        f"incident.severity.{how}",
        actor=actor,
        scope=held.scope,
        subject=held.subject,
        before={"severity": before},
        after={"severity": severity},
        reason=reason,
    )
    if severity < before:
        paging.graver(held, actor)
    return held


MOVES = {"contained", "restored", "closed", "declined", "active"}


@transaction.atomic
def move(*, incident: Incident, to: str, actor: str, reason: str = "") -> Incident:
    """To contained, restored, closed or declined; back to active when it was not over after all."""
    if to not in MOVES:
        raise Invalid("status", f"{to!r} is not a status to move to", f"one of {', '.join(sorted(MOVES))}")
    if to in ("declined", "closed") and not reason.strip():
        raise Invalid("reason", "is empty", "say in a sentence why it is over")
    if to in OVER:
        wake(NUDGE, incident.subject)  # its row first, as the look takes them: it sees that nothing is missing any more
    held = hold(incident)
    _can_become(held, to)
    also = {"ended_at": timezone.now()} if to in OVER else {}
    before = held.status
    transition(held, to, actor=actor, reason=prose("reason", reason, LONGEST_TEXT, empty=True), also=also)
    paging.moved(held, before, actor, reason)
    return held


def _can_become(held: Incident, to: str) -> None:
    """Two lead at once: whoever comes second is told who was first."""
    if held.status == to:
        done = (
            Event.objects.filter(scope=held.scope, subject=held.subject, verb=f"incident.{to}").order_by("-pk").first()
        )
        by = f": {actor_names({done.actor})[done.actor]} was first, at {done.at:%H:%M} UTC" if done else ""
        raise StaleTransition(f"It is {to} already{by}.", "nothing more is to be done")
    if to not in held.TRANSITIONS.get(held.status, ()):
        ways = ", ".join(sorted(held.TRANSITIONS.get(held.status, set()) & MOVES))
        raise StaleTransition(f"It is {held.status}; it cannot become {to}.", f"it can become {ways}" if ways else "")


@transaction.atomic
def make_private(*, incident: Incident, private: bool, user: User, reason: str = "") -> Incident:
    """Whoever makes it private stays inside, and so does its commander."""
    held = hold(incident)
    if private:
        for person in {user, held.commander} - {None}:
            if person is not None:
                _let_in(held, person, actor=user.actor)
    set_private(scope=held.scope, private=private, actor=user.actor, reason=reason)
    return held


@transaction.atomic
def invite(*, incident: Incident, user: User, actor: str) -> None:
    """Into a private incident."""
    _let_in(incident, user, actor=actor)


def _let_in(incident: Incident, user: User, *, actor: str, role: str = "member") -> None:
    """And into what was merged into it: whoever sees an incident sees all of it."""
    add_member(scope=incident.scope, who=user.actor, role=role, actor=actor)
    for part in incident.merged.filter(scope__private=True).select_related("scope"):
        _let_in(part, user, actor=actor)


def start_playbook(
    *,
    incident: Incident,
    playbook: Playbook,
    inputs: Mapping[str, Any],
    actor: str,
    environment: str = "live",
    hold: bool = False,
) -> Run:
    """A run below the incident's scope: as visible, and as private, as the incident."""
    open_only(incident)
    return start_run(
        playbook=playbook,
        inputs=inputs,
        scope=incident.scope,
        actor=actor,
        environment=environment,
        protocol=incident.protocol,
        hold=hold,
    )
