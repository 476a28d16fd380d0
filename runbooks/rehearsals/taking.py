"""The work of a rehearsal: forks, the plan gone through on them, the report written down.

It changes nothing outside its own row, so a worker that dies in the middle costs only time: the next one begins anew,
on newer blocks.
"""

import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.plans.services import intact, known_values
from governance.proposals.models import Proposal
from integrations.chain.client import client_for
from integrations.chain.errors import RpcError
from integrations.chain.forks import Busy, Fork, ForkFailed, forked, slots
from integrations.chain.models import Chain
from ledger import Refused, record, transition
from runbooks.rehearsals.conducting import Conductor, OutOfTime
from runbooks.rehearsals.models import Rehearsal
from runbooks.rehearsals.report import Report, cleaned, sha256
from runbooks.rehearsals.services import ACTOR
from runbooks.rehearsals.stage import Rehearsing
from runbooks.runs.models import Run, StepRun
from work import Done, Lease, Outcome, Retry, Wait, faults

SECONDS = 120.0
TELL_EVERY = 0.7
QUEUE = timedelta(seconds=2)


def take(lease: Lease) -> Outcome:
    """One turn: the whole rehearsal, or a place in the queue for a fork."""
    rehearsal = Rehearsal.objects.select_related("plan", "run", "scope").get(pk=lease.work.payload["rehearsal"])
    if rehearsal.is_over:
        return Done({"status": rehearsal.status})
    document = rehearsal.plan.parsed()
    if rehearsal.run and rehearsal.run.is_over:
        return _end(lease, rehearsal, "error", f"the run is {rehearsal.run.status}: nothing is left to rehearse")
    if Proposal.objects.filter(plan=rehearsal.plan, status="executing").exists():
        return Wait(until=timezone.now() + QUEUE, reason="a transaction of this plan is on its way")
    if not intact(rehearsal.plan):
        return _end(lease, rehearsal, "error", "the stored plan no longer has the hash that was approved")
    try:
        with slots(len(document.chains)):
            return _take(lease, rehearsal)
    except Busy as error:
        return Wait(until=timezone.now() + QUEUE, reason=str(error))
    except OutOfTime:
        return _end(lease, rehearsal, "error", f"it was not finished within {SECONDS:g} s")
    except Refused as error:
        return _end(lease, rehearsal, "error", error.message)
    except ForkFailed as error:
        return Retry(str(error))
    except RpcError:
        return Retry("the chain's endpoints gave no usable answer")


def _take(lease: Lease, rehearsal: Rehearsal) -> Outcome:
    started = time.monotonic()
    if rehearsal.status == "queued":
        with lease.commit():
            transition(rehearsal, "running", actor=ACTOR, also={"started_at": timezone.now()}, after=_about(rehearsal))
    document, settled = rehearsal.plan.parsed(), _settled(rehearsal.run)  # before the blocks: they hold all of it
    with ExitStack() as stack:
        forks = {chain_id: stack.enter_context(_fork(chain_id, document.environment)) for chain_id in document.chains}
        faults.point("rehearsal.forked")
        blocks = [_block(fork) for fork in forks.values()]
        report = Report(plan=rehearsal.plan.sha256, blocks=blocks, of=len(document.steps))
        teller = _Teller(lease, rehearsal, report)
        Conductor(
            document=document,
            stage=Rehearsing(plan=rehearsal.plan_id, environment=document.environment, forks=forks),
            report=report,
            settled=settled,
            given=known_values(rehearsal.plan),
            told=teller.tell,
            until=started + SECONDS,
        ).conduct()
    report.milliseconds = round((time.monotonic() - started) * 1000)
    return _end(lease, rehearsal, report.result, report.reason, report)


def _fork(chain_id: int, environment: str) -> Any:
    chain = Chain.objects.get(chain_id=chain_id)
    client = client_for(chain, environment)
    return forked(chain, client.common_block(), client)


def _block(fork: Fork) -> dict[str, Any]:
    origin = fork.origin
    return {
        "chain_id": fork.chain.chain_id,
        "chain": fork.chain.name,
        "block": origin.number,
        "hash": origin.hash,
        "at": datetime.fromtimestamp(origin.timestamp, UTC).isoformat(),
        "fork_chain_id": fork.chain_id,
    }


def _settled(run: Run | None) -> dict[str, Mapping[str, Any]]:
    """What the run has done already is on the chain, and not done once more."""
    if run is None:
        return {}
    steps = StepRun.objects.filter(run=run, status__in=("done", "skipped"))
    return {step.step_id: {**(step.output if step.status == "done" else {}), "status": step.status} for step in steps}


class _Teller:
    """Writes the growing report down now and then, so that a page can follow."""

    def __init__(self, lease: Lease, rehearsal: Rehearsal, report: Report) -> None:
        self.lease, self.rehearsal, self.report = lease, rehearsal, report
        self.last = time.monotonic()

    def tell(self) -> None:
        if time.monotonic() - self.last < TELL_EVERY:
            return
        self.last = time.monotonic()
        with self.lease.commit():
            Rehearsal.objects.filter(pk=self.rehearsal.pk).update(
                report=self.report.as_json(), blocks=self.report.blocks
            )
            record(
                "rehearsal.progressed",
                actor=ACTOR,
                scope=self.rehearsal.scope,
                subject=self.rehearsal.subject,
                after={**_about(self.rehearsal), "steps": len(self.report.steps), "of": self.report.of},
            )


def _about(rehearsal: Rehearsal) -> dict[str, Any]:
    return {"run": rehearsal.run.subject if rehearsal.run else "", "plan": rehearsal.plan.sha256}


def _end(lease: Lease, rehearsal: Rehearsal, to: str, reason: str, report: Report | None = None) -> Outcome:
    with lease.commit(Done({"status": to})):
        _write(rehearsal, to, reason, report)
    return Done({"status": to})


def _write(rehearsal: Rehearsal, to: str, reason: str, report: Report | None = None) -> None:
    reason = str(cleaned(reason))
    also: dict[str, Any] = {"reason": reason, "ended_at": timezone.now()}
    about = _about(rehearsal)
    if report is not None:
        found = report.as_json()
        also |= {"report": found, "sha256": sha256(found), "blocks": found["blocks"]}
        about |= {"report": also["sha256"], "blocks": [[one["chain_id"], one["block"]] for one in found["blocks"]]}
    transition(rehearsal, to, actor=ACTOR, reason=reason, also=also, after=about)


def gave_up(work: Any, outcome: Outcome) -> None:
    """The work ended by itself (no fork to be had, workers that died): the rehearsal must not look under way."""
    if isinstance(outcome, Done):
        return
    with transaction.atomic():
        rehearsal = Rehearsal.objects.select_for_update(of=("self",)).select_related("plan", "run", "scope")
        found = rehearsal.get(pk=work.payload["rehearsal"])
        if not found.is_over:
            _write(found, "error", str(getattr(outcome, "error", "")) or "its work ended without a result")
