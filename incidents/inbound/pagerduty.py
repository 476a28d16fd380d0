"""`POST /v2/enqueue`: PagerDuty's Events API at our own host, so that a sender changes a URL and a routing key."""

from rest_framework.permissions import AllowAny
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.problems import handle
from incidents.inbound.api import RawParser, guessed, take
from incidents.inbound.senders import sender_of
from integrations.inbound.decoding import decode
from ledger import Invalid

FORMAT = "pagerduty"


def routing_key_of(request: Request) -> str:
    """Empty for a body that is none of PagerDuty's; what is wrong with it is said later."""
    try:
        body = decode(request.data if isinstance(request.data, bytes) else b"")
    except Invalid:
        return ""
    found = body.get("routing_key") if isinstance(body, dict) else None
    return found[:200] if isinstance(found, str) else ""


class EnqueueView(APIView):
    """What PagerDuty answers, also where something is wrong: its clients read nothing else."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()
    parser_classes = (RawParser,)
    renderer_classes = (JSONRenderer,)
    schema = None  # PagerDuty's API, documented there

    def post(self, request: Request) -> Response:
        sender = sender_of(routing_key_of(request))
        if sender is None or sender.key.format != FORMAT:
            decode(request.data if isinstance(request.data, bytes) else b"")
            guessed(request, self)
            raise Invalid("routing_key", "is not known here", "the key of a sender with PagerDuty's format")
        answer = take(sender, request)
        return answer if answer.status_code < 400 else _complaint(answer)

    def handle_exception(self, exc: Exception) -> Response:
        return _complaint(handle(exc, {"view": self, "request": self.request}))


def _complaint(problem: Response) -> Response:
    """Ours in PagerDuty's words."""
    said = problem.data or {}
    errors = [f"{one['field']}: {one['message']}" if one["field"] else one["message"] for one in said["errors"]]
    body = {"status": "invalid event", "message": "Event object is invalid", "errors": errors or [said["detail"]]}
    if problem.status_code >= 500:
        body = {"status": "not taken", "message": said["detail"], "errors": []}
    elif problem.status_code == 429:
        body = {"status": "throttle exceeded", "message": said["detail"], "errors": []}
    again = {"Retry-After": problem["Retry-After"]} if problem.has_header("Retry-After") else None
    return Response(body, status=problem.status_code, headers=again)
