"""Hashes approved unseen."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said
from integrations.chain.known_calls import read_known

APPROVES = ("approveHash(bytes32 hash)", "signMessage(bytes hash)")


@FINDINGS.register("blind_hash")
class BlindHash(Finding):
    """A Safe transaction or a message that is approved by its hash alone, and that nobody here has seen."""

    label = "Approves something unseen"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            found = read_known(APPROVES, call.data)
            if found is None:
                continue
            approved = found[1]["hash"]
            text = "0x" + bytes(approved).hex()
            if text in facts.proposed:
                yield Found("note", said(call, f"It approves the open proposal with the hash {text}."), number)
            else:
                yield Found(
                    "blocking",
                    said(call, f"It approves {text[:66]}, which no open proposal here has: what that does is unseen."),
                    number,
                )
