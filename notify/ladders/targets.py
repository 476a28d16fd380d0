"""Whom a target means at this moment."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from accounts.models import User
from accounts.selectors import people_at
from ledger.models import Scope
from ledger.scopes import members_of_private
from notify import clock
from notify.audiences.models import Audience
from notify.audiences.selectors import people_of, recipients
from notify.ladders.steps import ROLES
from notify.rotations.models import Rotation
from notify.rotations.selectors import on_call


@dataclass(frozen=True)
class Reached:
    """Whom a step tells: people, each with the target that named them first, and at most one audience's own ways."""

    people: dict[User, str] = field(default_factory=dict)
    audience: Audience | None = None
    unreached: tuple[User, ...] = ()

    @property
    def names(self) -> list[str]:
        return [user.display_name for user in self.people] + ([str(self.audience)] if self.audience else [])

    @property
    def nobody(self) -> bool:
        return not self.people and self.audience is None


def resolve(targets: Iterable[str], scope: Scope | None) -> Reached:
    """The people of today who may know of it. Those without any way to be told are told apart: silence is no answer.

    What is private is told to those who may see it and to no list; if the targets name none of them, to its members.
    """
    found: dict[User, str] = {}
    audience = None
    for target in targets:
        kind, _, name = target.partition(":")
        if kind == "audience":
            audience = Audience.objects.filter(slug=name, kind=Audience.Kind.INSIDE).first() or audience
        for user in people(kind, name):
            found.setdefault(user, target)
    insiders = members_of_private(scope) if scope else None
    if insiders is not None:
        found = {user: why for user, why in found.items() if user.actor_ids & insiders} or _members(insiders)
        audience = None
    ways = recipients(None, found)
    reached = {way.user for way in ways}
    own_ways = audience is not None and any(way.user is None for way in recipients(audience, ()))
    return Reached(
        people={user: why for user, why in found.items() if user in reached},
        audience=audience if own_ways else None,
        unreached=tuple(user for user in found if user not in reached),
    )


def people(kind: str, name: str) -> list[User]:
    """Active people only."""
    if kind == "person":
        return list(User.objects.filter(username__iexact=name, is_active=True))
    if kind == "role":
        return people_at(name)
    if kind == "audience":
        audience = Audience.objects.filter(slug=name, kind=Audience.Kind.INSIDE).first()
        return people_of(audience) if audience else []
    rotation = Rotation.objects.filter(slug=name).first()
    user = on_call(rotation, clock.now()) if rotation else None
    return [user] if user else []


def why_not(target: str) -> str:
    """Why a ladder cannot name this, or nothing."""
    kind, _, name = target.partition(":")
    if kind == "role":
        return "" if name in ROLES else f"roles are {', '.join(ROLES)}"
    if kind == "audience":
        inside = Audience.objects.filter(slug=name, kind=Audience.Kind.INSIDE).exists()
        return "" if inside else "there is no audience of this name inside; nobody outside is paged"
    if kind == "person":
        user = User.objects.filter(username__iexact=name, is_active=True).first()
        if user is None:
            return "there is no such person"
        return "" if user.has_level("responder") else "is not a responder, and could not act on it"
    return "" if Rotation.objects.filter(slug=name).exists() else "there is no such rotation"


def _members(insiders: set[str]) -> dict[User, str]:
    """Those whom a private scope names and who may act."""
    numbers = [int(name[5:]) for name in insiders if name.startswith("user:") and name[5:].isdigit()]
    users = User.objects.filter(pk__in=numbers, is_active=True)
    return {user: "member" for user in users.order_by("pk") if user.has_level("responder")}
