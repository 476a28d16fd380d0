"""Choose a letter, fill it in, read it as each audience will, and ask a commander to let it out."""

import hashlib
from typing import Any

from django.contrib import messages as toasts
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.answers import at_field
from accounts.decorators import current_user, require_level
from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.selectors import visible_incidents
from incidents.telling.facts import facts_of
from incidents.telling.forms import LetterForm
from ledger import Invalid, Refused
from notify import selectors
from notify.letters.catalogue import CATALOGUE, CORRECTION
from notify.letters.services import Draft, ask, drafts


@require_GET
@require_level("responder")
def choose(request: HttpRequest) -> HttpResponse:
    incident = _incident(request, current_user(request))
    return render(request, "incidents/telling/choose.html", {"letters": CATALOGUE.values(), "incident": incident})


@require_http_methods(["GET", "POST"])
@require_level("responder")
def write(request: HttpRequest, slug: str) -> HttpResponse:
    letter = CATALOGUE.get(slug)
    if letter is None:
        raise Http404
    user = current_user(request)
    incident = _incident(request, user)
    data = request.POST if request.method == "POST" else None
    form = LetterForm(letter, incident.scope if incident else None, None, data, facts_of(incident, user))
    return _written(request, form, {"incident": incident})


@require_http_methods(["GET", "POST"])
@require_level("responder")
def correct(request: HttpRequest, pk: int) -> HttpResponse:
    """Put right what was said, for those who heard it."""
    wrong = get_object_or_404(selectors.correctable(current_user(request)), pk=pk)
    data = request.POST if request.method == "POST" else None
    return _written(request, LetterForm(CORRECTION, wrong.scope, wrong, data), {"corrects": wrong})


def _written(request: HttpRequest, form: LetterForm, about: dict[str, Any]) -> HttpResponse:
    """The form, what it makes for each audience, and, once exactly that was read, the messages that wait."""
    found: list[Draft] = []
    asks = request.POST.get("do") == "ask"
    if form.is_valid():
        try:
            found = drafts(form.filled(), form.cleaned_data["audiences"])
            if asks and form.cleaned_data["seen"] == _seen(found):
                return _asked(request, form, current_user(request))
        except (Invalid, Refused) as error:
            found = []
            at_field(form, error)
    context = {
        **about,
        "letter": form.letter,
        "form": form,
        "drafts": found,
        "seen": _seen(found),
        "by": form.filled().next_update_by if found else None,
        "changed": found and asks,
    }
    return render(request, "incidents/telling/write.html", context, status=400 if form.errors else 200)


def _asked(request: HttpRequest, form: LetterForm, user: User) -> HttpResponse:
    key = f"letter:{user.pk}:{form.cleaned_data['key']}"
    made = ask(form.filled(), form.cleaned_data["audiences"], key=key, actor=user.actor, scope=form.scope)
    toasts.success(request, "A commander other than you has to approve it now.")
    return redirect("notify:message", made[0].pk) if len(made) == 1 else redirect("notify:messages")


def _seen(found: list[Draft]) -> str:
    """What was read in the preview; other words than these are not asked for."""
    words = "\0".join(f"{one.audience.slug}\0{one.subject}\0{one.body}" for one in found)
    return hashlib.sha256(words.encode()).hexdigest() if found else ""


def _incident(request: HttpRequest, user: User) -> Incident | None:
    asked = request.GET.get("incident", "")
    if not asked:
        return None
    if not asked.isascii() or not asked.isdigit() or len(asked) > 18:
        raise Http404
    return get_object_or_404(visible_incidents(user), pk=int(asked))
