"""What people may decide otherwise: the plan once more for every option that the rehearsal itself did not take.

One decision differs at a time. Each way begins where the rehearsal began, and is undone afterwards.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from governance.plans.schema import Step as PlanStep
from runbooks.rehearsals.report import Report, Way
from runbooks.rehearsals.stage import Rehearsing

MOST_WAYS = 8


@dataclass(frozen=True, slots=True)
class Option:
    """An option of a decision that was come to, and not taken."""

    step: PlanStep
    choice: str


def others_of(steps: tuple[PlanStep, ...], report: Report) -> Iterator[Option]:
    """In plan order."""
    reached = {step.id for step in report.steps if step.result == "outside"}
    for step in steps:
        if step.type == "decide" and step.id in reached:
            for option in step.params["options"][1:]:
                yield Option(step, str(option["choice"]))


def differing(base: Report, report: Report) -> list[dict[str, Any]]:
    """The steps that went another way than in the rehearsal itself."""
    usual = {step.id: step.result for step in base.steps}
    return [
        {"id": step.id, "title": step.title, "result": step.result, "said": step.said}
        for step in report.steps
        if usual.get(step.id) != step.result
    ]


def way(option: Option, base: Report, report: Report) -> Way:
    return Way(
        step=option.step.id,
        title=option.step.title,
        choice=option.choice,
        result=report.result,
        reason=report.reason,
        steps=tuple(differing(base, report)),
        totals=report.totals(),
    )


def stage_for(stage: Rehearsing, option: Option) -> Rehearsing:
    """A fresh one on the same forks, where this option is taken."""
    return replace(stage, outputs={}, choices={option.step.id: option.choice}, step="")


def in_time(until: float, took: float) -> bool:
    """Whether another way of about that length fits."""
    return time.monotonic() + took < until
