"""Functions that the pinned ABI does not have."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("unknown_selector")
class UnknownSelector(Finding):
    """Calldata that the pinned ABI of a registered contract cannot put into words."""

    label = "Unknown function"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in enumerate(facts.calls, 1):
            if call.registered and call.data and call.decoded is None:
                yield Found(
                    "blocking",
                    f"The pinned ABI of {call.label or call.to} does not know this call (0x{call.data[:4].hex()}…).",
                    number,
                )
