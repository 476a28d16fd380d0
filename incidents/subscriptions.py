"""What happened on floors below that opens, feeds or moves an incident."""

from incidents.alerts.services import clear_alert, raise_alert
from incidents.incidents.models import Incident
from incidents.incidents.services import move
from incidents.watch.models import Monitor
from ledger import subscribe
from ledger.models import Event, ScopeClosure
from runbooks.playbooks.selectors import document_of
from runbooks.runs.models import Run


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
    )


def _monitor(event: Event) -> Monitor | None:
    noun, _, number = event.subject.partition(":")
    if noun != "monitor" or not number.isdigit():
        return None
    return Monitor.objects.select_related("protocol").filter(pk=int(number)).first()


@subscribe("run.done", name="incidents.contained")
def run_ended(event: Event) -> None:
    """The playbook that answers an incident's failure mode has proved its effect to the end: it is contained."""
    if event.scope_id is None:
        return
    run = Run.objects.select_related("version").filter(pk=int(event.subject.partition(":")[2])).first()
    above = ScopeClosure.objects.filter(descendant_id=event.scope_id).values("ancestor_id")
    incident = Incident.objects.filter(scope__in=above, status__in=("triage", "active")).first()
    if run is None or incident is None or run.environment != "live":
        return
    document = document_of(run.version)
    if incident.failure_mode in document.when and document.targets.safe:
        move(incident=incident, to="contained", actor=run.subject, reason=f"{run.title} ended with its proof")
