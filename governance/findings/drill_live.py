"""Exercises and earnest."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("drill_live")
class DrillLive(Finding):
    """A drill's or a rehearsal's transaction on a live chain, where it would count."""

    label = "Drill on a live chain"
    waivable = False

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.environment in ("drill", "rehearsal") and facts.chain_kind == "live":
            yield Found("blocking", f"A {facts.environment} may not be signed on a live chain.")
