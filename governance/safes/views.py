"""Pages of Safes."""

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.decorators import current_user, require_level
from governance.exchange.models import Sharing
from governance.exchange.selectors import state_of
from governance.proposals.approving import look
from governance.proposals.counting import COLLECTING
from governance.proposals.forms import add_error
from governance.proposals.models import OPEN
from governance.proposals.queue import queue_of
from governance.proposals.selectors import people_of, visible_proposals
from governance.protocols.models import Protocol
from governance.safes.models import Safe
from governance.safes.selectors import all_safes, safes_with_queues, well_known_owners
from governance.safes.services import assign, refresh, register, register_owners
from integrations.chain.errors import RpcError
from integrations.chain.models import Chain
from ledger import Invalid, Refused
from ledger.selectors import last_seq


class RegisterForm(forms.Form):
    chain = forms.ModelChoiceField(Chain.objects.all(), empty_label=None)
    address = forms.CharField(max_length=42, help_text="Of the Safe itself, with its checksum.")
    label = forms.CharField(max_length=80, help_text="How people here call it.")
    protocol = forms.ModelChoiceField(Protocol.objects.all(), required=False, empty_label="none")
    owners_too = forms.BooleanField(
        required=False,
        initial=True,
        label="Owners too",
        help_text="Owners that are Safes themselves are registered as well, so that their owners can sign here.",
    )


@require_GET
@login_required
def index(request: HttpRequest) -> HttpResponse:
    context = {"safes": safes_with_queues(request.user), "may_register": current_user(request).has_level("commander")}
    return render(request, "governance/safes.html", context)


@require_GET
@login_required
def safe_page(request: HttpRequest, pk: int) -> HttpResponse:
    user = current_user(request)
    seq = last_seq()  # before the rest is read: what comes meanwhile is replayed
    safe = get_object_or_404(all_safes(), pk=pk)
    people = people_of(list(safe.owners))
    known = {other.address: other for other in Safe.objects.filter(chain=safe.chain)}
    context = {
        "safe": safe,
        "owners": [(owner, people.get(owner), known.get(owner)) for owner in safe.owners],
        "well_known": well_known_owners(safe),
        "queue": queue_of(safe, user),
        "owning": Safe.objects.filter(chain=safe.chain, owners__contains=[safe.address]),
        "past": visible_proposals(user).filter(safe=safe).exclude(status__in=OPEN).order_by("-pk")[:20],
        "may_respond": user.has_level("responder"),
        "may_set": user.has_level("admin"),
        "exchanged": state_of(safe, user),
        "sharing_choices": Sharing.choices,
        "protocols": Protocol.objects.all(),
        "seq": seq,
    }
    return render(request, "governance/safe.html", context)


@require_GET
@login_required
def queue_part(request: HttpRequest, pk: int) -> HttpResponse:
    """The queue alone, asked for again by the page when something in it moved."""
    user = current_user(request)
    safe = get_object_or_404(all_safes(), pk=pk)
    context = {"safe": safe, "queue": queue_of(safe, user), "may_respond": user.has_level("responder")}
    return render(request, "governance/queue.html", context)


@require_http_methods(["GET", "POST"])
@require_level("commander")
def new(request: HttpRequest) -> HttpResponse:
    form = RegisterForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        data, actor = dict(form.cleaned_data), current_user(request).actor
        owners_too = data.pop("owners_too")
        try:
            safe = register(actor=actor, **data)
            if owners_too:
                register_owners(safe=safe, actor=actor)
        except Invalid as error:
            add_error(form, error)
        except Refused as error:
            form.add_error(None, f"{error.message} {error.hint}".strip())
        else:
            return redirect("governance:safe", safe.pk)
    context = {"form": form, "chains": Chain.objects.exists()}
    return render(request, "governance/register_safe.html", context, status=400 if form.errors else 200)


@require_POST
@require_level("admin")
def assign_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Whose allow-list it is held against."""
    safe = get_object_or_404(Safe, pk=pk)
    slug, actor = request.POST.get("protocol", ""), current_user(request).actor
    protocol = get_object_or_404(Protocol, slug=slug) if slug else None
    assign(safe=safe, protocol=protocol, actor=actor)
    messages.success(request, f"{safe.label} belongs to {protocol or 'no protocol'} now.")
    return redirect("governance:safe", pk)


@require_POST
@require_level("responder")
def refresh_view(request: HttpRequest, pk: int) -> HttpResponse:
    safe = get_object_or_404(Safe.objects.select_related("chain"), pk=pk)
    try:
        refresh(safe=safe, actor=current_user(request).actor)
        for proposal in safe.proposals.filter(status__in=COLLECTING).select_related("safe__chain", "scope"):
            look(proposal)
    except Refused as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
    except RpcError:
        messages.error(request, f"{safe.chain.name} cannot be read at this moment. Try again.")
    return redirect("governance:safe", pk)
