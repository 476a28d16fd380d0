"""Around the waiting time."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, said
from integrations.chain.known_calls import read_known

DELAYS = ("updateDelay(uint256 delay)", "setDelay(uint256 delay)", "setTxCooldown(uint256 delay)")
SCHEDULES = (
    "schedule(address target, uint256 value, bytes data, bytes32 predecessor, bytes32 salt, uint256 delay)",
    "scheduleBatch(address[] targets, uint256[] values, bytes[] data, bytes32 predecessor, bytes32 salt, "
    "uint256 delay)",
)


@FINDINGS.register("bypassed_timelock")
class BypassedTimelock(Finding):
    """A call that belongs to a timelock and does not go through it, or a timelock that is made to wait for less."""

    label = "Bypassed timelock"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in facts.walk():
            if call.holder:
                what = call.decoded.name if call.decoded else f"0x{call.data[:4].hex()}…"
                yield Found(
                    "blocking",
                    said(call, f"{what} belongs to {call.holder}, and this does not go through it."),
                    number,
                )
            if found := read_known(DELAYS, call.data):
                yield self._changed(facts, call.to, found[1]["delay"], number, call.via)
            scheduled = read_known(SCHEDULES, call.data)
            if scheduled and scheduled[1]["delay"] < facts.delays.get(call.to, 0):
                yield Found(
                    "blocking",
                    said(
                        call,
                        f"It waits {scheduled[1]['delay']} seconds, less than the {facts.delays[call.to]} "
                        f"that {facts.shown(call.to)} asks for.",
                    ),
                    number,
                )

    def _changed(self, facts: Facts, timelock: str, delay: int, number: int, via: str) -> Found:
        present = facts.delays.get(timelock)
        before = "an unknown time" if present is None else f"{present} seconds"
        text = f"{facts.shown(timelock)} would wait {delay} seconds instead of {before}."
        shorter = present is None or delay < present
        return Found("blocking" if shorter else "warning", f"{via}: {text}" if via else text, number)
