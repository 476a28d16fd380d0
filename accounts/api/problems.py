"""RFC 9457: every error of the API is `application/problem+json`, and none carries an exception's text."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError, InterfaceError, OperationalError
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from rest_framework import exceptions, serializers, status
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ledger.errors import Invalid, Refused, StaleTransition

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"
AGAIN = 2  # seconds after which whoever got a 503 may try again
TITLES = {
    400: "The request is not right",
    401: "Sign in first",
    403: "This is not allowed",
    404: "There is no such thing",
    405: "This method is not supported here",
    406: "No such representation",
    409: "The rules, or the present state, say no",
    413: "The request is too large",
    415: "This content type is not supported",
    422: "This key was used for another request",
    429: "Too many requests",
    500: "Something went wrong here",
    503: "Not available just now",
}


class FieldError(serializers.Serializer[Any]):
    """Which field, what was wrong, what would be right."""

    field = serializers.CharField(help_text="the field's path, such as calls.0.to; empty for the whole body")
    message = serializers.CharField()
    hint = serializers.CharField(help_text="what would be right; may be empty")


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457 problem details."""

    type = serializers.CharField(help_text="a name that programs can rely on, such as urn:breakglass:problem:invalid")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    errors = FieldError(many=True)  # type: ignore[assignment]  # a field of this name, as RFC 9457's readers expect


def problem(
    code: int, kind: str, detail: str, errors: list[dict[str, str]] | None = None, headers: dict[str, str] | None = None
) -> Response:
    body = {
        "type": f"urn:breakglass:problem:{kind}",
        "title": TITLES.get(code, "Error"),
        "status": code,
        "detail": detail,
        "errors": errors or [],
    }
    return Response(body, status=code, headers=headers, content_type=CONTENT_TYPE)


def field_errors(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    """DRF's nested error detail as a flat list."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            own = "" if name == "non_field_errors" else str(name)
            yield from field_errors(inner, ".".join(part for part in (path, own) if part))
    elif isinstance(detail, (list, tuple)):
        for number, inner in enumerate(detail):
            nested = isinstance(inner, (Mapping, list, tuple))
            yield from field_errors(inner, f"{path}.{number}".lstrip(".") if nested else path)
    else:
        yield {"field": path, "message": str(detail), "hint": ""}


def _invalid(errors: list[dict[str, str]]) -> Response:
    first = errors[0] if errors else {"field": "", "message": "not valid"}
    detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return problem(400, "invalid", detail + more, errors)


def _of_ours(exc: Exception) -> Response | None:
    if isinstance(exc, Invalid):
        return _invalid([{"field": exc.field, "message": exc.message, "hint": exc.hint}])
    if isinstance(exc, StaleTransition):
        return problem(409, "stale-transition", exc.message, [{"field": "", "message": exc.message, "hint": exc.hint}])
    if isinstance(exc, Refused):
        return problem(409, exc.code, exc.message, [{"field": "", "message": exc.message, "hint": exc.hint}])
    return None


def _of_django(exc: Exception) -> Response | None:
    if isinstance(exc, Http404):
        return problem(404, "not-found", "nothing is here that you may see")
    if isinstance(exc, PermissionDenied):
        return problem(403, "forbidden", "your level does not allow this")
    if isinstance(exc, DjangoValidationError):
        detail = exc.message_dict if hasattr(exc, "error_dict") else exc.messages
        return _invalid(list(field_errors(detail)))
    if isinstance(exc, RequestDataTooBig):
        return problem(413, "too-large", "the body is larger than this server takes")
    if isinstance(exc, SuspiciousOperation):
        return problem(400, "invalid", "the request is malformed")
    if isinstance(exc, IntegrityError):
        # Two writers met: the constraint kept the data right. Which one is in our log, not in the answer.
        logger.warning("a constraint refused a write", exc_info=exc)
        return problem(409, "conflict", "something like this exists already, or changed meanwhile")
    if isinstance(exc, (OperationalError, InterfaceError)):
        return _away(exc)
    return None


def _away(exc: Exception) -> Response:
    """The database went away, or gave this transaction up: whoever sends it again does right."""
    state = str(getattr(exc.__cause__, "sqlstate", None) or "08")
    # Hundreds may come in a second while it is away: one line each.
    logger.error("the database does not answer", exc_info=None if state.startswith(("08", "57")) else exc)
    said = "the database does not answer just now, and whether this was done is not sure: send it again"
    return problem(503, "unavailable", said, headers={"Retry-After": str(AGAIN)})


def _of_rest(exc: exceptions.APIException) -> Response:
    if isinstance(exc, exceptions.ValidationError):
        return _invalid(list(field_errors(exc.detail)))
    if isinstance(exc, exceptions.ParseError):
        return problem(400, "malformed", "the body is not what its content type says")
    if isinstance(exc, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        headers = {"WWW-Authenticate": getattr(exc, "auth_header", 'Bearer realm="breakglass"')}
        failed = isinstance(exc, exceptions.AuthenticationFailed)
        detail = "this token is unknown, revoked or expired" if failed else "this needs a signed-in person or a token"
        return problem(401, "unauthenticated", detail, headers=headers)
    if isinstance(exc, exceptions.PermissionDenied):
        csrf = str(exc.detail).startswith("CSRF")
        return problem(403, "forbidden", "the CSRF token is missing or wrong" if csrf else str(exc.detail))
    if isinstance(exc, exceptions.Throttled):
        wait = max(1, round(getattr(exc, "wait", None) or 1))
        return problem(429, "throttled", f"try again in {wait} s", headers={"Retry-After": str(wait)})
    kinds = {404: "not-found", 405: "method-not-allowed", 406: "not-acceptable", 415: "unsupported-media-type"}
    details = {404: "nothing is here that you may see", 406: "this server answers with application/json"}
    code = exc.status_code
    return problem(code, kinds.get(code, exc.default_code), details.get(code, str(exc.detail)))


def handle(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler."""
    set_rollback()
    if isinstance(exc, exceptions.APIException):
        answer = _of_rest(exc)
    else:
        answer = _of_ours(exc) or _of_django(exc) or _unforeseen(exc, context)
    view = context.get("view")
    if answer.status_code == status.HTTP_405_METHOD_NOT_ALLOWED and view is not None:
        answer["Allow"] = ", ".join(view.allowed_methods)
    return answer


def _unforeseen(exc: Exception, context: Mapping[str, Any]) -> Response:
    request = context.get("request")
    logger.error("unhandled error in the API at %s", getattr(request, "path", "?"), exc_info=exc)
    return problem(500, "internal", "the error is logged; nothing more is known to you by design")


def json_problem(request: HttpRequest, code: int, kind: str, detail: str) -> JsonResponse:
    """For addresses that no view answers."""
    body = {
        "type": f"urn:breakglass:problem:{kind}",
        "title": TITLES[code],
        "status": code,
        "detail": detail,
        "errors": [],
    }
    return JsonResponse(body, status=code, content_type=CONTENT_TYPE)


@csrf_exempt
def no_such_address(request: HttpRequest, path: str = "") -> JsonResponse:
    """The last route below /api/. It changes nothing, so it asks for no CSRF token, which would answer with a page."""
    return json_problem(request, 404, "not-found", "no resource has this address; they end with a slash")
