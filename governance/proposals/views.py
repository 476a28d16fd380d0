"""Pages of proposals."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import current_user, require_level
from governance.proposals.beside import panels
from governance.proposals.bundle import bundle
from governance.proposals.counting import why_closed
from governance.proposals.ending import may_withdraw, refuse_others
from governance.proposals.forms import ReasonForm, SignatureForm, WaiveForm, add_error
from governance.proposals.links import link_of, qr
from governance.proposals.models import OPEN, Proposal
from governance.proposals.offline import tools
from governance.proposals.owning import owning_safes
from governance.proposals.pace import expected_at, pace_of
from governance.proposals.queue import queue_of
from governance.proposals.reminding import by_hand
from governance.proposals.review import review
from governance.proposals.seeing import note_seen
from governance.proposals.selectors import Quorum, quorum, visible_proposals, waiting_for
from governance.proposals.services import confirm, execute, reject, use_up, withdraw
from governance.safes.models import Safe
from integrations.chain.addresses import parse_uint
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
    shown = parts(proposal, people)
    closed = why_closed(proposal)
    link = "" if closed else link_of(proposal)
    mine = [signer for signer in people.signers if signer.user_id == user.pk and not signer.removed]
    owning = shown["owning"]
    mine_within = [one for one in owning if any(who.user_id == user.pk for who in one.signers)]
    mine_deeper = [(one, deeper) for one in owning for deeper in one.deeper if user.pk in deeper.people]
    if (mine or mine_within or mine_deeper) and request.method == "GET":
        note_seen(proposal, user)
    queue = queue_of(proposal.safe, user)
    context = {
        **shown,
        "review": found,
        "closed": closed,
        "seq": seq,
        "form": form or SignatureForm(),
        "tools": tools(),
        "waive_form": WaiveForm(auto_id="waive_%s") if found.waivable else None,
        "raw": proposal.raw_fields,
        "panels": panels(proposal),
        "link": link,
        "link_qr": qr(link) if link else "",
        "check": _for_browser(proposal, people),
        "mine": mine,
        "mine_within": mine_within,
        "mine_deeper": mine_deeper,
        "queue": queue,
        "entry": queue.entry(proposal.pk),
        "incidents": [link.parent for link in proposal.scope.parent_links.select_related("parent")],
        "may_respond": user.has_level("responder"),
        "may_withdraw": may_withdraw(proposal, user=user, actor=user.actor),
        "may_execute": proposal.status == "ready" and (not proposal.auto_execute or bool(proposal.stopped)),
    }
    return render(request, "governance/proposal.html", context, status=code)


def parts(proposal: Proposal, people: Quorum) -> dict[str, Any]:
    """What the page and the socket's fragments draw from; the same for everybody who may see the proposal."""
    outcome = proposal.outcome or {}
    differences = outcome.get("differences", [])
    pace = pace_of(proposal) if proposal.status == "signing" else None
    return {
        "proposal": proposal,
        "safe": proposal.safe,
        "quorum": people,
        "owning": owning_safes(proposal),
        "pace": pace,
        "expected_at": (expected := expected_at(proposal, pace)),
        "late": expected is not None and expected < timezone.now(),
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
    user = current_user(request)

    def act(proposal: Proposal) -> None:
        refuse_others(proposal, user=user, actor=user.actor)
        withdraw(proposal=proposal, actor=user.actor, reason=reason)

    return _act(request, pk, act)


@require_POST
@require_level("responder")
def reject_view(request: HttpRequest, pk: int) -> HttpResponse:
    actor = current_user(request).actor
    return _act(request, pk, lambda proposal: reject(proposal=proposal, actor=actor))


@require_POST
@require_level("responder")
def remind_view(request: HttpRequest, pk: int) -> HttpResponse:
    actor = current_user(request).actor

    def act(proposal: Proposal) -> None:
        copies = by_hand(proposal=proposal, actor=actor).deliveries.count()
        messages.success(request, f"Reminded: {copies} cop{'y is' if copies == 1 else 'ies are'} on the way.")

    return _act(request, pk, act)


@require_POST
@require_level("responder")
def use_up_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Fill a gap of a Safe's queue: the empty call at a nonce that nothing holds."""
    safe = get_object_or_404(Safe.objects.select_related("chain"), pk=pk)
    try:
        nonce = parse_uint(request.POST.get("nonce"), "nonce")
        made = use_up(
            safe=safe,
            nonce=nonce,
            title=f"Use up nonce {nonce}",
            description=f"An empty call, so that what waits behind nonce {nonce} can be executed.",
            actor=current_user(request).actor,
        )
    except (Invalid, Refused) as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
        return redirect("governance:safe", pk)
    return redirect("governance:proposal", made.pk)


@require_POST
@require_level("responder")
def execute_view(request: HttpRequest, pk: int) -> HttpResponse:
    actor = current_user(request).actor
    return _act(request, pk, lambda proposal: execute(proposal=proposal, actor=actor))
