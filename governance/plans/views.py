"""Pages of plans."""

import json
from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.decorators import current_user
from governance.plans.selectors import changes_between, earlier_plans, visible_plans
from governance.plans.services import intact, known_values, values_hash


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    found = visible_plans(current_user(request)).defer("document").order_by("-pk")
    page = Paginator(found, 50).get_page(request.GET.get("page"))
    return render(request, "governance/plans.html", {"page": page})


@require_GET
@login_required
def plan_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    plan = get_object_or_404(visible_plans(user), pk=pk)
    document = plan.parsed()
    known = known_values(plan)
    context = {
        "plan": plan,
        "document": document,
        "intact": intact(plan),
        "steps": [(step, _pretty(step.params)) for step in document.steps],
        "inputs": [(name, _shown(value)) for name, value in document.inputs.items()],
        "references": [(one, one.id in known, known.get(one.id)) for one in document.references],
        "values_hash": values_hash(plan) if known else "",
        "earlier": earlier_plans(plan, user),
        "proposals": plan.proposals.select_related("safe").order_by("pk"),
    }
    return render(request, "governance/plan.html", context)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else _pretty(value)


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True)


@require_GET
@login_required
def export(request: HttpRequest, pk: int) -> HttpResponse:
    """The very bytes that were hashed."""
    plan = get_object_or_404(visible_plans(current_user(request)), pk=pk)
    answer = HttpResponse(plan.document.encode(), content_type="application/json")
    answer["Content-Disposition"] = f'attachment; filename="plan-{plan.pk}.json"'
    return answer


@require_GET
@login_required
def diff_page(request: HttpRequest, pk: int, other: int) -> HttpResponse:
    """What the plan `pk` does otherwise than the plan `other`."""
    plans = visible_plans(current_user(request))
    plan, before = get_object_or_404(plans, pk=pk), get_object_or_404(plans, pk=other)
    changes = [
        (change, _shown(change.before) if change.kind != "added" else "", _shown(change.after))
        for change in changes_between(before, plan)
    ]
    return render(request, "governance/plan_diff.html", {"plan": plan, "before": before, "changes": changes})
