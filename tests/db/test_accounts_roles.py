"""Levels: who gives them, who takes them, and that the last admin stays."""

import threading

import pytest
from django.db import connection

from accounts.grants.models import GrantStatus, RoleGrant
from accounts.grants.services import (
    bootstrap,
    confirm_grant,
    deactivate,
    decline_grant,
    reactivate,
    request_grant,
    revoke_grant,
)
from accounts.models import User
from ledger.errors import Invalid, Refused, StaleTransition
from ledger.models import Event
from tests.people import person

pytestmark = pytest.mark.django_db


def fresh(user: User) -> User:
    return User.objects.get(pk=user.pk)


@pytest.mark.parametrize(
    ("levels", "shown", "sees_all"),
    [
        ((), "viewer", False),
        (("auditor",), "auditor", True),
        (("responder",), "responder", False),
        (("responder", "commander"), "commander", False),
        (("auditor", "responder"), "responder", True),
        (("admin",), "admin", True),
    ],
)
def test_the_highest_level_counts(levels: tuple[str, ...], shown: str, sees_all: bool) -> None:
    user = person("", *levels)
    assert user.level == shown
    assert user.sees_all is sees_all


def test_a_commander_is_a_responder_too_but_an_auditor_writes_nothing() -> None:
    commander, auditor = person("", "commander"), person("", "auditor")
    assert commander.has_level("responder") and not commander.has_level("admin")
    assert not auditor.has_level("responder") and auditor.has_level("viewer")
    assert {"role:viewer", "role:responder", "role:commander", commander.actor} == set(commander.actor_ids)
    assert "role:auditor" in auditor.actor_ids and "role:responder" not in auditor.actor_ids


def test_one_admin_alone_grants_at_once_and_two_admins_must_agree() -> None:
    ana, ben, cem = person("", "admin"), person(), person()
    assert request_grant(user=ben, level="admin", by=ana).status == GrantStatus.ACTIVE
    grant = request_grant(user=cem, level="commander", by=ana, reason="on call from Monday")
    assert grant.status == GrantStatus.REQUESTED and fresh(cem).level == "viewer"
    with pytest.raises(Refused, match="yourself"):
        confirm_grant(grant=grant, by=ana)
    confirm_grant(grant=grant, by=ben)
    assert fresh(cem).level == "commander"
    event = Event.objects.get(verb="grant.active", subject=grant.subject)
    assert (event.before, event.actor) == ({"status": "requested"}, ben.actor)
    assert event.after["levels_before"] == [] and event.after["levels"] == ["commander"]


def test_whoever_is_not_an_admin_changes_nothing() -> None:
    ana, ben, cem = person("", "admin"), person("", "commander"), person()
    held = RoleGrant.objects.get(user=ana)
    for attempt in (
        lambda: request_grant(user=cem, level="responder", by=ben),
        lambda: revoke_grant(grant=held, by=ben),
        lambda: deactivate(user=ana, by=ben),
    ):
        with pytest.raises(Refused, match="only an admin"):
            attempt()
    assert fresh(ana).level == "admin" and fresh(cem).level == "viewer"


def test_a_request_falls_with_the_admin_who_made_it() -> None:
    ana, ben, cem, dan = person("", "admin"), person("", "admin"), person("", "admin"), person()
    grant = request_grant(user=dan, level="admin", by=ana)
    revoke_grant(grant=RoleGrant.objects.get(user=ana), by=ben)
    with pytest.raises(Refused, match="no longer an admin"):
        confirm_grant(grant=grant, by=cem)
    assert fresh(dan).level == "viewer"


def test_bad_levels_and_double_grants_are_named() -> None:
    ana, ben = person("", "admin"), person("", "responder")
    for level in ("viewer", "king", ""):
        with pytest.raises(Invalid) as caught:
            request_grant(user=ben, level=level, by=ana)
        assert caught.value.field == "level" and "commander" in caught.value.hint
    with pytest.raises(Invalid, match="already has"):
        request_grant(user=ben, level="responder", by=ana)


def test_a_declined_request_cannot_be_confirmed() -> None:
    ana, ben, cem = person("", "admin"), person("", "admin"), person()
    grant = request_grant(user=cem, level="responder", by=ana)
    decline_grant(grant=grant, by=ben, reason="not yet")
    with pytest.raises(StaleTransition):
        confirm_grant(grant=grant, by=ben)


def test_the_last_admin_can_be_neither_revoked_nor_deactivated() -> None:
    ana = person("", "admin")
    with pytest.raises(Refused, match="last admin"):
        revoke_grant(grant=RoleGrant.objects.get(user=ana), by=ana)
    with pytest.raises(Refused, match="last admin"):
        deactivate(user=ana, by=ana)


def test_a_deactivated_person_has_no_level_and_returns_without_roles() -> None:
    ana, ben = person("", "admin"), person("", "commander")
    deactivate(user=ben, by=ana, reason="left")
    assert not fresh(ben).has_level("viewer") and not fresh(ben).sees_all
    reactivate(user=fresh(ben), by=ana)
    assert fresh(ben).level == "viewer" and fresh(ben).is_active


def test_only_the_system_sets_up_the_first_people() -> None:
    with pytest.raises(Refused):
        bootstrap(user=person(), levels=["admin"], actor="user:1")


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_revoke_each_other_at_once_leave_one() -> None:
    ana, ben = person("", "admin"), person("", "admin")
    grants = {user.pk: RoleGrant.objects.get(user=user) for user in (ana, ben)}
    gate, errors = threading.Barrier(2), []

    def revoke(by: User, of: User) -> None:
        try:
            gate.wait(5)
            revoke_grant(grant=grants[of.pk], by=by)
        except Refused as exc:
            errors.append(exc)
        finally:
            connection.close()

    threads = [threading.Thread(target=revoke, args=pair) for pair in ((ana, ben), (ben, ana))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(errors) == 1
    assert RoleGrant.objects.filter(status=GrantStatus.ACTIVE, level="admin").count() == 1
