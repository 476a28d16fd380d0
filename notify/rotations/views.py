"""Pages of rotations: who is on call now and next, the days to come, who stands in."""

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from ledger import Invalid
from notify.ladders.gaps import gaps, rotation_gaps
from notify.rotations import services
from notify.rotations.forms import OverrideForm, RotationForm
from notify.rotations.models import Override, Rotation
from notify.rotations.selectors import calendar, calendars


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    may_change = current_user(request).has_level("commander")
    context = {"calendars": calendars(), "gaps": gaps(), "may_change": may_change}
    return render(request, "notify/rotations.html", context)


@require_GET
@login_required
def one(request: HttpRequest, slug: str) -> HttpResponse:
    rotation = get_object_or_404(Rotation, slug=slug)
    return _page(request, rotation, OverrideForm(zone=rotation.zone))


def _page(request: HttpRequest, rotation: Rotation, form: OverrideForm) -> HttpResponse:
    user, shown = current_user(request), calendar(rotation)
    context = {
        "rotation": rotation,
        "calendar": shown,
        "gaps": rotation_gaps(shown),
        "overrides": rotation.overrides.filter(removed_at=None, until__gt=timezone.now()).select_related("user"),
        "form": form,
        "may_stand_in": user.has_level("responder"),
        "may_change": user.has_level("commander"),
    }
    return render(request, "notify/rotation.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def new(request: HttpRequest) -> HttpResponse:
    return _edited(request, None)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    return _edited(request, get_object_or_404(Rotation, slug=slug))


def _edited(request: HttpRequest, rotation: Rotation | None) -> HttpResponse:
    form = RotationForm(request.POST if request.method == "POST" else None, rotation=rotation)
    if request.method == "POST" and form.is_valid():
        data, actor = form.cleaned_data, current_user(request).actor
        slug = rotation.slug if rotation else data["slug"]
        try:
            if rotation is None and Rotation.objects.filter(slug=slug).exists():
                raise Invalid("slug", "This short name is taken", "another one")
            saved = services.save_rotation(
                slug=slug, name=data["name"], zone=data["zone"], layers=form.asked(), actor=actor
            )
            toasts.success(request, f"{saved} is saved.")
            return redirect("notify:rotation", saved.slug)
        except Invalid as error:
            form.refuse(error)
    status = 422 if form.errors else 200
    return render(request, "notify/rotation_edit.html", {"form": form, "rotation": rotation}, status=status)


@require_POST
@require_level("commander")
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    rotation = get_object_or_404(Rotation, slug=slug)
    actor = current_user(request).actor
    done = attempt(request, lambda: services.remove_rotation(rotation=rotation, actor=actor), f"{rotation} is removed.")
    return redirect("notify:rotations") if done else redirect("notify:rotation", slug)


@require_POST
@require_level("responder")
def stand_in(request: HttpRequest, slug: str) -> HttpResponse:
    rotation = get_object_or_404(Rotation, slug=slug)
    form = OverrideForm(request.POST, zone=rotation.zone)
    if form.is_valid():
        try:
            made = services.add_override(rotation=rotation, actor=current_user(request).actor, **form.cleaned_data)
            toasts.success(request, f"{made.user} stands in.")
            return redirect("notify:rotation", slug)
        except Invalid as error:
            at_field(form, error)
    return _page(request, rotation, form)


@require_POST
@require_level("responder")
def take_back(request: HttpRequest, pk: int) -> HttpResponse:
    override = get_object_or_404(Override.objects.select_related("rotation", "user"), pk=pk)
    actor = current_user(request).actor
    attempt(request, lambda: services.remove_override(override=override, actor=actor), "Taken back.")
    return redirect("notify:rotation", override.rotation.slug)
