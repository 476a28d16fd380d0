"""Verbs between incidents: link two, or merge one into another."""

from django.db import transaction
from django.utils import timezone

from incidents.alerts.models import Alert
from incidents.incidents import paging
from incidents.incidents.models import Incident
from incidents.incidents.services import NUDGE, change_severity, hold, open_only
from incidents.links.models import IncidentLink
from ledger import Invalid, Refused, record, transition
from ledger.scopes import link as hang_below
from ledger.scopes import members_of_private
from work import wake


@transaction.atomic
def link_incidents(*, incident: Incident, other: Incident, actor: str) -> IncidentLink:
    """They have to do with each other. It is told in both records, in each without the other's title: who may see one
    of them need not be allowed to see the other."""
    if incident.pk == other.pk:
        raise Invalid("other", "is this incident itself", "the number of another one")
    first, second = sorted((incident, other), key=lambda one: one.pk)
    made, created = IncidentLink.objects.get_or_create(first=first, second=second, defaults={"made_by": actor})
    if created:
        for one, its_other in ((first, second), (second, first)):
            after = {"other": None if members_of_private(its_other.scope) is not None else its_other.subject}
            record("incident.linked", actor=actor, scope=one.scope, subject=one.subject, after=after)
    return made


@transaction.atomic
def merge(*, incident: Incident, into: Incident, actor: str) -> Incident:
    """The same emergency twice: this one ends, and everything of it belongs to the other from now on: its record, runs,
    proposals and alerts, and how grave it is. Its tasks, roles and addresses stay where they were written."""
    if incident.pk == into.pk:
        raise Invalid("into", "is this incident itself", "the number of another one")
    wake(NUDGE, incident.subject)
    for one in sorted((incident, into), key=lambda one: one.pk):  # always in this order: two merges cannot deadlock
        open_only(hold(one))
    held, main = hold(incident), hold(into)
    inside, seeing = members_of_private(held.scope), members_of_private(main.scope)
    if inside is not None and (seeing is None or not seeing <= inside):
        raise Refused(
            "Some who see that incident may not see this private one.",
            "let them in here first, or merge the other one into this",
            "shown-to-others",
        )
    hang_below(child=held.scope, parent=main.scope, actor=actor)
    kept = {} if inside is not None else {"scope": main.scope}  # what was private stays so, whatever becomes of main
    Alert.objects.filter(incident=held).update(incident=main, **kept)
    also = {"merged_into": main, "ended_at": timezone.now()}
    transition(held, "merged", actor=actor, also=also, after={"into": main.subject})
    record(
        "incident.took_in",
        actor=actor,
        scope=main.scope,
        subject=main.subject,
        after={"incident": held.subject, "title": held.title} if inside is None else {"title": "a private one"},
    )
    if held.severity < main.severity:
        why = f"{held.subject} was merged into it"
        main = change_severity(incident=main, severity=held.severity, actor=actor, reason=why)
    paging.merged(held, main, actor)
    return held
