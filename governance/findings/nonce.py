"""The place in the Safe's queue."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found


@FINDINGS.register("nonce")
class Nonce(Finding):
    """A nonce that is used up, that must wait for others, or that another proposal wants as well."""

    label = "Nonce"

    def check(self, facts: Facts) -> Iterable[Found]:
        if facts.nonce < facts.chain_nonce:
            yield Found("blocking", f"Nonce {facts.nonce} is used up: the Safe is at {facts.chain_nonce}.")
        elif facts.nonce > facts.chain_nonce:
            behind = facts.nonce - facts.chain_nonce
            first = f"nonce {facts.chain_nonce}" if behind == 1 else f"nonces {facts.chain_nonce} to {facts.nonce - 1}"
            yield Found("warning", f"It cannot be executed before {first}: the Safe is at {facts.chain_nonce}.")
        if facts.same_nonce:
            others = ", ".join(f"#{number}" for number in facts.same_nonce)
            yield Found(
                "note" if facts.is_rejection else "warning",
                f"Only one of this and {others} can be executed: they have the same nonce {facts.nonce}.",
            )
