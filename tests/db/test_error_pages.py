"""Error pages: what happened, what was kept, what to do; a toast's worth of it for htmx; never a database."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.db import SessionStore
from django.db import OperationalError, connection
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext, override_settings

from config import errors
from ledger.errors import Invalid, Refused, StaleTransition
from tests.people import person

PAGES = (
    errors.BAD_REQUEST,
    errors.FORBIDDEN,
    errors.CSRF,
    errors.NOT_FOUND,
    errors.CONFLICT,
    errors.TOO_MANY,
    errors.BROKEN,
    errors.AWAY,
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.title)
def test_every_page_says_all_three_things(page: errors.ErrorPage) -> None:
    html = errors._page(RequestFactory().get("/"), page).content.decode()
    for words in (page.title, page.happened, page.kept, page.todo):
        assert words in html


def test_the_page_of_a_broken_server_asks_no_database(db: None) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        answer = errors.broken(RequestFactory().get("/"))
    assert answer.status_code == 500 and len(queries) == 0


def test_a_database_that_is_away_is_told_apart_from_a_mistake_of_ours(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is read long before any view, and a page is asked for with the cookie of somebody logged in."""

    def lost(*_args: object) -> None:
        raise OperationalError("connection refused: secret detail")

    client.force_login(person("ana"), backend="allauth.account.auth_backends.AuthenticationBackend")
    client.raise_request_exception = False
    monkeypatch.setattr(SessionStore, "load", lost)
    answer = client.get("/")
    assert answer.status_code == 503 and answer.headers["Retry-After"] == "5"
    assert errors.AWAY.title in answer.content.decode() and b"secret detail" not in answer.content


def test_a_broken_template_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_more: object) -> str:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(errors, "render_to_string", fail)
    answer = errors.broken(RequestFactory().get("/"))
    assert answer.status_code == 500
    assert b"secret detail" not in answer.content and errors.BROKEN.happened.encode() in answer.content


@pytest.mark.parametrize(
    ("raised", "status", "words"),
    [
        (Invalid("nonce", "12 was used already", "13"), 400, "nonce: 12 was used already."),
        (Refused("one may not approve what one asked for"), 409, "one may not approve what one asked for"),
        (StaleTransition("proposal 7 is executed"), 409, errors.CONFLICT.happened),
    ],
)
def test_what_a_service_refuses_becomes_a_page(raised: Exception, status: int, words: str) -> None:
    answer = errors.ErrorAnswers(lambda _request: HttpResponse()).process_exception(RequestFactory().get("/"), raised)
    assert answer is not None and answer.status_code == status
    assert words in answer.content.decode()


def test_other_exceptions_are_left_to_django() -> None:
    middleware = errors.ErrorAnswers(lambda _request: HttpResponse())
    assert middleware.process_exception(HttpRequest(), ValueError("x")) is None


def test_htmx_is_told_not_to_swap_a_whole_page_in() -> None:
    request = RequestFactory().get("/", headers={"HX-Request": "true"})
    request.user = AnonymousUser()
    assert errors.not_found(request).headers["HX-Reswap"] == "none"
    assert "HX-Reswap" not in errors.not_found(RequestFactory().get("/")).headers


def test_an_address_that_is_none(client: Client, db: None) -> None:
    answer = client.get("/no/such/place/")
    assert answer.status_code == 404 and errors.NOT_FOUND.title in answer.content.decode()


def test_a_form_without_its_proof_is_refused_clearly(db: None) -> None:
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", {"login": "x", "password": "y"})
    assert answer.status_code == 403 and errors.CSRF.title in answer.content.decode()


@override_settings(DEVNET_ENABLED=False)
def test_the_style_page_belongs_to_the_devnet(client: Client, db: None) -> None:
    assert client.get("/devnet/style/").status_code == 404
    assert client.get("/devnet/style/error/500/").status_code == 404
