"""Nudges: what an incident is missing, shown in its war room and mailed until it is there.

Nothing is kept in memory: one row of work an incident looks again every half minute while it is open.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from accounts.models import User
from accounts.selectors import people_at
from incidents.incidents.models import Incident
from incidents.incidents.services import LOOK
from incidents.incidents.telling import tell
from incidents.roles.models import Assignment
from incidents.todo.models import Task
from ledger import record
from work import Done, Lease, Outcome, Wait

ACTOR = "system:nudges"
MOST = 24  # reminders of one thing; after them it is still shown


@dataclass(frozen=True, slots=True)
class Patience:
    """How long something may be missing, and how often people are reminded of it then."""

    first: timedelta
    again: timedelta


COMMAND = Patience(timedelta(minutes=2), timedelta(minutes=5))
JUDGED = Patience(timedelta(minutes=5), timedelta(minutes=20))
PROMISED = Patience(timedelta(0), timedelta(minutes=10))
SEEN = Patience(timedelta(minutes=3), timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Nudge:
    """Something that is missing: since when, and who can put it right."""

    cause: str
    words: str
    since: datetime
    patience: Patience
    to: tuple[User, ...] = ()
    leads: bool = True  # whoever commands is told as well

    def turn(self, now: datetime) -> int:
        """How many reminders there should have been by now."""
        late = now - self.since - self.patience.first
        return 0 if late < timedelta(0) else min(MOST, 1 + late // self.patience.again)

    def mark(self, now: datetime) -> str:
        return f"{self.since.timestamp():.0f}:{self.turn(now)}"


def missing(incident: Incident, assignments: Iterable[Assignment], tasks: Iterable[Task]) -> list[Nudge]:
    """Everything that is missing, late already or not yet, from rows that the caller has read."""
    if incident.is_over:
        return []
    held = [one for one in assignments if one.ended_at is None]
    speakers = tuple(one.user for one in held if one.role == "communications")
    found = [*_leading(incident), *_promised(incident, speakers)]
    found += [
        Nudge(
            f"assignment:{one.pk}",
            f"{one.user.display_name} has not seen that they are {one.get_role_display().lower()}.",
            one.given_at,
            SEEN,
            (one.user,),
        )
        for one in held
        if one.seen_at is None
    ]
    found += [
        Nudge(
            f"task:{one.pk}",
            f"{one.assignee.display_name} has not seen task {one.number}: {one.title}",
            one.assigned_at or one.opened_at,
            SEEN,
            (one.assignee,),
        )
        for one in tasks
        if one.status == "open" and one.assignee and one.seen_at is None
    ]
    return found


def _leading(incident: Incident) -> Iterable[Nudge]:
    if incident.handover_to is not None and incident.handover_at is not None:
        words = f"{incident.handover_to.display_name} has been asked to take command and has not done so."
        yield Nudge("handover", words, incident.handover_at, SEEN, (incident.handover_to,))
    if incident.commander_id is None:
        yield Nudge("commander", "Nobody commands: /take, or the button.", incident.opened_at, COMMAND)
    if not incident.severity_is_judged:
        words = f"{incident.severity} is what the alarm said; nobody has judged it: /sev."
        yield Nudge("severity", words, incident.opened_at, JUDGED)


def _promised(incident: Incident, speakers: tuple[User, ...]) -> Iterable[Nudge]:
    if incident.next_update_by is not None:
        words = f"The next update was promised by {incident.next_update_by:%H:%M} UTC: /update."
        yield Nudge("update", words, incident.next_update_by, PROMISED, speakers)


def overdue(nudges: Iterable[Nudge]) -> list[Nudge]:
    """What is shown: whatever has been missing for longer than it may."""
    now = timezone.now()
    return [nudge for nudge in nudges if nudge.turn(now)]


def look(lease: Lease) -> Outcome:
    """One look at an open incident; reminders that fell due while nobody looked are one reminder now."""
    number = int(str(lease.work.subject).partition(":")[2])
    now = timezone.now()
    with lease.commit() as turn:
        incident = (
            Incident.objects.select_for_update(of=("self",))
            .select_related("scope", "commander", "handover_to")
            .get(pk=number)
        )
        turn.end(outcome := Done() if incident.is_over else Wait(until=now + LOOK))
        held = Assignment.objects.filter(incident=incident, ended_at=None).select_related("user")
        tasks = Task.objects.filter(incident=incident, status="open", seen_at=None).select_related("assignee")
        due = [nudge for nudge in missing(incident, held, tasks) if nudge.turn(now)]
        told = {nudge.cause: nudge.mark(now) for nudge in due}
        if told != incident.nudged:
            Incident.objects.filter(pk=incident.pk).update(nudged=told)
        for nudge in due:
            if incident.nudged.get(nudge.cause) != told[nudge.cause]:
                _remind(incident, nudge, told[nudge.cause])
    return outcome


def _remind(incident: Incident, nudge: Nudge, mark: str) -> None:
    people = {user.pk: user for user in (nudge.to or people_at("commander"))}
    if nudge.leads and incident.commander is not None:
        people[incident.commander.pk] = incident.commander
    record(
        "incident.nudged",
        actor=ACTOR,
        scope=incident.scope,
        subject=incident.subject,
        after={"cause": nudge.cause, "words": nudge.words},
    )
    key = f"nudge:{nudge.cause}:{mark}"
    tell(incident, key=key, subject=nudge.words[:150], body=nudge.words, users=people.values(), actor=ACTOR)
