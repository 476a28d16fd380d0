"""Step-up: for what is irreversible a person shows their passkey again, and the time of it is provable."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from allauth.account.authentication import get_authentication_records
from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import reverse

from accounts.models import User

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]

MAX_AGE = timedelta(minutes=5)


def has_passkey(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists())


def has_totp(user: User) -> bool:
    return bool(Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists())


def _proofs(user: User) -> set[str]:
    """Which authenticators count: passkeys, and a TOTP code only for those without one, where settings allow it."""
    if settings.STEP_UP_ALLOWS_TOTP and not has_passkey(user):
        return {"webauthn", "totp"}
    return {"webauthn"}


def passkey_at(request: HttpRequest) -> datetime | None:
    """When the person last showed their passkey in this session, at login or since."""
    if not isinstance(request.user, User):
        return None
    proofs = _proofs(request.user)
    times = [
        float(record["at"])
        for record in get_authentication_records(request, request.user)
        if record.get("method") == "mfa" and record.get("type") in proofs
    ]
    return datetime.fromtimestamp(max(times), UTC) if times else None


def is_fresh(request: HttpRequest, max_age: timedelta = MAX_AGE) -> bool:
    shown = passkey_at(request)
    return shown is not None and time.time() - shown.timestamp() <= max_age.total_seconds()


def stepup_url(user: User) -> str | None:
    """Where this person shows it; None when they have nothing to show."""
    if has_passkey(user):
        return reverse("mfa_reauthenticate_webauthn")
    if settings.STEP_UP_ALLOWS_TOTP and has_totp(user):
        return reverse("mfa_reauthenticate")
    return None


def ask(request: HttpRequest) -> HttpResponseRedirect:
    """Send the person to their passkey and, after it, back to what they were doing (a POST is resumed as it was)."""
    if not isinstance(request.user, User) or (url := stepup_url(request.user)) is None:
        messages.error(
            request, "This cannot be undone, so it asks for a passkey, and you have none yet. Add one first."
        )
        return HttpResponseRedirect(reverse("mfa_add_webauthn"))
    suspended: HttpResponseRedirect = suspend_request(request, url)
    return suspended


def require_fresh_passkey(max_age: timedelta = MAX_AGE) -> Callable[[View[P]], View[P]]:
    """For pages that do what cannot be undone."""

    def decorate(view: View[P]) -> View[P]:
        @login_required
        @wraps(view)
        def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            if not is_fresh(request, max_age):
                return ask(request)
            return view(request, *args, **kwargs)

        return cast(View[P], guarded)  # mypy loses the parameters through `wraps`

    return decorate
