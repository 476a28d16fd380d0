"""The course of a run: what is next, given what its steps have become. Forward, back in reverse, and at the end.

Everything here is decided from rows alone, in the transaction of the change that calls for it, under the run's lock: a
worker that dies leaves either all of it or nothing, and asking twice starts nothing twice.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import partial

from django.db import transaction
from django.utils import timezone

from ledger import transition
from runbooks.runs import locks, values
from runbooks.runs.approvals import withdraw_questions
from runbooks.runs.flights import unsettled
from runbooks.runs.models import MOVING, OPEN_STEP, SETTLED, Phase, Run, Stage, StepRun
from runbooks.runs.outline import Rule, outline_of
from runbooks.runs.rows import lines
from runbooks.steps import STEPS
from work import cancel, enqueue

KIND = "runbooks.step"
MOVING_IN = {Phase.MAIN: "running", Phase.ROLLBACK: "rolling_back", Phase.FINALLY: "finishing"}


def advance(run: Run, *, actor: str) -> None:
    """Go on as far as rows allow: start, skip, turn back, finish, end. The caller holds the run's row."""
    if run.status in (*MOVING, "paused", "failed"):
        Course(run, actor).go_on()


def unblocked(run: Run, step: StepRun) -> bool:
    """Whether a step may begin now: it is its phase's turn and nothing stands still."""
    its_turn = run.phase == step.phase or (run.phase == Phase.ROLLBACK and looked_at_again(step))
    return its_turn and run.status == MOVING_IN[Phase(run.phase)]


def looked_at_again(step: "StepRun | Line") -> bool:
    """Its outcome was unknown, and somebody wants to know: whether it has to be undone depends on it."""
    return step.phase == Phase.MAIN and step.status == "pending" and step.stage == Stage.ACTING


@dataclass(slots=True)
class Line:
    """What the course looks at of a step. Most are only looked at; `Course._row` makes a model of one that moves."""

    pk: int
    step_id: str
    title: str
    type: str
    phase: str
    position: int
    status: str
    attempt: int
    handed: int
    stage: str
    reason: str
    waiting_for: str


LOOKED_AT = tuple(field.name for field in fields(Line))


def _lines(run: Run) -> list[Line]:
    return [Line(*row) for row in lines(run, LOOKED_AT)]


class Course:
    """A run with its steps, for the length of one transaction."""

    def __init__(self, run: Run, actor: str) -> None:
        self.run, self.actor = run, actor
        self.mover = run.subject  # who moves the run: a person's verb names the person
        self.rules = outline_of(run.plan).rules
        self.steps = {line.step_id: line for line in _lines(run)}

    def go_on(self) -> None:
        """Each phase either waits for steps, or hands over to the next one."""
        turns: dict[str, Callable[[], bool]] = {
            Phase.MAIN: self._forward,
            Phase.ROLLBACK: self._back,
            Phase.FINALLY: self._finish_off,
        }
        while not self._stands_still() and turns[self.run.phase]():
            pass
        self.let_go()

    def let_go(self) -> None:
        """Give back the locks of what nothing is to come of."""
        statuses = {name: "unknown" if self._waited_for(one) else one.status for name, one in self.steps.items()}
        locks.free_unneeded(self.run, self.steps, statuses, actor=self.actor)

    def _waited_for(self, step: Line) -> bool:
        return self.run.phase == Phase.ROLLBACK and looked_at_again(step)

    # what stands still

    def _stands_still(self) -> bool:
        """An outcome that nobody knows stops everything; of an aborted run, only what still has to be done counts."""
        unknown = next((step for step in self._of(*Phase.values) if self._matters(step)), None)
        if unknown is not None:
            if self.run.status != "paused":
                self._move("paused", f"nobody can tell what became of step {unknown.step_id}")
            return True
        return self.run.status not in (*MOVING, "paused")

    def _matters(self, step: Line) -> bool:
        gone = self.run.ending == "aborted" and step.phase != Phase.FINALLY
        return step.status == "unknown" and not gone

    # forward

    def _forward(self) -> bool:
        main = self._of(Phase.MAIN)
        failed = [step for step in main if step.status == "failed"]
        for step in failed:
            if self.rules[step.step_id].on_failure == "rollback":
                self.turn_back(f"step {step.step_id} failed: {step.reason}")
                return True
        for step in failed:
            if self.rules[step.step_id].on_failure == "stop":
                self.finish("failed", f"step {step.step_id} failed: {step.reason}")
                return True
        self._under_way()
        passed = {step.step_id for step in main if step.status in (*SETTLED, "failed")}
        if self._start_ready(main, passed):
            return True
        if len(passed) == len(main):
            self.finish("done", "")
            return True
        return False

    def _start_ready(self, steps: Iterable[Line], passed: set[str]) -> bool:
        """Hand over what is due. True: something was settled at once, so that more may be due."""
        settled = False
        for step in steps:
            rule = self.rules[step.step_id]
            if step.status == "pending" and rule.needs <= passed:
                settled = self._begin(step, rule) or settled
        return settled

    def _begin(self, step: Line, rule: Rule) -> bool:
        """True if the step ended right here: its guard says that it is not needed, or there is nothing to do in it."""
        if rule.guards:
            statuses = {name: one.status for name, one in self.steps.items()}
            try:
                reason = values.unmet(rule, self.run, statuses)
            except ValueError as error:
                self._settle(step, "failed", f"its condition cannot be judged: {error}")
                return True
            if reason is not None:
                self._settle(step, "skipped", reason)
                return True
        if STEPS[step.type].control:
            self._pass(step)
            return True
        start(self._row(step), self.run, actor=self.actor)
        return False

    def left_out(self, failed: Line | StepRun) -> None:
        """`on_failure: <step>`: what stands between the failed step and that one is not done."""
        target = self.rules[self.rules[failed.step_id].on_failure]
        for step in self._of(Phase.MAIN):
            if failed.position < step.position < target.position and step.status == "pending":
                self._settle(step, "skipped", f"left out: {failed.step_id} failed")

    # back

    def turn_back(self, reason: str) -> None:
        """Undo what is done, in reverse. What is under way outside is first let come to its end."""
        Run.objects.filter(pk=self.run.pk).update(turned_back=True)
        self.run.turned_back = True
        self._enter(Phase.ROLLBACK, "", reason)
        flying = unsettled(self.run, self._of(Phase.MAIN))
        for step in self._of(Phase.MAIN):
            left = step.status == "pending" and not looked_at_again(step)
            if step.step_id in flying:
                self._look_again(step, flying[step.step_id].words)
            elif left or (step.status in OPEN_STEP and not under_way_outside(step)):
                self._settle(step, "skipped", "the run is rolled back")
        self._under_way()

    def _look_again(self, step: Line, reason: str) -> None:
        """It had ended, and may take effect yet, or has: the way back waits for it, and undoes it if it did."""
        if step.status in OPEN_STEP:
            return
        row = self._row(step)
        if step.status != "pending":
            again(row, self.run.subject, reason)
        StepRun.objects.filter(pk=row.pk).update(stage=Stage.ACTING)
        found = replace(step, status="pending", attempt=row.attempt, stage=Stage.ACTING, reason="", waiting_for="")
        self.steps[step.step_id] = found if step.status == "pending" else replace(found, handed=0)

    def _back(self) -> bool:
        self._under_way()
        undoing = self._of(Phase.ROLLBACK)
        failed = next((step for step in undoing if step.status == "failed"), None)
        if failed is not None:
            self.finish("failed", f"step {failed.step_id} failed while rolling back: {failed.reason}")
            return True
        for step in filter(looked_at_again, self._of(Phase.MAIN)):
            start(self._row(step), self.run, actor=self.actor)
        if any(s.status in OPEN_STEP or looked_at_again(s) for s in (*undoing, *self._of(Phase.MAIN))):
            return False
        if why := self._overtaken():
            self.finish("failed", why)
            return True
        for step in reversed(self._of(Phase.MAIN)):
            undo = self.steps.get(self.rules[step.step_id].undo)
            if undo is None or undo.status != "pending":
                continue
            if step.status == "done":
                return self._begin(undo, self.rules[undo.step_id])
            self._settle(undo, "skipped", f"nothing to undo: {step.step_id} was not done")
        self.finish("rolled_back", self.run.reason)
        return True

    def _overtaken(self) -> str:
        """Why nothing can be undone now: a step was given up on while its transaction may still take effect."""
        failed = [step for step in self._of(Phase.MAIN) if step.status == "failed"]
        flying = unsettled(self.run, failed) if failed else {}
        name, flight = next(((name, one) for name, one in flying.items() if one.lives), ("", None))
        if flight is None:
            return ""
        hint = "wait for it or cancel it on its page, then skip the step"
        return f"step {name} failed while rolling back, but {flight.words}: {hint}"

    # the end

    def finish(self, ending: str, reason: str) -> None:
        """`finally` steps have their turn; without any, the run is over at once."""
        self._enter(Phase.FINALLY, ending, reason)
        if any(step.status in ("pending", *OPEN_STEP) for step in self._of(Phase.FINALLY)):
            self._under_way()

    def _finish_off(self) -> bool:
        """A `finally` step that failed holds up no other one: they always run."""
        steps = self._of(Phase.FINALLY)
        over = {step.step_id for step in steps if step.status in (*SETTLED, "failed")}
        if len(over) < len(steps) or (steps and self.run.status == "paused"):
            self._under_way()
        if len(over) < len(steps):
            return self._start_ready(steps, over)
        self._end(steps)
        return False

    def _end(self, steps: list[Line]) -> None:
        to, reason = self.run.ending, self.run.cause
        bad = [one for one in steps if one.status == "failed" and self.rules[one.step_id].on_failure != "continue"]
        if bad:
            to = "failed"
            why = f"step {bad[0].step_id}, which always runs, failed: {bad[0].reason}"
            reason = f"{reason}; then {why}" if reason else why
        self._move(to, reason, also={"ended_at": timezone.now(), "reason": reason})

    # a person goes on with what had stopped

    def resume(self, phase: str) -> None:
        """After a retry or a skip: back into the phase that had stopped, once nothing in it stands in the way.

        What always runs will then run again at the end.
        """
        if self.run.status == "failed" and phase != Phase.FINALLY and not self._stopped(phase):
            self.reopen(phase)
        elif self.run.status == "failed" and phase == Phase.FINALLY:
            self._enter(Phase.FINALLY, self.run.ending, self.run.cause)
            self._under_way()
        self.go_on()

    def _stopped(self, phase: str) -> bool:
        return any(
            step.status == "unknown" or (step.status == "failed" and self._stops(step)) for step in self._of(phase)
        )

    def _stops(self, step: Line) -> bool:
        return step.phase != Phase.MAIN or self.rules[step.step_id].on_failure in ("stop", "rollback")

    def reopen(self, phase: str) -> None:
        self._enter(phase, "", "")
        for step in self._of(Phase.FINALLY):
            if step.status in (*SETTLED, "failed"):
                row = self._row(step)
                again(row, self.run.subject, "it runs again at the end", anew=step.status in SETTLED)
                self.steps[step.step_id] = replace(step, status=row.status, attempt=row.attempt, handed=0, reason="")
        self._under_way()

    def back_to(self, phase: str) -> None:
        """Something that had ended the run is not so after all; what always runs stays as it is."""
        ending = self.run.ending if phase == Phase.FINALLY else ""
        self._enter(phase, ending, self.run.cause if ending else "")
        self._under_way()

    # small moves

    def _enter(self, phase: str, ending: str, reason: str) -> None:
        changes = {"phase": phase, "ending": ending, "cause": reason, "reason": reason}
        Run.objects.filter(pk=self.run.pk).update(**changes)
        for name, value in changes.items():
            setattr(self.run, name, value)

    def _of(self, *phases: str) -> list[Line]:
        return [step for step in self.steps.values() if step.phase in phases]

    def _under_way(self) -> None:
        to = MOVING_IN[Phase(self.run.phase)]
        if self.run.status != to:
            self._move(to, self.run.reason, also={"ended_at": None})

    def _move(self, to: str, reason: str, also: dict[str, object] | None = None) -> None:
        about = {"ending": self.run.ending} if self.run.ending else {}
        transition(self.run, to, actor=self.mover, reason=reason, also=also, after=about)

    def _settle(self, step: Line, to: str, reason: str) -> None:
        """End a step that does nothing outside. A row of work it may have finds that out when its turn comes.

        That row cannot be cancelled here: its worker locks it before the run.
        """
        row = self._row(step)
        if step.status in OPEN_STEP:
            transaction.on_commit(partial(cancel, KIND, row.key), robust=True)
            withdraw_questions([row.subject], actor=self.run.subject, reason=reason)
        also = {"reason": reason, "ended_at": timezone.now(), "waiting_for": "", "waits_since": None}
        transition(row, to, actor=self.run.subject, reason=reason, also=also, after=about(row))
        step.status, step.reason, step.waiting_for = row.status, reason, ""

    def _pass(self, step: Line) -> None:
        now = timezone.now()
        also = {"started_at": now, "ended_at": now, "proof": "all before it are over", "stage": Stage.ACTING}
        marks = self.rules[step.step_id].marks
        row = self._row(step)
        after = {**about(row), "marks": marks} if marks else about(row)
        transition(row, "done", actor=self.run.subject, also=also, after=after)
        step.status = row.status

    def _row(self, line: Line) -> StepRun:
        """Of what was looked at, under the run's lock: enough to move it by its status."""
        return StepRun(run=self.run, **asdict(line))


def about(step: StepRun) -> dict[str, object]:
    return {"run": step.run.subject, "step": step.step_id, "title": step.title, "attempt": step.attempt}


def again(
    step: StepRun,
    actor: str,
    reason: str,
    *,
    keep: bool = False,
    anew: bool = False,
    lost: Mapping[str, object] | None = None,
) -> None:
    """A new attempt from the start; `keep` what is done already, to look only at what must hold after it.

    `anew`: it was done, and is to be done once more. Any other attempt goes on with what earlier ones began.
    """
    also: dict[str, object] = {
        "attempt": step.attempt + 1,
        "handed": 0,
        "tries": 0,
        "logged": 0,
        "reason": reason if lost else "",
        "waiting_for": "",
        "waits_since": None,
        "started_at": None,
        "ended_at": None,
    }
    if anew:
        also["since"] = step.attempt + 1
    if not keep:
        also |= {"stage": Stage.NOT_BEGUN, "proof": "", "answer": None, "output": {}}
    after = {**about(step), "attempt": step.attempt + 1} | ({"lost": lost} if lost else {})
    transition(step, "pending", actor=actor, reason=reason, also=also, after=after)


def under_way_outside(step: StepRun | Line) -> bool:
    """Something outside may have happened already: such a step is let come to its end, never just left."""
    return step.stage != Stage.NOT_BEGUN and STEPS[step.type].acts


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
