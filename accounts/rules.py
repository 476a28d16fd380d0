"""Who may do what, as predicates: `request.user.has_perm("accounts.command")`, or called directly."""

from collections.abc import Callable
from typing import Any, cast

from rules.permissions import add_perm
from rules.predicates import Predicate

from accounts.levels import Level


def _at(level: Level) -> Callable[[Any], bool]:
    def stands_at(user: Any) -> bool:
        return bool(getattr(user, "is_authenticated", False)) and bool(user.has_level(level))

    rule = Predicate(stands_at, name=f"at_{level}")
    return cast(Callable[[Any], bool], rule)


can_read = _at(Level.VIEWER)
can_respond = _at(Level.RESPONDER)
can_command = _at(Level.COMMANDER)
can_administer = _at(Level.ADMIN)

for _name, _rule in (
    ("accounts.read", can_read),
    ("accounts.respond", can_respond),
    ("accounts.command", can_command),
    ("accounts.administer", can_administer),
):
    add_perm(_name, _rule)  # type: ignore[no-untyped-call]  # rules is untyped
