"""Reading people and grants, with as many queries for fifty people as for one."""

from django.db.models import Count, Prefetch, QuerySet

from accounts.grants.models import RoleGrant
from accounts.models import User
from accounts.selectors import actor_name


def people() -> list[User]:
    """Everybody, active first, their levels read with them."""
    grants = Prefetch("grants", RoleGrant.objects.active(), to_attr="active_grants")
    found = (
        User.objects.prefetch_related(grants).annotate(wallet_count=Count("wallets")).order_by("-is_active", "username")
    )
    for user in found:
        user.__dict__["granted"] = frozenset(grant.level for grant in getattr(user, "active_grants", []))
    return list(found)


def requested_grants() -> QuerySet[RoleGrant]:
    """What waits for a second admin."""
    rows = RoleGrant.objects.requested().select_related("user").order_by("requested_at")
    for row in rows:
        row.__dict__["requested_by_name"] = actor_name(row.requested_by)
    return rows
