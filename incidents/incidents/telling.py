"""Mail of an incident to people who lead it. A private incident is told to those alone who may see it."""

from collections.abc import Iterable

from django.urls import reverse

from accounts.models import User
from incidents.incidents.models import Incident
from incidents.incidents.people import seeing
from notify.models import Message
from notify.services import send

LONGEST_SUBJECT = 200


def tell(incident: Incident, *, key: str, subject: str, body: str, users: Iterable[User], actor: str) -> Message | None:
    """Once a key; nobody to tell is nothing to send."""
    people = seeing(incident.scope, users)
    if not people:
        return None
    link = reverse("incidents:incident", args=[incident.pk])
    return send(
        key=f"{incident.subject}:{key}",
        users=people,
        template="plain",
        context={
            "subject": " ".join(f"{incident.severity} {subject}".split())[:LONGEST_SUBJECT],
            "body": f"{body}\n\nWar room: {link}",
        },
        scope=incident.scope,
        actor=actor,
        link=link,
    )
