"""Asking, from a proposal's page, to sign past what blocks it."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from accounts.decorators import current_user, require_level
from governance.proposals.forms import WaiveForm
from governance.proposals.review import review
from governance.proposals.selectors import visible_proposals
from governance.waivers.services import request_waiver
from ledger import Invalid, Refused


@require_POST
@require_level("responder")
def waive_view(request: HttpRequest, pk: int) -> HttpResponse:
    """The findings are those of this moment, looked up again: what is approved is what stood on the page or less."""
    user = current_user(request)
    proposal = get_object_or_404(visible_proposals(user), pk=pk)
    form = WaiveForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        request_waiver(proposal=proposal, findings=review(proposal).blocking, reason=reason, actor=user.actor)
    except (Invalid, Refused) as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
    else:
        messages.success(request, "Asked. A commander who is not you reads the reason and decides.")
    return redirect("governance:proposal", pk)
