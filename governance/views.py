"""The room's front page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import current_user
from governance.proposals.models import OPEN
from governance.proposals.selectors import quorum, visible_proposals, waiting_for
from governance.protocols.selectors import protocols_with_counts
from governance.safes.selectors import all_safes


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    open_ones = visible_proposals(user).filter(status__in=OPEN).order_by("-pk")[:20]
    context = {
        "waiting": waiting_for(user),
        "rows": [(proposal, quorum(proposal)) for proposal in open_ones],
        "safes": all_safes(),
        "protocols": protocols_with_counts(),
        "may_respond": user.has_level("responder"),
        "may_set": user.has_level("admin"),
    }
    return render(request, "governance/index.html", context)
