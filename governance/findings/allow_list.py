"""What the protocol's Safes may call."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, own_call, said


@FINDINGS.register("allow_list")
class AllowList(Finding):
    """A target, or a function of it, that is not on the protocol's allow-list."""

    label = "Not on the allow-list"

    def check(self, facts: Facts) -> Iterable[Found]:
        if not facts.listed and any(call.data and not own_call(facts, call) for _, call in facts.walk()):
            yield Found("note", "No allow-list says what this Safe may call, so nothing is held against one.")
        for number, call in facts.walk():
            if call.data and call.allowed is False and not own_call(facts, call):
                what = call.decoded.signature if call.decoded else f"0x{call.data[:4].hex()}…"
                yield Found(
                    "blocking",
                    said(call, f"{what} on {call.label or call.to} is not on the protocol's allow-list."),
                    number,
                )
