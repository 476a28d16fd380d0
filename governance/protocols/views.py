"""A protocol's page."""

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from governance.protocols.selectors import whole_protocol


@require_GET
@login_required
def protocol_page(request: HttpRequest, slug: str) -> HttpResponse:
    protocol = get_object_or_404(whole_protocol(), slug=slug)
    holders = {safe.address: safe for safe in protocol.safes.all()}
    names = {contract.address: contract.name for contract in protocol.contracts.all()}
    powers = [(power, holders.get(power.holder), names.get(power.holder, "")) for power in protocol.powers.all()]
    return render(request, "governance/protocol.html", {"protocol": protocol, "powers": powers})
