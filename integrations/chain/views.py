"""Pages: the executors with what they have in flight, and one transaction with everything that was done for it."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.decorators import current_user, require_level
from integrations.chain import selectors
from integrations.chain.executors import troubles, watching
from integrations.chain.models import Executor
from integrations.chain.transactions import services
from ledger import Invalid, Refused
from ledger.selectors import last_seq

RECENT = 12
PAGE = 50


@login_required
def executors(request: HttpRequest) -> HttpResponse:
    after = last_seq()
    shown = [(row, selectors.transactions_for(request.user, row.executor)[:RECENT]) for row in selectors.executors_of()]
    return render(request, "integrations/chain/executors.html", {"shown": shown, "after": after})


@login_required
def executor(request: HttpRequest, pk: int) -> HttpResponse:
    """One executor: the account, what is wrong with it, what it may do, what is on its way, what it has sent."""
    after = last_seq()
    found = get_object_or_404(Executor.objects.select_related("chain"), pk=pk)
    page = Paginator(selectors.transactions_for(request.user, found), PAGE).get_page(request.GET.get("page"))
    context = {
        **_account(request, found, live=False),
        "after": after,
        "flying": selectors.in_flight(request.user, found)[:PAGE],
        "page": page,
        "record": selectors.record_of(found, request.user)[:PAGE],
        "title": found.label,
    }
    return render(request, "integrations/chain/executor.html", context)


def _account(request: HttpRequest, executor: Executor, *, live: bool) -> dict[str, object]:
    row = selectors.executor_row(executor, live=live)
    # what may be done about is what was noted, not only glimpsed just now
    noted = {alarm.code for alarm in row.alarms} & set(executor.troubles)
    commands = current_user(request).has_level("commander")
    acceptable, fillable = (commands and code in noted for code in (troubles.FOREIGN, troubles.GAP))
    return {"row": row, "now": live, "acceptable": acceptable, "fillable": fillable}


@login_required
def executor_account(request: HttpRequest, pk: int) -> HttpResponse:
    """A part of the executor's page, asked of the chain now."""
    found = get_object_or_404(Executor.objects.select_related("chain"), pk=pk)
    return render(request, "integrations/chain/_executor_account.html", _account(request, found, live=True))


@login_required
def executor_in_flight(request: HttpRequest, pk: int) -> HttpResponse:
    """A part of the executor's page, fetched again by each viewer."""
    found = get_object_or_404(Executor, pk=pk)
    context = {"executor": found, "flying": selectors.in_flight(request.user, found)[:PAGE]}
    return render(request, "integrations/chain/_executor_in_flight.html", context)


@require_POST
@require_level("commander")
def accept_use(request: HttpRequest, pk: int) -> HttpResponse:
    """A commander knows who used the key elsewhere."""
    found = get_object_or_404(Executor, pk=pk)
    reason = request.POST.get("reason", "")[:500]
    try:
        watching.accept_foreign(executor=found, actor=current_user(request).actor, reason=reason)
        toasts.success(request, "Accepted: those nonces are accounted for.")
    except (Invalid, Refused) as error:
        toasts.error(request, error.message)
    return redirect("integrations:executor", pk=pk)


@require_POST
@require_level("commander")
def fill_gap(request: HttpRequest, pk: int) -> HttpResponse:
    """A commander lets an empty transaction take the nonce that others wait behind."""
    found = get_object_or_404(Executor.objects.select_related("chain"), pk=pk)
    try:
        tx = services.fill_gap(executor=found, actor=current_user(request).actor)
    except (Invalid, Refused) as error:
        toasts.error(request, error.message)
        return redirect("integrations:executor", pk=pk)
    return redirect("integrations:transaction", pk=tx.pk)


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
        "relays": [one.name for one in tx.chain.endpoints.filter(private_submission=True, enabled=True)],
        "public_from": tx.sent_block + tx.chain.private_blocks if tx.sent_block is not None else None,
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
