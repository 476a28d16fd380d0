"""The demo's outside audiences; those inside come with the tables."""

from notify.audiences.models import Destination
from notify.audiences.services import add_audience, add_destination

OUTSIDE = (
    ("stakeholders", "Stakeholders", "Partners, told of every pause and every restart", "partners@helix.example"),
    ("lps", "Liquidity providers", "Those whose collateral is in the vault", "lps@helix.example"),
    ("market-makers", "Market makers", "Desks that must cancel their quotes", "desk@makers.example"),
    ("exchanges", "Exchanges", "Asked to freeze, or to stop deposits", "security@exchange.example"),
    ("bridges", "Bridges", "Asked to stop transfers", "security@bridge.example"),
    ("issuers", "Issuers", "Asked to block addresses in their tokens", "compliance@issuer.example"),
    ("legal", "Legal", "Counsel, told before anything is admitted", "counsel@law.example"),
    ("seal-911", "SEAL 911", "Volunteers who help while it is going on", "intake@seal.example"),
    ("whitehats", "Whitehats", "Those who may rescue funds under Safe Harbor", "whitehats@helix.example"),
    ("users", "Users", "Everybody who subscribed to the status page", "announce@helix.example"),
)


def load(actor: str) -> None:
    for slug, name, purpose, address in OUTSIDE:
        audience = add_audience(slug=slug, name=name, kind="outside", purpose=purpose, actor=actor)
        if not Destination.objects.filter(audience=audience).exists():
            add_destination(channel="email", config={"address": address}, audience=audience, actor=actor)
