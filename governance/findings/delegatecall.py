"""Code of somebody else's, run as the Safe."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


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
