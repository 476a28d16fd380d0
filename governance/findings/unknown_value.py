"""Money that leaves."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("unknown_value")
class UnknownValue(Finding):
    """Native coin sent to an address that nobody knows here."""

    label = "Value to a stranger"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in enumerate(facts.calls, 1):
            if call.value and not call.label:
                yield Found("warning", f"{call.value} wei leave for {call.to}, which is not known here.", number)
            elif call.value:
                yield Found("note", f"{call.value} wei leave for {call.label}.", number)
