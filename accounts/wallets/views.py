"""Wallets: linking, unlinking, signing in."""

import json
from collections.abc import Callable
from functools import wraps

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core.ratelimit import consume
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import RawPostDataException
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts.answers import as_problem, attempt
from accounts.api.problems import json_problem
from accounts.decorators import current_user
from accounts.selectors import user_for_wallet
from accounts.wallets import services, signin
from accounts.wallets.chains import known_chain_ids
from ledger import Invalid, Refused

NONCE = "siwe_nonce"
Body = dict[str, object]


def json_view(view: Callable[[HttpRequest, Body], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """A POST of JSON from our own script: limited, strict, answered with JSON whatever happens."""

    @never_cache
    @require_POST
    @wraps(view)
    def guarded(request: HttpRequest) -> HttpResponse:
        if not consume(request, action="wallet"):
            return json_problem(request, 429, "throttled", "too many attempts; wait a minute")
        try:
            body = json.loads(request.body)
            if not isinstance(body, dict):
                raise ValueError("not an object")
        except (ValueError, RecursionError, RawPostDataException):  # the last: it came as a form's parts
            return json_problem(request, 400, "malformed", "the body is not a JSON object")
        try:
            return view(request, body)
        except (Invalid, Refused) as exc:
            return as_problem(exc)

    return guarded


def _text(body: Body, name: str, most: int = 4000) -> str:
    value = body.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise Invalid(name, "is missing or not a text")
    return value


def _message(request: HttpRequest, body: Body, purpose: str) -> JsonResponse:
    chain_id = body.get("chain_id")
    if not isinstance(chain_id, int) or isinstance(chain_id, bool) or not 0 < chain_id < 2**53:
        raise Invalid("chain_id", "is not a chain id")
    nonce = signin.new_nonce(purpose=purpose)
    text = signin.message_for(address=_text(body, "address"), chain_id=chain_id, nonce=nonce, purpose=purpose)
    request.session[NONCE] = nonce
    return JsonResponse({"message": text})


def _signer(request: HttpRequest, body: Body, purpose: str) -> str:
    nonce = request.session.pop(NONCE, None)
    return signin.verify(text=_text(body, "message"), signature=_text(body, "signature"), nonce=nonce, purpose=purpose)


@json_view
def login_message(request: HttpRequest, body: Body) -> HttpResponse:
    return _message(request, body, "login")


@json_view
def login_verify(request: HttpRequest, body: Body) -> HttpResponse:
    """A signer comes in by their wallet alone."""
    address = _signer(request, body, "login")
    user = user_for_wallet(address)
    if user is None:
        raise Refused("no account is linked to this wallet", "log in another way and link it at Wallets", "no-account")
    target = body.get("next")
    if not isinstance(target, str) or not url_has_allowed_host_and_scheme(target, {request.get_host()}):
        target = "/"
    record_authentication(request, user, method="wallet", address=address)
    answer = perform_login(request, Login(user=user, redirect_url=target))
    return JsonResponse({"redirect": answer.headers.get("Location", target)})


@login_required
@never_cache
@require_safe
def wallets(request: HttpRequest) -> HttpResponse:
    context = {"wallets": current_user(request).wallets.all(), "chains": sorted(known_chain_ids())}
    return render(request, "accounts/wallets.html", context)


@login_required
@json_view
def link_message(request: HttpRequest, body: Body) -> HttpResponse:
    return _message(request, body, "link")


@login_required
@json_view
def link_verify(request: HttpRequest, body: Body) -> HttpResponse:
    user = current_user(request)
    wallet = services.link_wallet(user=user, address=_signer(request, body, "link"), actor=user.actor)
    messages.success(request, f"{wallet.address} is linked to your account.")
    return JsonResponse({"redirect": reverse("accounts:wallets")})


@login_required
@require_POST
def unlink(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    done = "The wallet is unlinked. Approvals that it signed no longer count."
    attempt(request, lambda: services.unlink_wallet(user=user, wallet_id=pk, actor=user.actor), done)
    return redirect("accounts:wallets")
