"""People and their levels."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from accounts.forms import GrantForm, InviteForm
from accounts.grants import services
from accounts.grants.models import GrantStatus, RoleGrant
from accounts.grants.selectors import grants_of, people, record_of, requested_grants
from accounts.invitations.models import Invitation, InvitationStatus
from accounts.levels import MEANING, Level
from accounts.models import User
from ledger import Invalid, Refused


@login_required
@require_safe
def people_page(request: HttpRequest) -> HttpResponse:
    """Everybody, what they may do, and which grants wait for a second admin."""
    return render(request, "accounts/people.html", people_context(current_user(request)))


def people_context(user: User, invite: InviteForm | None = None) -> dict[str, object]:
    admin = user.has_level(Level.ADMIN)
    return {
        "people": people(),
        "requests": requested_grants(),
        "admin": admin,
        "sees_mail": user.sees_all,
        "admins": len(services.admins()),
        "invitations": Invitation.objects.filter(status=InvitationStatus.SENT) if admin else [],
        "invite_form": invite or InviteForm(),
        "meanings": [(level.label, MEANING[level]) for level in Level],
    }


@login_required
@require_safe
def person_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    return _person(request, user, GrantForm())


def _person(request: HttpRequest, user: User, form: GrantForm, status: int = 200) -> HttpResponse:
    context = {
        "person": user,
        "admin": current_user(request).has_level(Level.ADMIN),
        "sees_mail": current_user(request).sees_all or user == request.user,
        "grants": grants_of(user),
        "wallets": user.wallets.all(),
        "form": form,
        "meaning": MEANING[user.level],
        "events": record_of(user),
    }
    return render(request, "accounts/person.html", context, status=status)


@require_level("admin")
@require_POST
def grant(request: HttpRequest, pk: int) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    form = GrantForm(request.POST)
    if form.is_valid():
        level, reason = form.cleaned_data["level"], form.cleaned_data["reason"]
        try:
            made = services.request_grant(user=user, level=level, by=current_user(request), reason=reason)
        except (Invalid, Refused) as exc:
            at_field(form, exc)
        else:
            waits = made.status == GrantStatus.REQUESTED
            said = "waits for a second admin" if waits else "is granted: there is no second admin yet"
            attempt(request, lambda: None, f"{level} for {user.display_name} {said}.")
            return redirect("accounts:person", pk=pk)
    return _person(request, user, form, status=400)


@require_level("admin")
@require_POST
def decide_grant(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    """Confirm, decline or revoke; each with one press."""
    row = get_object_or_404(RoleGrant.objects.select_related("user"), pk=pk)
    by = current_user(request)
    name, level = row.user.display_name, row.level
    reason = request.POST.get("reason", "")[:500]
    if verb == "confirm":
        attempt(request, lambda: services.confirm_grant(grant=row, by=by), f"{name} is {level} now.")
    elif verb == "decline":
        done = f"The request for {name} is declined."
        attempt(request, lambda: services.decline_grant(grant=row, by=by, reason=reason), done)
    else:
        done = f"{name} is no longer {level}."
        attempt(request, lambda: services.revoke_grant(grant=row, by=by, reason=reason), done)
    if verb == "revoke":
        return redirect("accounts:person", pk=row.user_id)
    return redirect("accounts:people")


@require_level("admin")
@require_POST
def activate(request: HttpRequest, pk: int, verb: str) -> HttpResponse:
    user = get_object_or_404(User, pk=pk)
    by, reason = current_user(request), request.POST.get("reason", "")[:500]
    if verb == "deactivate":
        done = f"{user.display_name} can no longer log in; their tokens and approvals no longer count."
        attempt(request, lambda: services.deactivate(user=user, by=by, reason=reason), done)
    else:
        done = f"{user.display_name} can log in again, without any level."
        attempt(request, lambda: services.reactivate(user=user, by=by, reason=reason), done)
    return redirect("accounts:person", pk=pk)
