"""What is there before anything is broken: `python -m tests.crash.campaign.alarms.world SINK`.

Run with the instance's own Django; prints the keys, the people with a token each, and the ladders. Pages climb in
seconds here and not in minutes: the ladders are as anybody could set them.
"""

import json
import sys
from typing import Any

import django

django.setup()

from accounts.models import User  # noqa: E402  (Django comes first)
from accounts.tokens.services import create_token  # noqa: E402
from governance.protocols.models import Protocol  # noqa: E402
from incidents.inbound.services import create_key  # noqa: E402
from notify.audiences.services import add_destination  # noqa: E402
from notify.ladders.services import save_ladder  # noqa: E402
from notify.models import Audience  # noqa: E402
from tests.crash.campaign.alarms.formats import FORMATS  # noqa: E402

ACTOR = "system:campaign"
KEYS_OF_EACH = 6
STEPS = [
    {"targets": ["rotation:commanders"]},
    {"after": 6, "targets": ["rotation:commanders", "role:commander"]},
    {"after": 6, "targets": ["role:responder"]},
]
LAPSE = 15
WAYS = ("ana", "carol", "erin")
"""Those who have a webhook of their own. Ben has a mailbox that takes one mail a second, Dan the one of his account."""


def build(sink: str) -> dict[str, Any]:
    return {"keys": _keys(), "people": _people(sink), "lapse": LAPSE}


def _keys() -> list[dict[str, Any]]:
    """Some of them of a protocol whose pages lapse."""
    restless = Protocol.objects.create(slug="restless", name="Restless")
    climb: dict[str, Any] = {"steps": STEPS, "repeats": 1, "pause": 8}
    save_ladder(slug="incidents", name="Incidents", climb={**climb, "lapse": 0}, actor=ACTOR)
    save_ladder(slug="restless", name="Restless", climb={**climb, "lapse": LAPSE}, actor=ACTOR)
    found = []
    for number in range(KEYS_OF_EACH):
        for format in FORMATS:
            protocol = restless if number == 0 else None
            key, secret = create_key(name=f"{format} {number}", format=format, protocol=protocol, actor=ACTOR)
            found.append({"id": key.pk, "format": format, "secret": secret})
    return found


def _people(sink: str) -> dict[str, Any]:
    for name in WAYS:
        user = User.objects.get(username=name)
        add_destination(channel="webhook", config={"url": f"{sink}/{name}"}, user=user, actor=ACTOR)
    ben = User.objects.get(username="ben")
    add_destination(channel="email", config={"address": "ben@phone.example"}, user=ben, pause=1, actor=ACTOR)
    desk = Audience.objects.get(slug="responders")
    add_destination(channel="webhook", config={"url": f"{sink}/desk"}, audience=desk, actor=ACTOR)
    found = {}
    for name in ("ana", "ben", "carol", "dan", "erin"):
        user = User.objects.get(username=name)
        scopes = ["read", "incidents:write"]
        _, secret = create_token(user=user, name=f"campaign-{name}", scopes=scopes, actor=user.actor)
        found[name] = {"id": user.pk, "token": secret}
    return found


if __name__ == "__main__":
    print(json.dumps(build(sys.argv[1])))
