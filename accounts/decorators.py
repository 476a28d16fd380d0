"""What a page asks of its visitor."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from accounts.levels import Level
from accounts.models import User
from accounts.stepup import require_fresh_passkey

__all__ = ["current_user", "require_fresh_passkey", "require_level"]

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def require_level(level: str) -> Callable[[View[P]], View[P]]:
    """Signed in, and at this level or above; everybody else gets the login page or a clear 403."""
    Level(level)

    def decorate(view: View[P]) -> View[P]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not current_user(request).has_level(level):
                raise PermissionDenied(f"this needs the level {level}")
            return view(request, *args, **kwargs)

        return cast(View[P], guarded)  # mypy loses the parameters through `wraps`

    return decorate


def current_user(request: HttpRequest) -> User:
    """The signed-in person, typed; only behind a login."""
    if not isinstance(request.user, User):
        raise PermissionDenied("sign in first")
    return request.user
