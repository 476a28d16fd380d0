"""Approvals on a page: what waits for me, and one question with its answers."""

import time

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import stepup
from accounts.answers import as_problem, attempt, sentence
from accounts.approvals.models import Approval, Needs, Verdict
from accounts.approvals.proofs import WalletSignature, typed_data
from accounts.approvals.selectors import counting, is_valid, may_decide, waiting_for
from accounts.approvals.services import SIGNING_TIME, check_chain, give, refuse, take_back
from accounts.decorators import current_user
from accounts.forms import ReasonForm
from accounts.selectors import actor_name
from ledger import Invalid, Refused


def _visible(request: HttpRequest, pk: int) -> Approval:
    """The approval, or a 404 that does not tell whether it exists."""
    rows = Approval.objects.visible_to(current_user(request)).select_related("scope", "requester_user", "drafter_user")
    approval = rows.filter(pk=pk).first()
    if approval is None:
        raise Http404
    return approval


@login_required
@require_safe
def approvals(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    waiting = list(waiting_for(user))
    recent = Approval.objects.visible_to(user).exclude(pk__in=[one.pk for one in waiting]).order_by("-id")[:50]
    return render(request, "accounts/approvals.html", {"waiting": waiting, "recent": recent})


@login_required
@never_cache
@require_safe
def approval(request: HttpRequest, pk: int) -> HttpResponse:
    row, user = _visible(request, pk), current_user(request)
    decisions = list(row.decisions.select_related("user"))
    valid = {decision.pk for decision in counting(row)}
    mine = next((one for one in decisions if one.user_id == user.pk and one.withdrawn_at is None), None)
    mine_to_decide = row.status == "open" and not row.is_expired and mine is None and may_decide(row, user)
    context = {
        "approval": row,
        "decisions": [(one, one.pk in valid) for one in decisions],
        "count": len(valid),
        "holds": is_valid(row),
        "requester": actor_name(row.requester),
        "mine": mine,
        "mine_to_decide": mine_to_decide,
        "why_not": "" if mine_to_decide else _why_not(row, user, mine is not None),
        "fresh": stepup.is_fresh(request),
        "can_step_up": stepup.stepup_url(user) is not None,
        "wallets": user.wallets.all() if row.needs == Needs.WALLET else [],
        "form": ReasonForm(),
    }
    return render(request, "accounts/approval.html", context)


def _why_not(row: Approval, user: object, decided: bool) -> str:
    if row.status != "open":
        return ""
    if row.is_expired:
        return "It has expired and must be asked for anew."
    if decided:
        return ""
    if row.requester_user == user:
        return "You asked for it, so somebody else must decide."
    if row.drafter_user == user:
        return "You drafted it, so somebody else must decide."
    return f"It needs somebody who is {row.role} or above."


@login_required
@require_POST
def decide(request: HttpRequest, pk: int, verb: str) -> HttpResponseBase:
    """Approve, refuse or take back."""
    row, user = _visible(request, pk), current_user(request)
    reason = request.POST.get("reason", "")[:2000]
    if verb == "give":
        if row.needs == Needs.PASSKEY and row.status == "open" and not stepup.is_fresh(request):
            return stepup.ask(request)
        try:
            signature = _signature(request)
            shown = stepup.passkey_at(request)
            give(approval=row, user=user, signature=signature, passkey_at=shown, reason=reason)
        except (Invalid, Refused) as exc:
            messages.error(request, sentence(exc))
        else:
            messages.success(request, "Approved. Your yes is in the ledger.")
    elif verb == "refuse":
        attempt(request, lambda: refuse(approval=row, user=user, reason=reason), "Refused. Nothing will go ahead.")
    else:
        attempt(request, lambda: take_back(approval=row, user=user, reason=reason), "Your yes is taken back.")
    if "back" in request.POST and row.link:  # pressed where the question was shown: a path of ours, see the service
        return redirect(row.link)
    return redirect("accounts:approval", pk=pk)


def _signature(request: HttpRequest) -> WalletSignature | None:
    text = request.POST.get("signature", "")
    if not text:
        return None
    numbers = [request.POST.get(name, "") for name in ("chain_id", "deadline")]
    if not all(number.isascii() and number.isdigit() and len(number) < 16 for number in numbers):
        raise Invalid("signature", "came without its chain and deadline", "approve again")
    return WalletSignature(text, int(numbers[0]), int(numbers[1]))


@login_required
@never_cache
@require_safe
def signing_data(request: HttpRequest, pk: int) -> JsonResponse:
    """What the wallet is to sign for a yes."""
    row = _visible(request, pk)
    given = request.GET.get("chain_id", "")
    try:
        if not (given.isascii() and given.isdigit() and len(given) < 16):
            raise Invalid("chain_id", "is not a chain id")
        check_chain(row, int(given))
        deadline = int(time.time() + SIGNING_TIME.total_seconds())
        return JsonResponse(
            {"typed_data": typed_data(row, verdict=Verdict.GIVEN, chain_id=int(given), deadline=deadline)}
        )
    except (Invalid, Refused) as exc:
        return as_problem(exc)
