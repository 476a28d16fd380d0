"""Calls that would revert."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("failing_call")
class FailingCall(Finding):
    """The simulation says that the transaction would fail, or there is no simulation."""

    label = "It would fail"
    waivable = False

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.simulated is False:
            yield Found("blocking", f"Simulated on the present state it fails: {facts.revert or 'no reason given'}.")
        elif facts.simulated is None:
            yield Found("warning", "It could not be simulated: what it changes is not known.")
