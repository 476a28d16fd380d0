"""Reads about runs: what a page, the API and a socket show of them."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from governance.plans.schema import Document
from ledger.models import Scope, ScopeClosure
from runbooks.evidence.models import Evidence
from runbooks.playbooks.selectors import document_of
from runbooks.runs.grouping import Place, is_control, longest_way, places_of, rules_of, runs_of
from runbooks.runs.lines import StepLine, newest_proposals, state_of
from runbooks.runs.models import NEVER_BEGUN, Run, StepRun

MAY_RUN = ("responder", "commander", "admin")
MAY_STEER = ("commander", "admin")


@dataclass(eq=False)
class Checklist:
    """A run as its page shows it: forward, back when it is rolled back, and what always runs."""

    run: Run
    lines: tuple[StepLine, ...]  # the steps forward; the one list that a war room shows
    undoing: tuple[StepLine, ...]  # in the order in which they are undone
    last: tuple[StepLine, ...]
    expected: int
    target: int
    since: datetime | None

    @property
    def every(self) -> tuple[StepLine, ...]:
        return (*self.lines, *self.undoing, *self.last)

    @property
    def shown(self) -> list[StepLine]:
        return [line for line in self.lines if not is_control(line.planned)]

    @property
    def settled(self) -> int:
        return sum(line.state in ("done", "undone", "skipped", "unneeded") for line in self.shown)

    @property
    def turned_back(self) -> bool:
        return self.run.turned_back

    @property
    def current(self) -> list[StepLine]:
        """What matters now: what nobody knows, else what is under way, else what failed, else what comes next."""
        for states in (("unknown",), ("now",), ("failed",)):
            found = [line for line in self.every if line.state in states and not line.hidden]
            if found:
                return found
        return [] if self.run.is_over else [line for line in self.every if line.state == "later"][:1]

    @property
    def now(self) -> StepLine | None:
        return self.current[0] if self.current else None

    @property
    def elapsed(self) -> int:
        if self.run.started_at is None:
            return 0
        return int(((self.run.ended_at or timezone.now()) - self.run.started_at).total_seconds())

    @property
    def is_late(self) -> bool:
        return bool(self.target) and self.elapsed > self.target

    @property
    def scaled(self) -> dict[str, int]:
        """Elapsed, expected and target on the bar's thousand parts; a run that is late fills it."""
        whole = max(self.elapsed, self.expected, self.target, 1)
        told = {"elapsed": self.elapsed, "expected": self.expected, "target": self.target}
        return {name: min(996, value * 1000 // whole) for name, value in told.items()}

    @property
    def will_be_undone(self) -> list[StepLine]:
        """In the order in which it would happen."""
        return [line for line in reversed(self.lines) if line.state == "done" and line.undo is not None]

    @property
    def stays_done(self) -> list[StepLine]:
        """What was done outside and has no way back."""
        acted = [line for line in self.lines if line.acts or line.step.type == "manual"]
        return [line for line in acted if line.state in ("done", "unknown") and line.undo is None]

    @property
    def can_roll_back(self) -> bool:
        stopped = self.run.status in ("running", "paused", "failed", "done") and not self.run.turned_back
        return stopped and bool(self.will_be_undone)


def visible_runs(viewer: Any) -> "QuerySet[Run]":
    return Run.objects.visible_to(viewer).select_related("version__playbook", "scope", "plan")


def runs_below(scope: Scope, viewer: Any) -> "QuerySet[Run]":
    """Runs that hang below a scope, such as an incident's."""
    below = ScopeClosure.objects.filter(ancestor=scope).values("descendant_id")
    return visible_runs(viewer).filter(scope__in=below).order_by("-pk")


def checklist(run: Run) -> Checklist:
    plan = run.plan.parsed()
    steps = list(run.steps.order_by("position"))
    for step in steps:
        step.run = run
    lines = _lines(run, plan, steps)
    main = tuple(line for line in lines if line.step.phase == "main")
    undoing = tuple(line for line in reversed(lines) if line.step.phase == "rollback")
    _fold(main)
    return Checklist(
        run=run,
        lines=main,
        undoing=undoing,
        last=tuple(line for line in lines if line.step.phase == "finally"),
        expected=longest_way(plan.steps, {line.step.step_id: line.state == "unneeded" for line in main}),
        target=document_of(run.version).targets.safe or 0,
        since=run.started_at,
    )


def _lines(run: Run, plan: Document, steps: list[StepRun]) -> list[StepLine]:
    planned = {item.id: item for item in plan.steps}
    places, proposals, files = places_of(plan.steps), newest_proposals(run), _files(run)
    by_id = {step.step_id: step for step in steps}
    lines = {
        step.step_id: StepLine(
            step=step,
            planned=planned[step.step_id],
            state=state_of(step, by_id.get(rules_of(planned[step.step_id]).get("undo", ""))),
            place=places.get(step.step_id, Place()),
            proposal=proposals.get(step.step_id),
            draft=run.status in NEVER_BEGUN,
            files=tuple(files.get(step.pk, ())),
        )
        for step in steps
    }
    number = 0
    for line in lines.values():
        line.undo = lines.get(line.rules.get("undo", ""))
        if line.undo:
            line.undo.undoes = line
        line.hidden = is_control(line.planned) and line.state not in ("failed", "unknown")
        if not is_control(line.planned) and line.step.phase != "rollback":
            number += 1
            line.number = number
    return list(lines.values())


def _files(run: Run) -> dict[int, list[Evidence]]:
    found: dict[int, list[Evidence]] = defaultdict(list)
    for one in Evidence.objects.filter(step__run=run).defer("content"):
        found[one.step_id].append(one)
    return found


def _fold(lines: tuple[StepLine, ...]) -> None:
    """Steps of a branch that was not taken become one line, told by the first of them."""
    seen = [line for line in lines if not line.hidden]
    for stretch in runs_of([line.state == "unneeded" for line in seen]):
        first, *others = [seen[index] for index in stretch]
        first.folds = tuple(line.step.title for line in (first, *others))
        for other in others:
            other.hidden = True


def touched_with(found: Checklist, pk: int) -> set[int]:
    """The lines that may look otherwise when this step has moved: its neighbours in a fold, and what it undoes."""
    touched = {pk}
    for line in found.every:
        if line.step.pk == pk:
            touched |= {other.step.pk for other in (line.undo, line.undoes) if other}
    if any(line.step.pk == pk and line.state == "unneeded" for line in found.lines):
        touched |= {line.step.pk for line in found.lines if line.state == "unneeded"}
    return touched


def last_before(run: Run, viewer: Any) -> Run | None:
    """The run of the same playbook before this one, in the same environment where there is one."""
    earlier = visible_runs(viewer).filter(version__playbook=run.version.playbook, pk__lt=run.pk).order_by("-pk")
    return earlier.filter(environment=run.environment).first() or earlier.first()
