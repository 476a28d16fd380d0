"""The page of maintenance windows."""

from datetime import timedelta

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from accounts.levels import Level
from incidents.windows import services
from incidents.windows.forms import WindowForm
from incidents.windows.models import Window
from ledger import Invalid

SHOWN = 50


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def windows(request: HttpRequest) -> HttpResponse:
    """Everybody sees what is muted; a commander opens and ends."""
    user = current_user(request)
    form = WindowForm(request.POST or None)
    if request.method == "POST":
        if not user.has_level(Level.COMMANDER):
            raise PermissionDenied("this needs the level commander")
        if form.is_valid():
            given = dict(form.cleaned_data)
            begin = given.pop("starts_at") or timezone.now()
            try:
                end = begin + timedelta(hours=given.pop("hours"))
                services.open_window(**given, starts_at=begin, ends_at=end, actor=user.actor)
            except Invalid as error:
                at_field(form, error)
            else:
                return redirect("incidents:windows")
    context = {
        "form": form,
        "windows": Window.objects.select_related("protocol")[:SHOWN],
        "may_mute": user.has_level(Level.COMMANDER),
    }
    return render(request, "incidents/windows.html", context, status=422 if form.errors else 200)


@require_POST
@require_level("commander")
def end(request: HttpRequest, pk: int) -> HttpResponse:
    window = get_object_or_404(Window, pk=pk)
    actor = current_user(request).actor
    attempt(request, lambda: services.end_window(window=window, actor=actor), f"{window.title} is over.")
    return redirect("incidents:windows")
