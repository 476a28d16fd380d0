"""Takes alerts in before anything that is there for people: sessions, forms, pages. Hundreds a second may come when it
matters most, and each should cost little more than what is written down of it."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.db import DatabaseError, connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from incidents.inbound import receiving
from incidents.inbound.limits import SENDERS
from incidents.inbound.senders import remembered
from integrations.inbound import INBOUND, Unproved
from integrations.inbound.decoding import decode
from ledger import Invalid, Refused

PREFIX = "/api/v1/inbound/"
PAGERDUTY = "/v2/enqueue"
COUNTED = "breakglass.inbound.counted"
# Whatever is wrong, the API's own views say it, with the same code over the same body: nothing was written yet.
PASSED_ON = (Invalid, Refused, Unproved, SuspiciousOperation, DatabaseError)


class Intake:
    """Middleware: answers what is taken, and hands on everything else."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.method == "POST" and request.path_info.startswith((PREFIX, PAGERDUTY)):
            try:
                taken = _take(request)
            except PASSED_ON:
                taken = None
            if taken is not None:
                return taken
            _look_at_connection()
        return self.get_response(request)


def _look_at_connection() -> None:
    """It was used without being asked whether it lives; those who go on begin with one that does."""
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()


def _take(request: HttpRequest) -> HttpResponse | None:
    length = str(request.META.get("CONTENT_LENGTH") or "0")
    if not length.isascii() or not length.isdigit() or int(length) > receiving.MAX_BYTES:
        return None
    secret = _secret(request)
    connection.health_check_done = True  # type: ignore[attr-defined]  # what is said next finds out as well
    sender = remembered(secret) if secret else None
    if sender is None or (request.path_info == PAGERDUTY and sender.key.format != "pagerduty"):
        return None
    if SENDERS.take(sender.key.subject):
        return None
    request.META[COUNTED] = True
    headers = {name.lower(): value for name, value in request.headers.items()}
    received = receiving.receive(sender=sender, raw=request.body, headers=headers)
    body: Any = received.answer or {"payload": received.payload, "alerts": received.alerts}
    return JsonResponse(body, status=INBOUND[sender.key.format].accepted)


def _secret(request: HttpRequest) -> str:
    """From the address, or as PagerDuty's senders give it; a key in a header goes the longer way."""
    if request.path_info != PAGERDUTY:
        found = request.path_info[len(PREFIX) :].removesuffix("/")
        return found if request.path_info.endswith("/") and "/" not in found and len(found) <= 200 else ""
    body = decode(request.body)
    given = body.get("routing_key") if isinstance(body, dict) else None
    return given if isinstance(given, str) and len(given) <= 200 else ""
