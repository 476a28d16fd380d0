"""Asking for a rehearsal, and asking again when the chain has moved on."""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from governance.plans.models import Plan
from governance.proposals.models import Proposal
from ledger import Refused, record
from runbooks.rehearsals.models import UNDER_WAY, Rehearsal
from runbooks.rehearsals.selectors import of_proposal, steps_to_act, why_old
from runbooks.runs.models import Run
from work import enqueue

KIND = "runbooks.rehearsal"
ACTOR = "system:rehearsals"
FRESH_FOR = timedelta(days=7)
PAUSE = timedelta(seconds=60)
MOST = 20
FORWARD = ("draft", "awaiting_approval", "running", "paused", "failed")
"""What may still go the way that was rehearsed."""


def rehearse(*, run: Run, actor: str) -> Rehearsal:
    """Rehearse what is left of a run on forks of its chains as they are now; one that is under way is that one."""
    if run.is_over:
        raise Refused(f"This run is {run.status}.", "only a run that is not over can be rehearsed", "run-over")
    return _ask(plan=run.plan, run=run, actor=actor)


def rehearse_plan(*, plan: Plan, actor: str) -> Rehearsal:
    """Rehearse a whole plan, whether or not anything runs it."""
    return _ask(plan=plan, run=Run.objects.filter(plan=plan).first(), actor=actor)


def _ask(*, plan: Plan, run: Run | None, actor: str) -> Rehearsal:
    open_one = Rehearsal.objects.filter(plan=plan, status__in=UNDER_WAY)
    try:
        with transaction.atomic():
            if found := open_one.first():
                return found
            rehearsal = Rehearsal.objects.create(scope=plan.scope, plan=plan, run=run, taken_by=actor)
            about = {"plan": plan.sha256, "run": run.subject if run else ""}
            record("rehearsal.queued", actor=actor, scope=plan.scope, subject=rehearsal.subject, after=about)
            enqueue(
                KIND,
                key=rehearsal.key,
                subject=rehearsal.subject,
                payload={"rehearsal": rehearsal.pk},
                scope=plan.scope,
                actor=actor,
            )
    except IntegrityError:
        return open_one.get()  # somebody asked in the same moment
    return rehearsal


def rehearse_new(run: Run) -> Rehearsal | None:
    """A run that will act on a chain is rehearsed without being asked, so that signers find a report.

    One that is kept as a draft was kept for that, whatever the setting.
    """
    wanted = settings.REHEARSE_NEW_RUNS or run.status == "draft"
    if not wanted or run.environment == "rehearsal" or not steps_to_act(run).exists():
        return None
    return rehearse(run=run, actor=ACTOR)


def rehearse_for(proposal: Proposal) -> Rehearsal | None:
    """A proposal that signers are asked about now, whose step the newest rehearsal did not try, or long ago."""
    run = Run.objects.filter(plan=proposal.plan_id).select_related("plan__scope").first()
    if run is None or run.is_over or not settings.REHEARSE_NEW_RUNS:
        return None
    found = of_proposal(proposal)
    tried = found is not None and found.step is not None and found.step["result"] in ("passed", "failed")
    if found is None or found.standing.under_way or (tried and not found.standing.old):
        return None
    return rehearse(run=run, actor=ACTOR)


def refresh() -> list[Rehearsal]:
    """Rehearse anew what a chain has left behind and has still to act: some at a time, each one less and less often."""
    now, found = timezone.now(), []
    runs = Run.objects.filter(created_at__gt=now - FRESH_FOR, rehearsals__isnull=False).distinct()
    for run in runs.filter(status__in=FORWARD).select_related("plan__scope").order_by("-pk")[:200]:
        newest = run.rehearsals.order_by("-pk").first()
        if newest is None or not newest.is_over or newest.created_at > now - PAUSE:
            continue
        again = run.rehearsals.filter(taken_by=ACTOR).count()
        if why_old(newest, patience=max(again, 1)):
            found.append(rehearse(run=run, actor=ACTOR))
        if len(found) >= MOST:
            break
    return found
