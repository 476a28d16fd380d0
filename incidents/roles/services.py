"""Verbs on roles: give, say that one has seen it, give back."""

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.people import must_help
from incidents.incidents.services import hold, open_only
from incidents.incidents.telling import tell
from incidents.roles.models import Assignment, Role
from ledger import Invalid, record


def known_role(name: str) -> Role:
    """As people write it: `signer-liaison`, `Signer liaison`, `signer_liaison`, or a beginning that fits one alone."""
    plain = name.strip().lower().replace("_", "-").replace(" ", "-")
    fits = [role for role in Role if role.value == plain] or [role for role in Role if plain and role.startswith(plain)]
    if len(fits) != 1:
        raise Invalid("role", f"{name[:40]!r} is not a role", f"one of {', '.join(Role.values)}")
    return fits[0]


@transaction.atomic
def assign(*, incident: Incident, role: str, user: User, actor: str) -> Assignment:
    """Give a role to somebody; whoever had it hands it over. They are told, unless they took it themselves."""
    name = known_role(role)
    held = hold(incident)
    open_only(held)
    must_help(held, user)
    before = _current(held, name)
    if before is not None and before.user_id == user.pk:
        return before
    now = timezone.now()
    if before is not None:
        Assignment.objects.filter(pk=before.pk).update(ended_at=now)
    own = actor == user.actor
    made = Assignment.objects.create(
        incident=held, role=name, user=user, given_by=actor, given_at=now, seen_at=now if own else None
    )
    record(
        "incident.role.handed" if before else "incident.role.given",
        actor=actor,
        scope=held.scope,
        subject=made.subject,
        before={"user": before.user.actor} if before else None,
        after={"role": name.value, "label": name.label, "user": user.actor, "to": user.display_name},
    )
    if not own:
        words = f"You are {name.label.lower()} of this incident. Open the war room and say that you have it."
        tell(held, key=made.subject, subject=f"{name.label}: {held.title}", body=words, users=[user], actor=actor)
    return made


@transaction.atomic
def release(*, incident: Incident, role: str, actor: str) -> None:
    """Nobody holds the role any more."""
    name = known_role(role)
    held = hold(incident)
    open_only(held)
    before = _current(held, name)
    if before is None:
        raise Invalid("role", f"{name.label.lower()} is nobody's", "a role that somebody holds")
    Assignment.objects.filter(pk=before.pk).update(ended_at=timezone.now())
    record(
        "incident.role.released",
        actor=actor,
        scope=held.scope,
        subject=before.subject,
        before={"user": before.user.actor},
        after={"role": name.value, "label": name.label, "from": before.user.display_name},
    )


@transaction.atomic
def see(*, incident: Incident, user: User) -> int:
    """This person knows what was given to them here: roles and tasks. How many that were."""
    from incidents.todo.models import Task

    now = timezone.now()
    roles = Assignment.objects.filter(incident=incident, user=user, seen_at=None, ended_at=None)
    tasks = Task.objects.filter(incident=incident, assignee=user, seen_at=None, status="open")
    names = [*(one.get_role_display() for one in roles), *(f"task {one.number}" for one in tasks)]
    if not names:
        return 0
    roles.update(seen_at=now)
    tasks.update(seen_at=now)
    record(
        "incident.assignment.seen",
        actor=user.actor,
        scope=incident.scope,
        subject=incident.subject,
        after={"what": ", ".join(names)},
    )
    return len(names)


def _current(incident: Incident, role: Role) -> Assignment | None:
    return Assignment.objects.select_related("user").filter(incident=incident, role=role, ended_at=None).first()
