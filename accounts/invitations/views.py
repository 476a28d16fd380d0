"""Inviting, and accepting an invitation."""

from allauth.account.internal.flows.login import perform_login
from allauth.account.models import Login
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from accounts.forms import AcceptForm, InviteForm
from accounts.grants.views import people_context
from accounts.invitations import services
from accounts.invitations.models import Invitation
from ledger import Invalid, Refused


@require_level("admin")
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    form, by = InviteForm(request.POST), current_user(request)
    if form.is_valid():
        try:
            services.invite(email=form.cleaned_data["email"], levels=form.cleaned_data["levels"], by=by)
        except (Invalid, Refused) as exc:
            at_field(form, exc)
        else:
            messages.success(request, f"The invitation to {form.cleaned_data['email']} is on its way.")
            return redirect("accounts:people")
    return render(request, "accounts/people.html", people_context(by, form), status=400)


@require_level("admin")
@require_POST
def withdraw(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Invitation, pk=pk)
    by = current_user(request)
    attempt(
        request,
        lambda: services.withdraw_invitation(invitation=row, by=by),
        f"The link sent to {row.email} no longer works.",
    )
    return redirect("accounts:people")


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def accept(request: HttpRequest, token: str) -> HttpResponseBase:
    """The page behind the mailed link."""
    if request.user.is_authenticated:
        messages.error(request, "You are logged in already. Log out to accept an invitation for somebody else.")
        return redirect("accounts:profile")
    try:
        invitation = services.find_invitation(token)
    except Refused as exc:
        return render(request, "accounts/invitation_gone.html", {"why": exc}, status=410)
    form = AcceptForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            user = services.accept(token=token, **form.cleaned_data)
        except (Invalid, Refused) as exc:
            at_field(form, exc)
        else:
            answer: HttpResponseBase = perform_login(request, Login(user=user, redirect_url="/accounts/me/"))
            return answer
    context = {"form": form, "invitation": invitation}
    return render(request, "accounts/invitation.html", context, status=400 if form.errors else 200)
