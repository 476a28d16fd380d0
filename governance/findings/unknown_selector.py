"""Functions that the pinned ABI does not have."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("unknown_selector")
class UnknownSelector(Finding):
    """Calldata that the pinned ABI of a registered contract cannot put into words."""

    label = "Unknown function"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.registered and call.data and call.decoded is None:
                text = f"The pinned ABI of {call.label or call.to} does not know this call (0x{call.data[:4].hex()}…)."
                yield Found("blocking", said(call, text), number)
