"""What lies beside the run in a war room: roles, tasks, addresses, what was said last, what is missing."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from django.db.models import Q

from accounts.selectors import actor_names
from incidents.addresses.models import BoardAddress
from incidents.alerts.models import Alert
from incidents.incidents.leading import short_amount
from incidents.incidents.models import FUNDS, Incident
from incidents.links.models import IncidentLink
from incidents.nudges.services import Nudge, missing, overdue
from incidents.roles.models import Assignment, Role
from incidents.todo.models import Task
from incidents.updates.models import Update
from integrations.chain.models import Chain

LATEST = 6
MOST_ENDED = 20


@dataclass(frozen=True, slots=True)
class Fund:
    """Funds of one kind, as people entered them; `proposed` is what a monitor's reading says instead."""

    kind: str
    name: str
    amount: int | None
    proposed: int | None = None

    @property
    def shown(self) -> str:
        return short_amount(self.amount)

    @property
    def offered(self) -> str:
        return short_amount(self.proposed)

    @property
    def line(self) -> str:
        """What takes a monitor's word over, after `/funds`."""
        return f"{self.kind.removeprefix('at_')} {self.proposed}"


@dataclass(eq=False)
class Board:
    """Read once a drawing, with the same few queries however much has happened."""

    incident: Incident
    held: tuple[Assignment, ...]
    tasks: tuple[Task, ...]
    addresses: tuple[tuple[BoardAddress, str], ...]  # each with the name of its chain
    updates: tuple[tuple[Update, str], ...]  # each with the name of who wrote it
    funds: tuple[Fund, ...]

    @cached_property
    def roles(self) -> list[tuple[Role, Assignment | None]]:
        by_role = {one.role: one for one in self.held}
        return [(role, by_role.get(role.value)) for role in Role]

    @property
    def open_tasks(self) -> list[Task]:
        return [task for task in self.tasks if task.status == "open"]

    @cached_property
    def nudges(self) -> list[Nudge]:
        return overdue(missing(self.incident, self.held, self.tasks))

    @cached_property
    def unseen(self) -> list[tuple[str, str]]:
        """The people who have not said that they know what was given to them, and what that is; each is asked on their
        own page."""
        given: dict[str, list[str]] = {}
        for held in self.held:
            if held.seen_at is None:
                given.setdefault(held.user.actor, []).append(held.get_role_display())
        for task in self.open_tasks:
            if task.assignee and task.seen_at is None:
                given.setdefault(task.assignee.actor, []).append(f"task {task.number}: {task.title}")
        return [(who, ", ".join(what)) for who, what in sorted(given.items())]


def board_of(incident: Incident) -> Board:
    held = Assignment.objects.filter(incident=incident, ended_at=None).select_related("user")
    every = Task.objects.filter(incident=incident).select_related("assignee")
    tasks = [*every.filter(status="open"), *every.exclude(status="open").order_by("-ended_at")[:MOST_ENDED]]
    chains = dict(Chain.objects.values_list("chain_id", "name"))
    return Board(
        incident=incident,
        held=tuple(held),
        tasks=tuple(tasks),
        addresses=tuple(
            (one, chains.get(one.chain_id, f"chain {one.chain_id}"))
            for one in BoardAddress.objects.filter(incident=incident)
        ),
        updates=_updates(incident),
        funds=_funds(incident),
    )


def _updates(incident: Incident) -> tuple[tuple[Update, str], ...]:
    latest = list(Update.objects.filter(incident=incident)[:LATEST])
    names = actor_names(one.posted_by for one in latest)
    return tuple((one, names[one.posted_by]) for one in latest)


def related_to(incident: Incident, viewer: Any) -> list[Incident]:
    """Linked to it, or merged into it; only those that the viewer may see."""
    pairs = IncidentLink.objects.filter(Q(first=incident) | Q(second=incident)).values_list("first", "second")
    others = {pk for pair in pairs for pk in pair} - {incident.pk}
    return list(Incident.objects.visible_to(viewer).filter(Q(pk__in=others) | Q(merged_into=incident)).order_by("pk"))


def _funds(incident: Incident) -> tuple[Fund, ...]:
    """A monitor proposes by `funds_at_risk_usd` and the like in its reading; a person takes it over, or does not."""
    names = {kind: f"funds_{kind}_usd" for kind in FUNDS}
    readings = Alert.objects.filter(
        incident=incident, status="firing", detail__reading__has_any_keys=list(names.values())
    )
    details = [
        one for alert in readings if isinstance(one := alert.detail["reading"], dict)
    ]  # senders write odd things
    return tuple(
        _fund(kind, getattr(incident, f"funds_{kind}"), [one.get(names[kind]) for one in details]) for kind in FUNDS
    )


def _fund(kind: str, given: int | None, said: list[Any]) -> Fund:
    amounts = [int(one) for one in said if str(one).isascii() and str(one).isdigit() and len(str(one)) < 16]
    proposed = max(amounts, default=None)
    return Fund(kind, kind.replace("_", " "), given, None if proposed == given else proposed)
