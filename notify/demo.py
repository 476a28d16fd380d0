"""The demo's outside audiences, its rotation and its ladder; what is inside comes with the tables."""

from datetime import timedelta

from django.utils import timezone

from accounts.models import User
from notify.audiences.models import Destination
from notify.audiences.services import add_audience, add_destination
from notify.ladders.services import save_ladder
from notify.models import Ladder, Rotation
from notify.rotations.services import save_rotation

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


LADDER = {
    "steps": [
        {"targets": ["rotation:commanders"]},
        {"after": 300, "targets": ["rotation:commanders", "role:commander"]},
        {"after": 300, "targets": ["role:responder"]},
    ],
    "repeats": 2,
    "pause": 300,
    "lapse": 1800,
}


def load(actor: str) -> None:
    load_outside(actor)
    people = [user for user in User.objects.filter(username__in=("ana", "ben")) if user.has_level("commander")]
    if len(people) == 2:
        _on_call(actor)


def _on_call(actor: str) -> None:
    """Ben had last week, Ana has this one, Ben the next; whatever was changed since stays."""
    today = timezone.now().date()
    last_monday = today - timedelta(days=today.weekday() + 7)
    turns = {"people": ["ben", "ana"], "every": 1, "unit": "weeks", "starts": last_monday, "hand_over": "09:00"}
    if not Rotation.objects.exists():
        save_rotation(slug="commanders", name="Commanders", zone="Europe/Berlin", layers=[turns], actor=actor)
    if not Ladder.objects.exists():
        save_ladder(slug="incidents", name="Incidents", climb=LADDER, actor=actor)


def load_outside(actor: str) -> None:
    for slug, name, purpose, address in OUTSIDE:
        audience = add_audience(slug=slug, name=name, kind="outside", purpose=purpose, actor=actor)
        if not Destination.objects.filter(audience=audience).exists():
            add_destination(channel="email", config={"address": address}, audience=audience, actor=actor)
