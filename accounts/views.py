"""A person's own page."""

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.decorators import current_user
from accounts.forms import ProfileForm
from accounts.levels import MEANING
from accounts.models import RoleGrant, User
from ledger import record


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    """Who I am here, and by what I am known."""
    user = current_user(request)
    form = ProfileForm(request.POST or None, initial={"name": user.name})
    if request.method == "POST" and form.is_valid():
        _rename(user, form.cleaned_data["name"].strip())
        messages.success(request, "Your name is saved.")
        return redirect("accounts:profile")
    mine = list(Authenticator.objects.filter(user=user))
    recovery = next((one for one in mine if one.type == Authenticator.Type.RECOVERY_CODES), None)
    context = {
        "form": form,
        "meaning": MEANING[user.level],
        "grants": RoleGrant.objects.filter(user=user, status__in=["active", "requested"]),
        "passkeys": [one for one in mine if one.type == Authenticator.Type.WEBAUTHN],
        "totp": next((one for one in mine if one.type == Authenticator.Type.TOTP), None),
        "codes_left": len(recovery.wrap().get_unused_codes()) if recovery else None,
        "wallets": user.wallets.all(),
        "tokens": user.api_tokens.filter(revoked_at=None),
        "sessions": len(UserSession.objects.purge_and_list(user)),
    }
    return render(request, "accounts/profile.html", context)


@transaction.atomic
def _rename(user: User, name: str) -> None:
    before = user.name
    if before == name:
        return
    user.name = name
    user.save(update_fields=["name"])
    record("user.renamed", actor=user.actor, subject=user.actor, before={"name": before}, after={"name": name})
