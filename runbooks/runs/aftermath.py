"""What the chain, or a person, says of a step that had already ended: a reorg took its proof, or an unknown is known.

The callers are subscriptions, each in its own transaction. Locks in the engine's order: run, steps.
"""

from django.utils import timezone

from governance.proposals.models import DEAD, Proposal
from ledger import transition
from runbooks.runs.engine import advance
from runbooks.runs.models import Run, StepRun
from runbooks.runs.services import retry_step

REORG = "a reorg took the block that it was executed in"


def proposal_moved(step: StepRun, proposal: Proposal, *, before: str, actor: str, reason: str) -> None:
    """A proposal of a step that no longer waits for it has moved after all."""
    if step.status == "unknown" and before == "unknown":
        if proposal.status in DEAD:
            _dead(step, actor, (proposal.stopped or {}).get("reason") or reason)
        else:  # the new attempt adopts the living proposal; it never makes another one
            retry_step(step=step, actor=actor, reason=reason)
    elif step.status == "done" and before == "executed" and proposal.status == "executing":
        _unproved(step)


def _dead(step: StepRun, actor: str, reason: str) -> None:
    """Somebody gave its transaction up: the step has failed, and says so; only a person tries anew."""
    run = _hold(step.run_id)
    transition(step, "failed", actor=actor, reason=reason, also={"reason": reason, "ended_at": timezone.now()})
    if run.status == "paused" and not run.steps.filter(status="unknown").exists():
        transition(run, "failed", actor=run.subject, reason=f"step {step.step_id} failed: {reason}")


def _unproved(step: StepRun) -> None:
    """The same bytes are sent again by themselves; here the proof goes back, with every check that stands on it.

    What was told to people stays told: no message is sent twice.
    """
    run = _hold(step.run_id)
    if run.status not in ("running", "paused", "done"):
        return
    needs = {item.id: set(item.needs) for item in run.plan.parsed().steps}
    gone, steps = {step.step_id}, list(run.steps.order_by("position"))
    for other in steps:
        if needs[other.step_id] & gone:
            gone.add(other.step_id)
    if run.status == "done":
        transition(run, "running", actor=run.subject, reason=REORG, also={"ended_at": None})
    for other in steps:
        stands_on_it = other.pk == step.pk or other.type == "check"
        if other.step_id in gone and stands_on_it and other.status == "done":
            other.run = run
            _again(other, REORG if other.pk == step.pk else f"step {step.step_id} is no longer on the chain")
    advance(run, actor=run.subject)


def _again(step: StepRun, reason: str) -> None:
    lost = {"attempt": step.attempt, "proof": step.proof}
    also = {
        "attempt": step.attempt + 1,
        "tries": 0,
        "reason": reason,
        "proof": "",
        "waiting_for": "",
        "output": {},
        "started_at": None,
        "ended_at": None,
    }
    transition(step, "pending", actor=step.actor, reason=reason, also=also, after={"lost": lost, "title": step.title})


def _hold(pk: int) -> Run:
    return Run.objects.select_for_update(of=("self",)).select_related("scope", "plan").get(pk=pk)
