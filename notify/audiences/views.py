"""Pages: who can be told, and by which ways."""

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.answers import attempt
from accounts.decorators import current_user, require_level
from accounts.levels import Level
from integrations.channels import CHANNELS, Undelivered
from integrations.forms import entered, form_for
from ledger import Invalid
from notify import selectors
from notify.audiences import changing, services
from notify.audiences.filling import at_field, key_made_here, refill
from notify.audiences.selectors import people_of
from notify.deliveries.testing import send_test
from notify.forms import AboutDestination, NewAudience
from notify.models import Audience, Destination


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
    added = services.add_audience(**form.cleaned_data, kind=Audience.Kind.OUTSIDE, actor=current_user(request).actor)
    toasts.success(request, f"{added} can be told now. Add a destination.")
    return redirect("notify:audience", slug=added.slug)


@login_required
def audience(request: HttpRequest, slug: str) -> HttpResponse:
    return _audience_page(request, get_object_or_404(Audience, slug=slug), request.GET.get("channel", ""))


def _audience_page(
    request: HttpRequest, found: Audience, channel: str, form: Any = None, about: Any = None
) -> HttpResponse:
    channel = channel if channel in CHANNELS else "email"
    context = {
        "audience": found,
        "people": people_of(found),
        "destinations": found.destinations.filter(subscriber=None).order_by("pk"),
        "subscribers": found.subscribers.filter(status="confirmed").count(),
        "form": form or form_for(CHANNELS[channel].Config)(),
        "about": about or AboutDestination(prefix="about"),
        "channel": CHANNELS[channel],
        "channels": sorted(CHANNELS.choices(), key=lambda choice: choice[1].lower()),
        "may_change": current_user(request).has_level("commander"),
        "sees_addresses": current_user(request).level != Level.VIEWER,
    }
    return render(request, "notify/audience.html", context, status=422 if form is not None else 200)


@never_cache
@sensitive_post_parameters()
@require_POST
@require_level("commander")
def add_destination(request: HttpRequest, slug: str) -> HttpResponse:
    """A key that was made here is shown in the answer, and never again."""
    found = get_object_or_404(Audience, slug=slug)
    channel = str(request.POST.get("channel", ""))
    if channel not in CHANNELS:
        toasts.error(request, "Choose one of the channels that are listed.")
        return redirect("notify:audience", slug=slug)
    form, about = form_for(CHANNELS[channel].Config)(request.POST), AboutDestination(request.POST, prefix="about")
    if form.is_valid() and about.is_valid():
        config = entered(form)
        try:
            added = services.add_destination(
                channel=channel,
                config=config,
                audience=found,
                actor=current_user(request).actor,
                **about.cleaned_data,
            )
        except Invalid as error:
            at_field(form, error)
        else:
            if made := key_made_here(added, config):
                return _page(request, added, made=made)
            toasts.success(request, f"{found} has a new destination. Send a test to see that it arrives.")
            return redirect("notify:destination", pk=added.pk)
    return _audience_page(request, found, channel, form, about)


# --- one destination


def _found(pk: int) -> Destination:
    """Of an audience: a person's own ways are nobody else's to see."""
    return get_object_or_404(Destination.objects.select_related("audience"), pk=pk, audience__isnull=False)


@never_cache
@login_required
@require_GET
def destination(request: HttpRequest, pk: int) -> HttpResponse:
    return _page(request, _found(pk))


def _page(
    request: HttpRequest, found: Destination, *, form: Any = None, about: Any = None, made: str = ""
) -> HttpResponse:
    channel, known, changing_key = CHANNELS[found.channel], None, False
    try:
        known = found.config
        changing_key = channel.settled(known) is not None
    except Undelivered as error:
        toasts.error(request, f"Its settings cannot be read: {error.reason}.")
    initial = {"label": found.label, "pause": found.pause}
    user = current_user(request)
    context = {
        "destination": found,
        "channel": channel,
        "crumbs": _crumbs(found.audience),
        "patience": f"{channel.patience.total_seconds() / 3600:.0f} hours",
        "made": made,
        "signs": known is not None and channel.rotated(known) is not None,
        "changing_key": changing_key,
        "form": form or form_for(channel.Config, known)(),
        "about": about or AboutDestination(initial=initial, prefix="about"),
        "copies": selectors.copies_of(found, user),
        "may_change": user.has_level("commander"),
        "sees_addresses": user.level != Level.VIEWER,
    }
    return render(request, "notify/destination.html", context, status=422 if form is not None else 200)


def _crumbs(audience: Audience | None) -> str:
    """Crumbs are told apart by commas."""
    name, slug = (audience.name.replace(",", " "), audience.slug) if audience else ("", "")
    return f"Audiences=/notify/audiences/, {name}=/notify/audiences/{slug}/"


@never_cache
@sensitive_post_parameters()
@require_POST
@require_level("commander")
def edit_destination(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(pk)
    if (wrong := refill(request, found)) is None:
        return redirect("notify:destination", pk=pk)
    return _page(request, found, form=wrong[0], about=wrong[1])


@require_POST
@require_level("commander")
def switch_destination(request: HttpRequest, pk: int) -> HttpResponse:
    found, enable = _found(pk), request.POST.get("enabled") == "yes"
    reason = "" if enable else "switched off by hand"
    services.set_enabled(destination=found, enabled=enable, actor=current_user(request).actor, reason=reason)
    toasts.success(request, "It is switched on." if enable else "It is switched off: nothing is sent there.")
    return redirect("notify:destination", pk=pk)


@require_POST
@require_level("commander")
def test_destination(request: HttpRequest, pk: int) -> HttpResponse:
    """On to the test's own page, which follows it."""
    sent = send_test(destination=_found(pk), actor=current_user(request).actor)
    toasts.success(request, "The test is on its way. Its tries stand here.")
    return redirect("notify:message", pk=sent.pk)


@never_cache
@require_POST
@require_level("commander")
def change_key(request: HttpRequest, pk: int) -> HttpResponse:
    """The new key is shown in the answer, and never again."""
    found, made = _found(pk), []
    actor = current_user(request).actor
    done = "From now on both keys sign."
    attempt(request, lambda: made.append(changing.rotate_key(destination=found, actor=actor)), done)
    found.refresh_from_db()
    return _page(request, found, made=made[0] if made else "")


@require_POST
@require_level("commander")
def settle_key(request: HttpRequest, pk: int) -> HttpResponse:
    found, actor = _found(pk), current_user(request).actor
    attempt(request, lambda: changing.settle_key(destination=found, actor=actor), "The old key signs nothing any more.")
    return redirect("notify:destination", pk=pk)
