"""Pages of protocols: everybody reads them, an admin sets them up."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.answers import attempt
from accounts.decorators import current_user, require_level
from accounts.levels import Level
from governance.protocols import registering, services
from governance.protocols.forms import (
    AllowAddressForm,
    AllowFunctionsForm,
    ChangeContractForm,
    ContractForm,
    ProtocolForm,
)
from governance.protocols.models import Allowed, Contract, Protocol
from governance.protocols.pinned import functions_of
from governance.protocols.selectors import allow_list, unguarded, whole_protocol
from integrations.chain.models import Chain
from ledger import Invalid, Refused


@require_GET
@login_required
def protocol_page(request: HttpRequest, slug: str) -> HttpResponse:
    protocol = get_object_or_404(whole_protocol(), slug=slug)
    holders = {safe.address: safe for safe in protocol.safes.all()}
    names = {contract.address: contract.name for contract in protocol.contracts.all()}
    context = {
        "protocol": protocol,
        "powers": [(power, holders.get(power.holder), names.get(power.holder, "")) for power in protocol.powers.all()],
        "allowed": allow_list(protocol),
        "unguarded": unguarded(protocol),
        "may_set": current_user(request).has_level(Level.ADMIN),
    }
    return render(request, "governance/protocol.html", context)


def _done(form: forms.Form, act: Callable[[], Any]) -> Any:
    """What was made, or None with the reason at its field."""
    try:
        return act()
    except Invalid as error:
        name, _, inside = error.field.partition(".")
        said = f"{inside}: {error.message}" if inside else error.message[:1].upper() + error.message[1:]
        hint = f" Right would be: {error.hint}." if error.hint else ""
        form.add_error(name if name in form.fields else None, f"{said.rstrip('.')}.{hint}")
    except Refused as error:
        form.add_error(None, f"{error.message} {error.hint}".strip())
    return None


@require_http_methods(["GET", "POST"])
@require_level("admin")
def new_protocol(request: HttpRequest) -> HttpResponse:
    form, actor = ProtocolForm(request.POST or None), current_user(request).actor
    if form.is_valid() and (made := _done(form, lambda: registering.add_protocol(actor=actor, **form.cleaned_data))):
        return redirect("governance:protocol", made.slug)
    context = {"form": form, "title": "Protect a protocol", "verb": "Add it"}
    return render(request, "governance/protocol_form.html", context, status=422 if form.errors else 200)


@require_http_methods(["GET", "POST"])
@require_level("admin")
def new_contract(request: HttpRequest, slug: str) -> HttpResponse:
    protocol = get_object_or_404(Protocol, slug=slug)
    form, actor = ContractForm(request.POST or None), current_user(request).actor

    def register() -> Contract:
        return registering.register_contract(protocol=protocol, actor=actor, **form.cleaned_data)

    if form.is_valid() and (made := _done(form, register)):
        messages.success(request, f"{made.name} is registered.")
        return redirect("governance:contract", made.pk)
    context = {"protocol": protocol, "form": form, "title": "Register a contract", "verb": "Register it"}
    context |= {"lead": "Its ABI and the code that stands there now are pinned."}
    context |= {"missing": "" if Chain.objects.exists() else "No chain is set up yet"}
    return render(request, "governance/protocol_form.html", context, status=422 if form.errors else 200)


@require_GET
@login_required
def contract_page(request: HttpRequest, pk: int) -> HttpResponse:
    return _contract_page(request, pk)


@require_POST
@require_level("admin")
def change_contract(request: HttpRequest, pk: int) -> HttpResponse:
    contract, actor = get_object_or_404(Contract.objects.select_related("chain"), pk=pk), current_user(request).actor
    form = ChangeContractForm(request.POST)

    def change() -> Contract:
        data = {**form.cleaned_data, "abi": form.cleaned_data["abi"] or None}
        return registering.change_contract(contract=contract, actor=actor, **data)

    if form.is_valid() and _done(form, change):
        messages.success(request, "Changed.")
        return redirect("governance:contract", pk)
    return _contract_page(request, pk, form)


def _contract_page(request: HttpRequest, pk: int, form: ChangeContractForm | None = None) -> HttpResponse:
    contract = get_object_or_404(Contract.objects.select_related("chain", "protocol"), pk=pk)
    listed = Allowed.objects.filter(protocol=contract.protocol, chain=contract.chain, address=contract.address)
    allowed = set(listed.values_list("function", flat=True))
    functions = sorted(functions_of(contract).values(), key=lambda one: (one.reads_only, one.signature))
    writing = [one for one in functions if not one.reads_only]
    context = {
        "contract": contract,
        "writing": [(one.signature, f"0x{one.selector.hex()}", one.signature in allowed) for one in writing],
        "reading": [one.signature for one in functions if one.reads_only],
        "form": form or ChangeContractForm(initial={"name": contract.name, "role": contract.role}),
        "may_set": current_user(request).has_level(Level.ADMIN),
    }
    return render(request, "governance/contract.html", context, status=422 if form and form.errors else 200)


@require_POST
@require_level("admin")
def remove_contract(request: HttpRequest, pk: int) -> HttpResponse:
    contract = get_object_or_404(Contract.objects.select_related("protocol", "chain"), pk=pk)
    name, slug, actor = contract.name, contract.protocol.slug, current_user(request).actor
    if attempt(
        request,
        lambda: registering.remove_contract(contract=contract, actor=actor),
        f"{name} is not registered any more.",
    ):
        return redirect("governance:protocol", slug)
    return redirect("governance:contract", pk)


@require_http_methods(["GET", "POST"])
@require_level("admin")
def allow(request: HttpRequest, slug: str) -> HttpResponse:
    """Which contract, then what of it; or an address that is not registered."""
    protocol = get_object_or_404(Protocol, slug=slug)
    chosen = request.GET.get("contract", "")
    contracts = Contract.objects.select_related("chain").order_by("protocol", "name").defer("abi")
    contract = contracts.defer(None).filter(pk=int(chosen)).first() if chosen.isdecimal() and len(chosen) < 10 else None
    asked = request.POST if request.method == "POST" else None
    form = AllowFunctionsForm(protocol, contract, asked) if contract else AllowAddressForm(asked)
    actor = current_user(request).actor

    def add() -> bool:
        if contract is not None:
            where: dict[str, Any] = {"chain": contract.chain, "address": contract.address, "functions": form.chosen}
        else:
            where = {name: value for name, value in form.cleaned_data.items() if name != "function"}
            where["functions"] = form.chosen
        made = services.allow(protocol=protocol, actor=actor, **where)
        messages.success(request, f"Allowed: {len(made)} line{'' if len(made) == 1 else 's'} more on the list.")
        return True

    if form.is_valid() and _done(form, add):
        return redirect("governance:protocol", slug)
    context = {"protocol": protocol, "form": form, "contract": contract, "contracts": contracts}
    return render(request, "governance/allow.html", context, status=422 if form.errors else 200)


@require_POST
@require_level("admin")
def disallow(request: HttpRequest, pk: int) -> HttpResponse:
    row = get_object_or_404(Allowed.objects.select_related("protocol", "chain"), pk=pk)
    said, actor = f"{row} is not on the list any more.", current_user(request).actor
    attempt(request, lambda: services.disallow(allowed=row, actor=actor), said)
    return redirect("governance:protocol", row.protocol.slug)
