"""The record in words: one sentence an event, for the timeline."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accounts.models import User
from ledger.models import Event

HIDDEN = (
    *("scope.opened", "scope.linked", "plan.created", "run.drafted", "work.", "proposal.drafted", "step.running"),
    *("step.logged", "lock.", "plan.value.", "rehearsal.queued", "rehearsal.running", "rehearsal.progressed"),
    *("delivery.sent", "delivery.queued", "delivery.sending", "delivery.withdrawn", "message.withdrawn"),
    *("approval.satisfied", "safe.", "user.", "session."),
    *("transaction.queued", "transaction.reserved", "transaction.signed", "monitor.created", "review."),
    "status.published",
)
NOTICES = ("message.requested", "message.addressed", "message.sent")
GROUPS = {
    "people": (
        "incident.",
        "task.",
        "postmortem.",
        "address.",
        "step.answered",
        "step.ticked",
        "step.unticked",
        "step.evidenced",
        "step.skipped",
        "approval.",
        "scope.member",
    ),
    "chain": ("proposal.", "confirmation.", "transaction.", "monitor.", "alert.", "chain."),
    "run": ("run.", "step.", "lock.", "request.", "rehearsal."),
    "told": ("message.", "delivery.", "promise.", "page."),
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
    subject: str = ""
    was: tuple[str, ...] = ()  # what it said before it was put right


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
        return {"run": f"run {name}", "system": name.replace("nudges", "the desk"), "monitor": f"monitor {name}"}.get(
            kind, actor
        )


SENTENCES: dict[str, str] = {
    "incident.opened": "opened the incident: {title}",
    "incident.command.taken": "took command",
    "incident.severity.raised": "raised the severity to {severity}",
    "incident.severity.lowered": "lowered the severity to {severity}",
    "incident.severity.confirmed": "judged the severity: {severity}",
    "incident.update.posted": "posted an update",
    "incident.update.edited": "corrected an update",
    "incident.note.added": "noted",
    "incident.note.edited": "corrected a note",
    "incident.can.reported": "reported conditions, actions, needs",
    "incident.can.edited": "corrected a report",
    "incident.command.offered": "asked {to} to take command",
    "incident.role.given": "made {to} {label}",
    "incident.role.handed": "made {to} {label} instead",
    "incident.role.released": "took {label} back from {from}",
    "incident.assignment.seen": "has seen: {what}",
    "incident.funds.set": "set funds {what}: {shown}",
    "incident.nudged": "reminds: {words}",
    "incident.linked": "linked another incident: {other}",
    "incident.took_in": "took in another incident: {title}",
    "incident.merged": "merged it into {into}",
    "postmortem.drafted": "drafted the postmortem",
    "postmortem.edited": "changed the postmortem: {section}",
    "task.opened": "opened task {number}: {title}",
    "task.given": "gave task {number} to {to}: {title}",
    "task.edited": "reworded task {number}: {title}",
    "task.done": "did task {number}: {title}",
    "task.cancelled": "cancelled task {number}: {title}",
    "task.open": "opened task {number} again: {title}",
    "address.added": "put {called} on the board: {status}",
    "address.named": "called an address {called}",
    "address.at_risk": "found {called} at risk",
    "address.impacted": "found {called} impacted",
    "address.paused": "found {called} paused",
    "address.saved": "found {called} saved",
    "address.needs_review": "wants {called} reviewed",
    "incident.alert.joined": "joined another alert: {title}",
    "incident.asked.again": "asks for somebody again",
    "incident.active": "made the incident active again",
    "incident.responders.untold": "could not tell the responders",
    "incident.contained": "contained the incident",
    "incident.restored": "restored service",
    "incident.closed": "closed the incident",
    "incident.declined": "declined the incident",
    "alert.raised": "raised alert {key}",
    "alert.cleared": "cleared alert {key}",
    "alert.unmuted": "raised alert {key}, which maintenance had muted",
    "alert.acknowledged": "says that somebody looks at alert {key}",
    "alert.worsened": "made alert {key} graver: {severity}",
    "monitor.changed": "changed a monitor",
    "monitor.muted": "muted a monitor",
    "monitor.unmuted": "ended a monitor's silence",
    "monitor.stood.down": "let a monitor's alert go with its question",
    "monitor.breached": "is breached at block {block}",
    "monitor.cured": "is calm again at block {block}",
    "monitor.blind": "cannot judge since block {block}",
    "monitor.seeing": "can judge again at block {block}",
    "run.running": "started the run",
    "run.awaiting_approval": "asked for the plan's approval",
    "run.done": "is done",
    "run.failed": "stopped",
    "run.paused": "is paused",
    "run.aborted": "aborted the run",
    "run.aborting": "aborts the run: its last steps go on",
    "run.rolling_back": "rolls the run back",
    "run.rolled_back": "undid what was done",
    "run.finishing": "goes to the steps that always run",
    "rehearsal.passed": "tried the plan on a fork: it passes",
    "rehearsal.failed": "tried the plan on a fork: it would fail",
    "rehearsal.error": "could not try the plan on a fork",
    "step.waiting": "waits: {title}",
    "step.done": "did: {title}",
    "step.failed": "failed: {title}",
    "step.unknown": "cannot tell what became of: {title}",
    "step.skipped": "skipped: {title}",
    "step.pending": "tries again: {title}",
    "step.tried": "tried {try} of {of}: {title}",
    "request.sending": "sends a request: {title}",
    "request.answered": "was answered {status}: {title}",
    "secret.set": "set the secret {name}",
    "secret.removed": "removed the secret {name}",
    "step.answered": "answered: {title}",
    "step.ticked": "ticked: {what}",
    "step.unticked": "took a tick back: {what}",
    "step.evidenced": "handed in {name}",
    "proposal.signing": "proposed: {title}",
    "proposal.seen": "opened the proposal to sign it",
    "proposal.ready": "gave the last signature",
    "proposal.executing": "is executing the proposal",
    "proposal.executed": "executed the proposal on the chain",
    "proposal.failed": "could not execute the proposal",
    "proposal.unknown": "cannot tell what became of the proposal's transaction",
    "proposal.stopped": "stopped the proposal",
    "proposal.rejected": "rejected the proposal",
    "proposal.superseded": "found the proposal's nonce taken",
    "confirmation.added": "handed in a signature by {owner}",
    "confirmation.nested": "handed in a signature by {owner} within {within}",
    "confirmation.lapsed": "found that the signature of {owner} no longer counts",
    "confirmation.restored": "found that the signature of {owner} counts again",
    "service.set": "set the Safe Transaction Service of {chain}",
    "service.removed": "took away a Safe Transaction Service",
    "service.sharing.changed": "let the Safe Transaction Service have: {sharing}",
    "service.failing": "gets no answer from the Safe Transaction Service",
    "service.answering": "gets answers from the Safe Transaction Service again",
    "service.exchanged": "exchanged with the Safe Transaction Service: {signatures} taken, {given} given",
    "service.hash.refused": "caught the Safe Transaction Service saying another hash",
    "service.fields.refused": "refused what the Safe Transaction Service says is a transaction",
    "service.signature.refused": "refused a signature that the Safe Transaction Service has",
    "service.proposal.refused": "could not take in what the Safe Transaction Service has",
    "approval.requested": "asked for an approval",
    "approval.given": "approved",
    "approval.refused": "refused",
    "approval.taken_back": "took an approval back",
    "message.requested": "wrote: {subject}",
    "message.addressed": "sends it{to}, copies: {deliveries}",
    "message.approved": "approved the message",
    "message.sent": "delivered every copy: {subject}",
    "message.failed": "could not deliver every copy",
    "message.reached.nobody": "reached nobody with the message",
    "delivery.failed": "could not deliver a copy",
    "promise.made": "promised {audience} an update",
    "promise.due": "reminded of the update that {audience} were promised",
    "promise.overdue": "found the promised update late",
    "promise.kept": "kept the promise of an update",
    "promise.void": "let go of a promised update",
    "component.stated": "said on the status page that {part} is {state}",
    "component.shown": "changed whether the status page shows {part}",
    "guidance.set": "said what to do when the interface is down",
    "status.published": "published the status page, version {number}",
    "status.place.failing": "could not publish the status page",
    "status.place.mended": "published the status page again",
    "watch.pages_overdue.late": "found pages late: {words}",
    "watch.pages_overdue.timely": "found no page late any more",
    "watch.deliveries_unsent.late": "found messages late: {words}",
    "watch.deliveries_unsent.timely": "found no message late any more",
    "watch.ledger_late.late": "found the record late: {words}",
    "watch.ledger_late.timely": "found the record timely again",
    "rotation.added": "set up the rotation {name}",
    "rotation.changed": "changed the rotation {name}",
    "rotation.removed": "removed a rotation",
    "override.added": "let somebody stand in on {rotation}",
    "override.removed": "took back that somebody stands in",
    "ladder.added": "set up the ladder {name}",
    "ladder.changed": "changed the ladder {name}",
    "ladder.removed": "removed a ladder",
    "page.opened": "asks for somebody: {ladder}",
    "page.climbed": "paged {told}",
    "page.reached.nobody": "could page nobody of this step",
    "page.unanswered": "went through the whole ladder: nobody answers",
    "page.acked": "acknowledged the page",
    "page.held": "is still on it",
    "page.lapsed": "found nothing done since the page was acknowledged",
    "page.resolved": "needs nobody any more",
    "transaction.broadcast": "broadcast the transaction",
    "transaction.mined": "saw the transaction mined",
    "transaction.final": "saw the transaction final",
    "transaction.published": "sent the private transaction to every endpoint",
    "transaction.stuck": "found the transaction stuck",
    "transaction.unstuck": "saw the transaction move again",
    "scope.member.added": "let {member} in",
    "scope.private.changed": "changed who may see this",
    "playbook.archived": "archived the playbook {slug}",
    "playbook.unarchived": "took the playbook {slug} out of the archive",
    "playbook.version.saved": "saved version {number} of {slug}",
    "audience.added": "added the audience {slug}",
    "destination.added": "added a destination by {channel}",
    "destination.changed": "changed a destination by {channel}",
    "destination.enabled": "switched a destination on",
    "destination.disabled": "switched a destination off",
    "destination.key.changing": "began to change a destination's key",
    "destination.key.changed": "ended the change of a destination's key",
    "chain.added": "added chain {chain_id}",
    "executor.added": "added the executor {label}",
    "executor.retired": "took the executor {label} out of service",
    "executor.removed": "removed the executor {label}",
    "wallet.linked": "linked the wallet {address}",
}


class _Known(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return ""


def group_of(verb: str) -> str:
    return next((name for name, starts in GROUPS.items() if verb.startswith(starts)), "run")


def shown(event: Event) -> bool:
    """Taking command makes a new incident active: that is one line, not two. A notice to one of us is what the line
    before it says already, unless it does not arrive."""
    if event.verb in NOTICES and "audience" in (event.after or {}) and (event.after or {})["audience"] is None:
        return False
    first_active = event.verb == "incident.active" and (event.before or {}).get("status") == "triage"
    return not event.verb.startswith(HIDDEN) and not first_active


def line_of(event: Event, names: Names) -> Line:
    after: Mapping[str, Any] = event.after or {}
    fields = _Known({key: _short(value) for key, value in after.items() if isinstance(value, str | int)})
    if event.verb.startswith("message."):
        fields["to"] = f" to {after['audience']}" if after.get("audience") else ""
    if event.verb.startswith("address."):
        fields["status"] = str(after.get("status", "")).replace("_", " ")
    fields["member"] = names.of(event.subject) if event.subject else ""
    pattern = SENTENCES.get(event.verb, event.verb.replace(".", " ").replace("_", " "))
    if event.verb == "run.running" and (event.before or {}).get("status") in ("failed", "paused"):
        pattern = "let the run go on"
    return Line(
        pk=event.pk,
        at=event.at,
        who=names.of(event.actor),
        words=pattern.format_map(fields).strip(" :"),
        note=_note(event, after),
        group=group_of(event.verb),
        verb=event.verb,
        long=_long(event, after),
        subject=event.subject,
    )


def _long(event: Event, after: Mapping[str, Any]) -> str:
    """The words themselves; of a correction, those that it replaced."""
    if event.verb.startswith("postmortem."):
        return ""  # its page shows what it said
    if event.verb.endswith(".edited"):
        return "It said: " + " / ".join(str(text) for text in (event.before or {}).values())
    if event.verb == "incident.can.reported":
        return "\n".join(f"{name.capitalize()}: {after.get(name, '')}" for name in ("conditions", "actions", "needs"))
    return str(after.get("text") or after.get("proof") or event.reason or "")


def _note(event: Event, after: Mapping[str, Any]) -> str:
    if event.verb in ("confirmation.added", "confirmation.nested"):
        return f"{after.get('signed')}/{after.get('threshold')}"
    return ""


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
    known = [event for event in events if shown(event)]
    names = Names(known)
    return [line_of(event, names) for event in known]
