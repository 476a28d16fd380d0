"""What the chain, or a person, says of a step that had already ended: a reorg took its proof, or an unknown is known.

The callers are subscriptions, each in its own transaction. Locks in the engine's order: run, steps.
"""

import contextlib

from django.utils import timezone

from governance.proposals.models import DEAD, Proposal
from integrations.chain.transactions.models import Transaction
from integrations.chain.transactions.services import cancel
from ledger import Refused, transition
from runbooks.runs.course import Course, advance, again
from runbooks.runs.engine import hold_run
from runbooks.runs.models import NEVER_BEGUN, OPEN_STEP, Lock, Phase, Run, Stage, StepRun
from runbooks.runs.outline import outline_of
from runbooks.runs.steering import try_again
from runbooks.steps.send import DEAD as DEAD_TRANSACTION
from runbooks.steps.send import transaction_of

REORG = "a reorg took the block that it was executed in"


def proposal_moved(step: StepRun, proposal: Proposal, *, before: str, actor: str, reason: str) -> None:
    """A proposal of a step that no longer waits for it has moved after all."""
    if step.status == "unknown" and before == "unknown":
        if proposal.status in DEAD:
            gave_up(step, actor, (proposal.stopped or {}).get("reason") or reason)
        else:  # the new attempt adopts the living proposal; it never makes another one
            _look_again(step, actor, reason)
    elif before == "executed" and proposal.status == "executing":
        lost_proof(step)


def transaction_moved(step: StepRun, transaction: Transaction, *, before: str, actor: str, reason: str) -> None:
    """A transaction of a `send` step that no longer waits for it has moved after all."""
    newest = transaction_of(step)
    if newest is None or newest.pk != transaction.pk:
        _outlived(transaction, actor)
    elif step.status == "unknown" and before == "unknown":
        if transaction.status in DEAD_TRANSACTION:
            gave_up(step, actor, transaction.reason or reason)
        else:  # the new attempt follows the same transaction; it never makes another one
            _look_again(step, actor, reason)
    elif before in ("mined", "final") and transaction.status not in ("mined", "final"):
        lost_proof(step)


def _outlived(transaction: Transaction, actor: str) -> None:
    """A reorg took the block in which an earlier attempt's transaction had failed: it must not take effect now."""
    if transaction.status in ("signed", "broadcast") and not transaction.cancelling:
        cancel(transaction=transaction, actor=actor, reason="a later attempt of the step stands in its place")


def _look_again(step: StepRun, actor: str, reason: str) -> None:
    """The new attempt adopts what is there. A run that is over, or where it is not this step's turn, stays as it is."""
    with contextlib.suppress(Refused):
        try_again(step=step, actor=actor, reason=reason)


def gave_up(step: StepRun, actor: str, reason: str) -> None:
    """Somebody gave its transaction up: the step has failed, and says so; only a person tries anew."""
    run = hold_run(step.run_id)
    step.run = run
    transition(step, "failed", actor=actor, reason=reason, also={"reason": reason, "ended_at": timezone.now()})
    advance(run, actor=step.actor)


def landed(step: StepRun) -> None:
    """What was still on its way after its step had ended kept the step's lock; now it may have come to its end."""
    if step.status in ("failed", "skipped") and Lock.objects.filter(run=step.run_id).exists():
        run = hold_run(step.run_id)
        Course(run, run.subject).let_go()


def lost_proof(step: StepRun) -> None:
    """The same bytes are sent again by themselves; here the proof goes back, with every check that stands on it.

    What was told to people stays told: no message is sent twice. What always runs has run, and does not run again.
    """
    run = hold_run(step.run_id)
    held = StepRun.objects.select_for_update().get(pk=step.pk)
    held.run = run
    if held.status in OPEN_STEP and held.stage == Stage.AFTER:  # what must hold after it cannot hold: it acts again
        StepRun.objects.filter(pk=held.pk).update(stage=Stage.ACTING, proof="")
    if held.status != "done" or run.status in NEVER_BEGUN or not _still_counts(run, held.phase):
        return
    needs = {rule.id: rule.needs for rule in outline_of(run.plan).rules.values()}
    gone, steps = {held.step_id}, list(run.steps.select_for_update().order_by("position"))
    for other in steps:
        if needs[other.step_id] & gone:
            gone.add(other.step_id)
    for other in steps:
        stands_on_it = other.pk == held.pk or other.type == "check"
        if other.step_id in gone and stands_on_it and other.status == "done":
            other.run = run
            why = REORG if other.pk == held.pk else f"step {held.step_id} is no longer on the chain"
            lost = {"attempt": other.attempt, "proof": other.proof}
            again(other, other.actor, why, lost=lost)
    StepRun.objects.filter(pk=held.pk).update(stage=Stage.ACTING)  # what had to hold before it may not any more
    _turn_to(run, held)


def _still_counts(run: Run, phase: str) -> bool:
    """What the run has since left behind (undone, or aborted before its end) is not proved again."""
    if phase == Phase.MAIN:
        return not run.turned_back and run.ending != "aborted"
    return phase == Phase.FINALLY or run.turned_back


def _turn_to(run: Run, step: StepRun) -> None:
    """Back to where the step belongs; a run that had failed stays so until somebody tries what failed again."""
    course = Course(run, run.subject)
    if run.ending in ("done", "rolled_back") and step.phase != Phase.FINALLY:
        course.back_to(step.phase)
    elif run.status in ("done", "rolled_back", "aborted"):
        course.back_to(Phase.FINALLY)
    course.go_on()
