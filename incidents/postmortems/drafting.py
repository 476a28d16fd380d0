"""A first draft, from what the ledger holds: people write what they think of it, not what happened."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from incidents.addresses.models import BoardAddress
from incidents.incidents.leading import short_amount
from incidents.incidents.models import FUNDS, Incident
from incidents.incidents.record import record_of
from incidents.incidents.selectors import Leg, WarRoom
from incidents.incidents.words import Line
from runbooks.playbooks.durations import spell

MOST_LINES = 20_000
FAILURES = (
    "step.failed",
    "step.unknown",
    "run.failed",
    "run.paused",
    "proposal.failed",
    "proposal.unknown",
    "proposal.superseded",
    "delivery.failed",
    "message.failed",
    "message.reached.nobody",
    "transaction.stuck",
    "rehearsal.failed",
    "monitor.blind",
    "incident.nudged",
    "incident.responders.untold",
)


def drafted(incident: Incident, viewer: Any) -> dict[str, str]:
    """The sections that the record can fill; causes and lessons are people's."""
    room = WarRoom(incident, viewer)
    lines = record_of(incident, viewer, limit=MOST_LINES).lines[::-1]
    return {
        "summary": _summary(incident, room),
        "impact": _impact(incident),
        "went_well": _bullets(_in_words(leg) for leg in room.legs if leg.state == "done" and leg.target),
        "went_badly": _bullets([*(_in_words(leg) for leg in room.legs if leg.state == "late"), *_failures(lines)]),
    }


def _summary(incident: Incident, room: WarRoom) -> str:
    until = incident.ended_at or room.until
    took = f", over after {spell(int((until - room.since).total_seconds()))}" if until else ""
    block = f" at block {incident.first_bad_block}" if incident.first_bad_block else ""
    leads = f" Commanded last by {incident.commander.display_name}." if incident.commander else " Nobody commanded it."
    begun = f"{incident.severity}, {incident.status}. It began {room.since:%Y-%m-%d %H:%M:%S} UTC{block}{took}.{leads}"
    return f"{begun}\n\n{incident.summary}".strip()


def _impact(incident: Incident) -> str:
    known = [(kind.replace("_", " "), getattr(incident, f"funds_{kind}")) for kind in FUNDS]
    funds = [f"Funds {name}: {short_amount(amount)}" for name, amount in known if amount is not None]
    by_standing = Counter(BoardAddress.objects.filter(incident=incident).values_list("status", flat=True))
    board = [f"Addresses {name.replace('_', ' ')}: {count}" for name, count in sorted(by_standing.items())]
    return _bullets([*funds, *board])


def _in_words(leg: Leg) -> str:
    target = f" of {spell(leg.target)}" if leg.target else ""
    return f"{leg.name}: {spell(leg.seconds)}{target}"


def _failures(lines: Iterable[Line]) -> list[str]:
    """Each kind of failure once, with how often and when first."""
    found: dict[str, list[Line]] = {}
    for line in lines:
        if line.verb in FAILURES:
            found.setdefault(f"{line.who} {line.words}", []).append(line)
    return [
        f"{words} ({same[0].at:%H:%M:%S}{f', {len(same)} times' if len(same) > 1 else ''})"
        for words, same in found.items()
    ]


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
