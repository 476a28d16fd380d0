"""Who may do what: every address of the URLconf, every verb, every level, every token scope.

A route that is not in the table fails the test: whoever adds one says here who it is for. Objects are asked for by
numbers that do not exist: whoever may not do a thing is told so before they learn whether it is there.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, get_resolver
from rest_framework.test import APIClient

from accounts.tokens.models import TokenScope
from tests.matrix_table import API, LADDER, PAGES, TOKENS
from tests.people import LEVELS, browser_of, caller, person, program_of

pytestmark = pytest.mark.django_db
METHODS = ("get", "post", "put", "patch", "delete")
ARGUMENTS = {
    "int": "987654321",
    "slug": "no-such-thing",
    "str": "no-such-thing",
    "path": "no/such/thing",
    "slash": "/",
    "version": "2",
}


def routes(patterns: Any = None, prefix: str = "") -> Iterator[tuple[str, dict[str, str] | None]]:
    """Each route, and for the API's the actions of its verbs."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(one.pattern)
        if isinstance(one, URLPattern):
            yield route, getattr(one.callback, "actions", None)
        else:
            yield from routes(one.url_patterns, route)


def address(route: str) -> str:
    path = re.sub(r"<(\w+):\w+>", lambda found: ARGUMENTS[found[1]], route)
    path = re.sub(r"\(\?P<\w+>[^)]*\)", "no-such-thing", path)
    return "/" + path.replace("^", "").replace("$", "").removesuffix("\\Z")


IN_API = {route: actions for route, actions in routes() if actions is not None}
OTHERS = [route for route, actions in routes() if actions is None]


def test_every_route_has_a_row() -> None:
    assert sorted(IN_API) == sorted(API)
    assert sorted(set(OTHERS)) == sorted(PAGES)
    for route, actions in IN_API.items():
        assert set(actions or ()) - {"head"} == set(API[route]), route


def may(level: str, wanted: str) -> bool:
    """The ladder; an auditor reads what admins read, and writes what a viewer may."""
    if wanted in ("anyone", "nobody"):
        return wanted == "anyone"
    if level == "anonymous":
        return False
    if wanted == "viewer":
        return True
    return level in LADDER and LADDER.index(level) >= LADDER.index(wanted)


def verdict(answer: Any) -> str:
    """What an answer says about the level: refused, not served, or let through (and never a crash)."""
    assert answer.status_code < 500
    if answer.status_code in (401, 403):
        return "refused"
    if answer.status_code == 302 and answer.headers["Location"].startswith("/accounts/login/"):
        return "refused"
    return "absent" if answer.status_code == 405 else "let through"


def ask(client: Any, method: str, route: str, *, program: bool = False) -> str:
    if program:
        return verdict(getattr(client, method)(address(route), {} if method == "post" else None, format="json"))
    return verdict(getattr(client, method)(address(route)))


def settled(level: str) -> tuple[str, ...]:
    """Rows that need no asking: what a viewer gets through to, the levels above do as well; an admin asks for what is
    for nobody, in the name of the others."""
    if level in ("anonymous", "viewer"):
        return ("nobody",)
    return ("anyone", "viewer") if level == "admin" else ("anyone", "viewer", "nobody")


@pytest.mark.parametrize("level", ["anonymous", *LEVELS])
def test_pages(level: str) -> None:
    user = None if level == "anonymous" else person("", *LEVELS[level])
    client, wrong = Client(), []
    for route, verbs in PAGES.items():
        for method in ("get", "post"):
            cookie = client.cookies.get("sessionid")
            if user and not (cookie and cookie.value):  # some of these pages end the session
                client = browser_of(user)
            wanted = verbs.get(method, "nobody")
            if wanted in settled(level):
                continue
            found = ask(client, method, route)
            if (found == "let through") != may(level, wanted):
                wrong.append(f"{level} {method} {route}: {found}, but it is for {wanted}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("level", ["anonymous", *LEVELS])
def test_api(level: str) -> None:
    client = APIClient() if level == "anonymous" else caller(person("", *LEVELS[level]))
    wrong = []
    for route, verbs in API.items():
        for method in METHODS if level == "admin" else ("get", "post"):
            wanted = verbs.get(method, "nobody")
            if wanted in settled(level):
                continue
            found = ask(client, method, route, program=True)
            if (found == "let through") != may(level, wanted):
                wrong.append(f"{level} {method} {route}: {found}, but it is for {wanted}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("scope", TokenScope.values)
def test_tokens(scope: str) -> None:
    """Of somebody who may do everything; the token may do what its scope says, and read."""
    client, wrong = program_of(person("", "commander", "admin"), scope), []
    for route, wanted in TOKENS.items():
        allowed = wanted == "" or (wanted != "nobody" and scope in (wanted, "admin"))
        if (ask(client, "post", route, program=True) == "let through") != allowed:
            wrong.append(f"a token with {scope} at {route}, which is for {wanted}")
    wrong += [
        f"a token with {scope} cannot read {route}"
        for route, verbs in API.items()
        if "get" in verbs and ask(client, "get", route, program=True) != "let through"
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("level", ["viewer", "responder"])
def test_a_token_never_exceeds_its_owner(level: str) -> None:
    """A scope is a limit, never a right."""
    scopes = [scope for scope in TokenScope.values if scope != "admin"]
    client = program_of(person("", *LEVELS[level]), *scopes)
    for route in TOKENS:
        if TOKENS[route] in scopes and not may(level, API[route]["post"]):
            assert ask(client, "post", route, program=True) == "refused", route
