"""Pages of runs, and what people do on them."""

from collections.abc import Callable
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from accounts.approvals.models import Approval
from accounts.approvals.selectors import in_role
from accounts.decorators import current_user, require_level
from ledger.selectors import last_seq
from runbooks.answering import answered
from runbooks.evidence.models import LARGEST
from runbooks.evidence.services import attach
from runbooks.playbooks.selectors import newer_version
from runbooks.runs.drafts import about_plan
from runbooks.runs.forms import answer_of
from runbooks.runs.models import Run, StepRun
from runbooks.runs.selectors import MAY_RUN, MAY_STEER, checklist, visible_runs
from runbooks.runs.services import abort_run, begin, complete_step, retry_step, roll_back, skip_step


@require_GET
@login_required
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    seq = last_seq()  # before the rest is read: what comes meanwhile is replayed
    run = _run(request, pk)
    context = {**run_context(run, str(user.level)), "seq": seq, "about": about_plan(run, user)}
    return render(request, "runbooks/run.html", context)


def run_context(run: Run, audience: str) -> dict[str, Any]:
    """What the page and the socket's fragments draw from; the same for everybody of an audience."""
    return {
        "run": run,
        "list": checklist(run),
        "may_run": audience in MAY_RUN,
        "may_steer": audience in MAY_STEER,
        "question": Approval.objects.filter(about=run.subject, status="open").first(),
        "newer": newer_version(run.version) if run.status == "draft" else None,
        "above": run.scope.parent_links.select_related("parent").first(),
    }


def _answer(request: HttpRequest, act: Callable[[], object], run: Run) -> HttpResponse:
    """The page itself follows through its socket; who pressed the button sees it at once."""

    def drawn() -> HttpResponse:
        fresh = visible_runs(current_user(request)).get(pk=run.pk)
        context = run_context(fresh, str(current_user(request).level))
        return render(request, "runbooks/run_fragments.html", {**context, "every": True, "acted": True})

    return answered(request, act, page=reverse("runbooks:run", args=[run.pk]), drawn=drawn)


def _run(request: HttpRequest, pk: int) -> Run:
    return get_object_or_404(visible_runs(current_user(request)), pk=pk)


def _step(request: HttpRequest, pk: int) -> StepRun:
    return get_object_or_404(StepRun.objects.visible_to(current_user(request)).select_related("run"), pk=pk)


@require_POST
@require_level("responder")
def complete(request: HttpRequest, pk: int) -> HttpResponse:
    """What a person did, ticked or chose. A file and the answer that names it are kept together, or neither."""
    step, user = _step(request, pk), current_user(request)

    def act() -> None:
        with transaction.atomic():
            answer = answer_of(request.POST)
            file = request.FILES.get("file")
            if isinstance(file, UploadedFile):
                content = file.read(LARGEST + 1)
                answer["file"] = attach(step=step, name=file.name or "", content=content, actor=user.actor).pk
            complete_step(step=step, actor=user.actor, answer=answer)

    return _answer(request, act, step.run)


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
    run, actor = _run(request, pk), current_user(request).actor
    return _answer(request, lambda: abort_run(run=run, actor=actor, reason=request.POST.get("reason", "")), run)


@require_POST
@require_level("commander")
def back(request: HttpRequest, pk: int) -> HttpResponse:
    """Undo what is done; the form has listed it."""
    run, actor = _run(request, pk), current_user(request).actor
    return _answer(request, lambda: roll_back(run=run, actor=actor, reason=request.POST.get("reason", "")), run)


@require_POST
@require_level("responder")
def begin_run(request: HttpRequest, pk: int) -> HttpResponse:
    run, actor = _run(request, pk), current_user(request).actor
    return _answer(request, lambda: begin(run=run, actor=actor), run)


@require_GET
@login_required
def question(request: HttpRequest, pk: int) -> HttpResponse:
    """The button under a question, for whoever looks: theirs to press, or why it is not."""
    user = current_user(request)
    approval = get_object_or_404(Approval.objects.visible_to(user).select_related("scope"), pk=pk)
    mine = approval.decisions.filter(user=user, withdrawn_at=None).first()
    context = {
        "approval": approval,
        "mine": mine,
        "is_mine": approval.status == "open" and not approval.is_expired and mine is None and in_role(approval, user),
        "asked": user.actor == approval.requester or user.pk == approval.drafter_user_id,
        "wallets": user.wallets.exists() if approval.needs == "wallet" else True,
    }
    return render(request, "runbooks/question.html", context)
