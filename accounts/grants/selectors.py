"""Reading people and grants, with as many queries for fifty people as for one."""

from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Prefetch, QuerySet

from accounts.grants.models import RoleGrant
from accounts.models import User
from accounts.selectors import actor_names
from ledger.models import Event


def people() -> list[User]:
    """Everybody, active first, their levels read with them."""
    grants = Prefetch("grants", RoleGrant.objects.active(), to_attr="active_grants")
    found = (
        User.objects.prefetch_related(grants).annotate(wallet_count=Count("wallets")).order_by("-is_active", "username")
    )
    for user in found:
        user.__dict__["granted"] = frozenset(grant.level for grant in getattr(user, "active_grants", []))
    return list(found)


@dataclass(frozen=True)
class GrantRow:
    """A grant as a page shows it: with names in place of actors."""

    grant: RoleGrant
    requested_by: str
    confirmed_by: str
    ended_by: str


def _rows(grants: QuerySet[RoleGrant]) -> list[GrantRow]:
    found = list(grants)
    names = actor_names({name for one in found for name in (one.requested_by, one.confirmed_by, one.ended_by)})
    return [GrantRow(one, names[one.requested_by], names[one.confirmed_by], names[one.ended_by]) for one in found]


def requested_grants() -> list[GrantRow]:
    """What waits for a second admin."""
    return _rows(RoleGrant.objects.requested().select_related("user").order_by("requested_at"))


def grants_of(user: User) -> list[GrantRow]:
    """A person's grants, the newest first, those that ended among them."""
    return _rows(RoleGrant.objects.filter(user=user))


@dataclass(frozen=True)
class RecordRow:
    at: datetime
    verb: str
    by: str
    reason: str


def record_of(user: User) -> list[RecordRow]:
    """The last things that the ledger tells of this person."""
    grants = [grant.subject for grant in RoleGrant.objects.filter(user=user)]
    events = list(Event.objects.filter(scope=None, subject__in=[user.actor, *grants]).order_by("-id")[:20])
    names = actor_names({event.actor for event in events})
    return [RecordRow(event.at, event.verb, names[event.actor], event.reason) for event in events]
