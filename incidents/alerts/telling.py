"""Alerts that belong to no incident: nobody is woken by them, and somebody should know all the same."""

from datetime import timedelta

from django.urls import reverse
from django.utils import timezone

from accounts.models import User
from incidents.alerts.models import Alert
from incidents.incidents.services import RESPONDERS
from ledger import Invalid
from ledger.scopes import members_of_private
from notify.models import Message
from notify.services import send

TOLD = "SEV3"
"""What is graver opens an incident; a SEV4 can wait until somebody looks."""
AT_ONCE = 20
A_WHILE = timedelta(minutes=5)
LONGEST_SUBJECT = 200


def tell_of(alert: Alert) -> None:
    """A message to the responders, once an alert. Of a flood the first ones, and that there are more."""
    if alert.severity != TOLD or alert.incident_id or alert.window_id or alert.status != Alert.State.FIRING:
        return
    now = timezone.now()
    many = Message.objects.filter(key__startswith="alert-seen:", created_at__gt=now - A_WHILE).count() >= AT_ONCE
    link = reverse("incidents:index")
    subject = "More alerts of SEV3 come in" if many else " ".join(f"{alert.severity} {alert.title}".split())
    body = "An alert that belongs to no incident. Nobody was paged: it is for you to judge whether somebody is needed."
    if many:
        body = f"More than {AT_ONCE} within minutes. They are listed with the others and not told one by one."
    insiders = members_of_private(alert.scope) if alert.scope else None
    try:
        send(
            key=f"alerts-seen:{now.timestamp() // A_WHILE.total_seconds():.0f}" if many else f"alert-seen:{alert.pk}",
            audience=RESPONDERS if insiders is None else "",
            users=_people(insiders or set()),
            template="plain",
            context={"subject": subject[:LONGEST_SUBJECT], "body": f"{body}\n\nIncidents and alerts: {link}"},
            scope=alert.scope,
            actor=alert.source,
            link=link,
        )
    except Invalid:
        return  # there is nobody: the front page says so, and whoever comes sees the alert


def _people(insiders: set[str]) -> list[User]:
    numbers = [int(name[5:]) for name in insiders if name.startswith("user:") and name[5:].isdigit()]
    return list(User.objects.filter(pk__in=numbers, is_active=True))
