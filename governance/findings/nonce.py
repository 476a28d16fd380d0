"""The place in the Safe's queue."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found

FAR = 5  # nonces that nobody has proposed anything for


@FINDINGS.register("nonce")
class Nonce(Finding):
    """A nonce that is used up, that must wait for others, or that another proposal wants as well."""

    label = "Nonce"

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.nonce < facts.chain_nonce:
            yield Found("blocking", f"Nonce {facts.nonce} is used up: the Safe is at {facts.chain_nonce}.")
        elif facts.nonce > facts.chain_nonce:
            yield from self._ahead(facts)
        if facts.same_nonce:
            others = ", ".join(f"#{number}" for number in facts.same_nonce)
            yield Found(
                "note" if facts.is_rejection else "warning",
                f"Only one of this and {others} can be executed: they have the same nonce {facts.nonce}.",
            )

    def _ahead(self, facts: Facts) -> Iterable[Found]:
        behind = facts.nonce - facts.chain_nonce
        first = f"nonce {facts.chain_nonce}" if behind == 1 else f"nonces {facts.chain_nonce} to {facts.nonce - 1}"
        text = f"It cannot be executed before {first}: the Safe is at {facts.chain_nonce}."
        missing = behind - facts.queued
        if missing >= FAR:
            yield Found(
                "blocking",
                f"{text} Nothing is proposed for {missing} of them: signed now, it would lie ready for whoever "
                "executes it on a day when it does something else.",
            )
        else:
            yield Found("warning", f"{text} Nothing is proposed for {missing} of them." if missing else text)
