"""Money that leaves."""

from collections.abc import Iterable

from governance.findings import FINDINGS, CallFacts, Facts, Finding, Found, Grade, said
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.known_calls import read_known

MOVES = (
    "transfer(address to, uint256 amount)",
    "transferFrom(address from, address to, uint256 amount)",
    "safeTransfer(address to, uint256 amount)",
    "safeTransferFrom(address from, address to, uint256 amount)",
    "safeTransferFrom(address from, address to, uint256 amount, bytes data)",
    "safeTransferFrom(address from, address to, uint256 id, uint256 amount, bytes data)",
    "transferAndCall(address to, uint256 amount, bytes data)",
    "transferAndCall(address to, uint256 amount)",
    "mint(address to, uint256 amount)",
    "send(address to, uint256 amount, bytes data)",
)
LOOKALIKE = 4  # digits that people compare at either end


@FINDINGS.register("unknown_value")
class UnknownValue(Finding):
    """Coin or tokens sent to an address that nobody knows here."""

    label = "Value that leaves"

    def check(self, facts: Facts) -> Iterable[Found]:
        explained = set()
        for number, call in facts.walk():
            if call.value:
                explained.add(call.to)
                yield self._judged(facts, call, call.to, f"{call.value} wei leave", number, call.label)
            if found := read_known(MOVES, call.data):
                explained.add(found[1]["to"])
                what = f"{found[1]['amount']} units of {facts.shown(call.to)} go"
                yield self._judged(facts, call, found[1]["to"], what, number)
        for effect in facts.effects:
            if effect.kind in ("coin", "token") and effect.to not in explained and not facts.name(effect.to):
                what = f"{effect.what} wei" if effect.kind == "coin" else f"{effect.what} units of {effect.at}"
                of = f" from {facts.shown(effect.who)}" if effect.who else ""
                yield Found(
                    self._grade(facts), f"Simulated, {what} go{of} to {effect.to}{self._like(facts, effect.to)}"
                )

    def _judged(self, facts: Facts, call: CallFacts, to: str, what: str, number: int, label: str = "") -> Found:
        known = label or facts.name(to)
        if known or to == ZERO_ADDRESS:
            return Found("note", said(call, f"{what} to {known or 'nobody'}."), number)
        return Found(self._grade(facts), said(call, f"{what} to {to}{self._like(facts, to)}"), number)

    def _grade(self, facts: Facts) -> Grade:
        """Without an allow-list nobody has said who is known, so it can only be a warning."""
        return "blocking" if facts.listed else "warning"

    def _like(self, facts: Facts, to: str) -> str:
        for address, name in facts.names.items():
            ends = address[: 2 + LOOKALIKE].lower(), address[-LOOKALIKE:].lower()
            if address != to and ends == (to[: 2 + LOOKALIKE].lower(), to[-LOOKALIKE:].lower()):
                return f", which is not known here. It only looks like {name} ({address})."
        return ", which is not known here."
