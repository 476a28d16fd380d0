"""Pages of proposals."""

from typing import Any

import segno
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import current_user, require_level
from governance.proposals.beside import panels
from governance.proposals.bundle import bundle
from governance.proposals.decoding import batch_label
from governance.proposals.forms import ProposeForm, ReasonForm, SignatureForm, WaiveForm, add_error
from governance.proposals.models import OPEN, Proposal
from governance.proposals.review import review
from governance.proposals.selectors import Quorum, quorum, visible_proposals, waiting_for
from governance.proposals.services import confirm, execute, propose, reject, withdraw
from governance.safes.models import Safe
from ledger import Invalid, Refused
from ledger.selectors import last_seq


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    show = request.GET.get("show", "open")
    found = visible_proposals(user)
    if show != "all":
        found = found.filter(status__in=OPEN)
    page = Paginator(found.order_by("-pk"), 50).get_page(request.GET.get("page"))
    rows = [(proposal, quorum(proposal)) for proposal in page]
    context = {"page": page, "rows": rows, "show": show, "waiting": waiting_for(user)}
    return render(request, "governance/proposals.html", context)


@require_GET
@login_required
def proposal_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, pk)


def _page(request: HttpRequest, pk: int, form: SignatureForm | None = None, code: int = 200) -> HttpResponse:
    user = current_user(request)
    seq = last_seq()  # before the rest is read: what comes meanwhile is replayed
    proposal = get_object_or_404(visible_proposals(user), pk=pk)
    found = review(proposal)
    people = quorum(proposal)
    context = {
        **parts(proposal, people),
        "review": found,
        "seq": seq,
        "form": form or SignatureForm(),
        "waive_form": WaiveForm(auto_id="waive_%s") if found.waivable else None,
        "qr": qr(found.hashes.safe_tx),
        "raw": proposal.raw_fields,
        "batch": batch_label(proposal),
        "panels": panels(proposal),
        "check": _for_browser(proposal, people),
        "mine": [signer for signer in people.signers if signer.user_id == user.pk and not signer.removed],
        "incidents": [link.parent for link in proposal.scope.parent_links.select_related("parent")],
        "may_respond": user.has_level("responder"),
        "may_execute": proposal.status == "ready" and (not proposal.auto_execute or bool(proposal.stopped)),
    }
    return render(request, "governance/proposal.html", context, status=code)


def parts(proposal: Proposal, people: Quorum) -> dict[str, Any]:
    """What the page and the socket's fragments draw from; the same for everybody who may see the proposal."""
    outcome = proposal.outcome or {}
    differences = outcome.get("differences", [])
    return {
        "proposal": proposal,
        "safe": proposal.safe,
        "quorum": people,
        "outcome": outcome,
        "unexplained": [one for one in differences if one["kind"] == "difference"],
        "timed": sum(one["kind"] == "timed" for one in differences),
        "moved": sum(one["kind"] == "moved" for one in differences),
    }


def _for_browser(proposal: Proposal, people: Quorum) -> dict[str, Any]:
    """What the page's own script starts from: raw fields to be hashed there, and who may sign."""
    return {
        "fields": proposal.raw_fields,
        "owners": list(proposal.safe.owners),
        "signed": people.signed_addresses,
        "chain": proposal.safe.chain.name,
    }


def qr(text: str) -> SafeString:
    """A QR code as SVG without any style in it, so that the page's policy lets it through."""
    code = segno.make(text, error="m", micro=False)
    svg = code.svg_inline(scale=4, border=2, dark="#000", light="#fff", omitsize=True)
    return mark_safe(svg)  # noqa: S308  made here, from a hash


@require_POST
@login_required
def sign(request: HttpRequest, pk: int) -> HttpResponse:
    """A pasted signature."""
    user = current_user(request)
    proposal = get_object_or_404(visible_proposals(user), pk=pk)
    form = SignatureForm(request.POST)
    if form.is_valid():
        try:
            row = confirm(
                proposal=proposal,
                signature=form.cleaned_data["signature"].strip(),
                actor=user.actor,
                user=user,
                via="pasted",
            )
        except Invalid as error:
            add_error(form, error)
        except Refused as error:
            form.add_error(None, f"{error.message} {error.hint}".strip())
        else:
            messages.success(request, f"Signed by {row.owner}.")
            return redirect("governance:proposal", pk)
    return _page(request, pk, form, 400)


@require_GET
@login_required
def export(request: HttpRequest, pk: int) -> HttpResponse:
    proposal = get_object_or_404(visible_proposals(request.user), pk=pk)
    answer = JsonResponse(bundle(proposal), json_dumps_params={"indent": 2})
    answer["Content-Disposition"] = f'attachment; filename="proposal-{proposal.pk}.json"'
    return answer


@require_http_methods(["GET", "POST"])
@require_level("responder")
def new(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    initial = {"safe": request.GET.get("safe")} if request.GET.get("safe", "").isdigit() else {}
    form = ProposeForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            proposal = propose(
                safe=data["safe"],
                calls=[form.call()],
                title=data["title"],
                description=data["description"],
                actor=user.actor,
            )
        except Invalid as error:
            add_error(form, error)
        except Refused as error:
            form.add_error(None, f"{error.message} {error.hint}".strip())
        else:
            return redirect("governance:proposal", proposal.pk)
    code = 400 if form.errors else 200
    return render(request, "governance/propose.html", {"form": form, "safes": Safe.objects.exists()}, status=code)


def _act(request: HttpRequest, pk: int, act: Any) -> HttpResponse:
    proposal = get_object_or_404(visible_proposals(current_user(request)), pk=pk)
    try:
        target = act(proposal)
    except (Invalid, Refused) as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
        target = None
    return redirect("governance:proposal", target.pk if isinstance(target, Proposal) else pk)


@require_POST
@require_level("responder")
def withdraw_view(request: HttpRequest, pk: int) -> HttpResponse:
    form = ReasonForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    actor = current_user(request).actor
    return _act(request, pk, lambda proposal: withdraw(proposal=proposal, actor=actor, reason=reason))


@require_POST
@require_level("responder")
def reject_view(request: HttpRequest, pk: int) -> HttpResponse:
    actor = current_user(request).actor
    return _act(request, pk, lambda proposal: reject(proposal=proposal, actor=actor))


@require_POST
@require_level("responder")
def execute_view(request: HttpRequest, pk: int) -> HttpResponse:
    actor = current_user(request).actor
    return _act(request, pk, lambda proposal: execute(proposal=proposal, actor=actor))
