"""Pages: how I am reached. Everybody has their own, and sees nobody else's."""

from typing import Any

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.answers import attempt, sentence
from accounts.decorators import current_user
from integrations.channels import CHANNELS, Undelivered
from integrations.forms import entered, form_for
from ledger import Invalid, Refused
from notify import selectors
from notify.audiences.filling import at_field, key_made_here, refill
from notify.audiences.services import set_enabled
from notify.forms import AboutDestination
from notify.models import Destination
from notify.ways import services
from notify.ways.selectors import reach_of, ways_of


@never_cache
@login_required
@require_GET
def ways(request: HttpRequest) -> HttpResponse:
    return _index(request, request.GET.get("channel", ""))


def _index(request: HttpRequest, channel: str, form: Any = None, about: Any = None) -> HttpResponse:
    user = current_user(request)
    own = ways_of(user)
    channel = channel if channel in CHANNELS else "ntfy"
    context = {
        "ways": own,
        "any_on": any(way.destination.enabled for way in own),
        "full": len(own) >= services.MOST,
        "reach": reach_of(user),
        "form": form or form_for(CHANNELS[channel].Config)(),
        "about": about or AboutDestination(prefix="about"),
        "channel": CHANNELS[channel],
        "channels": sorted(CHANNELS.choices(), key=lambda choice: choice[1].lower()),
    }
    return render(request, "notify/ways/ways.html", context, status=422 if form is not None else 200)


@never_cache
@sensitive_post_parameters()
@require_POST
@login_required
def add(request: HttpRequest) -> HttpResponse:
    """A key that was made here is shown in the answer, and never again."""
    channel = str(request.POST.get("channel", ""))
    if channel not in CHANNELS:
        toasts.error(request, "Choose one of the channels that are listed.")
        return redirect("notify:ways")
    form, about = form_for(CHANNELS[channel].Config)(request.POST), AboutDestination(request.POST, prefix="about")
    if form.is_valid() and about.is_valid():
        config = entered(form)
        try:
            made = services.add_way(user=current_user(request), channel=channel, config=config, **about.cleaned_data)
        except Refused as error:
            toasts.error(request, sentence(error))
            return redirect("notify:ways")
        except Invalid as error:
            at_field(form, error)
        else:
            if key := key_made_here(made, config):
                return _one(request, made, made=key)
            toasts.success(request, "It is added. Send a test to see that it arrives.")
            return redirect("notify:way", pk=made.pk)
    return _index(request, channel, form, about)


def _found(request: HttpRequest, pk: int) -> Destination:
    return get_object_or_404(Destination, pk=pk, user=current_user(request))


@never_cache
@login_required
@require_GET
def way(request: HttpRequest, pk: int) -> HttpResponse:
    return _one(request, _found(request, pk))


def _one(
    request: HttpRequest, found: Destination, *, form: Any = None, about: Any = None, made: str = ""
) -> HttpResponse:
    channel, known = CHANNELS[found.channel], None
    try:
        known = found.config
    except Undelivered as error:
        toasts.error(request, f"Its settings cannot be read: {error.reason}.")
    initial = {"label": found.label, "pause": found.pause}
    context = {
        "way": found,
        "channel": channel,
        "made": made,
        "form": form or form_for(channel.Config, known)(),
        "about": about or AboutDestination(initial=initial, prefix="about"),
        "copies": selectors.copies_of(found, current_user(request)),
    }
    return render(request, "notify/ways/way.html", context, status=422 if form is not None else 200)


@never_cache
@sensitive_post_parameters()
@require_POST
@login_required
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    found = _found(request, pk)
    if (wrong := refill(request, found)) is None:
        return redirect("notify:way", pk=pk)
    return _one(request, found, form=wrong[0], about=wrong[1])


@require_POST
@login_required
def switch(request: HttpRequest, pk: int) -> HttpResponse:
    found, on = _found(request, pk), request.POST.get("enabled") == "yes"
    reason = "" if on else "switched off by hand"
    set_enabled(destination=found, enabled=on, actor=current_user(request).actor, reason=reason)
    toasts.success(request, "It is switched on." if on else "It is switched off: nothing is sent there.")
    return redirect("notify:way", pk=pk)


@require_POST
@login_required
def test(request: HttpRequest, pk: int) -> HttpResponse:
    """On to the test's own page, which follows it."""
    found, sent = _found(request, pk), []
    done = "The test is on its way. Its tries stand here."
    actor = current_user(request).actor
    if attempt(request, lambda: sent.append(services.try_way(way=found, actor=actor)), done):
        return redirect("notify:message", pk=sent[0].pk)
    return redirect("notify:way", pk=pk)


@require_POST
@login_required
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    services.remove_way(way=_found(request, pk), actor=current_user(request).actor)
    toasts.success(request, "It is removed: nothing is sent there any more.")
    return redirect("notify:ways")
