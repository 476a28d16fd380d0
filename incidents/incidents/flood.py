"""Incidents that open by the dozen: their responders are told in one turn, since they are the same people."""

from collections.abc import Sequence

from incidents.incidents import paging
from incidents.incidents.models import OVER, Incident
from incidents.incidents.services import RESPONDERS, opening_words
from notify.services import Words, compose, send_all
from work import Done, Lease, commit_all


def tell_together(leases: Sequence[Lease]) -> None:
    """Of those that everybody here may know of; a private one, or one that is over, has a turn of its own."""
    by_key = {lease.work.key: lease for lease in leases}
    numbers = [int(key.partition(":")[2]) for key in by_key]
    found = Incident.objects.select_related("scope", "protocol").filter(pk__in=numbers, scope__private=False)
    incidents = {by_key[one.subject]: one for one in found.exclude(status__in=OVER)}
    if not incidents:
        return
    with commit_all(incidents) as turns:
        if told := [(incidents[lease], lease.work.actor) for lease in turns.ours]:
            send_all([_words(incident, actor) for incident, actor in told], audience=RESPONDERS)
            paging.opened_all((incident, actor) for incident, actor in told if incident.commander_id is None)
        for lease in turns.ours:
            turns.end(lease, Done())


def _words(incident: Incident, actor: str) -> Words:
    words = opening_words(incident)
    subject, body = compose("plain", words)
    return Words(f"{incident.subject}:opened", subject, body, words["link"], incident.scope, actor)
