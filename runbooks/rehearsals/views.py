"""Pages of rehearsals."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from accounts.decorators import current_user, require_level
from governance.plans.canonical import canonical_bytes
from ledger.errors import Refused
from ledger.selectors import last_seq
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.selectors import others, standing, visible_rehearsals, why_old
from runbooks.rehearsals.services import rehearse
from runbooks.runs.models import Run
from runbooks.runs.selectors import MAY_RUN, visible_runs
from runbooks.steps import STEPS

PHASES = (
    ("main", "Steps"),
    ("rollback", "If it were rolled back"),
    ("finally", "At the end, whatever happens"),
)


@require_GET
@login_required
def rehearsal_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    seq = last_seq()  # before the rest is read: what comes meanwhile is replayed
    rehearsal = get_object_or_404(visible_rehearsals(user), pk=pk)
    context = {**page_context(rehearsal), "seq": seq, "may_run": str(user.level) in MAY_RUN}
    return render(request, "runbooks/rehearsal/page.html", context)


def page_context(rehearsal: Rehearsal) -> dict[str, Any]:
    """What the page and the socket's fragments draw from; the same for everybody who may see it."""
    report = rehearsal.report or {}
    steps = [_line(number, step) for number, step in enumerate(report.get("steps", ()), start=1)]
    return {
        "rehearsal": rehearsal,
        "report": report,
        "old": why_old(rehearsal) if rehearsal.is_over else "",
        "others": others(rehearsal),
        "failing": [way for way in report.get("ways", ()) if way["result"] == "failed"],
        "phases": [(title, found) for phase, title in PHASES if (found := [s for s in steps if s["phase"] == phase])],
    }


def _line(number: int, step: dict[str, Any]) -> dict[str, Any]:
    return {**step, "number": number, "kind": STEPS[step["type"]].label}


def run_context(run: Run, audience: str) -> dict[str, Any]:
    """What the panel of a run's page draws from."""
    return {"run": run, "standing": standing(run.plan), "may_run": audience in MAY_RUN}


@require_GET
@login_required
def report(request: HttpRequest, pk: int) -> HttpResponse:
    """The very bytes that were hashed."""
    rehearsal = get_object_or_404(visible_rehearsals(current_user(request)).exclude(sha256=""), pk=pk)
    answer = HttpResponse(canonical_bytes(rehearsal.report), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="rehearsal-{rehearsal.pk}.json"'
    return answer


@require_POST
@require_level("responder")
def ask(request: HttpRequest, pk: int) -> HttpResponse:
    """Rehearse a run, and follow it on its own page."""
    user = current_user(request)
    run = get_object_or_404(visible_runs(user), pk=pk)
    try:
        asked = rehearse(run=run, actor=user.actor)
    except Refused as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
        return redirect("runbooks:run", run.pk)
    if request.headers.get("HX-Request"):
        return render(request, "runbooks/rehearsal/panel.html", run_context(run, str(user.level)))
    return redirect("runbooks:rehearsal", asked.pk)
