"""The record in words: one sentence an event, for the timeline."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from ledger.models import Event

HIDDEN = ("scope.opened", "scope.linked", "plan.created", "run.drafted", "work.", "proposal.drafted", "step.running")
GROUPS = {
    "people": ("incident.", "step.answered", "step.skipped", "approval.", "scope.member"),
    "chain": ("proposal.", "confirmation.", "transaction.", "monitor.", "alert.", "chain."),
    "run": ("run.", "step."),
    "told": ("message.", "delivery."),
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    pk: int
    at: datetime
    who: str
    words: str
    note: str
    group: str
    verb: str
    long: str = ""


class Names:
    """Display names of actors, read once."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        ids = {int(e.actor[5:]) for e in events if e.actor.startswith("user:") and e.actor[5:].isdigit()}
        self._people = {user.pk: user.display_name for user in User.objects.filter(pk__in=ids)} if ids else {}

    def of(self, actor: str) -> str:
        kind, _, name = actor.partition(":")
        if kind == "user" and name.isdigit():
            if int(name) not in self._people:
                user = User.objects.filter(pk=int(name)).first()
                self._people[int(name)] = user.display_name if user else actor
            return self._people[int(name)]
        return {"run": f"run {name}", "system": name, "monitor": f"monitor {name}"}.get(kind, actor)


SENTENCES: dict[str, str] = {
    "incident.opened": "opened the incident: {title}",
    "incident.command.taken": "took command",
    "incident.severity.raised": "raised the severity to {severity}",
    "incident.severity.lowered": "lowered the severity to {severity}",
    "incident.update.posted": "posted an update",
    "incident.note.added": "noted",
    "incident.alert.joined": "another alert joined: {title}",
    "incident.active": "the incident is active",
    "incident.contained": "the incident is contained",
    "incident.restored": "service is restored",
    "incident.closed": "closed the incident",
    "incident.declined": "declined the incident",
    "alert.raised": "alert {key}",
    "alert.cleared": "alert cleared: {key}",
    "run.running": "the run began",
    "run.awaiting_approval": "the run waits for approval",
    "run.done": "the run is done",
    "run.failed": "the run stopped",
    "run.paused": "the run is paused",
    "run.aborted": "aborted the run",
    "step.waiting": "{title}: waiting",
    "step.done": "{title}: done",
    "step.failed": "{title}: failed",
    "step.unknown": "{title}: nobody can tell",
    "step.skipped": "skipped a step",
    "step.pending": "tries a step again",
    "step.tried": "{title}: try {try} of {of}",
    "step.answered": "did a step by hand",
    "proposal.signing": "proposed: {title}",
    "proposal.ready": "the proposal is fully signed",
    "proposal.executing": "executing",
    "proposal.executed": "executed on the chain",
    "proposal.failed": "the proposal failed",
    "proposal.rejected": "the proposal was rejected",
    "proposal.superseded": "another transaction took the proposal's nonce",
    "confirmation.added": "a signature by {owner}",
    "approval.requested": "an approval is asked for",
    "approval.given": "approved",
    "approval.refused": "refused",
    "approval.satisfied": "the approval is complete",
    "message.requested": "message: {subject}",
    "message.addressed": "message to {audience}: {deliveries} on the way",
    "message.approved": "the message was approved",
    "message.sent": "the message was delivered",
    "message.failed": "a message could not be delivered to everybody",
    "message.reached.nobody": "the message reached nobody",
    "delivery.sent": "one copy delivered",
    "delivery.failed": "one copy could not be delivered",
    "transaction.broadcast": "the transaction is broadcast",
    "transaction.mined": "the transaction is mined",
    "transaction.final": "the transaction is final",
    "scope.member.added": "{member} may see this",
    "scope.private.changed": "who may see this was changed",
}


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def group_of(verb: str) -> str:
    return next((name for name, starts in GROUPS.items() if verb.startswith(starts)), "run")


def shown(verb: str) -> bool:
    return not verb.startswith(HIDDEN)


def line_of(event: Event, names: Names) -> Line:
    after: Mapping[str, Any] = event.after or {}
    fields = _Known({key: _short(value) for key, value in after.items() if isinstance(value, str | int)})
    fields["member"] = names.of(event.subject) if event.subject else ""
    pattern = SENTENCES.get(event.verb, event.verb.replace(".", " ").replace("_", " "))
    return Line(
        pk=event.pk,
        at=event.at,
        who=names.of(event.actor),
        words=pattern.format_map(fields).strip(),
        note=_note(event, after),
        group=group_of(event.verb),
        verb=event.verb,
        long=str(after.get("text") or event.reason or ""),
    )


def _note(event: Event, after: Mapping[str, Any]) -> str:
    if event.verb == "confirmation.added":
        return f"{after.get('signed')}/{after.get('threshold')}"
    return str(after.get("proof", ""))[:160] if event.verb == "step.done" else ""


def _short(value: Any) -> Any:
    """Hashes and addresses inside a sentence are abbreviated; their full text stands where they are compared."""
    text = str(value)
    if text.startswith("0x") and len(text) > 20:
        return f"{text[:6]}…{text[-4:]}"
    if ":0x" in text and len(text) > 30:
        head, _, tail = text.partition(":0x")
        return f"{head}:0x{tail[:4]}…{tail[-4:]}"
    return value


def lines_of(events: Iterable[Event]) -> list[Line]:
    known = [event for event in events if shown(event.verb)]
    names = Names(known)
    return [line_of(event, names) for event in known]
