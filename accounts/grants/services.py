"""Granting and revoking levels: two admins give, one admin takes."""

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from accounts.grants.models import GrantStatus, RoleGrant
from accounts.levels import Level
from accounts.models import User
from ledger import Invalid, Refused, record, transition


def _lock_roles() -> None:
    """Changes of roles happen one at a time: two admins who revoke each other must not both succeed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('accounts.grants'))")


def admins() -> list[User]:
    return list(
        User.objects.filter(is_active=True, grants__level=Level.ADMIN, grants__status=GrantStatus.ACTIVE).order_by("pk")
    )


def _demand_admin(by: User) -> None:
    if not any(admin.pk == by.pk for admin in admins()):
        raise Refused("only an admin may change roles", "ask an admin")


@transaction.atomic
def request_grant(*, user: User, level: str, by: User, reason: str = "", actor: str | None = None) -> RoleGrant:
    """Give a level, or ask a second admin to: with one admin there is nobody else to ask."""
    _lock_roles()
    _demand_admin(by)
    if level not in Level.values or level == Level.VIEWER:
        raise Invalid("level", f"{level!r} cannot be granted", "one of " + ", ".join(Level.values[1:]))
    if not user.is_active:
        raise Invalid("user", f"{user.username} is deactivated", "reactivate the account first")
    held = RoleGrant.objects.filter(user=user, level=level).filter(
        status__in=[GrantStatus.REQUESTED, GrantStatus.ACTIVE]
    )
    if existing := held.first():
        state = "already has" if existing.status == GrantStatus.ACTIVE else "already waits for"
        raise Invalid("level", f"{user.username} {state} {level}")
    grant = RoleGrant.objects.create(user=user, level=level, requested_by=by.actor, reason=reason)
    record(
        "grant.requested",
        actor=actor or by.actor,
        subject=grant.subject,
        after={"user": user.actor, "level": level, "levels": sorted(user.granted)},
        reason=reason,
    )
    if len(admins()) < 2:
        _activate(grant, actor=actor or by.actor, confirmed_by="")
    return grant


def _activate(grant: RoleGrant, *, actor: str, confirmed_by: str) -> None:
    before = set(RoleGrant.objects.active().filter(user_id=grant.user_id).values_list("level", flat=True))
    transition(
        grant,
        GrantStatus.ACTIVE,
        actor=actor,
        also={"confirmed_by": confirmed_by},
        after={
            "user": f"user:{grant.user_id}",
            "level": grant.level,
            "levels_before": sorted(before),
            "levels": sorted(before | {grant.level}),
            "requested_by": grant.requested_by,
        },
        reason=grant.reason,
    )


@transaction.atomic
def confirm_grant(*, grant: RoleGrant, by: User) -> RoleGrant:
    """The second admin's yes; the first must still be an admin."""
    _lock_roles()
    _demand_admin(by)
    grant.refresh_from_db()
    if grant.requested_by == by.actor:
        raise Refused("you asked for this grant yourself", "a second admin must confirm it")
    if not any(admin.actor == grant.requested_by for admin in admins()):
        raise Refused("whoever asked for this grant is no longer an admin", "decline it and ask afresh")
    if not grant.user.is_active:
        raise Refused(f"{grant.user.username} is deactivated", "decline the request, or reactivate the account")
    _activate(grant, actor=by.actor, confirmed_by=by.actor)
    return grant


@transaction.atomic
def decline_grant(*, grant: RoleGrant, by: User, reason: str = "") -> RoleGrant:
    """Either admin may take the request back or turn it down."""
    _lock_roles()
    _demand_admin(by)
    transition(
        grant,
        GrantStatus.DECLINED,
        actor=by.actor,
        also={"ended_by": by.actor, "ended_at": timezone.now()},
        after={"user": f"user:{grant.user_id}", "level": grant.level},
        reason=reason,
    )
    return grant


@transaction.atomic
def revoke_grant(*, grant: RoleGrant, by: User, reason: str = "") -> RoleGrant:
    """One admin is enough, and it holds at once. The last admin stays."""
    _lock_roles()
    _demand_admin(by)
    if grant.level == Level.ADMIN:
        _keep_one_admin(without=grant.user)
    before = set(RoleGrant.objects.active().filter(user_id=grant.user_id).values_list("level", flat=True))
    transition(
        grant,
        GrantStatus.REVOKED,
        actor=by.actor,
        also={"ended_by": by.actor, "ended_at": timezone.now()},
        after={
            "user": f"user:{grant.user_id}",
            "level": grant.level,
            "levels_before": sorted(before),
            "levels": sorted(before - {grant.level}),
        },
        reason=reason,
    )
    return grant


def _keep_one_admin(*, without: User) -> None:
    if not [admin for admin in admins() if admin.pk != without.pk]:
        raise Refused(f"{without.username} is the last admin", "make somebody else an admin first")


@transaction.atomic
def deactivate(*, user: User, by: User, reason: str = "") -> User:
    """The account can no longer log in, its tokens stop, its approvals no longer count; what it did stays."""
    _lock_roles()
    _demand_admin(by)
    if Level.ADMIN in user.granted:
        _keep_one_admin(without=user)
    if not User.objects.filter(pk=user.pk, is_active=True).update(is_active=False):
        raise Refused(f"{user.username} is already deactivated")
    user.is_active = False
    record(
        "user.deactivated",
        actor=by.actor,
        subject=user.actor,
        before={"is_active": True},
        after={"is_active": False},
        reason=reason,
    )
    return user


@transaction.atomic
def reactivate(*, user: User, by: User, reason: str = "") -> User:
    """Back as before, but without roles: those are given anew by two admins."""
    _lock_roles()
    _demand_admin(by)
    if not User.objects.filter(pk=user.pk, is_active=False).update(is_active=True):
        raise Refused(f"{user.username} is active")
    user.is_active = True
    for grant in RoleGrant.objects.filter(Q(user=user), status=GrantStatus.ACTIVE):
        revoke_grant(grant=grant, by=by, reason="reactivated without roles")
    record(
        "user.reactivated",
        actor=by.actor,
        subject=user.actor,
        before={"is_active": False},
        after={"is_active": True},
        reason=reason,
    )
    return user


@transaction.atomic
def bootstrap(*, user: User, levels: list[str], actor: str) -> None:
    """An installation's first people (`manage.py createadmin`, the demo): only the system's actors may do this."""
    if not actor.startswith("system:"):
        raise Refused("only the system sets up its first people")
    _lock_roles()
    for level in levels:
        if RoleGrant.objects.filter(user=user, level=level, status=GrantStatus.ACTIVE).exists():
            continue
        RoleGrant.objects.filter(user=user, level=level, status=GrantStatus.REQUESTED).update(
            status=GrantStatus.DECLINED, ended_by=actor, ended_at=timezone.now()
        )
        grant = RoleGrant.objects.create(user=user, level=level, requested_by=actor, reason="set up")
        _activate(grant, actor=actor, confirmed_by="")
    user.__dict__.pop("granted", None)
