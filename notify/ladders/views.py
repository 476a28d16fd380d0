"""Pages of ladders."""

from dataclasses import dataclass

from django.contrib import messages as toasts
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.answers import attempt
from accounts.decorators import current_user, require_level
from accounts.models import User
from ledger import Invalid
from notify.ladders import services
from notify.ladders.forms import LadderForm
from notify.ladders.gaps import gaps, gaps_of, unreachable
from notify.ladders.models import Ladder
from notify.ladders.steps import DEFAULT, Climb, thawed
from notify.ladders.targets import people


@dataclass(frozen=True)
class StepNow:
    """A step as it would be told now."""

    after: int
    targets: tuple[str, ...]
    people: dict[User, str]  # with why they cannot be told


def steps_now(climb: Climb) -> list[StepNow]:
    found = []
    for step in climb.steps:
        those = dict.fromkeys(user for target in step.targets for user in people(*target.split(":", 1)))
        silent = unreachable(those)
        found.append(StepNow(step.after, step.targets, {user: silent.get(user, "") for user in those}))
    return found


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    ladders = list(Ladder.objects.all())
    context = {
        "ladders": ladders,
        "default": steps_now(thawed(DEFAULT)) if not ladders else (),
        "gaps": gaps(),
        "may_change": current_user(request).has_level("commander"),
    }
    return render(request, "notify/ladders.html", context)


@require_GET
@login_required
def one(request: HttpRequest, slug: str) -> HttpResponse:
    ladder = get_object_or_404(Ladder, slug=slug)
    context = {
        "ladder": ladder,
        "climb": ladder.climbing,
        "steps": steps_now(ladder.climbing),
        "gaps": gaps_of(ladder),
        "may_change": current_user(request).has_level("commander"),
    }
    return render(request, "notify/ladder.html", context)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def new(request: HttpRequest) -> HttpResponse:
    return _edited(request, None)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def edit(request: HttpRequest, slug: str) -> HttpResponse:
    return _edited(request, get_object_or_404(Ladder, slug=slug))


def _edited(request: HttpRequest, ladder: Ladder | None) -> HttpResponse:
    form = LadderForm(request.POST if request.method == "POST" else None, ladder=ladder)
    if request.method == "POST" and form.is_valid():
        slug = ladder.slug if ladder else form.cleaned_data["slug"]
        try:
            if ladder is None and Ladder.objects.filter(slug=slug).exists():
                raise Invalid("slug", "This short name is taken", "another one")
            name, actor = form.cleaned_data["name"], current_user(request).actor
            saved = services.save_ladder(slug=slug, name=name, climb=form.climb(), actor=actor)
            toasts.success(request, f"{saved} is saved. Pages that climb already keep the ladder they began with.")
            return redirect("notify:ladder", saved.slug)
        except Invalid as error:
            form.refuse(error)
    status = 422 if form.errors else 200
    return render(request, "notify/ladder_edit.html", {"form": form, "ladder": ladder}, status=status)


@require_POST
@require_level("commander")
def remove(request: HttpRequest, slug: str) -> HttpResponse:
    ladder = get_object_or_404(Ladder, slug=slug)
    done = attempt(
        request,
        lambda: services.remove_ladder(ladder=ladder, actor=current_user(request).actor),
        f"{ladder} is removed. Pages that climb already keep it.",
    )
    return redirect("notify:ladders") if done else redirect("notify:ladder", slug)
