"""Targets that nobody registered."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, own_call, said


@FINDINGS.register("unknown_target")
class UnknownTarget(Finding):
    """A call to a contract that belongs to no protocol here, so that nothing about it is pinned."""

    label = "Unknown target"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.data and not call.registered and not own_call(facts, call):
                who = f"{call.to} ({call.label})" if call.label else call.to
                text = f"{who} is not a registered contract: what the call does is not known here."
                yield Found("warning", said(call, text), number)
