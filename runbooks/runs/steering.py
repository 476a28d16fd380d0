"""How people steer a run: retry, skip, abort, roll back. A second press, or a second browser, does no harm.

Rows of work are cancelled before the run is locked, as workers lock them in that order; what a worker began in between
is noticed, and the verb looks again.
"""

from collections.abc import Callable
from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from ledger import Invalid, Refused, StaleTransition, record, transition
from runbooks.runs.approvals import withdraw_questions
from runbooks.runs.course import KIND, Course, about, again, under_way_outside
from runbooks.runs.engine import hold_run
from runbooks.runs.flights import Flight, flights_of, unsettled
from runbooks.runs.models import MOVING, NEVER_BEGUN, OPEN_STEP, OVER, Phase, Run, Stage, StepRun
from runbooks.runs.outline import outline_of
from runbooks.runs.roles import must_reach
from work import cancel

T = TypeVar("T")


class _MovedMeanwhile(Exception):
    """A worker began something between our cancelling and our lock."""


def _looking_again(act: Callable[[], T], subject: str) -> T:
    for _ in range(5):
        try:
            with transaction.atomic():
                return act()
        except _MovedMeanwhile:
            continue
    raise StaleTransition(f"{subject} keeps moving")


def _reason(text: str, hint: str) -> str:
    if not text.strip():
        raise Invalid("reason", "is empty", hint)
    return text.strip()


def _hold_step(step: StepRun, run: Run) -> StepRun:
    held = StepRun.objects.select_for_update().get(pk=step.pk)
    held.run = run
    return held


def _refuse_out_of_turn(run: Run, step: StepRun) -> None:
    """A step is steered in its own phase, or from the failure that the phase ended with."""
    if run.status in (*OVER, *NEVER_BEGUN):
        raise Refused(f"The run is {run.state}.", "nothing of it can be steered", "not-open")
    if step.phase == run.phase or step.status in (*OPEN_STEP, "unknown"):
        return
    stopped_in = Phase.ROLLBACK if run.turned_back else Phase.MAIN
    if run.status == "failed" and run.ending == "failed" and step.phase == stopped_in:
        return
    if run.status == "failed" or run.turned_back:
        raise Refused("It is not this step's turn.", "look at the step that failed", "not-its-turn")
    hint = "its last steps are running; when they are over, this step can be tried again"
    raise Refused(f"The run is {run.state}.", hint, "not-its-turn")


@transaction.atomic
def retry_step(*, step: StepRun, actor: str, reason: str = "") -> StepRun:
    """Begin a new attempt of a failed or unknown step; the run goes on.

    What was done and only did not prove itself afterwards is not done again: the proof is looked at again.
    """
    must_reach(step, actor)
    return try_again(step=step, actor=actor, reason=reason)


@transaction.atomic
def try_again(*, step: StepRun, actor: str, reason: str = "") -> StepRun:
    """The same, whoever asks: also what a person decided about a step's transaction on that one's own page."""
    run = hold_run(step.run_id)
    held = _hold_step(step, run)
    if held.status not in ("failed", "unknown"):
        hint = "only a failed step can be retried"
        raise Refused(f"This step is {held.status}, its run {run.status}.", hint, "not-failed")
    _refuse_out_of_turn(run, held)
    was_unknown = held.status == "unknown"
    again(held, actor, reason, keep=held.stage == Stage.AFTER)
    if was_unknown and held.stage == Stage.NOT_BEGUN:  # it may have happened: what had to hold before may not any more
        StepRun.objects.filter(pk=held.pk).update(stage=Stage.ACTING)
    _resume(run, held.phase, actor)
    return held


@transaction.atomic
def skip_step(*, step: StepRun, actor: str, reason: str) -> StepRun:
    """Go on without a step. The reason stands in the record, and the step shows it."""
    why = _reason(reason, "say why it is safe to go on without this step")
    cancel(KIND, step.key)
    run = hold_run(step.run_id)
    held = _hold_step(step, run)
    must_reach(held, actor)
    if held.status in ("done", "skipped"):
        raise Refused(f"This step is {held.status}, its run {run.status}.", "it cannot be skipped", "not-open")
    if held.type == "approve" and held.phase == Phase.MAIN:  # or whoever asked could let themselves through alone
        raise Refused("An approval is given or refused, never skipped.", "ask those who decide, or abort", "approval")
    if not _given_up_going_back(run, held):
        _refuse_out_of_turn(run, held)
    _refuse_overtaking(run, held)
    cancel(KIND, held.key)
    also = {"reason": why, "ended_at": timezone.now(), "waiting_for": "", "waits_since": None}
    transition(held, "skipped", actor=actor, reason=why, also=also, after=about(held))
    withdraw_questions([held.subject], actor=actor, reason="the step was skipped")
    back = run.turned_back and held.phase == Phase.MAIN
    _resume(run, Phase.ROLLBACK if back else held.phase, actor)
    return held


def _given_up_going_back(run: Run, step: StepRun) -> bool:
    """What rolling back had waited for and did not see the end of: a person says that there is nothing to undo."""
    stopped = run.status == "failed" and run.ending == "failed" and run.turned_back
    return stopped and step.phase == Phase.MAIN and step.status == "failed"


def _refuse_overtaking(run: Run, step: StepRun) -> None:
    """Once the run goes back, a step is not left while something of it may still take effect."""
    if run.turned_back and step.phase == Phase.MAIN:
        flight = flights_of(run, [step]).get(step.step_id)
        if flight is not None and flight.lives:
            raise Refused(*_in_flight(step.step_id, flight))


def _in_flight(step_id: str, flight: Flight) -> tuple[str, str, str]:
    said = f"Step {step_id} is not over: {flight.words} and may still take effect."
    hint = f"wait until it has ended, or cancel or resolve it on the page of {flight.noun} {flight.number}"
    return said, hint, "in-flight"


def _resume(run: Run, phase: str, actor: str) -> None:
    course = Course(run, actor)
    course.mover = actor
    course.resume(phase)


def abort_run(*, run: Run, actor: str, reason: str) -> Run:
    """Stop for good; what always runs has its turn. What was proposed stays signable: its page can reject it."""
    why = _reason(reason, "say why the run is stopped")
    return _looking_again(lambda: _abort(run.pk, actor, why), run.subject)


def _abort(pk: int, actor: str, reason: str) -> Run:
    forward = StepRun.objects.filter(run=pk, status__in=("pending", *OPEN_STEP)).exclude(phase=Phase.FINALLY)
    cancelled = {step.key for step in forward if cancel(KIND, step.key)}
    run = hold_run(pk)
    if run.is_over:
        raise StaleTransition(f"{run.subject} is {run.status}; it cannot be aborted")
    if run.ending == "aborted" and run.status != "failed":
        raise Refused("The run is being aborted.", "it ends when the steps that always run are over", "aborting")
    left = list(forward.select_for_update().order_by("position"))
    if any(step.status in OPEN_STEP and step.key not in cancelled for step in left):
        raise _MovedMeanwhile
    if run.status in NEVER_BEGUN:
        left += list(run.steps.select_for_update().filter(phase=Phase.FINALLY, status="pending"))
    for step in left:
        step.run = run
        why = _left(step)
        also = {"reason": why, "ended_at": timezone.now(), "waiting_for": "", "waits_since": None}
        transition(step, "skipped", actor=actor, reason=why, also=also, after=about(step))
    withdraw_questions([run.subject, *(step.subject for step in left)], actor=actor, reason="the run was aborted")
    _to_its_end(run, actor, reason)
    return run


def _left(step: StepRun) -> str:
    """What is under way outside is not stopped by us; whoever reads this must know of it."""
    if step.status in OPEN_STEP and under_way_outside(step):
        what = step.waiting_for.replace(":", " ") or "it"
        return f"the run was aborted; {what} was under way{': ' + step.reason if step.reason else ''}"
    return "the run was aborted"


def _to_its_end(run: Run, actor: str, reason: str) -> None:
    """What always runs has run already after a failure, and has no place before the beginning."""
    if run.status in (*NEVER_BEGUN, "failed"):
        also = {"phase": Phase.FINALLY, "ending": "aborted", "cause": reason, "reason": reason}
        transition(run, "aborted", actor=actor, reason=reason, also={**also, "ended_at": timezone.now()})
    elif run.status == "finishing":
        record("run.aborting", actor=actor, scope=run.scope, subject=run.subject, reason=reason)
    course = Course(run, actor)
    course.mover = actor
    if not run.is_over:
        course.finish("aborted", reason)
    course.go_on()


@transaction.atomic
def roll_back(*, run: Run, actor: str, reason: str) -> Run:
    """Undo what is done, in reverse, then what always runs."""
    why = _reason(reason, "say why the run is rolled back")
    held = hold_run(run.pk)
    steps = list(held.steps.select_for_update().order_by("position"))
    _refuse_rollback(held, steps)
    course = Course(held, actor)
    course.mover = actor
    if held.phase == Phase.FINALLY:
        course.reopen(Phase.ROLLBACK)
    course.turn_back(why)
    course.go_on()
    return held


def _refuse_rollback(run: Run, steps: list[StepRun]) -> None:
    if run.status not in ("running", "paused", "failed", "done") or run.turned_back:
        hint = "wait for its last steps" if run.status in MOVING else "nothing of it can be rolled back"
        raise StaleTransition(f"{run.subject} is {run.state}; {hint}")
    unknown = next((step for step in steps if step.status == "unknown"), None)
    if unknown is not None:
        hint = "first say what became of it: retry or skip it"
        raise Refused(f"Nobody can tell what became of step {unknown.step_id}.", hint, "unknown")
    busy = next((step for step in steps if step.status in OPEN_STEP and under_way_outside(step)), None)
    if busy is not None:
        what = f" ({busy.waiting_for.replace(':', ' ')}: {busy.reason})" if busy.waiting_for else ""
        hint = "let it end, or stop it on its own page; a step that you skip is not undone"
        raise Refused(f"Step {busy.step_id} is under way{what}.", hint, "under-way")
    flying = unsettled(run, steps)
    for name, flight in flying.items():
        if flight.lives:
            raise Refused(*_in_flight(name, flight))
    rules = outline_of(run.plan).rules
    if not any((step.status == "done" or step.step_id in flying) and rules[step.step_id].undo for step in steps):
        raise Refused("Nothing that is done has a way back in this plan.", "abort the run instead", "nothing-to-undo")
