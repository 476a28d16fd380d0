"""Pages: the services of the chains, and what of a Safe goes to its one."""

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_POST

from accounts.answers import at_field, attempt
from accounts.decorators import current_user, require_level
from accounts.levels import Level
from governance.exchange import services
from governance.exchange.models import SafeService
from governance.exchange.selectors import place_of
from governance.safes.models import Safe
from integrations.chain.models import Chain
from ledger import Invalid

QUIET = {"autocomplete": "off", "spellcheck": "false"}


class ServiceForm(forms.Form):
    """The key travels one way: it is never put back into the form."""

    chain = forms.ModelChoiceField(Chain.objects.all(), empty_label=None)
    url = forms.CharField(
        max_length=services.LONGEST_URL,
        label="Address",
        help_text=f"Of the service itself: {services.BASE}.",
        widget=forms.TextInput(attrs=QUIET),
    )
    key = forms.CharField(
        max_length=services.LONGEST_KEY,
        required=False,
        label="API key",
        help_text="Empty: the one that is set stays. It is sealed, sent to this host alone, and never shown again.",
        widget=forms.PasswordInput(attrs=QUIET),
    )
    without_key = forms.BooleanField(required=False, label="Use no key", help_text="Takes away the one that is set.")
    enabled = forms.BooleanField(required=False, initial=True, label="Exchange with it")


@never_cache
@login_required
@require_GET
def index(request: HttpRequest) -> HttpResponse:
    again = request.GET.get("chain", "")
    found = SafeService.objects.filter(chain=int(again)).first() if again.isdecimal() and len(again) < 10 else None
    known = {"chain": found.chain_id, "url": found.url, "enabled": found.enabled} if found else {}
    return _page(request, ServiceForm(initial=known))


def _page(request: HttpRequest, form: ServiceForm) -> HttpResponse:
    rows = SafeService.objects.select_related("chain")
    context = {
        "services": [(row, place_of(row), Safe.objects.filter(chain=row.chain).count()) for row in rows],
        "form": form,
        "chains": Chain.objects.exists(),
        "may_set": current_user(request).has_level(Level.ADMIN),
    }
    return render(request, "governance/safe_services.html", context, status=422 if form.errors else 200)


@never_cache
@sensitive_post_parameters("key")
@require_POST
@require_level("admin")
def set_service(request: HttpRequest) -> HttpResponse:
    form = ServiceForm(request.POST)
    if form.is_valid():
        data = dict(form.cleaned_data)
        key = "" if data.pop("without_key") else data.pop("key") or None
        data.pop("key", None)
        try:
            services.set_service(**data, key=key, actor=current_user(request).actor)
        except Invalid as error:
            at_field(form, error)
        else:
            attempt(request, lambda: None, f"The service of {data['chain'].name} is set.")
            return redirect("governance:safe-services")
    return _page(request, form)


@require_POST
@require_level("admin")
def remove_service(request: HttpRequest, pk: int) -> HttpResponse:
    service = get_object_or_404(SafeService.objects.select_related("chain"), pk=pk)
    name, actor = service.chain.name, current_user(request).actor
    attempt(request, lambda: services.remove_service(service=service, actor=actor), f"{name} has no service now.")
    return redirect("governance:safe-services")


@require_POST
@require_level("admin")
def set_sharing(request: HttpRequest, pk: int) -> HttpResponse:
    safe = get_object_or_404(Safe, pk=pk)
    actor, sharing = current_user(request).actor, request.POST.get("sharing", "")
    attempt(request, lambda: services.set_sharing(safe=safe, sharing=sharing, actor=actor), "Noted.")
    return redirect("governance:safe", pk)
