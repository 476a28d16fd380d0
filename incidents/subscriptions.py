"""What happened on floors below that opens, feeds or moves an incident."""

from incidents.alerts.models import Alert
from incidents.alerts.services import clear_alert, raise_alert
from incidents.alerts.telling import TOLD, tell_of
from incidents.anchors.services import ask
from incidents.incidents.joining import SENDER, follow_senders
from incidents.incidents.models import Incident
from incidents.incidents.services import move
from incidents.status import publishing
from incidents.status.announced import PUBLIC_AUDIENCES
from incidents.watch.models import Monitor
from ledger import subscribe
from ledger.models import Event, ScopeClosure
from notify.promises.services import void_promises
from runbooks.runs.models import StepRun


@subscribe("*", name="incidents.alarms", alarms=True)
def alarm_given(event: Event) -> None:
    """Any event may carry an alarm; only this room knows what an alert is."""
    alarm = event.alarm or {}
    if alarm.get("cleared"):
        clear_alert(key=str(alarm["key"]), actor=event.actor, reason=event.reason)
        return
    monitor = _monitor(event)
    blind = str(alarm["key"]).startswith("monitor_blind:")
    raise_alert(
        key=str(alarm["key"]),
        severity=str(alarm["severity"]),
        title=str(alarm["title"]) or event.verb,
        source=event.actor,
        monitor=monitor,
        protocol=monitor.protocol if monitor else None,
        failure_mode=monitor.failure_mode if monitor and not blind else "",
        detail=event.after or {},
        about=event.scope,
    )


ALERTED = ("alert.raised", "alert.worsened", "alert.unmuted")


def _is_nobodys(event: Event) -> bool:
    about = event.after or {}
    slight = about.get("severity") in (None, TOLD)
    return event.verb in ALERTED and slight and "muted" not in about and not about.get("incident")


@subscribe("alert.*", name="incidents.slight", when=_is_nobodys)
def alert_of_nobody(event: Event) -> None:
    alert = Alert.objects.select_related("scope").filter(pk=int(event.subject.partition(":")[2])).first()
    if alert is not None:
        tell_of(alert)


def _is_a_senders(event: Event) -> bool:
    return event.verb in ("alert.cleared", "alert.acknowledged") and event.actor.startswith(SENDER)


@subscribe("alert.*", name="incidents.followed", when=_is_a_senders)
def sender_said(event: Event) -> None:
    alert = Alert.objects.select_related("incident").filter(pk=int(event.subject.partition(":")[2])).first()
    if alert is not None and alert.incident is not None:
        follow_senders(alert.incident, event.actor)


def _monitor(event: Event) -> Monitor | None:
    noun, _, number = event.subject.partition(":")
    if noun != "monitor" or not number.isdigit():
        return None
    return Monitor.objects.select_related("protocol").filter(pk=int(number)).first()


def _marks(event: Event) -> bool:
    return bool((event.after or {}).get("marks"))


@subscribe("step.done", name="incidents.contained", when=_marks)
def step_proved(event: Event) -> None:
    """A playbook says which of its steps proves that the incident is contained (or that service is restored)."""
    noun, _, number = event.subject.partition(":")
    step = StepRun.objects.select_related("run__plan").filter(pk=int(number)).first() if noun == "step" else None
    to = step.rules.get("marks") if step else None
    if step is None or not to or step.run.environment != "live":
        return
    incident = _incident_of(event)
    if incident is not None and to in incident.TRANSITIONS.get(incident.status, ()):
        move(incident=incident, to=to, actor=step.run.subject, reason=f"{step.title}: {step.proof}")


@subscribe("incident.closed", name="incidents.anchor")
def closed(event: Event) -> None:
    """What was recorded of an incident must not be rewritten after it."""
    ask(key=f"{event.subject}:{event.pk}", why="an incident was closed")


@subscribe("step.pending", name="incidents.uncontained")
def step_unproved(event: Event) -> None:
    """A reorg took the proof: what was contained by it is not, until it is proved again."""
    noun, _, number = event.subject.partition(":")
    if noun != "step" or (event.before or {}).get("status") != "done":
        return
    step = StepRun.objects.select_related("run__plan").get(pk=int(number))
    incident = _incident_of(event)
    if incident is not None and incident.status == step.rules.get("marks") and step.run.environment == "live":
        move(incident=incident, to="active", actor=step.run.subject, reason=f"{step.title}: {event.reason}")


def _incident_of(event: Event) -> Incident | None:
    above = ScopeClosure.objects.filter(descendant_id=event.scope_id).values("ancestor_id")
    return Incident.objects.filter(scope__in=above).first()


# What the public page is made of. Everything else that happens is none of its business, and costs it nothing.
MOVES = frozenset(
    (
        *("opened", "triage", "active", "contained", "restored", "closed", "declined", "merged"),
        *("severity.raised", "severity.lowered", "severity.confirmed"),
    )
)
ENDED = ("incident.closed", "incident.declined")


def _moves_the_page(event: Event) -> bool:
    return event.verb.partition(".")[2] in MOVES


def _is_told(event: Event) -> bool:
    """A message whose words became free."""
    about = event.after or {}
    return event.verb in ("message.addressed", "message.reached.nobody") and about.get("audience") in PUBLIC_AUDIENCES


@subscribe("incident.*", name="status.incidents", when=_moves_the_page, newest=True)
@subscribe("message.*", name="status.messages", when=_is_told, newest=True)
@subscribe("promise.*", name="status.promises", newest=True)
@subscribe("component.*", name="status.components", newest=True)
@subscribe("guidance.set", name="status.guidance", newest=True)
@subscribe("scope.private.changed", name="status.privacy", newest=True)
def page_changed(event: Event) -> None:
    """The published page is brought up to date by its work, never by a request."""
    publishing.ask(event.actor)


def _is_over(event: Event) -> bool:
    return event.verb in ENDED


@subscribe("incident.*", name="incidents.promises", when=_is_over)
def nothing_more_to_tell(event: Event) -> None:
    if event.scope is not None:
        void_promises(scope=event.scope, actor=event.actor, reason=f"the incident is {event.verb.partition('.')[2]}")
