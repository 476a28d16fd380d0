"""What an API call needs: a level of the person, and a scope of the token when there is one.

A viewset names its token scope: `token_scope = "incidents:write"`; without one, writing needs the scope `admin`.
Reading always needs `read` (a token with a write scope or `admin` may read as well).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from accounts.levels import Level
from accounts.models import ApiToken, User

if TYPE_CHECKING:
    from rest_framework.views import APIView  # settings name this module, and DRF's views read them as they load


def token_allows(request: Request, view: APIView) -> bool:
    token: Any = request.auth
    if not isinstance(token, ApiToken) or "admin" in token.scopes:
        return True
    if request.method in SAFE_METHODS:
        return True  # every scope reads: a program that writes must see what it wrote
    return getattr(view, "token_scope", "admin") in token.scopes


class _AtLevel(BasePermission):
    """Reads for everyone signed in, writes from a level on; what is seen is filtered by `visible_to`."""

    read: Level = Level.VIEWER
    write: Level = Level.ADMIN

    def has_permission(self, request: Request, view: APIView) -> bool:
        if not isinstance(request.user, User):
            return False
        level = self.read if request.method in SAFE_METHODS else self.write
        if not request.user.has_level(level):
            self.message = f"this needs the level {level}; yours is {request.user.level}"
            return False
        if not token_allows(request, view):
            self.message = f"this token lacks the scope {getattr(view, 'token_scope', 'admin')}"
            return False
        return True


class ReadScoped(_AtLevel):
    """Only reading."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return request.method in SAFE_METHODS and super().has_permission(request, view)


class Signed(_AtLevel):
    """Anybody signed in, for reading and writing: where the rule is another (an approval's role, a wallet's owner)."""

    write = Level.VIEWER


class Responder(_AtLevel):
    write = Level.RESPONDER


class Commander(_AtLevel):
    write = Level.COMMANDER


class Admin(_AtLevel):
    read = Level.ADMIN
    write = Level.ADMIN
