"""People for tests of any room: `person("ana", "commander")`, signed in by `browser_of(ana)` or `program_of(ana)`."""

from itertools import count
from typing import Any

from django.test import Client
from eth_account import Account
from eth_account.signers.local import LocalAccount
from rest_framework.test import APIClient

from accounts.grants.services import bootstrap
from accounts.models import User, Wallet
from accounts.tokens.services import create_token

LEVELS: dict[str, tuple[str, ...]] = {
    "viewer": (),
    "auditor": ("auditor",),
    "responder": ("responder",),
    "commander": ("commander",),
    "admin": ("admin",),
}
_numbers = count(1)
PASSWORD = "a long enough password"


def person(name: str = "", *levels: str, with_password: bool = False) -> User:
    """An active person with these levels, granted as an installation's first people are."""
    name = name or f"person{next(_numbers)}"
    user = User(username=name, email=f"{name}@example.org", name=name.capitalize())
    if with_password:
        user.set_password(PASSWORD)
    else:
        user.set_unusable_password()
    user.save()
    bootstrap(user=user, levels=list(levels), actor="system:test")
    return user


def wallet_of(user: User, account: LocalAccount | None = None) -> LocalAccount:
    """A real key pair, linked to the person."""
    account = account or Account.create()
    Wallet.objects.create(user=user, address=account.address)
    return account


def browser_of(user: User) -> Client:
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def caller(user: User) -> APIClient:
    """The API as this person's browser calls it."""
    client = APIClient()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return client


def program_of(user: User, *scopes: str) -> APIClient:
    """The API as a program with a token of this person calls it."""
    _, secret = create_token(user=user, name=f"t{next(_numbers)}", scopes=list(scopes or ["read"]), actor=user.actor)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
    return client


def who_may(verb: str, path: str, body: Any = None) -> set[str]:
    """The levels that the API lets through to this verb: a row of a room's permission matrix. 400, 404 and 409 count
    as let through, since the rule asked about is the level's."""
    through = set()
    for level, granted in LEVELS.items():
        answer = getattr(caller(person("", *granted)), verb.lower())(path, body or {}, format="json")
        if answer.status_code not in (401, 403):
            through.add(level)
    return through
