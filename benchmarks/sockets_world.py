"""What `benchmarks.sockets` needs: an incident that somebody leads, a token, and sessions of so many people.

python -m benchmarks.sockets_world 500
"""

import json
import sys

import django

django.setup()

from importlib import import_module  # noqa: E402  (Django comes first)

from django.conf import settings  # noqa: E402
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY  # noqa: E402

from accounts.grants.services import bootstrap  # noqa: E402
from accounts.models import User  # noqa: E402
from accounts.tokens.services import create_token  # noqa: E402
from incidents.incidents.services import open_incident, take_command  # noqa: E402
from incidents.todo.services import open_task  # noqa: E402
from incidents.updates.services import add_note  # noqa: E402
from ledger.models import EventLink  # noqa: E402

ACTOR = "system:bench"
BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
LEVELS = ("commander", "responder", "responder", "viewer")
"""What the crowd may do: a fragment is drawn for each of these."""
LINES = 40


def session_of(user: User) -> str:
    """The cookie of somebody who has signed in."""
    store = import_module(settings.SESSION_ENGINE).SessionStore()
    store[SESSION_KEY], store[BACKEND_SESSION_KEY] = str(user.pk), BACKEND
    store[HASH_SESSION_KEY] = user.get_session_auth_hash()
    store.create()
    return str(store.session_key)


def main(count: int) -> None:
    people = [User.objects.create_user(username=f"bench-{number}") for number in range(count)]
    for number, user in enumerate(people):
        bootstrap(user=user, levels=[LEVELS[number % len(LEVELS)]], actor=ACTOR)
    lead = people[0]
    _, token = create_token(user=lead, name="bench", scopes=["incidents:write"], actor=ACTOR)
    incident = open_incident(title="Everybody looks", severity="SEV1", actor=ACTOR, tell=False)
    take_command(incident=incident, user=lead)
    for number in range(LINES):
        add_note(incident=incident, text=f"Line {number} of the record.", actor=lead.actor)
    for number in range(8):
        open_task(incident=incident, title=f"Task {number}", assignee=people[number * len(LEVELS)], actor=lead.actor)
    said = {
        "incident": incident.pk,
        "token": token,
        "sessions": [session_of(user) for user in people],
        "after": EventLink.objects.count(),
    }
    print(json.dumps(said))


if __name__ == "__main__":
    main(int(sys.argv[1]))
