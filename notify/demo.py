"""The demo's outside audiences; those inside come with the tables."""

from notify.audiences.models import Destination
from notify.audiences.services import add_audience, add_destination

OUTSIDE = (
    ("stakeholders", "Stakeholders", "Partners, told of every pause and every restart", "partners@helix.example"),
    ("lps", "Liquidity providers", "Those whose collateral is in the vault", "lps@helix.example"),
    ("market-makers", "Market makers", "Desks that must cancel their quotes", "desk@makers.example"),
    ("exchanges", "Exchanges and bridges", "Asked to freeze, or to stop deposits", "security@exchange.example"),
    ("users", "Users", "Everybody who subscribed to the status page", "announce@helix.example"),
)


def load(actor: str) -> None:
    for slug, name, purpose, address in OUTSIDE:
        audience = add_audience(slug=slug, name=name, kind="outside", purpose=purpose, actor=actor)
        if not Destination.objects.filter(audience=audience).exists():
            add_destination(channel="email", config={"address": address}, audience=audience, actor=actor)
