"""Payloads in payloads."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("too_deep")
class TooDeep(Finding):
    """A payload that is nested further than anybody reads, or that does not decode as what it says it is."""

    label = "Hidden payload"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if not call.unfolded:
                yield Found("blocking", said(call, f"What it carries to {call.to} cannot be read to its end."), number)
