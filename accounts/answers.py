"""How a page tells what a service refused: at the field, or as a message, never as an error page."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, JsonResponse

from accounts.api.problems import CONTENT_TYPE, TITLES
from ledger.errors import Invalid, Refused


def sentence(exc: Invalid | Refused) -> str:
    """What was wrong and what would be right, for a person."""
    said = exc.message[:1].upper() + exc.message[1:]
    return f"{said}: {exc.hint}." if exc.hint else f"{said}."


def attempt(request: HttpRequest, call: Callable[[], Any], done: str) -> bool:
    """Do it and say so, or say why not."""
    try:
        call()
    except (Invalid, Refused) as exc:
        messages.error(request, sentence(exc))
        return False
    messages.success(request, done)
    return True


def at_field(form: forms.Form, exc: Invalid | Refused) -> None:
    """Put it where the person looks: at the field that it names, or above the form."""
    name = exc.field if isinstance(exc, Invalid) and exc.field in form.fields else None
    form.add_error(name, sentence(exc))


def as_problem(exc: Invalid | Refused) -> JsonResponse:
    """The same shape as the API's, for our own scripts."""
    code = 400 if isinstance(exc, Invalid) else 409
    field = exc.field if isinstance(exc, Invalid) else ""
    kind = "invalid" if isinstance(exc, Invalid) else exc.code
    body = {
        "type": f"urn:breakglass:problem:{kind}",
        "title": TITLES[code],
        "status": code,
        "detail": f"{field}: {exc.message}" if field else exc.message,
        "errors": [{"field": field, "message": exc.message, "hint": exc.hint}],
    }
    return JsonResponse(body, status=code, content_type=CONTENT_TYPE)
