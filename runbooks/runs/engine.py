"""The engine: one turn of one step, and how it ends. What follows from that is the run's course (`course.py`).

One work row an attempt of a step. A step's effect is idempotent by itself (a proposal is one per plan and step, a
message one per key), and its end, the values it yields, the end of its work row and the start of what follows are one
transaction: a worker may die between any two commits. Locks are taken in one order: work row, run, steps.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from governance.plans.services import intact, resolved_params
from integrations.secrets.scrubbing import scrub
from ledger import Refused, StaleTransition, record, transition
from runbooks.plans.compile import RULES
from runbooks.playbooks.durations import spell
from runbooks.runs import conditions, locks, values
from runbooks.runs.approvals import not_approved
from runbooks.runs.course import KIND, Course, about, advance, start, unblocked
from runbooks.runs.flights import flights_of
from runbooks.runs.models import OPEN_STEP, Phase, Run, Stage, StepRun
from runbooks.runs.outline import Place, outline_of
from runbooks.runs.rows import hold, load
from runbooks.steps import STEPS, Again, Failed, Finished, Result, Turn, Uncertain, Waiting
from work import Done, Lease, LostLease, Outcome, Retry, Wait, faults, wake
from work.leases import Turn as Held

__all__ = ["KIND", "advance", "begin_run", "hold_run", "run_step", "start", "step_gave_up"]
logger = logging.getLogger(__name__)
SUPERSEDED = Done({"superseded": True})
FLIGHT_LOOK = timedelta(minutes=1)  # the transaction's end wakes its step; this is for an end that nobody heard of
LOCK_LOOK = timedelta(minutes=1)  # a release wakes who waits; this is for a release that nobody heard of


def run_step(lease: Lease) -> Outcome:
    """One turn of one step. Everything it may do comes from the plan document, hashed anew."""
    step = load(int(lease.work.payload["step"]))
    if _superseded(lease, step):
        return SUPERSEDED
    try:
        return _turn(lease, step)
    except StaleTransition:
        if not _superseded(lease, load(step.pk)):
            raise
        logger.info("step %s of run %s was ended in the middle of a turn", step.step_id, step.run_id)
        return SUPERSEDED


def _superseded(lease: Lease, step: StepRun) -> bool:
    """Another attempt has begun, or somebody has ended this one."""
    return lease.work.key != step.key or step.status not in ("pending", *OPEN_STEP)


def _turn(lease: Lease, step: StepRun) -> Outcome:
    refusal, params = _from_plan(step)
    if refusal:
        return _settle(lease, step, Failed(refusal), {})
    rules = params[RULES]
    if not _has_begun(step):
        if STEPS[step.type].at_once(params) and not rules.get("before") and not rules.get("after"):
            return _at_once(lease, step, params)
        with lease.commit() as turn:
            if not _begin(turn, step, rules):
                return turn.outcome or SUPERSEDED
        faults.point("step.begun")
    result = _guarded(step, lambda: _work(lease, step, params))
    faults.point("step.acted")
    return _settle(lease, step, result, rules)


def _guarded(step: StepRun, what: Callable[[], Result]) -> Result:
    """A step type that raises is tried again, and says nothing of its exception to people."""
    try:
        return what()
    except LostLease:
        raise
    except Exception:
        logger.exception("step %s of run %s failed unexpectedly", step.step_id, step.run_id)
        return Again("something unexpected went wrong in this step; its log has the details")


def hold_run(pk: int) -> Run:
    return Run.objects.select_for_update(of=("self",), no_key=True).select_related("scope", "plan").get(pk=pk)


def _from_plan(step: StepRun) -> tuple[str, dict[str, Any]]:
    """The step's part of the plan, or why it may not be executed."""
    run = step.run
    if run.plan_hash != run.plan.sha256 or not intact(run.plan):
        return "the stored plan no longer has the hash that was approved; nothing of it will be executed", {}
    rule = outline_of(run.plan).rules.get(step.step_id)
    if rule is None or rule.type != step.type or rule.phase != step.phase:
        return "this step does not stand in the approved plan", {}
    if step.phase == Phase.MAIN and not _has_begun(step) and not _only_looks(step, run):
        refusal = not_approved(run, acts=STEPS[step.type].acts, step_id=step.step_id)
        if refusal:
            return f"{refusal}; have it approved anew, then retry", {}
    try:
        return "", resolved_params(run.plan, step.step_id)
    except Refused as error:
        return error.message, {}


def _only_looks(step: StepRun, run: Run) -> bool:
    """While the run goes back, nothing new is sent for a step: what became of its transaction is looked at."""
    return run.turned_back and step.phase == Phase.MAIN and bool(flights_of(run, [step]))


def _has_begun(step: StepRun) -> bool:
    return step.status in OPEN_STEP and not step.waiting_for.startswith("lock:")


def _begin(turn: Held, step: StepRun, rules: Mapping[str, Any]) -> bool:
    """To running, under the run's lock. False, and the turn is at its end, if it may not begin yet."""
    rule = outline_of(step.run.plan).rules[step.step_id]
    run = hold(step)
    if not unblocked(run, step):
        _give_back(step, run)
        turn.end(Done({"given_back": run.status}))
        return False
    holder = locks.take(run, rule.lock, actor=step.actor) if rule.lock else None
    if rule.lock and holder is not None:
        turn.end(_wait_for_lock(step, run, rule.lock, holder, rules))
        return False
    now = timezone.now()
    stage = step.stage or (Stage.NOT_BEGUN if rules.get("before") else Stage.ACTING)
    also = {"started_at": now, "tries": 0, "stage": stage, "waiting_for": "", "waits_since": None, "reason": ""}
    transition(step, "running", actor=step.actor, also=also, after=about(step))
    return True


def _give_back(step: StepRun, run: Run) -> None:
    """It is not its turn: when that comes, the step is handed over again, under another key. A wait for a lock ends."""
    changes: dict[str, Any] = {"handed": step.handed + 1}
    if step.status == "pending":
        StepRun.objects.filter(pk=step.pk).update(**changes)
        return
    changes |= {"waiting_for": "", "waits_since": None, "started_at": None, "reason": ""}
    transition(step, "pending", actor=step.actor, also=changes, reason=f"the run is {run.state}", after=about(step))


def _at_once(lease: Lease, step: StepRun, params: dict[str, Any]) -> Outcome:
    """A step that asks nobody and moves nothing outside begins and settles in one transaction."""
    with lease.commit() as turn:
        if _begin(turn, step, params[RULES]):
            faults.point("step.begun")
            asked = Turn(step=step, params=params, lease=lease)
            result = _guarded(step, lambda: STEPS[step.type].begin(asked))
            faults.point("step.acted")
            turn.end(_record(step, result, params[RULES], step.run))
    return turn.outcome or SUPERSEDED


def _wait_for_lock(step: StepRun, run: Run, place: Place, holder: int, rules: Mapping[str, Any]) -> Outcome:
    late = _deadline(step, rules)
    if timezone.now() >= late:
        _end(step, run, "failed", reason=f"not begun within {spell(rules['timeout'])}: locked by run {holder}")
        return Done({"step": "failed"})
    if (other := locks.circle(step, holder)) is not None:
        _end(step, run, "failed", reason=f"run {holder} has this lock, and run {other} itself waits for run {run.pk}")
        return Done({"step": "failed"})
    result = Waiting(on=place.subject, reason=f"locked by run {holder}", until=timezone.now() + LOCK_LOOK)
    if step.status == "pending":
        also = {"started_at": timezone.now()}
        transition(step, "waiting", actor=step.actor, also=also, after={**about(step), "for": result.on})
    return _wait(step, result, late)


def _work(lease: Lease, step: StepRun, params: dict[str, Any]) -> Result:
    """What must hold before, the step itself, what must hold after. What has been passed is not asked again."""
    rules, environment = params[RULES], step.run.environment
    if step.stage != Stage.AFTER:
        if step.stage == Stage.NOT_BEGUN:
            found = conditions.look_all(rules.get("before", ()), environment, "before it")
            if not isinstance(found, Finished):
                return found
            _keep(lease, step, stage=Stage.ACTING)
        kind, turn = STEPS[step.type], Turn(step=step, params=params, lease=lease)
        result = kind.resume(turn) if step.waiting_for else kind.begin(turn)
        if not isinstance(result, Finished) or not rules.get("after"):
            return result
        output = {**step.output, **result.output}
        _keep(lease, step, stage=Stage.AFTER, proof=result.proof, output=output, waiting_for="", waits_since=None)
    found = conditions.look_all(rules.get("after", ()), environment, "after it")
    return Finished(proof=step.proof) if isinstance(found, Finished) else found


def _keep(lease: Lease, step: StepRun, **changes: Any) -> None:
    """From here on a worker that dies goes on from here."""
    with lease.commit():
        StepRun.objects.filter(pk=step.pk).update(**changes)
    for name, value in changes.items():
        setattr(step, name, value)


def _settle(lease: Lease, step: StepRun, result: Result, rules: dict[str, Any]) -> Outcome:
    """Write how the turn ended, in one transaction with the work row and with what follows."""
    with lease.commit() as turn:
        turn.end(_record(step, result, rules))
    assert turn.outcome is not None
    return turn.outcome


def _record(step: StepRun, result: Result, rules: dict[str, Any], held: Run | None = None) -> Outcome:
    result = _storable(result)
    step.output = {**step.output, **result.output}
    late = _deadline(step, rules)
    match result:
        case Again(reason=reason) if step.tries + 1 < rules["attempts"] and timezone.now() < late:
            return _again(step, reason, rules)
        case Waiting() if timezone.now() < late:
            return _wait(step, result, late)
        case Waiting() if _is_let_end(step, held or hold(step)):
            return _wait(step, result, timezone.now() + FLIGHT_LOOK)
        case Finished(proof=proof):
            _end(step, held or hold(step), "done", proof=proof)
        case Failed(reason=reason):
            _end(step, held or hold(step), "failed", reason=reason)
        case Uncertain(known=known, choices=choices):
            step.output = {**step.output, "choices": list(choices)}
            _end(step, held or hold(step), "unknown", reason=known)
        case Again(reason=reason):
            step.tries += 1
            _end(step, held or hold(step), "failed", reason=reason)
        case Waiting():
            reason = f"not finished within {spell(rules['timeout'])}: {result.reason}"
            _end(step, held or hold(step), "failed", reason=reason)
    return Done({"step": step.status})


def _is_let_end(step: StepRun, run: Run) -> bool:
    """The way back does not overtake what may still take effect, however long that takes."""
    if not run.turned_back or step.phase != Phase.MAIN:
        return False
    flight = flights_of(run, [step]).get(step.step_id)
    return flight is not None and flight.lives


def _storable(result: Result) -> Result:
    """Whatever a step says is kept and shown: without the values of secrets that this process has opened."""
    output = {str(name): _text(value) for name, value in result.output.items()}
    match result:
        case Finished(proof=proof):
            return Finished(proof=_text(proof), output=output)
        case Uncertain(known=known):
            return replace(result, known=_text(known), output=output)
        case _:
            return replace(result, reason=_text(result.reason), output=output)


def _text(value: Any) -> Any:
    if isinstance(value, str):
        return scrub(value).replace("\x00", "\ufffd")  # PostgreSQL holds no NUL
    if isinstance(value, Mapping):
        return {_text(str(name)): _text(item) for name, item in value.items()}
    return [_text(item) for item in value] if isinstance(value, list | tuple) else value


def _deadline(step: StepRun, rules: Mapping[str, Any]) -> datetime:
    return (step.started_at or timezone.now()) + timedelta(seconds=rules.get("timeout", 0))


def _again(step: StepRun, reason: str, rules: Mapping[str, Any]) -> Outcome:
    step.tries += 1
    StepRun.objects.filter(pk=step.pk).update(tries=step.tries, reason=reason, output=step.output)
    record(
        "step.tried",
        actor=step.actor,
        scope=step.scope,
        subject=step.subject,
        after={**about(step), "try": step.tries, "of": rules["attempts"]},
        reason=reason,
    )
    return Retry(reason, after=timedelta(seconds=rules["delay"]))


def _wait(step: StepRun, result: Waiting, late: datetime) -> Outcome:
    also: dict[str, Any] = {"waiting_for": result.on, "reason": result.reason, "output": step.output}
    if step.waiting_for != result.on:
        also["waits_since"] = timezone.now()
    if step.status == "running":
        transition(step, "waiting", actor=step.actor, also=also, after={**about(step), "for": result.on})
    else:
        StepRun.objects.filter(pk=step.pk).update(**also)
    return Wait(until=min(result.until or late, late), reason=result.reason)


def _end(step: StepRun, run: Run, to: str, *, proof: str = "", reason: str = "") -> None:
    """The end of an attempt, what it yields, and what follows. The caller holds the run."""
    if to == "done" and (refused := _yield(step, run)):
        to, proof, reason = "failed", "", refused
    also: dict[str, Any] = {"reason": reason, "output": step.output, "ended_at": timezone.now(), "tries": step.tries}
    also |= {"waits_since": None} | ({"proof": proof} if proof else {})
    rule = outline_of(run.plan).rules.get(step.step_id)
    proved = {"marks": rule.marks} if rule and rule.marks and to == "done" else {}
    after = {**about(step), "proof": proof, **proved}
    transition(step, to, actor=step.actor, also=also, reason=reason, after=after)
    course = Course(run, step.actor)
    if to == "failed" and step.phase == Phase.MAIN and rule and rule.jumps:
        course.left_out(step)
    course.go_on()


def _yield(step: StepRun, run: Run) -> str:
    """Record what the plan names of it; questions that are open are then about another hash. Or why it cannot be."""
    if step.step_id not in outline_of(run.plan).references:
        return ""
    try:
        with transaction.atomic():
            values.record_outputs(run, step, actor=step.actor)
    except values.NotYielded as error:
        return str(error)
    for asking in run.steps.filter(type="approve", status="waiting"):
        transaction.on_commit(partial(wake, KIND, asking.key), robust=True)
    return ""


def begin_run(run: Run, *, actor: str) -> None:
    """From draft or approved to running, with its first steps. The caller is in a transaction."""
    transition(run, "running", actor=actor, also={"started_at": timezone.now()}, after={"plan": run.plan_hash})
    advance(run, actor=actor)


def step_gave_up(work: Any, outcome: Outcome) -> None:
    """The work row ended by itself (its worker died too often): the step must say so rather than hang."""
    if isinstance(outcome, Done):
        return
    with transaction.atomic():
        step = load(int(work.payload["step"]))
        if work.key == step.key and step.status in ("pending", *OPEN_STEP):
            reason = str(getattr(outcome, "error", "")) or "its work ended without a result"
            _end(step, hold(step), "failed", reason=reason)
