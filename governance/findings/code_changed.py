"""Other code than was registered."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("code_changed")
class CodeChanged(Finding):
    """A registered contract whose code is no longer the one that was registered."""

    label = "Changed code"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.code_changed:
                text = f"{call.label or call.to} has other code than when it was registered, so its ABI may not hold."
                yield Found("blocking", said(call, text), number)
            elif call.registered and call.code is None and facts.codes:
                text = f"The code at {call.label or call.to} was not read, so whether it changed is not known."
                yield Found("blocking", said(call, text), number)
