"""The engine: what happens to a run when a step is due, ends, or something it waits for has moved.

One work row an attempt of a step (`step:<id>:<attempt>`). A step's effect is idempotent by itself (a proposal is one
per plan and step, a message one per key), and its end is written together with the work row's end and with the start
of what follows: a worker may die between any two commits. Locks are taken in one order: work row, run, steps.
"""

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.approvals.selectors import is_satisfied
from governance.plans.services import intact, resolved_params
from ledger import Refused, record, transition
from runbooks.plans.compile import RULES
from runbooks.playbooks.durations import spell
from runbooks.runs.models import OPEN_STEP, SETTLED, Run, StepRun
from runbooks.steps import STEPS, Again, Failed, Finished, Result, Turn, Uncertain, Waiting
from work import Done, Lease, LostLease, Outcome, Retry, Wait, enqueue, faults

logger = logging.getLogger(__name__)
KIND = "runbooks.step"


def run_step(lease: Lease) -> Outcome:
    """One turn of one step. Everything it may do comes from the plan document, hashed anew."""
    step = _load(int(lease.work.payload["step"]))
    if step.attempt != lease.work.payload["attempt"] or step.status not in ("pending", *OPEN_STEP):
        return Done({"superseded": True})
    refusal, params = _from_plan(step)
    if refusal:
        return _settle(lease, step, Failed(refusal), {})
    _begin(lease, step)
    faults.point("step.begun")
    kind, turn = STEPS[step.type], Turn(step=step, params=params, lease=lease)
    try:
        result = kind.resume(turn) if step.waiting_for else kind.begin(turn)
    except LostLease:
        raise
    except Exception:
        logger.exception("step %s of run %s failed unexpectedly", step.step_id, step.run_id)
        result = Again("something unexpected went wrong in this step; its log has the details")
    faults.point("step.acted")
    return _settle(lease, step, result, params[RULES])


def _load(pk: int) -> StepRun:
    return StepRun.objects.select_related("run__plan", "run__scope", "run__version__playbook").get(pk=pk)


def _from_plan(step: StepRun) -> tuple[str, dict[str, Any]]:
    """The step's part of the plan, or why it may not be executed."""
    run = step.run
    if run.plan_hash != run.plan.sha256 or not intact(run.plan):
        return "the stored plan no longer has the hash that was approved; nothing of it will be executed", {}
    found = run.plan.parsed().step(step.step_id)
    if found is None or found.type != step.type:
        return "this step does not stand in the approved plan", {}
    if run.needs_approval and not is_satisfied(run.subject, run.plan_hash):
        return "the plan's approval no longer holds; have it approved anew, then retry", {}
    try:
        return "", resolved_params(run.plan, step.step_id)
    except Refused as error:
        return error.message, {}


def _begin(lease: Lease, step: StepRun) -> None:
    if step.status == "pending":
        with lease.commit():
            also = {"started_at": timezone.now(), "tries": 0}
            transition(step, "running", actor=step.actor, also=also, after=_about(step))


def _about(step: StepRun) -> dict[str, Any]:
    return {"run": step.run.subject, "step": step.step_id, "title": step.title, "attempt": step.attempt}


def _settle(lease: Lease, step: StepRun, result: Result, rules: dict[str, Any]) -> Outcome:
    """Write how the turn ended, in one transaction with the work row and with what follows."""
    with lease.commit() as turn:
        turn.end(_record(step, result, rules))
    assert turn.outcome is not None
    return turn.outcome


def _record(step: StepRun, result: Result, rules: dict[str, Any]) -> Outcome:
    step.output = {**step.output, **result.output}
    late = _deadline(step, rules)
    match result:
        case Finished(proof=proof):
            _end(step, "done", proof=proof)
        case Failed(reason=reason):
            _end(step, "failed", reason=reason, rules=rules)
        case Uncertain(known=known, choices=choices):
            step.output = {**step.output, "choices": list(choices)}
            _end(step, "unknown", reason=known, rules=rules)
        case Again(reason=reason):
            step.tries += 1
            if step.tries >= rules["attempts"] or timezone.now() >= late:
                _end(step, "failed", reason=reason, rules=rules)
            else:
                return _again(step, reason, rules)
        case Waiting():
            if timezone.now() >= late:
                reason = f"not finished within {spell(rules['timeout'])}: {result.reason}"
                _end(step, "failed", reason=reason, rules=rules)
            else:
                return _wait(step, result, late)
    return Done({"step": step.status})


def _deadline(step: StepRun, rules: dict[str, Any]) -> datetime:
    return (step.started_at or timezone.now()) + timedelta(seconds=rules.get("timeout", 0))


def _again(step: StepRun, reason: str, rules: dict[str, Any]) -> Outcome:
    StepRun.objects.filter(pk=step.pk).update(tries=step.tries, reason=reason, output=step.output)
    record(
        "step.tried",
        actor=step.actor,
        scope=step.scope,
        subject=step.subject,
        after={**_about(step), "try": step.tries, "of": rules["attempts"]},
        reason=reason,
    )
    return Retry(reason, after=timedelta(seconds=rules["delay"]))


def _wait(step: StepRun, result: Waiting, late: datetime) -> Outcome:
    also = {"waiting_for": result.on, "reason": result.reason, "output": step.output}
    if step.status == "running":
        transition(step, "waiting", actor=step.actor, also=also, after={**_about(step), "for": result.on})
    else:
        StepRun.objects.filter(pk=step.pk).update(**also)
    return Wait(until=min(result.until or late, late), reason=result.reason)


def _end(step: StepRun, to: str, *, proof: str = "", reason: str = "", rules: dict[str, Any] | None = None) -> None:
    also: dict[str, Any] = {"reason": reason, "output": step.output, "ended_at": timezone.now(), "tries": step.tries}
    if proof:
        also["proof"] = proof
    run = Run.objects.select_for_update(of=("self",)).select_related("scope", "plan").get(pk=step.run_id)
    if step.status == "pending":  # refused before it began
        transition(step, "running", actor=step.actor, also={"started_at": timezone.now()}, after=_about(step))
    transition(step, to, actor=step.actor, also=also, reason=reason, after={**_about(step), "proof": proof})
    if to == "unknown":
        _move(run, "paused", f"nobody can tell what became of step {step.step_id}")
    elif to == "failed" and (rules or {}).get("on_failure") != "continue":
        _move(run, "failed", f"step {step.step_id} failed: {reason}")
    advance(run, actor=step.actor)


def _move(run: Run, to: str, reason: str) -> None:
    if run.status == "running":
        transition(run, to, actor=run.subject, reason=reason)


def advance(run: Run, *, actor: str) -> None:
    """Start every step whose needs are met; end the run when nothing is left. The caller holds the run's row."""
    if run.status != "running":
        return
    steps = list(run.steps.order_by("position"))
    plan = run.plan.parsed()
    rules = {item.id: (item.needs, item.params[RULES]["on_failure"]) for item in plan.steps}
    passed = {
        step.step_id
        for step in steps
        if step.status in SETTLED or (step.status == "failed" and rules[step.step_id][1] == "continue")
    }
    for step in steps:
        if step.status == "pending" and set(rules[step.step_id][0]) <= passed:
            start(step, run, actor=actor)
    if len(passed) == len(steps):
        transition(run, "done", actor=run.subject, also={"ended_at": timezone.now()})


def start(step: StepRun, run: Run, *, actor: str) -> None:
    """Hand a step to the workers; the same attempt is never handed over twice."""
    enqueue(
        KIND,
        key=step.key,
        subject=step.subject,
        payload={"step": step.pk, "attempt": step.attempt},
        scope=run.scope,
        actor=actor,
    )


def begin_run(run: Run, *, actor: str) -> None:
    """From draft or approved to running, with its first steps. The caller is in a transaction."""
    transition(run, "running", actor=actor, also={"started_at": timezone.now()}, after={"plan": run.plan_hash})
    advance(run, actor=actor)


def step_gave_up(work: Any, outcome: Outcome) -> None:
    """The work row ended by itself (its worker died too often): the step must say so rather than hang."""
    if isinstance(outcome, Done):
        return
    with transaction.atomic():
        step = _load(int(work.payload["step"]))
        if step.attempt == work.payload["attempt"] and step.status in ("pending", *OPEN_STEP):
            reason = str(getattr(outcome, "error", "")) or "its work ended without a result"
            _end(step, "failed", reason=reason, rules=step.rules)
