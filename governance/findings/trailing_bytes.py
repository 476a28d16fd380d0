"""Bytes that a decoder would not show."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("trailing_bytes")
class TrailingBytes(Finding):
    """Calldata with more than its arguments, or with arguments in an unusual encoding."""

    label = "Hidden bytes"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.decoded is None:
                continue
            if call.decoded.trailing:
                text = f"{len(call.decoded.trailing)} bytes follow the arguments of the call."
                yield Found("blocking", said(call, text), number)
            elif not call.decoded.canonical:
                yield Found("blocking", said(call, "The arguments are not in their one usual encoding."), number)
