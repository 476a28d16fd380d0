"""Contracts of yesterday."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("young_target")
class YoungTarget(Finding):
    """Code that was deployed a few days ago at most and that nobody registered."""

    label = "Young contract"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.registered or call.to not in facts.born:
                continue
            block = facts.born[call.to]
            if block is None:
                text = (
                    f"How long {call.to} has stood there cannot be known: no endpoint of this chain keeps old states."
                )
                yield Found("warning", said(call, text), number)
            else:
                text = f"{call.to} was deployed in block {block}, less than a week ago, and nobody registered it."
                yield Found("blocking", said(call, text), number)
