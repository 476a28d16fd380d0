"""Pages about what is watched: the list, a monitor, making and changing one, trying it."""

from collections.abc import Callable
from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import current_user, require_level
from governance.protocols.models import Protocol
from incidents.alerts.models import Alert
from incidents.monitors import MONITORS
from incidents.watch import services
from incidents.watch.charts import chart
from incidents.watch.forms import MonitorForm, MuteForm, TryForm, config_form
from incidents.watch.models import Monitor
from incidents.watch.selectors import (
    alert_key,
    alerts_of,
    charted,
    describe,
    figure_of,
    label_of,
    last_reading,
    named,
    rows,
    shown,
)
from incidents.watch.trying import back_test, dry_run, filled_in
from integrations.chain.models import Chain
from integrations.forms import entered
from ledger import Invalid, Refused
from ledger.selectors import last_seq

TRIED_BLOCKS = 120


@require_GET
@login_required
def monitors_page(request: HttpRequest) -> HttpResponse:
    user, after = current_user(request), last_seq()
    context = {
        "rows": rows(Monitor.objects.select_related("protocol", "chain")),
        "alerts": Alert.objects.visible_to(user).select_related("incident", "monitor")[:30],
        "may_change": user.has_level("commander"),
        "after": after,
    }
    return render(request, "incidents/monitors.html", context)


@require_GET
@require_level("commander")
def kinds_page(request: HttpRequest) -> HttpResponse:
    """What can be watched."""
    kinds = [(name, kind.label, (kind.__doc__ or "").split("\n\n")[0], kind.icon) for name, kind in MONITORS.items()]
    return render(request, "incidents/monitor_kinds.html", {"kinds": kinds})


@require_GET
@login_required
def monitor_page(request: HttpRequest, slug: str) -> HttpResponse:
    return _monitor_page(request, _monitor(slug))


def _monitor(slug: str) -> Monitor:
    return get_object_or_404(Monitor.objects.select_related("chain", "protocol"), slug=slug)


def _monitor_page(request: HttpRequest, monitor: Monitor, **extra: Any) -> HttpResponse:
    user = current_user(request)
    points, limit = charted(monitor)
    context = {
        "monitor": monitor,
        "label": label_of(monitor.kind),
        "words": describe(monitor),
        "key": alert_key(monitor),
        "reading": last_reading(monitor),
        "config": shown(monitor.config),
        "chart": chart(points, limit, figure_of(monitor)),
        "figure": named(figure_of(monitor)),
        "alerts": alerts_of(monitor, user),
        "may_change": user.has_level("commander"),
        "may_mute": user.has_level("responder"),
        "mute_form": MuteForm(),
        "try_form": TryForm(),
        "looks_now": monitor.kind in MONITORS and MONITORS[monitor.kind].now,
        **extra,
    }
    return render(request, "incidents/monitor.html", context)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def new_page(request: HttpRequest, kind: str) -> HttpResponse:
    if kind not in MONITORS:
        raise Http404
    member = MONITORS[kind]
    start: dict[str, Any] = {"severity": member.severity, "title": member.label}
    start["chain"] = Chain.objects.order_by("pk").first()
    start |= {"slug": kind.replace("_", "-"), "protocol": Protocol.objects.order_by("pk").first()}
    form = MonitorForm(request.POST or None, initial=start)
    return _edit_page(request, kind, form, config_form(member, request.POST or None), None)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def edit_page(request: HttpRequest, slug: str) -> HttpResponse:
    monitor = _monitor(slug)
    if monitor.kind not in MONITORS:
        raise Http404
    stored = {"title": monitor.name, "chain": monitor.chain, "protocol": monitor.protocol}
    stored |= {name: getattr(monitor, name) for name in ("severity", "failure_mode", "enabled")}
    form = MonitorForm(request.POST or None, initial=stored, slug=slug)
    config = config_form(MONITORS[monitor.kind], request.POST or None, monitor.config)
    return _edit_page(request, monitor.kind, form, config, monitor)


def _edit_page(
    request: HttpRequest, kind: str, form: MonitorForm, config: Any, monitor: Monitor | None
) -> HttpResponse:
    """Save it, or try what stands in the form without saving."""
    context: dict[str, Any] = {"form": form, "config": config, "monitor": monitor}
    context["label"] = MONITORS[kind].label
    context["about"] = (MONITORS[kind].__doc__ or "").strip()
    context["may_try_past"] = not MONITORS[kind].now
    if request.method == "POST" and form.is_valid() & config.is_valid():
        try:
            if request.POST.get("do") == "try":
                context |= _tried(kind, entered(config), form.cleaned_data["chain"], TRIED_BLOCKS)
            else:
                return _save(request, kind, form, config, monitor)
        except Invalid as error:
            _put_error(form, config, error)
        except Refused as error:
            form.add_error(None, error.message)
    wrong = form.errors or config.errors
    return render(request, "incidents/monitor_edit.html", context, status=400 if wrong else 200)


def _save(request: HttpRequest, kind: str, form: MonitorForm, config: Any, monitor: Monitor | None) -> HttpResponse:
    data = dict(form.cleaned_data)
    slug = monitor.slug if monitor else data.pop("slug")
    if monitor is None and Monitor.objects.filter(slug=slug).exists():
        raise Invalid("slug", "is taken", "another short name, or change that monitor")
    found = filled_in(kind, entered(config), data["chain"])
    saved = services.save_monitor(
        slug=slug, name=data.pop("title"), kind=kind, config=found, actor=current_user(request).actor, **data
    )
    toasts.success(request, f"{saved.name} is saved. The next block is looked at with it.")
    return redirect("incidents:monitor", saved.slug)


def _put_error(form: MonitorForm, config: Any, error: Invalid) -> None:
    """At its field, wherever that is."""
    text = f"{error.message}. {error.hint}." if error.hint else error.message
    field = error.field.split(".")[1] if error.field.startswith("config.") else ""
    if field in config.fields:
        config.add_error(field, text)
    else:
        named_here = {"name": "title"}.get(error.field, error.field)
        form.add_error(named_here if named_here in form.fields else None, text)


def _tried(kind: str, config: dict[str, Any], chain: Chain, blocks: int) -> dict[str, Any]:
    now = dry_run(kind, config, chain)
    found: dict[str, Any] = {"tried": now, "tried_reading": shown(now.reading, MONITORS[kind].figure)}
    if not MONITORS[kind].now:
        past = back_test(kind, config, chain, blocks)
        found |= {"past": past, "past_chart": chart(past.points, past.limit, past.figure), "figure": named(past.figure)}
    return found


@require_POST
@require_level("responder")
def try_it(request: HttpRequest, slug: str) -> HttpResponse:
    """The monitor as it is saved, at the newest block and over the past."""
    monitor, form = _monitor(slug), TryForm(request.POST)
    if not form.is_valid():
        return _monitor_page(request, monitor, try_form=form)
    try:
        found = _tried(monitor.kind, monitor.config, monitor.chain, form.cleaned_data["blocks"])
    except (Invalid, Refused) as error:
        toasts.error(request, error.message)
        return redirect("incidents:monitor", slug)
    return _monitor_page(request, monitor, try_form=form, **found)


@require_POST
@require_level("commander")
def switch(request: HttpRequest, slug: str) -> HttpResponse:
    on = request.POST.get("enabled") == "yes"
    return _act(request, slug, lambda monitor, actor: services.change_monitor(monitor=monitor, enabled=on, actor=actor))


@require_POST
@require_level("responder")
def mute(request: HttpRequest, slug: str) -> HttpResponse:
    """Nobody is told for a while; an empty time ends it."""
    minutes = request.POST.get("minutes", "")
    if not minutes:
        return _act(request, slug, lambda monitor, actor: services.unmute(monitor=monitor, actor=actor))
    if not minutes.isdecimal() or len(minutes) > 6:
        raise Invalid("minutes", "is no number of minutes", "a whole number")
    reason = request.POST.get("reason", "")
    return _act(
        request,
        slug,
        lambda monitor, actor: services.mute(monitor=monitor, minutes=int(minutes), reason=reason, actor=actor),
    )


def _act(request: HttpRequest, slug: str, act: Callable[[Monitor, str], object]) -> HttpResponse:
    try:
        act(_monitor(slug), current_user(request).actor)
    except (Invalid, Refused) as error:
        toasts.error(request, error.message)
    return redirect("incidents:monitor", slug)
