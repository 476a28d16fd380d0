"""Pages about what is watched."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET
from pydantic import ValidationError

from accounts.decorators import current_user
from incidents.alerts.models import Alert
from incidents.monitors import MONITORS
from incidents.watch.models import Monitor


def describe(monitor: Monitor) -> str:
    """What it looks at, in words; an old config that no longer fits says so."""
    if monitor.kind not in MONITORS:
        return f"there is no kind {monitor.kind}"
    kind = MONITORS[monitor.kind]
    try:
        return kind.describe(kind.Config.model_validate(monitor.config))
    except ValidationError:
        return "its config is not valid any more"


@require_GET
@login_required
def monitors_page(request: HttpRequest) -> HttpResponse:
    user = current_user(request)
    rows = [(monitor, describe(monitor)) for monitor in Monitor.objects.select_related("protocol", "chain")]
    alerts = Alert.objects.visible_to(user).select_related("incident", "monitor")[:30]
    return render(request, "incidents/monitors.html", {"rows": rows, "alerts": alerts})
