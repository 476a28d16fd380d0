"""Targets where there is nothing."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("codeless_target")
class CodelessTarget(Finding):
    """A function call to an address without code: it does nothing and succeeds."""

    label = "Nothing stands there"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.data and call.code is False:
                text = f"No contract stands at {call.to}: the call would succeed and do nothing."
                yield Found("blocking", said(call, text), number)
