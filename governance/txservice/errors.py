"""Errors in the shapes that the service's clients read."""

import logging
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import IntegrityError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ledger import Invalid, Refused

logger = logging.getLogger(__name__)
UNPROCESSABLE = 422
OF_DJANGO: tuple[tuple[type[Exception], int, str], ...] = (
    (Http404, 404, "Not found."),
    (PermissionDenied, 403, "You do not have permission to perform this action."),
    (RequestDataTooBig, 413, "The body is larger than this server takes."),
    (SuspiciousOperation, 400, "The request is malformed."),
)


class Wrong(Exception):
    """A request that cannot be taken: `fields` name what is wrong, `nonFieldErrors` what is wrong with the whole."""

    def __init__(self, fields: Mapping[str, list[str]] | str, status: int = 400) -> None:
        super().__init__()
        self.fields = {"nonFieldErrors": [fields]} if isinstance(fields, str) else dict(fields)
        self.status = status


class BadChecksum(Exception):
    """An address in the path that is not spelled with its checksum."""

    def __init__(self, given: str) -> None:
        super().__init__()
        self.given = given


def sentence(error: Invalid | Refused) -> str:
    """Ours as one text: what was wrong, and what would be right."""
    return f"{error.message} {error.hint}".strip()


def handle(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's exception handler for this room."""
    set_rollback()
    if isinstance(exc, Wrong):
        return Response(exc.fields, status=exc.status)
    if isinstance(exc, BadChecksum):
        body = {"code": 1, "message": "Checksum address validation failed", "arguments": [exc.given]}
        return Response(body, status=UNPROCESSABLE)
    if isinstance(exc, exceptions.APIException):
        return _of_rest(exc)
    if isinstance(exc, Refused):
        return _of_refused(exc, context)
    if isinstance(exc, Invalid):
        return Response({"nonFieldErrors": [sentence(exc)]}, status=_status(context))
    for kind, status, detail in OF_DJANGO:
        if isinstance(exc, kind):
            return Response({"detail": detail}, status=status)
    if isinstance(exc, IntegrityError):
        logger.warning("a constraint refused a write", exc_info=exc)
        return Response({"nonFieldErrors": ["This changed meanwhile: look again."]}, status=_status(context))
    logger.error("unhandled error at %s", getattr(context.get("request"), "path", "?"), exc_info=exc)
    return Response({"detail": "Something went wrong here; it is logged."}, status=500)


def _status(context: Mapping[str, Any]) -> int:
    """Proposing is refused with 422, everything else with 400: as the service does."""
    return getattr(context.get("view"), "refusal", 400)


def _of_refused(exc: Refused, context: Mapping[str, Any]) -> Response:
    if exc.code in ("chain-unavailable", "endpoints-disagree"):
        return Response({"exception": "Problem connecting to Ethereum network", "detail": sentence(exc)}, status=503)
    return Response({"nonFieldErrors": [sentence(exc)]}, status=_status(context))


def _of_rest(exc: exceptions.APIException) -> Response:
    headers = {}
    if isinstance(exc, (exceptions.NotAuthenticated, exceptions.AuthenticationFailed)):
        headers["WWW-Authenticate"] = getattr(exc, "auth_header", 'Bearer realm="breakglass"')
    if isinstance(exc, exceptions.Throttled):
        headers["Retry-After"] = str(max(1, round(getattr(exc, "wait", None) or 1)))
    return Response({"detail": str(exc.detail)}, status=exc.status_code, headers=headers)
