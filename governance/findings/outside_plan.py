"""Calls that nobody approved."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("outside_plan")
class OutsidePlan(Finding):
    """A proposal that names a plan which does not contain exactly these calls."""

    label = "Outside the plan"
    waivable = False

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.in_plan is False:
            yield Found("blocking", "The plan that was approved does not contain exactly these calls on this Safe.")
