"""Goes through a plan on its forks, in plan order: what each step would do, and what the run would make of it.

A failure does not end the rehearsal: whoever reads the report wants to know what the rest would do, so the steps after
it are tried too and marked as beyond the point where the run would have stopped.
"""

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from typing import Any

from governance.plans.schema import Document, Reference, check_value, resolve
from governance.plans.schema import Step as PlanStep
from integrations.chain.errors import RpcError
from integrations.chain.forks import ForkFailed
from integrations.expressions import ExpressionError
from ledger.errors import Invalid, Refused
from runbooks.plans.compile import RULES
from runbooks.plans.guards import holds
from runbooks.rehearsals.report import Condition, Report, StepReport, Way
from runbooks.rehearsals.stage import NotRehearsed, Rehearsing
from runbooks.rehearsals.ways import MOST_WAYS, Option, in_time, others_of, stage_for, way
from runbooks.steps import STEPS, Rehearsed

logger = logging.getLogger(__name__)
MOST_TRIES = 5
STATUS = {"failed": "failed", "skipped": "skipped"}
"""What a guard sees as a step's status; everything else is done."""


class OutOfTime(Exception):
    """The rehearsal took longer than it may."""


@dataclass
class Conductor:
    """`settled`: what steps of the run have done already, by plan id; `told` is called after each step."""

    document: Document
    stage: Rehearsing
    report: Report
    settled: Mapping[str, Mapping[str, Any]]
    told: Callable[[], None]
    until: float
    given: Mapping[str, str | bool] = field(default_factory=dict)  # values recorded before, by reference
    known: dict[str, str | bool] = field(default_factory=dict, init=False)
    stopped_by: str = field(default="", init=False)
    leave_out_until: str = field(default="", init=False)
    failures: int = field(default=0, init=False)

    def conduct(self) -> None:
        """The plan as it stands, then each way in which people may decide otherwise."""
        started = time.monotonic()
        with self._aside():
            self._go_through(rollback=True)
        others = list(others_of(self.document.steps, self.report))
        took = time.monotonic() - started
        for number, option in enumerate(others):
            if number >= MOST_WAYS or not in_time(self.until, took):
                self.report.untried = len(others) - number
                break
            self.report.ways.append(self._otherwise(option))
            self.told()

    def _otherwise(self, option: Option) -> Way:
        again = replace(
            self,
            stage=stage_for(self.stage, option),
            report=Report(plan=self.report.plan, blocks=self.report.blocks, of=self.report.of),
            told=_nothing,
        )
        with again._aside():
            again._go_through(rollback=False)
        return way(option, self.report, again.report)

    def _aside(self) -> ExitStack:
        """What happens on the forks inside is undone afterwards."""
        stack = ExitStack()
        for fork in self.stage.forks.values():
            stack.enter_context(fork.aside())
        return stack

    def _go_through(self, *, rollback: bool) -> None:
        """Main steps; then, aside, what a rollback would do; then the steps that always run."""
        phases: dict[str, list[PlanStep]] = {"main": [], "rollback": [], "finally": []}
        for step in self.document.steps:
            phases[phase_of(step)].append(step)
        self.known = dict(self.given)
        for step in phases["main"]:
            self._take(step)
        if rollback:
            self._roll_back(phases["main"], phases["rollback"])
        for step in phases["finally"]:
            self._take(step)
        self.report.result = "failed" if self.failures else "passed"

    def _take(self, step: PlanStep) -> None:
        if time.monotonic() > self.until:
            raise OutOfTime
        found = self._settled(step) or self._left_out(step) or self._not_needed(step) or self._try(step)
        if found.result in ("passed", "outside"):
            found = self._bind(step, found)
        yielded = self.stage.outputs.get(step.id, {})
        found = replace(found, output={name: shown(value) for name, value in yielded.items() if name != "status"})
        self.report.steps.append(found)
        self.stage.outputs[step.id] = {
            "status": STATUS.get(found.result, "done"),
            **yielded,
        }
        if found.result == "failed":
            self._failed(step, found)
        self.told()

    def _settled(self, step: PlanStep) -> StepReport | None:
        if step.id not in self.settled:
            return None
        self.stage.outputs[step.id] = dict(self.settled[step.id])
        return _report(step, "before", "happened before this rehearsal")

    def _left_out(self, step: PlanStep) -> StepReport | None:
        if self.leave_out_until == step.id:
            self.leave_out_until = ""
        if self.leave_out_until and phase_of(step) == "main":
            return _report(step, "skipped", f"left out: the plan goes on at {self.leave_out_until}")
        return None

    def _not_needed(self, step: PlanStep) -> StepReport | None:
        for guard in rules_of(step).get("if", ()):
            try:
                if not holds(guard, self.stage.outputs):
                    return _report(step, "skipped", f"not needed: {guard['that']}")
            except ExpressionError as error:
                return _report(step, "failed", f"cannot be judged whether it is needed: {error}")
        return None

    def _failed(self, step: PlanStep, found: StepReport) -> None:
        rule = rules_of(step).get("on_failure", "stop")
        if rule == "continue" or phase_of(step) == "rollback":
            return
        if rule not in ("stop", "rollback"):
            self.leave_out_until = str(rule)
            return
        if phase_of(step) == "main" and not self.stopped_by:
            self.stopped_by = step.id
            self.report.reason = f"{step.title or step.id}: {found.said}"
        self.failures += 1

    def _try(self, step: PlanStep) -> StepReport:
        started, clock = time.monotonic(), self._clock()
        self.stage.step = step.id
        try:
            found = self._attempt(step)
        except (NotRehearsed, Invalid, Refused) as error:
            found = _report(step, "failed", f"could not be rehearsed: {getattr(error, 'message', error)}")
        except RpcError as error:
            raise ForkFailed(f"the fork gave no usable answer at step {step.id}") from error
        except ForkFailed:
            raise
        except Exception:
            logger.exception("step %s could not be rehearsed", step.id)
            found = _report(step, "failed", "something unexpected went wrong here; the worker's log has the details")
        return replace(
            found,
            beyond=bool(self.stopped_by) and phase_of(step) == "main",
            transactions=tuple(self.stage.take_sent()),
            milliseconds=round((time.monotonic() - started) * 1000),
            seconds=self._clock() - clock,
        )

    def _attempt(self, step: PlanStep) -> StepReport:
        try:
            params = resolve(step.params, self.known)
        except KeyError as error:
            return _report(step, "failed", f"the value of {error.args[0]} is not known in a rehearsal")
        before = self._conditions(params[RULES].get("before", ()))
        if not all(one.holds for one in before):
            return replace(_report(step, "failed", _unmet("must hold before it", before)), before=before)
        done = self._patiently(step, params)
        self.stage.outputs[step.id] = dict(done.output)
        report = replace(_report(step, done.result, done.said), before=before, assumed=done.assumed)
        if done.result != "passed":
            return report
        after = self._conditions(params[RULES].get("after", ()))
        if all(one.holds for one in after):
            return replace(report, after=after)
        return replace(report, result="failed", said=_unmet("must hold after it", after), after=after)

    def _patiently(self, step: PlanStep, params: dict[str, Any]) -> Rehearsed:
        """A step that only reads is asked again after its delay, as the run would, with the clock set forward."""
        kind, rules = STEPS[step.type], params[RULES]
        tries = min(int(rules.get("attempts", 1)), MOST_TRIES)
        done = kind.rehearse(self.stage, params)
        for _ in range(tries - 1):
            if done.result != "failed" or step.type != "check":
                break
            self.stage.pass_time(int(rules.get("delay", 0)))
            done = kind.rehearse(self.stage, params)
        return done

    def _conditions(self, wanted: Any) -> tuple[Condition, ...]:
        found = [STEPS["check"].rehearse(self.stage, params) for params in wanted]
        return tuple(Condition(one.said, one.result != "failed") for one in found)

    def _roll_back(self, main: list[PlanStep], steps: list[PlanStep]) -> None:
        """The undoing of each step that the run would have done, the last first; undone afterwards."""
        done = {one.id for one in self.report.steps if one.result in ("passed", "before") and not one.beyond}
        by_id = {step.id: step for step in steps}
        undoing = [by_id.get(str(rules_of(step).get("undo"))) for step in reversed(main) if step.id in done]
        if not any(undoing):
            return
        with self._aside():
            for step in filter(None, undoing):
                self._take(step)

    def _bind(self, step: PlanStep, found: StepReport) -> StepReport:
        """Values that the plan could not know, now that their step is through; what only a person or another machine
        would yield is assumed, and said."""
        yielded = self.stage.outputs.setdefault(step.id, {})
        assumed = [found.assumed] if found.assumed else []
        for reference in self.document.references:
            source, _, name = reference.rule.removeprefix("step:").rpartition(".")
            if source != step.id or reference.id in self.known:
                continue
            if name not in yielded and found.result == "outside":
                yielded[name] = assumption(reference)
                assumed.append(f"{name} is “{shown(yielded[name])}”")
            try:
                self.known[reference.id] = check_value(reference, recorded(yielded[name]))
            except KeyError:
                continue  # the steps that need it say that it is not known
            except ValueError as error:
                return replace(found, result="failed", said=f"{name} is outside what the plan allows: {error}")
        return replace(found, assumed="; ".join(assumed))

    def _clock(self) -> int:
        return max((fork.now for fork in self.stage.forks.values()), default=0)


def _nothing() -> None:
    """Other ways are told of when they are over."""


def recorded(value: Any) -> str | bool:
    """As a plan records values: text, numbers in decimals, but for true and false."""
    return value if isinstance(value, bool) else str(value)


def shown(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def assumption(reference: Reference) -> Any:
    """Some value within the bounds: the first that is allowed, the smallest number, true."""
    if reference.bounds.one_of:
        return reference.bounds.one_of[0]
    plain = {
        "bool": True,
        "uint256": reference.bounds.minimum or "0",
        "int256": reference.bounds.minimum or "0",
        "address": "0x" + "0" * 39 + "1",
        "bytes32": "0x" + "0" * 64,
    }
    return plain.get(reference.type, "rehearsed"[: reference.bounds.max_length])


def rules_of(step: PlanStep) -> dict[str, Any]:
    return dict(step.params.get(RULES, {}))


def phase_of(step: PlanStep) -> str:
    return str(rules_of(step).get("phase", "main"))


def _report(step: PlanStep, result: Any, said: str) -> StepReport:
    return StepReport(id=step.id, type=step.type, title=step.title, phase=phase_of(step), result=result, said=said)


def _unmet(what: str, conditions: tuple[Condition, ...]) -> str:
    return f"{what}: " + "; ".join(one.said for one in conditions if not one.holds)
