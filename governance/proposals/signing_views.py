"""Signing without an account, and saying yes for a Safe that owns the Safe."""

import json
from typing import Any

from allauth.core.ratelimit import consume
from django import forms
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_POST

from accounts.answers import as_problem, attempt
from accounts.api.problems import json_problem
from accounts.decorators import current_user, require_level
from governance.proposals.approving import propose_approval
from governance.proposals.forms import SignatureForm, add_error
from governance.proposals.links import find_by_link
from governance.proposals.models import Confirmation, NestedConfirmation, Proposal
from governance.proposals.nesting import progress
from governance.proposals.owning import owning_safes
from governance.proposals.review import review
from governance.proposals.selectors import visible_proposals
from governance.proposals.services import confirm
from governance.safes.models import Safe
from ledger import Invalid, Refused

LONGEST = 60_000


@require_POST
@require_level("responder")
def approve_view(request: HttpRequest, pk: int, safe: int) -> HttpResponse:
    """Offer the approval on the chain to the owners of a Safe that owns this proposal's Safe."""
    user = current_user(request)
    proposal = get_object_or_404(visible_proposals(user), pk=pk)
    safes = Safe.objects.select_related("chain")
    child, between = get_object_or_404(safes, pk=safe), request.POST.get("within", "")
    within = get_object_or_404(safes, pk=int(between)) if between.isdecimal() and len(between) < 10 else None
    made: list[Proposal] = []

    def offer() -> None:
        made.append(propose_approval(proposal=proposal, child=child, actor=user.actor, within=within))

    attempt(request, offer, f"Proposed to {child.label}.")
    return redirect("governance:proposal", made[0].pk if made else pk)


@csrf_exempt  # nothing of the browser's is used: the link is the only authority, and the signature the only content
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_link(request: HttpRequest, token: str) -> HttpResponse:
    """The page behind a signing link; the same address takes a form's or a program's signature."""
    as_json = request.content_type == "application/json"
    if not _within_limits(request, token):
        answer = json_problem(request, 429, "throttled", "too many attempts; wait a minute")
        return answer if as_json else _page_of(request, "many", 429)
    try:
        proposal = find_by_link(token)
    except Refused as error:
        return as_problem(error) if as_json else _page_of(request, "gone", 410, why=error)
    if request.method == "POST" and as_json:
        return _take_json(request, proposal)
    if request.method == "POST":
        return _take_form(request, proposal)
    return _page(request, proposal, SignatureForm())


def _within_limits(request: HttpRequest, token: str) -> bool:
    """Reading and handing in apart; an address, and a link whoever uses it, may try only so often."""
    action = "sign_link" if request.method == "POST" else "sign_link_read"
    return bool(consume(request, action=action, key=token))


def _take(proposal: Proposal, signature: str) -> Confirmation | NestedConfirmation:
    if len(signature) > LONGEST:
        raise Invalid("signature", "Far too long.", "one owner's signature")
    return confirm(proposal=proposal, signature=signature.strip(), via="link")


def _take_json(request: HttpRequest, proposal: Proposal) -> JsonResponse:
    try:
        body = json.loads(request.body)
        if not isinstance(body, dict) or set(body) != {"signature"} or not isinstance(body["signature"], str):
            raise ValueError("another shape")
    except (ValueError, RecursionError):
        return as_problem(Invalid("signature", "The body has another shape.", '{"signature": "0x…"}'))
    try:
        row = _take(proposal, body["signature"])
    except (Invalid, Refused) as error:
        return as_problem(error)
    proposal.refresh_from_db()
    done = {"owner": row.owner, "kind": row.kind, "status": proposal.status, **progress(proposal, row)}
    return JsonResponse(done, status=201)


def _take_form(request: HttpRequest, proposal: Proposal) -> HttpResponse:
    form = SignatureForm(request.POST)
    row = None
    if form.is_valid():
        try:
            row = _take(proposal, form.cleaned_data["signature"])
        except Invalid as error:
            add_error(form, error)
        except Refused as error:
            form.add_error(None, f"{error.message} {error.hint}".strip())
    if row is None:
        return _page(request, proposal, form, 400)
    proposal.refresh_from_db()
    return _page(request, proposal, SignatureForm(), signed=row.owner)


def _page(request: HttpRequest, proposal: Proposal, form: forms.Form, code: int = 200, **more: Any) -> HttpResponse:
    found = review(proposal)
    context = {
        "proposal": proposal,
        "safe": proposal.safe,
        "review": found,
        "raw": proposal.raw_fields,
        "owning": [one for one in owning_safes(proposal) if not one.why_not],
        "counted": proposal.counted,
        "form": form,
        "check": {"fields": proposal.raw_fields},
        **more,
    }
    return render(request, "governance/sign_link.html", context, status=code)


def _page_of(request: HttpRequest, which: str, code: int, **more: Any) -> HttpResponse:
    return render(request, "governance/sign_link_gone.html", {"which": which, **more}, status=code)
