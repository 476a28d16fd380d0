"""The pages of people: what each level sees, what each press does, and that nobody gets further than they may."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from allauth.account.models import EmailAddress
from allauth.usersessions.models import UserSession
from django.core import mail
from django.test import Client
from django.urls import reverse

from accounts import activity
from accounts.demo import PASSWORD as DEMO_PASSWORD
from accounts.demo import PEOPLE, load
from accounts.grants.models import RoleGrant
from accounts.invitations.models import Invitation
from accounts.invitations.services import invite, link_of
from accounts.jobs import send_invitation
from accounts.models import ApiToken, User, Wallet
from ledger.errors import Invalid, Refused
from ledger.models import Event
from tests.people import PASSWORD, browser_of, person, wallet_of
from work.models import Work

pytestmark = pytest.mark.django_db
PAGES = ["/accounts/me/", "/accounts/people/", "/accounts/tokens/", "/accounts/wallets/", "/approvals/"]
ALLAUTH = [
    "account_email",
    "account_change_password",
    "mfa_index",
    "mfa_list_webauthn",
    "usersessions_list",
    "account_reauthenticate",
    "account_logout",
]
ENTRANCE = ["account_login", "account_signup", "account_reset_password"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_ask_strangers_to_log_in_and_open_for_everyone_else(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
    for levels in ((), ("auditor",), ("admin",)):
        assert browser_of(person("", *levels)).get(path).status_code == 200


@pytest.mark.parametrize("name", ALLAUTH)
def test_allauths_own_pages_open_and_wear_the_look(name: str) -> None:
    answer = browser_of(person("", with_password=True)).get(reverse(name))
    assert answer.status_code == 200 and b'class="bar"' in answer.content
    assert not inline_scripts(answer.content.decode())


@pytest.mark.parametrize("name", ENTRANCE)
def test_the_entrance_opens_and_holds_no_inline_script(name: str) -> None:
    answer = Client().get(reverse(name))
    assert answer.status_code == 200 and b'class="bar"' in answer.content
    assert not inline_scripts(answer.content.decode())
    assert "script-src 'self'" in answer["Content-Security-Policy"]


def inline_scripts(html: str) -> list[str]:
    """Scripts without a source that a browser would execute (data blocks are not)."""
    tags = re.findall(r"<script\b([^>]*)>", html)
    inline = [tag for tag in tags if "src=" not in tag and "application/json" not in tag]
    return inline + re.findall(r"\son\w+=\"", html)


def test_sign_up_is_closed() -> None:
    answer = Client().post(
        reverse("account_signup"),
        {"username": "eve", "email": "eve@example.org", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert answer.status_code == 200 and not User.objects.exists()
    assert b"By invitation" in answer.content


def test_log_in_by_username_or_address_and_not_with_a_wrong_password() -> None:
    user = person("ana", with_password=True)
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    for login in ("ana", "ana@example.org"):
        client = Client()
        answer = client.post(reverse("account_login"), {"login": login, "password": PASSWORD})
        assert answer.status_code == 302 and client.session["_auth_user_id"] == str(user.pk)
    client = Client()
    assert client.post(reverse("account_login"), {"login": "ana", "password": "wrong"}).status_code == 200
    assert "_auth_user_id" not in client.session


def test_a_deactivated_person_cannot_log_in() -> None:
    user = person("ana", with_password=True)
    User.objects.filter(pk=user.pk).update(is_active=False)
    client = Client()
    client.post(reverse("account_login"), {"login": "ana", "password": PASSWORD})
    assert "_auth_user_id" not in client.session


def test_guessing_a_password_is_slowed_down(settings: Any) -> None:
    person("ana", with_password=True)
    client = Client()
    for _ in range(6):
        answer = client.post(reverse("account_login"), {"login": "ana", "password": "wrong"})
    assert b"Too many failed" in answer.content
    good = client.post(reverse("account_login"), {"login": "ana", "password": PASSWORD})
    assert good.status_code == 200 and "_auth_user_id" not in client.session


def test_granting_by_pages_takes_two_admins() -> None:
    ana, ben, cem = person("", "admin"), person("", "admin"), person()
    first, second = browser_of(ana), browser_of(ben)
    answer = first.post(f"/accounts/people/{cem.pk}/grant/", {"level": "commander", "reason": "on call"}, follow=True)
    assert b"waits for a second admin" in answer.content
    grant = RoleGrant.objects.get(user=cem)
    first.post(f"/accounts/grants/{grant.pk}/confirm/")
    grant.refresh_from_db()
    assert grant.status == "requested"
    assert b"Confirm" in second.get("/accounts/people/").content
    second.post(f"/accounts/grants/{grant.pk}/confirm/")
    assert User.objects.get(pk=cem.pk).level == "commander"
    second.post(f"/accounts/grants/{grant.pk}/revoke/", {"reason": "left"})
    assert User.objects.get(pk=cem.pk).level == "viewer"


MANAGING = [
    "/accounts/people/{person}/grant/",
    "/accounts/people/{person}/deactivate/",
    "/accounts/people/{person}/reactivate/",
    "/accounts/grants/{grant}/confirm/",
    "/accounts/grants/{grant}/decline/",
    "/accounts/grants/{grant}/revoke/",
    "/accounts/invite/",
]


@pytest.mark.parametrize("path", MANAGING)
@pytest.mark.parametrize("levels", [(), ("auditor",), ("responder",), ("commander",)])
def test_only_admins_manage_people(path: str, levels: tuple[str, ...]) -> None:
    target = person("", "responder")
    url = path.format(person=target.pk, grant=RoleGrant.objects.get(user=target).pk)
    before = Event.objects.count()
    client = browser_of(person("", *levels))
    before = Event.objects.count()
    answer = client.post(url, {"level": "commander", "email": "eve@example.org"})
    assert answer.status_code == 403 and Event.objects.count() == before
    assert User.objects.get(pk=target.pk).level == "responder"


def test_mail_addresses_are_for_admins_and_auditors() -> None:
    other = person("somebody")
    assert other.email.encode() not in browser_of(person("", "commander")).get("/accounts/people/").content
    assert other.email.encode() in browser_of(person("", "auditor")).get("/accounts/people/").content


# --- invitations ----------------------------------------------------------------------------------------------------


def invited(levels: list[str], by: User) -> tuple[Invitation, str]:
    row = invite(email="New@Example.org", levels=levels, by=by)
    return row, urlsplit(link_of(row)).path


def test_an_invitation_is_mailed_accepted_once_and_its_levels_wait_for_a_second_admin() -> None:
    ana, ben = person("ana", "admin"), person("", "admin")
    row, path = invited(["responder"], ana)
    work = Work.objects.get(kind="accounts.invitation")
    assert work.payload == {"invitation": row.pk}
    client = Client()
    assert b"new@example.org" in client.get(path).content
    form = {"username": "newby", "name": "New By", "password": "another long password"}
    answer = client.post(path, form)
    user = User.objects.get(username="newby")
    assert answer.status_code == 302 and client.session["_auth_user_id"] == str(user.pk)
    assert user.level == "viewer" and RoleGrant.objects.get(user=user).status == "requested"
    assert EmailAddress.objects.get(user=user).verified
    assert Client().get(path).status_code == 410
    browser_of(ben).post(f"/accounts/grants/{RoleGrant.objects.get(user=user).pk}/confirm/")
    assert User.objects.get(pk=user.pk).level == "responder"


def test_the_invitations_mail_carries_the_link() -> None:
    row, _ = invited([], person("", "admin"))

    class Held:
        work = Work.objects.get(kind="accounts.invitation")

    outcome = send_invitation(Held())  # type: ignore[arg-type]  # it reads nothing of the lease but its work
    assert outcome.result == {"sent": True}  # type: ignore[union-attr]
    assert mail.outbox[0].to == ["new@example.org"]
    assert re.search(r"/accounts/invitation/\S+/", mail.outbox[0].body)
    assert row.subject == Held.work.subject


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"username": "has space"}, "username"),
        ({"username": "taken"}, "username"),
        ({"password": "short"}, "password"),
        ({"password": "passwordpassword"}, None),
    ],
)
def test_a_bad_acceptance_names_its_field_and_keeps_the_link(form: dict[str, str], field: str | None) -> None:
    person("taken")
    row, path = invited([], person("", "admin"))
    good = {"username": "newby", "name": "", "password": "another long password"}
    answer = Client().post(path, good | form)
    if field:
        assert answer.status_code == 400 and field in answer.context["form"].errors
        row.refresh_from_db()
        assert row.status == "sent" and not User.objects.filter(email="new@example.org").exists()


def test_an_invitation_ends_with_its_inviters_level_its_time_or_a_newer_one() -> None:
    ana, ben = person("", "admin"), person("", "admin")
    _, old = invited([], ana)
    _, path = invited([], ana)
    assert Client().get(old).status_code == 410  # invited anew
    assert Client().get(path).status_code == 200
    RoleGrant.objects.filter(user=ana).update(status="revoked")
    assert Client().get(path).status_code == 410
    RoleGrant.objects.filter(user=ana).update(status="active")
    Invitation.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert Client().get(path).status_code == 410
    assert Client().get("/accounts/invitation/forged:token:here/").status_code == 410
    with pytest.raises(Refused):
        invite(email="x@example.org", levels=[], by=person("", "commander"))
    with pytest.raises(Invalid):
        invite(email=ben.email, levels=[], by=ben)


# --- tokens, wallets, profile, demo ---------------------------------------------------------------------------------


def test_a_token_is_shown_once() -> None:
    client = browser_of(person("", "responder"))
    answer = client.post("/accounts/tokens/", {"name": "ci", "scopes": ["read"], "life": "30"})
    secret = re.search(r"bg_[\w-]{40,}", answer.content.decode())
    assert secret and "no-store" in answer["Cache-Control"]
    assert secret.group().encode() not in client.get("/accounts/tokens/").content
    token = ApiToken.objects.get()
    stranger = browser_of(person("", "commander"))
    assert stranger.post(f"/accounts/tokens/{token.pk}/revoke/").status_code == 404
    client.post(f"/accounts/tokens/{token.pk}/revoke/")
    token.refresh_from_db()
    assert token.revoked_at is not None
    again = client.post("/accounts/tokens/", {"name": "ci", "scopes": ["read"], "life": "30"})
    assert again.status_code == 400 and "name" in again.context["form"].errors


def test_a_wallet_is_unlinked_by_its_owner_only() -> None:
    ana, ben = person(), person()
    wallet_of(ana)
    wallet = Wallet.objects.get()
    browser_of(ben).post(f"/accounts/wallets/{wallet.pk}/unlink/")
    assert Wallet.objects.exists()
    browser_of(ana).post(f"/accounts/wallets/{wallet.pk}/unlink/")
    assert not Wallet.objects.exists()
    assert Event.objects.get(verb="wallet.unlinked").before == {"address": wallet.address}


def test_a_new_name_is_an_event() -> None:
    ana = person("ana")
    browser_of(ana).post("/accounts/me/", {"name": "Ana B."})
    assert User.objects.get(pk=ana.pk).display_name == "Ana B."
    event = Event.objects.get(verb="user.renamed")
    assert (event.before, event.after) == ({"name": "Ana"}, {"name": "Ana B."})


def test_the_demos_people_load_twice_as_once() -> None:
    load(actor="system:demo")
    before = Event.objects.count()
    load(actor="system:demo")
    assert Event.objects.count() == before and User.objects.count() == len(PEOPLE)
    levels = {user.username: user.level for user in User.objects.all()}
    assert levels == {
        "ana": "admin",
        "ben": "commander",
        "carol": "responder",
        "dan": "responder",
        "erin": "responder",
        "frank": "auditor",
        "val": "viewer",
    }
    client = Client()
    client.post(reverse("account_login"), {"login": "carol", "password": DEMO_PASSWORD})
    assert "_auth_user_id" in client.session


def test_the_people_page_asks_as_often_for_many_as_for_few(django_assert_max_num_queries: Any) -> None:
    client = browser_of(person("", "admin"))
    for _ in range(12):
        person("", "responder", "auditor")
    with django_assert_max_num_queries(16):
        assert client.get("/accounts/people/").status_code == 200


def test_when_a_browser_was_last_seen_is_written_once_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = browser_of(person(""))
    browser.get("/accounts/me/")
    first = UserSession.objects.get()
    browser.get("/accounts/me/")
    assert UserSession.objects.get().last_seen_at == first.last_seen_at
    browser.get("/accounts/me/", headers={"user-agent": "somewhere else"})
    moved = UserSession.objects.get()
    assert moved.user_agent == "somewhere else", "at once"
    monkeypatch.setattr(activity, "EVERY", 0.0)
    browser.get("/accounts/me/", headers={"user-agent": "somewhere else"})
    assert UserSession.objects.get().last_seen_at > moved.last_seen_at
