"""`kill -9` of the worker process that holds a Safe step: one proposal, one step, whatever the moment."""

import signal
import threading
from datetime import timedelta

import pytest
from django.utils import timezone

from governance.proposals.models import Proposal
from ledger.models import Event
from runbooks.playbooks.models import Playbook
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import start_run
from tests.chain.test_runbooks_slice import executor, helix, inputs, quiet_heart, stale
from tests.crash.worker import start_worker
from tests.drain import settle
from tests.governance_world import World
from work import runner
from work.models import Attempt, Work

__all__ = ["executor", "helix", "quiet_heart"]  # fixtures
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(180)]


@pytest.mark.parametrize("point", ["work.claimed", "step.begun", "step.acted"])
def test_killed_there_it_proposes_once_and_goes_on(helix: World, point: str) -> None:
    stale(helix)
    book = Playbook.objects.get(slug="pause-on-stale-oracle")
    run = start_run(playbook=book, inputs=inputs(helix), scope=None, actor="user:1", protocol=helix.protocol)
    runner.run(Work.objects.get(subject=StepRun.objects.get(run=run, step_id="confirm").subject).pk)
    pause = StepRun.objects.get(run=run, step_id="pause")
    row = Work.objects.get(subject=pause.subject)
    assert start_worker(row.pk, point).wait(60) == -signal.SIGKILL
    assert Proposal.objects.count() == (1 if point == "step.acted" else 0)
    assert Work.objects.get(pk=row.pk).status == "running", "it died holding the row"
    Work.objects.filter(pk=row.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    settle()
    pause.refresh_from_db()
    assert (pause.status, Proposal.objects.count()) == ("waiting", 1)
    assert pause.waiting_for == Proposal.objects.get().subject
    assert Event.objects.filter(verb="proposal.drafted").count() == 1
    assert Event.objects.filter(verb="step.running", subject=pause.subject).count() == 1
    ends = list(Attempt.objects.filter(work=row).order_by("fence").values_list("outcome", flat=True))
    assert ends[0] == "lost" and set(ends[1:]) == {"wait"}
    assert Run.objects.get(pk=run.pk).status == "running"


def test_the_lease_of_a_killed_worker_runs_out_by_itself_within_seconds(helix: World) -> None:
    stale(helix)
    book = Playbook.objects.get(slug="pause-on-stale-oracle")
    run = start_run(playbook=book, inputs=inputs(helix), scope=None, actor="user:1", protocol=helix.protocol)
    row = Work.objects.get(subject=StepRun.objects.get(run=run, step_id="confirm").subject)
    assert start_worker(row.pk, "step.begun").wait(60) == -signal.SIGKILL
    died = timezone.now()
    while Work.objects.get(pk=row.pk).status == "running" and timezone.now() - died < timedelta(seconds=10):
        runner.run(row.pk)
        threading.Event().wait(0.1)
    assert StepRun.objects.get(run=run, step_id="confirm").status == "done"
    assert timezone.now() - died < timedelta(seconds=6)
