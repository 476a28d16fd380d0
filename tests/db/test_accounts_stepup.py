"""Step-up, sessions, key changes in the ledger, the first admin, and the chains one may sign in from."""

import time
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.management import call_command
from django.core.management.base import CommandError
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from accounts import stepup
from accounts.decorators import require_fresh_passkey, require_level
from accounts.models import User
from accounts.wallets.chains import DEVNET_CHAIN_ID, known_chain_ids
from integrations.chain.models import Chain
from ledger.models import Event
from tests.passkeys import add_passkey
from tests.people import PASSWORD, browser_of, person

pytestmark = pytest.mark.django_db


def a_request(user: User, *records: dict[str, Any], method: str = "GET") -> HttpRequest:
    """A request in a session that holds these authentications."""
    request = RequestFactory().generic(method, "/upgrade/?now=1")
    session = Client().session
    session["account_authentication_methods"] = list(records)
    session["account_authentication_methods_user"] = str(user.pk)
    request.session, request.user = session, user
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]  # what the middleware sets
    return request


def shown(kind: str, age: float) -> dict[str, Any]:
    if kind == "password":
        return {"method": "password", "at": time.time() - age}
    return {"method": "mfa", "type": kind, "at": time.time() - age}


@require_fresh_passkey(max_age=timedelta(minutes=5))
def upgrade(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


@pytest.mark.parametrize(
    ("ages", "passes"),
    [
        ([], False),
        ([("password", 0)], False),
        ([("webauthn", 10)], True),
        ([("webauthn", 301)], False),
        ([("webauthn", 900), ("webauthn", 20)], True),
        ([("totp", 1)], False),
        ([("recovery_codes", 1)], False),
    ],
)
def test_only_a_fresh_passkey_opens_it(ages: list[tuple[str, float]], passes: bool) -> None:
    records = [shown(kind, age) for kind, age in ages]
    user = person("", "commander")
    add_passkey(user, "Laptop")
    answer = upgrade(a_request(user, *records))
    if passes:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 302
        assert answer.headers["Location"] == "/accounts/2fa/webauthn/reauthenticate/?next=%2Fupgrade%2F%3Fnow%3D1"


def test_another_persons_passkey_in_the_session_does_not_count() -> None:
    user = person("", "commander")
    add_passkey(user, "Laptop")
    request = a_request(user, shown("webauthn", 1))
    request.session["account_authentication_methods_user"] = str(user.pk + 1)
    assert stepup.passkey_at(request) is None


def test_who_has_no_passkey_is_sent_to_add_one() -> None:
    answer = upgrade(a_request(person("", "commander")))
    assert answer.headers["Location"] == "/accounts/2fa/webauthn/add/"


def test_a_code_stands_in_only_where_settings_allow_it_and_no_passkey_exists(settings: Any) -> None:
    user = person("", "commander")
    TOTP.activate(user, "A" * 32)
    fresh = shown("totp", 1)
    assert upgrade(a_request(user, fresh)).status_code == 302
    settings.STEP_UP_ALLOWS_TOTP = True
    assert upgrade(a_request(user, fresh)).status_code == 200
    assert "/2fa/reauthenticate/" in upgrade(a_request(user)).headers["Location"]
    add_passkey(user, "Laptop")
    assert upgrade(a_request(user, fresh)).status_code == 302


def test_a_level_is_asked_of_pages_and_permissions_alike() -> None:
    @require_level("responder")
    def view(request: HttpRequest) -> HttpResponse:
        return HttpResponse("in")

    assert view(a_request(person("", "commander"))).status_code == 200
    assert person("", "commander").has_perm("accounts.respond")
    assert not person("", "auditor").has_perm("accounts.respond")
    assert not person("", "commander").has_perm("accounts.administer")
    with pytest.raises(ValueError, match="king"):
        require_level("king")


def test_a_deactivated_persons_open_session_ends_at_once() -> None:
    user = person("", "commander")
    client = browser_of(user)
    assert client.get("/accounts/me/").status_code == 200
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert client.get("/accounts/me/").status_code == 302


def test_logins_and_changed_passwords_are_events() -> None:
    user = person("ana", with_password=True)
    client = Client()
    client.post("/accounts/login/", {"login": "ana", "password": PASSWORD})
    assert Event.objects.get(verb="user.logged_in").after == {"by": ["password"]}
    new = "quite another password"
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new})
    event = Event.objects.get(verb="user.password.changed")
    assert event.actor == user.actor and new not in str(event.after)


def test_the_first_admin_is_made_from_the_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ADMIN_PASSWORD", "correct horse battery")
    call_command("createadmin", "ana", "ana@example.org", stdout=StringIO())
    ana = User.objects.get()
    assert ana.level == "admin" and ana.check_password("correct horse battery")
    call_command("createadmin", "ana", "ana@example.org", stdout=StringIO())
    assert User.objects.count() == 1 and Event.objects.filter(verb="grant.active").count() == 1
    monkeypatch.setenv("ADMIN_PASSWORD", "short")
    with pytest.raises(CommandError):
        call_command("createadmin", "ben", "ben@example.org", stdout=StringIO())
    assert User.objects.count() == 1


def test_registered_chains_are_known_and_the_devnet_only_where_it_runs(settings: Any) -> None:
    Chain.objects.create(chain_id=8453, name="Base", short_name="base", kind="live")
    assert {8453, DEVNET_CHAIN_ID} <= known_chain_ids()
    settings.DEVNET_ENABLED = False
    assert 8453 in known_chain_ids() and DEVNET_CHAIN_ID not in known_chain_ids()
