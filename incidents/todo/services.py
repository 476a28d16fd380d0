"""Verbs on tasks: open, give, end, open again, reword."""

from datetime import UTC, date, datetime, time, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.people import must_help
from incidents.incidents.services import hold
from incidents.incidents.telling import tell
from incidents.todo.models import Task
from ledger import Invalid, record, transition
from ledger.text import one_line, prose
from work import Done, Lease, Outcome, Wait, enqueue

REMIND = "incidents.remind"
MORNING = time(9)
LONGEST_TITLE = 300


@transaction.atomic
def open_task(
    *, incident: Incident, title: str, actor: str, assignee: User | None = None, due_on: date | None = None
) -> Task:
    """Also after the end: what is left to do then belongs to the record as well. One with a day is an action item."""
    held = hold(incident)
    if assignee is not None:
        must_help(held, assignee)
    last = Task.objects.filter(incident=held).aggregate(last=Max("number"))["last"] or 0
    task = Task.objects.create(
        incident=held, number=last + 1, title=one_line("title", title, LONGEST_TITLE), opened_by=actor, due_on=due_on
    )
    record("task.opened", actor=actor, scope=held.scope, subject=task.subject, after=_told(task))
    if assignee is not None:
        _give(task, assignee, actor)
    if due_on is not None:
        enqueue(
            REMIND, key=task.subject, subject=task.subject, scope=held.scope, actor=actor, run_at=next_reminder(task)
        )
    return task


def next_reminder(task: Task) -> datetime:
    """The morning before the day, that morning, and every third one after it; always one to come."""
    now = timezone.now()
    assert task.due_on is not None
    at = datetime.combine(task.due_on, MORNING, tzinfo=UTC) - timedelta(days=1)
    while at <= now:
        at += timedelta(days=1 if at.date() < task.due_on else 3)
    return at


def remind(lease: Lease) -> Outcome:
    """An action item that is not done: whoever has it is told, or, if it is nobody's, whoever commanded."""
    task = _read(int(str(lease.work.subject).partition(":")[2]))
    outcome = Done() if task.status != "open" else Wait(until=next_reminder(task))
    with lease.commit(outcome):
        if isinstance(outcome, Wait):
            late = "was due" if task.due_on and task.due_on < timezone.now().date() else "is due"
            words = f"Action item {task.number} of this incident {late} on {task.due_on}: {task.title}"
            owner = task.assignee or task.incident.commander
            key = f"{task.subject}:{timezone.now().date()}"
            tell(
                task.incident,
                key=key,
                subject=f"Action item: {task.title}",
                body=words,
                users=[owner] if owner else [],
                actor="system:nudges",
            )
    return outcome


def _read(pk: int) -> Task:
    return Task.objects.select_related("incident__scope", "incident__commander", "assignee").get(pk=pk)


@transaction.atomic
def give(*, task: Task, user: User | None, actor: str) -> Task:
    """To somebody, or back to nobody."""
    held = _hold(task)
    if held.status != "open":
        raise Invalid("assignee", f"task {held.number} is {held.status}", "open it again first")
    if user is not None:
        must_help(held.incident, user)
    if held.assignee_id != (user.pk if user else None):
        _give(held, user, actor)
    return held


def _give(task: Task, user: User | None, actor: str) -> None:
    now = timezone.now()
    own = user is not None and user.actor == actor
    before = {"user": task.assignee.actor} if task.assignee else None
    Task.objects.filter(pk=task.pk).update(assignee=user, assigned_at=now, seen_at=now if own else None)
    task.assignee, task.assigned_at, task.seen_at = user, now, now if own else None
    after = {**_told(task), "user": user.actor if user else None, "to": user.display_name if user else "nobody"}
    record("task.given", actor=actor, scope=task.incident.scope, subject=task.subject, before=before, after=after)
    if user is not None and not own:
        body = f"Task {task.number} is yours: {task.title}"
        key = f"{task.subject}:{now.timestamp():.0f}:{user.pk}"
        tell(task.incident, key=key, subject=f"Task: {task.title}", body=body, users=[user], actor=actor)


@transaction.atomic
def move_task(*, task: Task, to: str, actor: str, reason: str = "") -> Task:
    """Done, cancelled, or open again."""
    held = _hold(task)
    if to not in Task.State.values:
        raise Invalid("status", f"{to[:40]!r} is no status of a task", "open, done or cancelled")
    if held.status == to:
        return held
    also = {"ended_at": None if to == "open" else timezone.now()}
    transition(held, to, actor=actor, reason=prose("reason", reason, 500, empty=True), also=also, after=_told(held))
    return held


@transaction.atomic
def reword(*, task: Task, title: str, actor: str) -> Task:
    held = _hold(task)
    words = one_line("title", title, LONGEST_TITLE)
    if words == held.title:
        return held
    before = {"title": held.title}
    Task.objects.filter(pk=held.pk).update(title=words)
    held.title = words
    record(
        "task.edited", actor=actor, scope=held.incident.scope, subject=held.subject, before=before, after=_told(held)
    )
    return held


def numbered(incident: Incident, number: int) -> Task:
    found = Task.objects.filter(incident=incident, number=number).first()
    if found is None:
        raise Invalid("task", f"{number} is not there", "its number, as the list shows it")
    return found


def _hold(task: Task) -> Task:
    return Task.objects.select_for_update(of=("self",)).select_related("incident__scope", "assignee").get(pk=task.pk)


def _told(task: Task) -> dict[str, object]:
    due = {"due_on": task.due_on} if task.due_on else {}
    return {"number": task.number, "title": task.title, **due}
