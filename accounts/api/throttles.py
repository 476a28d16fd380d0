"""How often one caller may call. A token and a person are counted apart; strangers by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.cache import cache
from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiToken, User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # settings name this module, and DRF's views read them as they load


class WindowThrottle(SimpleRateThrottle):
    """Counts by windows of time, the last one in proportion: a number a caller, where DRF keeps every single moment and
    reads and writes all of them with each request."""

    num_requests: int | None
    duration: int | None
    left: float = 1

    def allow_request(self, request: Request, view: APIView) -> bool:
        key = self.get_cache_key(request, view) if self.rate else None
        if key is None or self.num_requests is None or self.duration is None:
            return True
        window, elapsed = divmod(self.timer(), self.duration)
        counts: Any = cache  # of accounts.cache
        now, before = counts.counted(f"{key}:{window:.0f}", f"{key}:{window - 1:.0f}", 2 * self.duration)
        self.left = self.duration - elapsed
        return bool(now + before * self.left / self.duration <= self.num_requests)

    def wait(self) -> float:
        """The next window is where it is judged afresh."""
        return self.left


class CallerThrottle(WindowThrottle):
    scope = "caller"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        token: Any = request.auth
        if isinstance(token, ApiToken):
            return f"throttle:{token.actor}"
        return f"throttle:{request.user.actor}" if isinstance(request.user, User) else None


class StrangerThrottle(WindowThrottle):
    scope = "stranger"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return None if isinstance(request.user, User) else f"throttle:from:{self.get_ident(request)}"
