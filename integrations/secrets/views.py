"""The page of named secrets: everybody sees which there are, an admin sets them, nobody reads them."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from accounts.levels import Level
from integrations.secrets import services
from integrations.secrets.forms import SecretForm
from integrations.secrets.models import Secret
from ledger.errors import Invalid


@never_cache
@login_required
@require_GET
def secrets(request: HttpRequest) -> HttpResponse:
    again = request.GET.get("name", "")
    found = Secret.objects.filter(name=again).first() if again else None
    known = {"name": found.name, "note": found.note, "hosts": ", ".join(found.hosts)} if found else {}
    return _page(request, SecretForm(initial=known))


def _page(request: HttpRequest, form: SecretForm) -> HttpResponse:
    context: dict[str, Any] = {
        "secrets": Secret.objects.all(),
        "form": form,
        "may_set": current_user(request).has_level(Level.ADMIN),
    }
    return render(request, "integrations/secrets.html", context, status=422 if form.errors else 200)


@never_cache
@sensitive_post_parameters("value")
@require_POST
@require_level("admin")
def set_secret(request: HttpRequest) -> HttpResponse:
    form = SecretForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.set_secret(
                name=given["name"],
                value=given["value"],
                note=given["note"],
                hosts=given["hosts"].replace(",", " ").split(),
                actor=current_user(request).actor,
            )
        except Invalid as error:
            at_field(form, error)
        else:
            attempt(request, lambda: None, f"The secret {given['name']} is set.")
            return redirect("integrations:secrets")
    return _page(request, form)


@require_POST
@require_level("admin")
def remove_secret(request: HttpRequest, name: str) -> HttpResponse:
    actor = current_user(request).actor
    attempt(request, lambda: services.remove_secret(name=name, actor=actor), f"The secret {name} is gone.")
    return redirect("integrations:secrets")
