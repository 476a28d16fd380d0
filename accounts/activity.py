"""Where people are signed in: when each browser was last seen and from which address, for their list of sessions."""

from time import monotonic

from allauth.account.adapter import get_adapter
from allauth.usersessions.middleware import UserSessionsMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase

EVERY = 60.0  # seconds
KEPT = 10_000  # browsers


class Activity(UserSessionsMiddleware):  # type: ignore[misc]  # allauth is untyped
    """allauth's writes and commits at every request, a fifth of what reading a page takes. Once a minute is enough for
    a person to recognise a browser; another address or another browser in the same session is written at once."""

    _written: dict[tuple[str, str, str], float] = {}  # of this process

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answered_by = super().__call__ if self._is_new(request) else self.get_response
        answer: HttpResponseBase = answered_by(request)
        return answer

    def _is_new(self, request: HttpRequest) -> bool:
        key = request.session.session_key
        if not key:
            return True
        seen = (key, get_adapter().get_client_ip(request), request.headers.get("User-Agent", ""))
        now = monotonic()
        if now - self._written.get(seen, -EVERY) < EVERY:
            return False
        if len(self._written) >= KEPT:
            self._written.clear()
        self._written[seen] = now
        return True
