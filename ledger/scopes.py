"""Verbs on scopes."""

import json
from collections.abc import Iterable
from uuid import uuid4

from django.db import connection, transaction

from ledger import hints
from ledger.errors import Invalid
from ledger.models import Scope, ScopeClosure, ScopeLink, ScopeMember
from ledger.services import plain, record, request_id
from ledger.statements import say

OPEN = """
WITH opened AS (
  INSERT INTO ledger_scope (kind, title, private, created_at)
  VALUES (%(kind)s, %(title)s, %(private)s, statement_timestamp()) RETURNING id, created_at
), itself AS (
  INSERT INTO ledger_scopeclosure (ancestor_id, descendant_id) SELECT id, id FROM opened
), members AS (
  INSERT INTO ledger_scopemember (scope_id, who, role, added_at)
  SELECT id, who, 'member', statement_timestamp() FROM opened, unnest(%(members)s::text[]) AS who
), told AS (
  INSERT INTO ledger_event (at, txid, salt, verb, actor, scope_id, subject, before, after, reason, alarm, request_id)
  SELECT clock_timestamp(), pg_current_xact_id()::text::bigint, %(salt)s::uuid, 'scope.opened', %(actor)s::text, id,
    'scope:' || id, NULL, %(after)s::jsonb, '', NULL, %(request_id)s::text FROM opened
)
SELECT id, created_at FROM opened
"""


@transaction.atomic(savepoint=False)
def open_scope(
    *,
    kind: str,
    title: str,
    actor: str,
    private: bool = False,
    members: Iterable[str] = (),
    parents: Iterable[Scope] = (),
) -> Scope:
    """With its event, in one statement: every incident opens one."""
    who = sorted(set(members))
    scope = Scope(kind=kind, title=title[:200], private=private)
    after = {"kind": kind, "title": title, "private": private, "members": who}
    values = {"kind": kind, "title": scope.title, "private": private, "members": who, "actor": actor}
    about = {"salt": uuid4(), "after": json.dumps(plain(after)), "request_id": request_id()}
    scope.pk, scope.created_at = say(OPEN, {**values, **about})[0]
    hints.recorded()
    scope._state.adding, scope._state.db = False, connection.alias
    for parent in parents:
        link(child=scope, parent=parent, actor=actor)
    return scope


@transaction.atomic
def add_member(*, scope: Scope, who: str, actor: str, role: str = "member") -> None:
    """Add a member, or change the role of one; nothing happens, and nothing is recorded, when it is so already."""
    member = ScopeMember.objects.select_for_update().filter(scope=scope, who=who).first()
    if member and member.role == role:
        return
    before = {"role": member.role} if member else None
    ScopeMember.objects.update_or_create(scope=scope, who=who, defaults={"role": role})
    record("scope.member.added", actor=actor, scope=scope, subject=who, before=before, after={"role": role})


@transaction.atomic
def remove_member(*, scope: Scope, who: str, actor: str, reason: str = "") -> None:
    if ScopeMember.objects.filter(scope=scope, who=who).delete()[0]:
        record("scope.member.removed", actor=actor, scope=scope, subject=who, reason=reason)


@transaction.atomic
def set_private(*, scope: Scope, private: bool, actor: str, reason: str = "") -> None:
    if Scope.objects.filter(pk=scope.pk).exclude(private=private).update(private=private):
        scope.private = private
        record(
            "scope.private.changed",
            actor=actor,
            scope=scope,
            subject=f"scope:{scope.pk}",
            before={"private": not private},
            after={"private": private},
            reason=reason,
        )


@transaction.atomic
def link(*, child: Scope, parent: Scope, actor: str) -> None:
    """Append a parent; whoever may not see the parent will not see the child."""
    _one_at_a_time()
    if ScopeClosure.objects.filter(ancestor=child, descendant=parent).exists():
        raise Invalid("parent", "this would make a scope its own ancestor", "link the other way round")
    if ScopeLink.objects.filter(child=child, parent=parent).exists():
        return
    ScopeLink.objects.create(child=child, parent=parent)
    below = ScopeClosure.objects.filter(ancestor=child).values_list("descendant_id", flat=True)
    above = ScopeClosure.objects.filter(descendant=parent).values_list("ancestor_id", flat=True)
    ScopeClosure.objects.bulk_create(
        [ScopeClosure(ancestor_id=a, descendant_id=d) for d in below for a in above], ignore_conflicts=True
    )
    record(
        "scope.linked", actor=actor, scope=child, subject=f"scope:{child.pk}", after={"parent": f"scope:{parent.pk}"}
    )


def private_above(scope: Scope) -> list[Scope]:
    """Those that keep it private: itself, or what it lies below."""
    above = ScopeClosure.objects.filter(descendant=scope, ancestor__private=True).values("ancestor_id")
    return list(Scope.objects.filter(pk__in=above).order_by("pk"))


def members_of_private(scope: Scope) -> set[str] | None:
    """Who may see a scope that is private, by itself or through an ancestor; None for one that is open."""
    above = ScopeClosure.objects.filter(descendant=scope, ancestor__private=True).values_list("ancestor_id", flat=True)
    if not above:
        return None
    named = [set(ScopeMember.objects.filter(scope_id=pk).values_list("who", flat=True)) for pk in above]
    return set.intersection(*named)


def _one_at_a_time() -> None:
    """Two links made at once could close a circle that neither sees."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('ledger.scopes.link'))")
