"""Code that is replaced."""

from collections.abc import Iterable

from governance.findings import FINDINGS, CallFacts, Facts, Finding, Found, said
from integrations.chain.known_calls import read_known

REPLACES = (
    "upgradeTo(address code)",
    "upgradeToAndCall(address code, bytes data)",
    "upgrade(address proxy, address code)",
    "upgradeAndCall(address proxy, address code, bytes data)",
    "setImplementation(address code)",
    "changeImplementation(address code)",
    "_setImplementation(address code)",
    "setCode(address code)",
    "setTarget(address code)",
    "setBeacon(address code)",
    "upgradeBeaconToAndCall(address code, bytes data)",
    "setSingleton(address code)",
    "changeMasterCopy(address code)",
)
CUTS = ("diamondCut((address,uint8,bytes4[])[] cuts, address init, bytes data)",)


@FINDINGS.register("implementation_change")
class ImplementationChange(Finding):
    """A call, or what the simulation saw, by which a contract runs other code from then on."""

    label = "Other code"

    def check(self, facts: Facts) -> Iterable[Found]:
        explained = set()
        for number, call in facts.walk():
            if found := read_known(REPLACES, call.data):
                proxy, code = found[1].get("proxy", call.to), found[1]["code"]
                explained.add((proxy, code))
                yield self._judged(facts, proxy, code, number, call)
            elif found := read_known(CUTS, call.data):
                for code, _, _ in found[1]["cuts"]:
                    yield self._judged(facts, call.to, code, number, call)
        for effect in facts.effects:
            if effect.kind == "code" and (effect.at, effect.to) not in explained:
                yield self._judged(facts, effect.at, effect.to)

    def _judged(self, facts: Facts, proxy: str, code: str, number: int = 0, call: CallFacts | None = None) -> Found:
        """Only code that was registered, and is still the registered one, is a warning."""
        there, pinned = facts.codes.get(code), facts.pinned.get(code)
        who = facts.shown(proxy)
        if pinned is None:
            grade, text = "blocking", f"{who} would run the code at {facts.shown(code)}: nobody registered that code."
        elif not there or (pinned and there != pinned):
            grade, text = "blocking", f"{who} would run {facts.shown(code)}, where other code stands than registered."
        else:
            grade, text = "warning", f"{who} would run {facts.shown(code)}, as it was registered."
        return Found("blocking" if grade == "blocking" else "warning", said(call, text) if call else text, number)
