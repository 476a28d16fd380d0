"""Bytes that a decoder would not show."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("trailing_bytes")
class TrailingBytes(Finding):
    """Calldata with more than its arguments, or with arguments in an unusual encoding."""

    label = "Hidden bytes"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in enumerate(facts.calls, 1):
            if call.decoded is None:
                continue
            if call.decoded.trailing:
                yield Found("blocking", f"{len(call.decoded.trailing)} bytes follow the arguments of the call.", number)
            elif not call.decoded.canonical:
                yield Found("blocking", "The arguments are not in their one usual encoding.", number)
