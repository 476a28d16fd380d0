"""The public page, for everybody, without a login; and the desk's own page about it."""

from django.conf import settings
from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_GET, require_POST, require_safe

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from incidents.status import services
from incidents.status.components import STATES, groups
from incidents.status.document import page
from incidents.status.drawing import as_feed, as_json, as_text
from incidents.status.forms import GuidanceForm
from incidents.status.models import Component, Guidance, Publication
from ledger import Invalid
from notify.models import Promise

in_public = cache_control(public=True, max_age=5)


@require_safe
@in_public
def status_page(request: HttpRequest) -> HttpResponse:
    return render(request, "incidents/status/page.html", {"page": page(), "url": settings.STATUS_URL})


@require_safe
@in_public
def status_json(request: HttpRequest) -> HttpResponse:
    now = timezone.now().isoformat()
    text = as_text(as_json(page(), published_at=now, confirmed_at=now, confirmed=True))
    return HttpResponse(text, content_type="application/json", headers={"Access-Control-Allow-Origin": "*"})


@require_safe
@in_public
def status_feed(request: HttpRequest) -> HttpResponse:
    kind = "application/atom+xml; charset=utf-8"
    text = as_feed(page(), timezone.now())
    return HttpResponse(text, content_type=kind, headers={"Access-Control-Allow-Origin": "*"})


@require_GET
@login_required
def desk(request: HttpRequest) -> HttpResponse:
    """What the public is shown, where it is published, and what was promised."""
    return _desk(request, GuidanceForm(initial={"text": _guidance()}))


def _guidance() -> str:
    return Guidance.objects.filter(pk=1).values_list("text", flat=True).first() or ""


def _desk(request: HttpRequest, form: GuidanceForm) -> HttpResponse:
    user = current_user(request)
    promises = Promise.objects.visible_to(user).filter(status__in=("open", "overdue"))
    context = {
        "groups": groups(everything=True),
        "states": [(value, STATES[value].label) for value in Component.State.values],
        "publications": Publication.objects.order_by("place"),
        "stale_after": settings.STATUS_STALE_AFTER,
        "now": timezone.now(),
        "url": settings.STATUS_URL,
        "promises": promises.select_related("message__audience").order_by("due_at"),
        "form": form,
        "may_state": user.has_level("commander"),
    }
    return render(request, "incidents/status/desk.html", context, status=400 if form.errors else 200)


@require_POST
@require_level("commander")
def state_part(request: HttpRequest) -> HttpResponse:
    """Say how a part is, or let it follow the incidents again."""
    state, words = request.POST.get("state", ""), request.POST.get("words", "")
    actor = current_user(request).actor

    def say() -> None:
        part = services.find_part(request.POST.get("part", ""))
        services.state_part(part=part, state=state, words=words, actor=actor)

    attempt(request, say, "Said. The public page follows within seconds.")
    return redirect("incidents:status-desk")


@require_POST
@require_level("commander")
def show_part(request: HttpRequest) -> HttpResponse:
    """Show a part to the public, or keep it off the page."""
    shown, actor = request.POST.get("shown"), current_user(request).actor

    def change() -> None:
        part = services.find_part(request.POST.get("part", ""))
        if shown not in ("yes", "no"):
            raise Invalid("shown", "is neither yes nor no")
        services.show_part(part=part, shown=shown == "yes", actor=actor)

    attempt(request, change, "Changed. The public page follows within seconds.")
    return redirect("incidents:status-desk")


@require_POST
@require_level("commander")
def set_guidance(request: HttpRequest) -> HttpResponse:
    """What to do when our interface is down."""
    form = GuidanceForm(request.POST)
    if form.is_valid():
        try:
            services.set_guidance(text=form.cleaned_data["text"], actor=current_user(request).actor)
            toasts.success(request, "Said. The public page follows within seconds.")
            return redirect("incidents:status-desk")
        except Invalid as error:
            at_field(form, error)
    return _desk(request, form)
