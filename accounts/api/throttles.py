"""How often one caller may call. A token and a person are counted apart; strangers by address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle

from accounts.models import ApiToken, User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # settings name this module, and DRF's views read them as they load


class CallerThrottle(SimpleRateThrottle):
    scope = "caller"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        token: Any = request.auth
        if isinstance(token, ApiToken):
            return f"throttle:{token.actor}"
        return f"throttle:{request.user.actor}" if isinstance(request.user, User) else None


class StrangerThrottle(SimpleRateThrottle):
    scope = "stranger"

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        return None if isinstance(request.user, User) else f"throttle:from:{self.get_ident(request)}"
