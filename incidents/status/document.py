"""The public page as data: what stands there, and nothing else. Page, status.json and feed are drawn from it."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.crypto import salted_hmac

from incidents.incidents.models import OVER, Incident
from incidents.status.announced import PUBLIC_AUDIENCES, public_incidents, public_messages
from incidents.status.components import OF_INCIDENT, STATES, Group, State, groups
from incidents.status.models import Guidance
from ledger.models import Event, ScopeClosure
from notify.models import Message, Promise

KEPT = timedelta(days=90)
MOST_OPEN, MOST_PAST, MOST_NOTES = 50, 30, 20
STEPS = {
    "incident.opened": ("seen", "We have seen something unusual."),
    "incident.active": ("disturbed", "Something is wrong and we are working on it."),
    "incident.contained": ("contained", "The problem is contained."),
    "incident.restored": ("restored", "Service is restored; we are still watching."),
    "incident.closed": ("over", "It is over."),
}


@dataclass(frozen=True, slots=True)
class Other:
    """The message that a line corrects, or is corrected by."""

    anchor: str
    title: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that happened or was said, with its time."""

    anchor: str
    at: datetime
    kind: str
    title: str
    text: str = ""
    corrects: Other | None = None
    corrected_by: tuple[Other, ...] = ()


@dataclass(frozen=True, slots=True)
class Matter:
    """What belongs together: an incident as the public knows it. Its inner title stays inside."""

    anchor: str
    title: str
    protocol: str
    state: State
    began: datetime
    ended: datetime | None
    lines: tuple[Line, ...]
    next_update_by: datetime | None = None
    late: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Everything that stands on the page."""

    name: str
    state: State
    groups: tuple[Group, ...]
    matters: tuple[Matter, ...]
    past: tuple[Matter, ...]
    notes: tuple[Line, ...]
    guidance: str
    more: int = 0  # open ones that there is no room for

    @property
    def lines(self) -> list[Line]:
        """Every line, newest first."""
        found = [line for matter in (*self.matters, *self.past) for line in matter.lines]
        return sorted([*found, *self.notes], key=lambda line: line.at, reverse=True)


def anchor(kind: str, pk: int) -> str:
    """A name that says nothing of how many there are, private ones among them."""
    return f"{kind[0]}{salted_hmac('incidents.status', f'{kind}:{pk}', algorithm='sha256').hexdigest()[:12]}"


def page() -> Page:
    """In a fixed number of queries, whatever there is to say."""
    since = timezone.now() - KEPT
    incidents = list(public_incidents().select_related("protocol").exclude(ended_at__lt=since).order_by("-pk"))
    unended = [one for one in incidents if one.status not in OVER]
    over = [one for one in incidents if one.status in OVER]
    incidents = [*unended[:MOST_OPEN], *over[:MOST_PAST]]
    said, notes = _said(incidents, since)
    steps, promises = _steps(incidents), _promises()
    # What is no protocol's is our own housekeeping, until somebody lets out a word about it.
    known = [one for one in incidents if one.protocol_id or said[one.pk]]
    matters = [_matter(one, [*steps[one.pk], *said[one.pk]], said[one.pk], promises) for one in known]
    parts = groups()
    burning = [group.state for group in parts] + [one.state for one in matters if one.ended is None]
    shown = max(burning, key=lambda state: state.gravity, default=STATES["operational"])
    return Page(
        name=_name(parts),
        state=shown,
        groups=tuple(parts),
        matters=tuple(one for one in matters if one.ended is None),
        past=tuple(one for one in matters if one.ended is not None),
        notes=tuple(notes[:MOST_NOTES]),
        guidance=Guidance.objects.filter(pk=1).values_list("text", flat=True).first() or "",
        more=len(unended[MOST_OPEN:]),
    )


def _name(parts: list[Group]) -> str:
    return settings.STATUS_NAME or (f"{parts[0].whole.name} status" if len(parts) == 1 else "Status")


def _said(incidents: list[Incident], since: datetime) -> tuple[dict[int, list[Line]], list[Line]]:
    """Messages by incident, and those that belong to none; a message may hang on a run below the incident."""
    by_scope = {incident.scope_id: incident.pk for incident in incidents}
    merged = Incident.objects.filter(merged_into__in=incidents).values_list("scope_id", "merged_into_id")
    by_scope |= {scope: into for scope, into in merged if into}
    closure = ScopeClosure.objects.filter(ancestor_id__in=by_scope).values_list("descendant_id", "ancestor_id")
    whose = {below: by_scope[above] for below, above in closure}
    found: dict[int, list[Line]] = defaultdict(list)
    notes: list[Line] = []
    told = public_messages().select_related("corrects").prefetch_related("corrections")
    messages = list(told.filter(created_at__gte=since).order_by("-pk"))
    public = {message.pk for message in messages}
    for message in messages:
        pk = whose.get(message.scope_id) if message.scope_id else None
        (found[pk] if pk else notes).append(_line(message, public))
    return found, notes


def _line(message: Message, public: set[int]) -> Line:
    corrected = message.corrects if message.corrects_id in public else None
    corrections = [one for one in message.corrections.all() if one.pk in public]
    return Line(
        anchor=anchor("message", message.pk),
        at=message.said_at,
        kind="correction" if corrected else "said",
        title=message.subject_line,
        text=message.body,
        corrects=_other(corrected) if corrected else None,
        corrected_by=tuple(_other(one) for one in corrections),
    )


def _other(message: Message) -> Other:
    return Other(anchor("message", message.pk), message.subject_line, message.said_at)


def _steps(incidents: list[Incident]) -> dict[int, list[Line]]:
    """When it was seen, contained, restored: the first of each, since going back is said by its state."""
    by_subject = {incident.subject: incident for incident in incidents}
    found: dict[int, list[Line]] = defaultdict(list)
    known: set[tuple[int, str]] = set()
    events = Event.objects.filter(subject__in=by_subject, verb__in=STEPS).order_by("pk")
    for subject, verb, at in events.values_list("subject", "verb", "at"):
        pk, (kind, words) = by_subject[subject].pk, STEPS[verb]
        if (pk, kind) not in known:
            known.add((pk, kind))
            found[pk].append(Line(f"{anchor('incident', pk)}-{kind}", at, kind, words))
    return found


def _promises() -> list[Promise]:
    found = Promise.objects.filter(status__in=("open", "overdue"), message__audience__slug__in=PUBLIC_AUDIENCES)
    return list(found.order_by("-due_at"))


def _unnamed(whose: str, state: State) -> str:
    return f"{whose or 'Something'}: {state.label}"


def _matter(incident: Incident, lines: Iterable[Line], said: list[Line], promises: list[Promise]) -> Matter:
    mine = {line.anchor for line in said}
    promise = next((one for one in promises if anchor("message", one.message_id) in mine), None)
    whose = incident.protocol.name if incident.protocol else ""
    over = incident.status in OVER
    state = STATES["restored" if over else OF_INCIDENT[incident.status]]
    first = next((line for line in reversed(said) if line.kind == "said"), None)
    return Matter(
        anchor=anchor("incident", incident.pk),
        title=first.title if first else f"{whose or 'Something'} was disturbed" if over else _unnamed(whose, state),
        protocol=whose,
        state=state,
        began=incident.first_bad_at or incident.opened_at,
        ended=incident.ended_at if over else None,
        lines=tuple(sorted(lines, key=lambda line: line.at, reverse=True)),
        next_update_by=promise.due_at if promise and not over else None,
        late=promise is not None and promise.status == Promise.State.OVERDUE,
    )
