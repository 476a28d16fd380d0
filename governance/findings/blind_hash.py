"""Hashes approved unseen."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Approved, Facts, Finding, Found, Grade, said
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
                for grade, words in self._of_it(facts.proposed[text]):
                    it = f"It approves the open proposal with the hash {text}{words}"
                    yield Found(grade, said(call, it), number)
            else:
                yield Found(
                    "blocking",
                    said(call, f"It approves {text[:66]}, which no open proposal here has: what that does is unseen."),
                    number,
                )

    def _of_it(self, approved: Approved) -> Iterable[tuple[Grade, str]]:
        """What blocks the approved one blocks its approval: the approval is a signature of it."""
        for words in approved.blocking:
            yield "blocking", f", which may not be signed itself. {words}"
        if not approved.blocking and approved.simulated is None:
            yield "warning", ", of which it is not known what it changes: it could not be simulated."
        elif not approved.blocking:
            yield "note", "."
