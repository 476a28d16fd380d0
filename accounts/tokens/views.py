"""API tokens of a person."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user
from accounts.forms import LIVES, TokenForm
from accounts.levels import Level
from accounts.models import ApiToken
from accounts.tokens.services import create_token, revoke_token
from ledger import Invalid, Refused


@never_cache
@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Mine (and for an admin everybody's); a new one is shown in the answer to its making, and never again."""
    user = current_user(request)
    form = TokenForm(request.POST or None)
    made, secret = None, ""
    if request.method == "POST" and form.is_valid():
        life = LIVES[form.cleaned_data["life"]][1]
        try:
            made, secret = create_token(
                user=user,
                name=form.cleaned_data["name"],
                scopes=form.cleaned_data["scopes"],
                expires_at=timezone.now() + life if life else None,
                actor=user.actor,
            )
        except (Invalid, Refused) as exc:
            at_field(form, exc)
    rows = ApiToken.objects.select_related("user")
    context = {
        "form": TokenForm() if made else form,
        "made": made,
        "secret": secret,
        "tokens": rows.filter(user=user),
        "others": rows.filter(revoked_at=None).exclude(user=user) if user.has_level(Level.ADMIN) else [],
        "now": timezone.now(),
    }
    return render(request, "accounts/tokens.html", context, status=400 if form.errors else 200)


@login_required
@require_POST
def revoke(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    mine = {} if user.has_level(Level.ADMIN) else {"user": user}
    token = get_object_or_404(ApiToken, pk=pk, **mine)
    attempt(request, lambda: revoke_token(token=token, by=user), f"The token {token.name} no longer works.")
    return redirect("accounts:tokens")
