"""The page of times."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.decorators import current_user
from incidents.metrics.chart import chart
from incidents.metrics.selectors import KINDS, grouped, times


@require_GET
@login_required
def metrics_page(request: HttpRequest) -> HttpResponse:
    kind = request.GET.get("show", "")
    kind = kind if kind in KINDS else "contain"
    found = times(current_user(request))
    context = {
        "kinds": KINDS,
        "kind": kind,
        "chart": chart(found, kind),
        "tables": [
            ("By severity", grouped(found, lambda one: one.incident.severity)),
            ("By failure mode", grouped(found, lambda one: one.incident.failure_mode or "not known")),
            ("By month", grouped(found, lambda one: one.month)),
        ],
        "latest": found[:20],
    }
    return render(request, "incidents/metrics.html", context)
