"""Pages of the senders: their keys, what they sent last, and what it would become."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.db.models import Max, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from incidents.inbound import services, silence, trying
from incidents.inbound.forms import NewKeyForm, RotateForm, RuleForm
from incidents.inbound.models import InboundKey
from integrations.forms import entered, form_for
from integrations.inbound import INBOUND
from integrations.inbound.decoding import decode
from ledger import Invalid

KEYS = InboundKey.objects.select_related("protocol")


@never_cache
@require_level("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def keys(request: HttpRequest) -> HttpResponse:
    """Who may send. A new key leads to its own page, with the address shown this once."""
    form = NewKeyForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            key, secret = services.create_key(**form.cleaned_data, actor=current_user(request).actor)
        except Invalid as error:
            at_field(form, error)
        else:
            return _page(request, key, secret=secret)
    rows = KEYS.annotate(last=Max("payloads__last_at"), count=Sum("payloads__times"))
    context = {"form": form, "rows": [(row, INBOUND[row.format].label, _silent(row)) for row in rows]}
    return render(request, "incidents/inbound_keys.html", context, status=422 if form.errors else 200)


def _silent(key: InboundKey) -> dict[str, Any]:
    """Of a heartbeat: when it was heard, and by when it must be again."""
    return {"due": silence.due_at(key), "missed": key.missed_at}


@never_cache
@require_level("admin")
@require_http_methods(["GET", "HEAD", "POST"])
def key(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(KEYS, pk=pk)
    if request.method != "POST":
        return _page(request, found)
    rules, config = _forms(found, request.POST)
    if rules.is_valid() and config.is_valid():
        try:
            services.change_key(
                key=found, actor=current_user(request).actor, config=entered(config), **rules.cleaned_data
            )
        except Invalid as error:
            name = error.field.removeprefix("config.")
            at_field(config if name in config.fields else rules, Invalid(name, error.message, error.hint))
        else:
            messages.success(request, f"{found.name} is read like this from now on.")
            return redirect("incidents:inbound-key", pk)
    return _page(request, found, rules=rules, config=config)


def _forms(found: InboundKey, data: Any = None) -> tuple[Any, Any]:
    initial = {"severity": found.severity, "failure_mode": found.failure_mode, "protocol": found.protocol}
    known = found.settings
    return RuleForm(data, initial=initial, prefix="rule"), form_for(type(known), known)(data)


def _page(
    request: HttpRequest, found: InboundKey, *, secret: str = "", rules: Any = None, config: Any = None
) -> HttpResponse:
    kind = INBOUND[found.format]
    fresh = _forms(found)
    context = {
        "key": found,
        "kind": kind,
        "secret": secret,
        "address": f"{settings.PUBLIC_URL}/api/v1/inbound/{secret or '…'}/",
        "enqueue": f"{settings.PUBLIC_URL}/v2/enqueue" if found.format == "pagerduty" else "",
        "rules": rules or fresh[0],
        "config": config or fresh[1],
        "rotate": RotateForm(),
        "silent": _silent(found),
        "tried": trying.try_on(found, found.settings, trying.last_payloads(found)),
    }
    wrong = bool((rules and rules.errors) or (config and config.errors))
    return render(request, "incidents/inbound_key.html", context, status=422 if wrong else 200)


@never_cache
@require_POST
@require_level("admin")
def rotate(request: HttpRequest, pk: int) -> HttpResponse:
    """The new address is in the answer, and never again."""
    found = get_object_or_404(KEYS, pk=pk)
    form = RotateForm(request.POST)
    grace = timedelta(hours=form.cleaned_data["grace"]) if form.is_valid() else services.GRACE
    secret = services.rotate_key(key=found, actor=current_user(request).actor, grace=grace)
    found.refresh_from_db()
    return _page(request, found, secret=secret)


@require_POST
@require_level("admin")
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(KEYS, pk=pk)
    enabled, actor = request.POST.get("enabled") == "yes", current_user(request).actor
    said = f"{found.name} is {'taken again' if enabled else 'not taken any more'}."
    attempt(request, lambda: services.enable_key(key=found, enabled=enabled, actor=actor), said)
    return redirect("incidents:inbound-key", pk)


@never_cache
@require_POST
@require_level("admin")
def try_out(request: HttpRequest, pk: int) -> HttpResponse:
    """The last payloads, and one that was pasted, under what stands in the form; nothing is saved."""
    found = get_object_or_404(KEYS, pk=pk)
    config = form_for(INBOUND[found.format].Config, found.settings)(request.POST)
    context: dict[str, Any] = {"key": found}
    try:
        if not config.is_valid():
            raise Invalid("config", "Something in the form is not right yet")
        kept = {name: value for name, value in found.settings.model_dump().items() if name in found.secrets()}
        parsed = INBOUND.parse(found.format, {**kept, **entered(config)})
        context["tried"] = trying.try_on(found, parsed, trying.last_payloads(found))
        if pasted := request.POST.get("pasted", "").strip():
            context["pasted"] = trying.judge(found, parsed, decode(pasted.encode("utf-8", "replace")))
    except Invalid as error:
        context["wrong"] = f"{error.field}: {error.message}" if error.field else error.message
        context["hint"] = error.hint
    return render(request, "incidents/inbound_tried.html", context)
