"""Pages: messages and how they fare, audiences and their destinations."""

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST

from accounts.decorators import current_user, require_level
from accounts.levels import Level
from accounts.models import Approval
from integrations.channels import CHANNELS
from integrations.forms import form_for
from ledger import Invalid, Refused
from ledger.selectors import last_seq
from notify import selectors
from notify.audiences import services as audience_services
from notify.audiences.selectors import people_of
from notify.forms import NewAudience
from notify.messages import services as message_services
from notify.models import Audience, Delivery, Destination

A_PAGE = 50


@login_required
def messages(request: HttpRequest) -> HttpResponse:
    page = Paginator(selectors.messages(request.user), A_PAGE).get_page(request.GET.get("page"))
    return render(request, "notify/messages.html", {"page": page, "after": last_seq()})


@login_required
def message(request: HttpRequest, pk: int) -> HttpResponse:
    found = get_object_or_404(selectors.messages(request.user), pk=pk)
    copies = [(copy, selectors.attempts(copy)) for copy in found.deliveries.select_related("user").order_by("pk")]
    approval = Approval.objects.visible_to(request.user).filter(about=found.subject).order_by("-pk").first()
    context = {"message": found, "copies": copies, "approval": approval, "after": last_seq()}
    context["sees_addresses"] = current_user(request).level != Level.VIEWER
    return render(request, "notify/message.html", context)


@require_POST
@require_level("responder")
def resend(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    delivery = get_object_or_404(Delivery.objects.visible_to(user), pk=pk)
    try:
        message_services.resend(delivery=delivery, actor=user.actor)
        toasts.success(request, f"{delivery} is sent again.")
    except Refused as error:
        toasts.error(request, error.message)
    return redirect("notify:message", pk=delivery.message_id)


@login_required
def audiences(request: HttpRequest) -> HttpResponse:
    return _audiences_page(request, NewAudience())


def _audiences_page(request: HttpRequest, form: NewAudience) -> HttpResponse:
    context = {
        "audiences": selectors.audiences(),
        "form": form,
        "may_add": current_user(request).has_level("admin"),
    }
    return render(request, "notify/audiences.html", context, status=422 if form.errors else 200)


@require_POST
@require_level("admin")
def add_audience(request: HttpRequest) -> HttpResponse:
    form = NewAudience(request.POST)
    if not form.is_valid():
        return _audiences_page(request, form)
    added = audience_services.add_audience(
        **form.cleaned_data, kind=Audience.Kind.OUTSIDE, actor=current_user(request).actor
    )
    toasts.success(request, f"{added} can be told now. Add a destination.")
    return redirect("notify:audience", slug=added.slug)


@login_required
def audience(request: HttpRequest, slug: str) -> HttpResponse:
    return _audience_page(request, get_object_or_404(Audience, slug=slug))


def _audience_page(request: HttpRequest, found: Audience, form: Any = None, channel: str = "") -> HttpResponse:
    channel = channel or request.GET.get("channel", "")
    channel = channel if channel in CHANNELS else next(iter(CHANNELS))
    context = {
        "audience": found,
        "people": people_of(found),
        "destinations": found.destinations.order_by("pk"),
        "form": form or form_for(CHANNELS[channel].Config)(),
        "channel": channel,
        "channels": CHANNELS.choices(),
        "may_change": current_user(request).has_level("commander"),
        "sees_addresses": current_user(request).level != Level.VIEWER,
    }
    return render(request, "notify/audience.html", context, status=422 if form is not None and form.errors else 200)


@require_POST
@require_level("commander")
def add_destination(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Audience, slug=slug)
    channel = str(request.POST.get("channel", ""))
    if channel not in CHANNELS:
        toasts.error(request, "Choose one of the channels that are listed.")
        return redirect("notify:audience", slug=slug)
    form = form_for(CHANNELS[channel].Config)(request.POST)
    if form.is_valid():
        config = {name: value for name, value in form.cleaned_data.items() if value not in (None, "")}
        try:
            audience_services.add_destination(
                channel=channel, config=config, audience=found, actor=current_user(request).actor
            )
            toasts.success(request, f"{found} has a new destination.")
            return redirect("notify:audience", slug=slug)
        except Invalid as error:
            name = error.field.removeprefix("config.")
            form.add_error(name if name in form.fields else None, error.message)
    return _audience_page(request, found, form, channel)


@require_POST
@require_level("commander")
def switch_destination(request: HttpRequest, pk: int) -> HttpResponse:
    destination = get_object_or_404(Destination.objects.select_related("audience"), pk=pk, audience__isnull=False)
    enable = request.POST.get("enabled") == "yes"
    reason = "" if enable else "switched off by hand"
    audience_services.set_enabled(
        destination=destination, enabled=enable, actor=current_user(request).actor, reason=reason
    )
    assert destination.audience is not None  # the query asked for it
    return redirect("notify:audience", slug=destination.audience.slug)
