"""Calls that nobody approved."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("outside_plan")
class OutsidePlan(Finding):
    """A proposal that names a plan which does not contain exactly these calls, or a drill on a live chain."""

    label = "Outside the plan"

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.in_plan is False:
            yield Found("blocking", "The plan that was approved does not contain exactly these calls on this Safe.")
        if facts.environment in ("drill", "rehearsal") and facts.chain_kind == "live":
            yield Found("blocking", f"A {facts.environment} may not be signed on a live chain.")
