"""Leave to take tokens later."""

from collections.abc import Iterable

from governance.findings import FINDINGS, CallFacts, Facts, Finding, Found, said
from integrations.chain.known_calls import read_known

UNLIMITED = 2**95  # no token has so many units that a limit beyond it limits anything
APPROVES = (
    "approve(address spender, uint256 amount)",
    "increaseAllowance(address spender, uint256 amount)",
    "increaseApproval(address spender, uint256 amount)",
    "safeIncreaseAllowance(address spender, uint256 amount)",
    "approveAndCall(address spender, uint256 amount, bytes data)",
    "setApprovalForAll(address spender, bool all)",
    "permit(address owner, address spender, uint256 amount, uint256 deadline, uint8 v, bytes32 r, bytes32 s)",
    "permit(address owner, address spender, uint256 amount, uint256 deadline, bytes signature)",
    "permit(address owner, address spender, uint256 nonce, uint256 expiry, bool all, uint8 v, bytes32 r, bytes32 s)",
    "approve(address token, address spender, uint160 amount, uint48 expiration)",
    "authorizeOperator(address spender)",
    "setOperator(address spender, bool all)",
)


@FINDINGS.register("unlimited_approval")
class UnlimitedApproval(Finding):
    """Leave to take the Safe's tokens: to a stranger, or without a limit."""

    label = "Approval"

    def check(self, facts: Facts) -> Iterable[Found]:
        explained: dict[tuple[str, str, str], bool] = {}  # whose, which token, for whom: whether without a limit
        for number, call in facts.walk():
            found = read_known(APPROVES, call.data)
            if found is None or found[1].get("all") is False or found[1].get("amount") == 0:
                continue
            spender, amount = found[1]["spender"], found[1].get("amount")
            token, owner = found[1].get("token", call.to), found[1].get("owner", call.sender or facts.safe)
            known = (owner, token, spender)
            explained[known] = explained.get(known, False) or self._unlimited(amount)
            yield self._judged(facts, call, token, spender, amount, number)
        for effect in facts.effects:
            if effect.kind not in ("approval", "operator"):
                continue
            amount = int(effect.what) if effect.kind == "approval" else None
            asked = explained.get((effect.who, effect.at, effect.to))
            if asked is None or (self._unlimited(amount) and not asked):
                yield self._judged(facts, None, effect.at, effect.to, amount, 0, facts.shown(effect.who))

    def _unlimited(self, amount: int | None) -> bool:
        return amount is None or amount >= UNLIMITED

    def _other_code(self, facts: Facts, spender: str, named: bool) -> bool:
        """Not the code that was registered; where a call names it, the chain was asked, so no answer is none."""
        there, pinned = facts.codes.get(spender), facts.pinned[spender]
        if there is None:
            return named and bool(facts.codes)
        return bool(pinned) and there != pinned

    def _judged(
        self,
        facts: Facts,
        call: CallFacts | None,
        token: str,
        spender: str,
        amount: int | None,
        number: int,
        of: str = "",
    ) -> Found:
        unlimited = self._unlimited(amount)
        much = "everything, now and later" if unlimited else f"up to {amount} units"
        text = f"{facts.shown(spender)}: may take {much} of {facts.shown(token)}{f' from {of}' if of else ''}."
        text = said(call, text) if call else text
        if spender not in facts.pinned or self._other_code(facts, spender, call is not None):
            return Found("blocking", text, number)
        return Found("warning" if unlimited else "note", text, number)
