"""Pages: the executors with what they have in flight, and one transaction with everything that was done for it."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.decorators import current_user, require_level
from integrations.chain import selectors
from integrations.chain.models import Executor
from integrations.chain.transactions import services
from ledger import Invalid, Refused
from ledger.selectors import last_seq

RECENT = 12


@login_required
def executors(request: HttpRequest) -> HttpResponse:
    after = last_seq()
    shown = [(row, selectors.transactions_for(request.user, row.executor)[:RECENT]) for row in selectors.executors_of()]
    return render(request, "integrations/chain/executors.html", {"shown": shown, "after": after})


@login_required
def executor_numbers(request: HttpRequest, pk: int) -> HttpResponse:
    """A part of the page: balance and nonces asked of the chain now, which must not hold up the page itself."""
    executor = get_object_or_404(Executor.objects.select_related("chain"), pk=pk)
    context = {"row": selectors.executor_row(executor, live=True), "now": True}
    return render(request, "integrations/chain/_executor_numbers.html", context)


@login_required
def executor_transactions(request: HttpRequest, pk: int) -> HttpResponse:
    """A part of the page, fetched again by each viewer: everybody sees only what their scopes let them."""
    executor = get_object_or_404(Executor, pk=pk)
    context = {"executor": executor, "transactions": selectors.transactions_for(request.user, executor)[:RECENT]}
    return render(request, "integrations/chain/_executor_transactions.html", context)


@login_required
def transaction(request: HttpRequest, pk: int) -> HttpResponse:
    after = last_seq()
    context = {**_context(request, pk), "after": after, "title": f"Transaction {pk}"}
    return render(request, "integrations/chain/transaction.html", context)


@login_required
def transaction_state(request: HttpRequest, pk: int) -> HttpResponse:
    """A part of the page, fetched again when something happened to it."""
    return render(request, "integrations/chain/_transaction_state.html", _context(request, pk))


def _context(request: HttpRequest, pk: int) -> dict[str, object]:
    user = current_user(request)
    tx = get_object_or_404(selectors.transactions_for(user), pk=pk)
    return {
        "tx": tx,
        "data": "0x" + bytes(tx.data).hex(),
        "size": len(tx.data),
        "attempts": list(tx.attempts.order_by("number")),
        "events": selectors.events_of(tx, user),
        "choices": services.choices_for(tx),
        "stoppable": tx.status in ("queued", "signed", "broadcast") and not tx.cancelling,
        "commands": user.has_level("commander"),
    }


@require_POST
@require_level("commander")
def resolve(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    tx = get_object_or_404(selectors.transactions_for(user), pk=pk)
    choice = request.POST.get("choice", "")
    reason = request.POST.get("reason", "").strip()[:500]
    try:
        services.resolve(transaction=tx, choice=choice, actor=user.actor, reason=reason)
        toasts.success(request, f"{services.CHOICES[choice]}: decided.")
    except (Invalid, Refused) as error:
        toasts.error(request, error.message)
    return redirect("integrations:transaction", pk=pk)


@require_POST
@require_level("commander")
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    tx = get_object_or_404(selectors.transactions_for(user), pk=pk)
    reason = request.POST.get("reason", "").strip()[:500]
    try:
        services.cancel(transaction=tx, actor=user.actor, reason=reason or "cancelled by a commander")
        toasts.success(request, "It is being cancelled. It may still be mined if a block was faster.")
    except (Invalid, Refused) as error:
        toasts.error(request, error.message)
    return redirect("integrations:transaction", pk=pk)
