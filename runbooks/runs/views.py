"""Pages of runs, and what people do on them."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.approvals.models import Approval
from accounts.decorators import current_user, require_level
from ledger.errors import Invalid, Refused
from ledger.selectors import last_seq
from runbooks.runs.models import Run, StepRun
from runbooks.runs.selectors import MAY_RUN, MAY_STEER, checklist, visible_runs
from runbooks.runs.services import abort_run, complete_step, retry_step, skip_step


@require_GET
@login_required
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    seq = last_seq()  # before the rest is read: what comes meanwhile is replayed
    run = get_object_or_404(visible_runs(user), pk=pk)
    context = {**run_context(run, str(user.level)), "seq": seq, "approvals": _approvals(run, user)}
    return render(request, "runbooks/run.html", context)


def run_context(run: Run, audience: str) -> dict[str, Any]:
    """What the page and the socket's fragments draw from; the same for everybody of an audience."""
    return {
        "run": run,
        "list": checklist(run),
        "may_run": audience in MAY_RUN,
        "may_steer": audience in MAY_STEER,
        "above": run.scope.parent_links.select_related("parent").first(),
    }


def _approvals(run: Run, user: Any) -> list[Approval]:
    subjects = [run.subject, *(step.subject for step in run.steps.all())]
    return list(Approval.objects.visible_to(user).filter(about__in=subjects, status="open"))


def _answer(request: HttpRequest, act: Callable[[], object], run: Run) -> HttpResponse:
    """Do it; say what went wrong where the button was. The page itself follows through its socket."""
    try:
        act()
    except (Invalid, Refused) as error:
        text = f"{getattr(error, 'field', '')} {error.message}".strip()
        if request.headers.get("HX-Request"):
            context = {"kind": "danger", "title": text, "text": error.hint}
            return render(request, "runbooks/said.html", context, status=409)
        messages.error(request, text)
        return redirect("runbooks:run", run.pk)
    if request.headers.get("HX-Request"):
        fresh = visible_runs(current_user(request)).get(pk=run.pk)
        context = run_context(fresh, str(current_user(request).level))
        return render(request, "runbooks/run_fragments.html", {**context, "every": True, "acted": True})
    return redirect("runbooks:run", run.pk)


def _step(request: HttpRequest, pk: int) -> StepRun:
    return get_object_or_404(StepRun.objects.visible_to(current_user(request)).select_related("run"), pk=pk)


@require_POST
@require_level("responder")
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    step, user = _step(request, pk), current_user(request)
    evidence = request.POST.get("evidence", "")
    return _answer(request, lambda: complete_step(step=step, actor=user.actor, evidence=evidence), step.run)


@require_POST
@require_level("commander")
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    step, user = _step(request, pk), current_user(request)
    reason = request.POST.get("reason", "")
    return _answer(request, lambda: retry_step(step=step, actor=user.actor, reason=reason), step.run)


@require_POST
@require_level("commander")
def skip(request: HttpRequest, pk: int) -> HttpResponse:
    step, user = _step(request, pk), current_user(request)
    reason = request.POST.get("reason", "")
    return _answer(request, lambda: skip_step(step=step, actor=user.actor, reason=reason), step.run)


@require_POST
@require_level("commander")
def abort(request: HttpRequest, pk: int) -> HttpResponse:
    run, user = get_object_or_404(visible_runs(current_user(request)), pk=pk), current_user(request)
    reason = request.POST.get("reason", "")
    return _answer(request, lambda: abort_run(run=run, actor=user.actor, reason=reason), run)
