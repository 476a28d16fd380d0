"""Who may do what, as predicates: `request.user.has_perm("accounts.command")`, or called directly."""

from typing import Any

import rules

from accounts.levels import Level


def _stands_at(user: Any, level: Level) -> bool:
    return bool(getattr(user, "is_authenticated", False)) and user.has_level(level)


@rules.predicate
def can_respond(user: Any) -> bool:
    return _stands_at(user, Level.RESPONDER)


@rules.predicate
def can_command(user: Any) -> bool:
    return _stands_at(user, Level.COMMANDER)


@rules.predicate
def can_administer(user: Any) -> bool:
    return _stands_at(user, Level.ADMIN)


@rules.predicate
def can_read(user: Any) -> bool:
    return _stands_at(user, Level.VIEWER)


rules.add_perm("accounts.read", can_read)
rules.add_perm("accounts.respond", can_respond)
rules.add_perm("accounts.command", can_command)
rules.add_perm("accounts.administer", can_administer)
