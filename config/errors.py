"""Error pages: what happened, what was kept, what to do. None of them touches the database."""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from ledger.errors import Invalid, Refused, StaleTransition


@dataclass(frozen=True)
class ErrorPage:
    """`kept` is what the reader worries about first: is my work lost?"""

    status: int
    title: str
    happened: str
    kept: str
    todo: str


BAD_REQUEST = ErrorPage(
    400,
    "That request makes no sense here",
    "The server could not read what the browser sent.",
    "Nothing was changed.",
    "Go back, look at what you filled in, and send it again.",
)
FORBIDDEN = ErrorPage(
    403,
    "This is not open to you",
    "Your role does not allow it, or it belongs to an incident that you are not a member of.",
    "Nothing was changed.",
    "Ask the incident commander or an administrator, and name this address.",
)
CSRF = ErrorPage(
    403,
    "The page was too old to be trusted",
    "The proof that this form came from Breakglass itself was missing or out of date. This happens after logging in "
    "again in another tab, and where cookies are blocked.",
    "Nothing was changed. What you typed is still in the form behind you.",
    "Go back, reload the page, and send it again. Allow cookies for this site if they are blocked.",
)
NOT_FOUND = ErrorPage(
    404,
    "There is nothing at this address",
    "It was mistyped, it was removed, or it belongs to an incident that is private.",
    "Nothing was changed.",
    "Start again from the front page, or press / and search for it by name.",
)
CONFLICT = ErrorPage(
    409,
    "Somebody was faster",
    "What you saw had already changed when your request arrived.",
    "Their change was kept; yours was not made.",
    "Reload the page, see how things stand now, and decide again.",
)
TOO_MANY = ErrorPage(
    429,
    "Too many requests",
    "More requests came from you than the server takes in this time.",
    "Nothing was changed by the one that was refused.",
    "Wait a minute and try again. Alarms, pages and running plans are not held up by this.",
)
BROKEN = ErrorPage(
    500,
    "Something here is broken",
    "The server met an error of its own. It is in the log, with the number of this request.",
    "Whatever was under way was undone as a whole. What was saved before is safe, and running plans go on.",
    "Try again. If it happens twice, go on by the printed playbook and tell whoever runs this server.",
)

AWAY = ErrorPage(
    503,
    "The database does not answer",
    "Breakglass itself runs, but what it keeps cannot be reached at the moment: it is being started again, or moved.",
    "What was saved before is safe. What you sent just now may not have been: look before you send it again.",
    "Try again in some seconds. If it lasts, go on by the printed playbook and tell whoever runs this server.",
)


def _page(request: HttpRequest, page: ErrorPage) -> HttpResponse:
    context = {"page": page, "request_id": getattr(request, "id", "") or request.headers.get("X-Request-ID", "")}
    html: str
    try:
        html = render_to_string("errors/page.html", context)
    except Exception:  # even a broken template must not hide that something is broken
        body = f"<h1>{page.title}</h1><p data-what-happened>{page.happened}</p><p>{page.kept}</p><p>{page.todo}</p>"
        html = f'<!doctype html><html lang="en"><title>{page.title}</title><main>{body}</main></html>'
    response = HttpResponse(html, status=page.status)
    if request.headers.get("HX-Request"):
        # A whole page has no place inside the small part of a page that htmx was to replace.
        response.headers["HX-Reswap"] = "none"
    return response


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, BAD_REQUEST)


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, FORBIDDEN)


def csrf_failure(request: HttpRequest, **_reason: str) -> HttpResponse:
    return _page(request, CSRF)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, NOT_FOUND)


def conflict(request: HttpRequest, happened: str = "") -> HttpResponse:
    """A rule said no, or somebody was faster; `happened` is written for people."""
    page = CONFLICT
    if happened:
        page = replace(CONFLICT, title="That cannot be done now", happened=happened, kept="Nothing was changed.")
    return _page(request, page)


def too_many(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _page(request, TOO_MANY)


def broken(request: HttpRequest) -> HttpResponse:
    """Django calls it while it handles the exception. A database that is away is nobody's mistake, and comes back."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        answer = _page(request, AWAY)
        answer.headers["Retry-After"] = "5"
        return answer
    return _page(request, BROKEN)


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")


def _holds_nul(request: HttpRequest) -> bool:
    """Whether a field holds what no text in the database can, and no browser sends."""
    filled = [request.GET, request.POST] if request.content_type in FORMS else [request.GET]
    return any("\x00" in text for form in filled for _, texts in form.lists() for text in texts)


class ErrorAnswers:
    """Turns what a service refused into a page; the API has its own problem JSON."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, StaleTransition):
            return conflict(request)
        if isinstance(exception, Refused):
            return conflict(request, exception.message)
        if isinstance(exception, Invalid):
            return _page(request, replace(BAD_REQUEST, happened=f"{exception.field}: {exception.message}."))
        if isinstance(exception, (ValueError, DatabaseError)) and _holds_nul(request):
            return _page(request, replace(BAD_REQUEST, happened="A field holds a NUL, which no text can hold."))
        return None
