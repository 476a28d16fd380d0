"""What a step says while it works: events of their own, bounded, so that a loop cannot fill the record."""

from django.db.models import F

from integrations.secrets.scrubbing import scrub
from ledger import record
from runbooks.runs.models import StepRun
from work import Lease

LONGEST, MOST = 500, 200  # characters a line, lines an attempt


def write_line(step: StepRun, lease: Lease, text: str) -> None:
    line = scrub(" ".join(text.split()))[:LONGEST]
    with lease.commit():
        if not StepRun.objects.filter(pk=step.pk, logged__lt=MOST).update(logged=F("logged") + 1):
            return
        after = {"run": step.run.subject, "step": step.step_id, "title": step.title, "line": line}
        record("step.logged", actor=step.actor, scope=step.scope, subject=step.subject, after=after)
