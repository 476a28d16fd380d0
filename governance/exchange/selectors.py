"""How far we are with a service, for pages and the API."""

from dataclasses import dataclass
from typing import Any

from governance.exchange.models import Exchange, Given, Oddity, SafeService
from governance.proposals.counting import COLLECTING
from governance.proposals.models import Proposal
from governance.safes.models import Safe
from integrations.outgoing import OutgoingError, read_url

SHOWN = 5


@dataclass(frozen=True)
class State:
    """`service` is None where the chain has none; then nothing is exchanged."""

    service: SafeService | None
    exchange: Exchange
    odd: list[Oddity]
    odd_count: int
    refused: list[Given]

    @property
    def place(self) -> str:
        return place_of(self.service) if self.service else ""


def place_of(service: SafeService) -> str:
    """Host and port; the path is nobody's business here."""
    try:
        return read_url(service.url).place.removesuffix(":443")
    except OutgoingError:
        return "an address that cannot be called"


def state_of(safe: Safe, viewer: Any) -> State:
    service = SafeService.objects.filter(chain=safe.chain_id).defer("key").first()
    exchange = Exchange.objects.filter(safe=safe).first() or Exchange(safe=safe)
    odd = Oddity.objects.filter(safe=safe)
    seen = Proposal.objects.visible_to(viewer).filter(safe=safe, status__in=COLLECTING)
    refused = Given.objects.filter(proposal__in=seen).exclude(refusal="")
    return State(service, exchange, list(odd[:SHOWN]), odd.count(), list(refused.select_related("proposal")[:SHOWN]))
