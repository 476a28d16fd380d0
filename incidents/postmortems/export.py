"""A postmortem to take away: as Markdown, as JSON, and as lines of the ledger that prove themselves."""

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import Max, Min

from incidents.incidents.models import Incident
from incidents.incidents.record import record_of
from incidents.incidents.selectors import Leg, WarRoom
from incidents.incidents.words import group_of
from incidents.postmortems.drafting import MOST_LINES
from incidents.postmortems.models import Postmortem
from incidents.postmortems.services import SECTIONS
from incidents.todo.models import Task
from ledger.chain import export
from ledger.models import Event, Scope, ScopeClosure

SIGNS = str.maketrans({sign: f"\\{sign}" for sign in "\\`*_[]<>#|"})


def as_json(postmortem: Postmortem, viewer: Any) -> dict[str, Any]:
    """Everything that the page shows."""
    incident = postmortem.incident
    room = WarRoom(incident, viewer)
    return {
        "incident": incident.pk,
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status,
        "began_at": room.since.isoformat(),
        "ended_at": incident.ended_at.isoformat() if incident.ended_at else None,
        "sections": {name: getattr(postmortem, name) for name in SECTIONS},
        "legs": [_told(leg) for leg in room.legs],
        "action_items": [
            {
                "number": task.number,
                "title": task.title,
                "status": task.status,
                "owner": task.assignee.display_name if task.assignee else None,
                "due_on": task.due_on.isoformat() if task.due_on else None,
            }
            for task in action_items(incident)
        ],
        "timeline": [
            {"at": line.at.isoformat(), "who": line.who, "words": line.words, "text": line.long, "event": line.pk}
            for line in record_of(incident, viewer, limit=MOST_LINES).lines[::-1]
        ],
    }


def _told(leg: Leg) -> dict[str, Any]:
    seconds = leg.seconds if leg.until else None
    return {"name": leg.name, "seconds": seconds, "target": leg.target or None, "state": leg.state}


def action_items(incident: Incident) -> list[Task]:
    """What is to be done so that it does not happen again: tasks with a day."""
    due = Task.objects.filter(incident=incident, due_on__isnull=False).select_related("assignee")
    return list(due.order_by("status", "due_on", "number"))


def as_markdown(postmortem: Postmortem, viewer: Any) -> str:
    """Sections as they were written; what comes from the record is escaped."""
    told = as_json(postmortem, viewer)
    parts = [f"# {_plain(told['title'])}", f"{told['severity']}, {told['status']}. Began {told['began_at']}."]
    parts += [f"## {title}\n\n{told['sections'][name] or '(not written)'}" for name, title in SECTIONS.items()]
    parts.append("## Legs\n\n| leg | seconds | target | |\n|---|---|---|---|\n" + "\n".join(map(_leg, told["legs"])))
    parts.append("## Action items\n\n" + ("\n".join(map(_item, told["action_items"])) or "(none)"))
    parts.append("## Timeline\n\n" + "\n".join(map(_line, told["timeline"])))
    return "\n\n".join(parts) + "\n"


def _leg(leg: dict[str, Any]) -> str:
    seconds = "" if leg["seconds"] is None else leg["seconds"]
    return f"| {leg['name']} | {seconds} | {leg['target'] or ''} | {leg['state']} |"


def _item(item: dict[str, Any]) -> str:
    done = "x" if item["status"] != "open" else " "
    owner = _plain(item["owner"] or "nobody")
    return f"- [{done}] {item['number']} {_plain(item['title'])} ({owner}, by {item['due_on']})"


def _line(line: dict[str, Any]) -> str:
    text = f": {_plain(' '.join(line['text'].split()))}" if line["text"] else ""
    return f"- {line['at'][:19]} {_plain(line['who'])} {_plain(line['words'])}{text}"


def _plain(text: str) -> str:
    return text.translate(SIGNS)


def as_ledger(incident: Incident, viewer: Any, groups: frozenset[str]) -> Iterator[str]:
    """The chain from the incident's first event to its last. Of everything that is not of these kinds of its lines only
    the digest stands there: whoever gets it recomputes every hash, and learns nothing else."""
    below = ScopeClosure.objects.filter(ancestor=incident.scope_id).values("descendant_id")
    scopes = Scope.objects.filter(pk__in=below).visible_to(viewer)
    events = Event.objects.filter(scope__in=scopes, link__isnull=False)
    span = events.aggregate(first=Min("link__seq"), last=Max("link__seq"))
    shown = frozenset(pk for pk, verb in events.values_list("pk", "verb") if group_of(verb) in groups)
    for line in export(show=shown, first=span["first"] or 0, last=span["last"] or 0):
        yield json.dumps(line, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
