"""Code of somebody else's, run as the Safe."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said


@FINDINGS.register("delegatecall")
class Delegatecall(Finding):
    """A delegatecall to anything but the pinned MultiSendCallOnly, or a batch that cannot be read as plain calls."""

    label = "Delegatecall"

    def check(self, facts: Facts) -> Iterable[Found]:
        if not facts.readable:
            yield Found(
                "blocking",
                f"It runs the code at {facts.to} as the Safe itself, which can replace the Safe's own code and take "
                f"everything. Only a plain batch through the MultiSendCallOnly of Safe {facts.version} is allowed.",
            )
        elif facts.batch_code is False:
            yield Found(
                "blocking",
                f"The code at {facts.to} is not that of the MultiSendCallOnly of Safe {facts.version}, and it would "
                "run as the Safe itself.",
            )
        for number, call in facts.walk():
            if call.delegated and (facts.readable or call.via):
                yield Found(
                    "blocking", said(call, f"The code at {call.to} would run as {facts.shown(call.sender)}."), number
                )
