"""Who may see what: everything that hangs on a Scope is filtered by it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

from django.db import models
from django.db.models import Exists, OuterRef, Q

M = TypeVar("M", bound=models.Model)


class Viewer(Protocol):
    """Somebody who reads. `accounts.User` is one; the ledger does not know accounts, only these."""

    @property
    def is_active(self) -> bool: ...

    @property
    def sees_all(self) -> bool:
        """Auditors and administrators read private scopes without being members."""
        ...

    @property
    def actor_ids(self) -> frozenset[str]:
        """The typed strings by which a member is named: `user:12`, `role:commander`."""
        ...


@dataclass(frozen=True)
class AnyInsider:
    """Whoever may see a scope, and nobody in particular: sees what all of those may see, whom nothing else names."""

    inside: frozenset[int]  # the private scopes at it and above it
    is_active: bool = True
    sees_all: bool = False
    actor_ids: frozenset[str] = frozenset()

    @classmethod
    def of(cls, scope_id: int) -> Self:
        return cls(frozenset(_private_above(scope_id)))


def _private_above(scope_id: int) -> Iterable[int]:
    from ledger.models import ScopeClosure

    found = ScopeClosure.objects.filter(descendant_id=scope_id, ancestor__private=True)
    return found.values_list("ancestor_id", flat=True)


def _may_look(viewer: object) -> bool:
    """Whether this is a viewer at all: `AnonymousUser` has no actor ids and sees nothing."""
    return bool(getattr(viewer, "is_active", False)) and hasattr(viewer, "actor_ids")


def barred_from(viewer: Viewer, scope_pk: str) -> Q:
    """True for rows whose scope, or one of its ancestors, is private and does not name the viewer as a member."""
    from ledger.models import ScopeClosure, ScopeMember

    member = ScopeMember.objects.filter(scope=OuterRef("ancestor"), who__in=viewer.actor_ids)
    private = ScopeClosure.objects.filter(descendant=OuterRef(scope_pk), ancestor__private=True)
    if isinstance(viewer, AnyInsider):
        private = private.exclude(ancestor__in=viewer.inside)
    return Q(Exists(private.filter(~Exists(member))))


VISIBLE = """(%(sees_all)s OR NOT EXISTS (
  SELECT 1 FROM ledger_scopeclosure barred JOIN ledger_scope above ON above.id = barred.ancestor_id
  WHERE barred.descendant_id = $SCOPE AND above.private AND NOT EXISTS (
    SELECT 1 FROM ledger_scopemember named WHERE named.scope_id = above.id AND named.who = ANY(%(who)s))))"""
"""`visible_to` for a statement that is composed once, with `seeing(viewer)` among its values."""


def seeing(viewer: Any) -> dict[str, Any] | None:
    """None: nobody who may see anything."""
    return {"sees_all": viewer.sees_all, "who": sorted(viewer.actor_ids)} if _may_look(viewer) else None


class ScopedQuerySet(models.QuerySet[M]):
    """The base queryset of every model that hangs on a scope. A row without a scope is for every viewer."""

    scope_path = "scope"

    def visible_to(self, viewer: Any) -> Self:
        if not _may_look(viewer):
            return self.none()
        if viewer.sees_all:
            return self
        return self.filter(~barred_from(viewer, f"{self.scope_path}_id"))


class ScopeQuerySet(models.QuerySet[M]):
    def visible_to(self, viewer: Any) -> Self:
        if not _may_look(viewer):
            return self.none()
        if viewer.sees_all:
            return self
        return self.filter(~barred_from(viewer, "pk"))


class ScopeGate:
    """The same rule for one scope, asked for many viewers: two queries, whatever their number."""

    def __init__(self, scope_id: int | None) -> None:
        from ledger.models import ScopeMember

        private = _private_above(scope_id) if scope_id is not None else ()
        self._members: dict[int, set[str]] = {pk: set() for pk in private}
        if self._members:
            for pk, who in ScopeMember.objects.filter(scope_id__in=self._members).values_list("scope_id", "who"):
                self._members[pk].add(who)

    @property
    def is_closed(self) -> bool:
        """Something private is here or above."""
        return bool(self._members)

    def lets(self, viewer: Any) -> bool:
        if not _may_look(viewer):
            return False
        if viewer.sees_all:
            return True
        return all(who & viewer.actor_ids for who in self._members.values())
