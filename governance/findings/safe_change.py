"""Who controls the Safe afterwards."""

from collections.abc import Iterable, Mapping
from typing import Any

from governance.findings import FINDINGS, CallFacts, Facts, Finding, Found, Grade, own_call, said
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.known_calls import read_known
from integrations.safe.contracts import FALLBACK_HANDLER_CODE_HASHES, FALLBACK_HANDLERS
from integrations.safe.writes import written_by, written_by_approval

# Spelled out here rather than taken from an ABI: what these do to a Safe is fixed by its code.
WORDS = {
    "addOwnerWithThreshold(address owner, uint256 threshold)": "adds an owner",
    "removeOwner(address prevOwner, address gone, uint256 threshold)": "removes an owner",
    "swapOwner(address prevOwner, address gone, address owner)": "replaces an owner",
    "changeThreshold(uint256 threshold)": "changes how many signatures are needed",
    "enableModule(address module)": "lets a module act without any signature",
    "disableModule(address prevModule, address gone)": "takes a module's power away",
    "setGuard(address guard)": "changes the guard, which can block every transaction",
    "setModuleGuard(address guard)": "changes the guard of the modules",
    "setFallbackHandler(address handler)": "changes the contract that answers for the Safe",
    "setup(address[] owners, uint256 threshold, address to, bytes data, address handler, address paymentToken, "
    "uint256 payment, address paymentReceiver)": "sets the Safe up anew",
    "simulateAndRevert(address to, bytes data)": "runs foreign code as the Safe",
    "approveHash(bytes32 hash)": "approves another transaction",
    "execTransaction(address to, uint256 value, bytes data, uint8 operation, uint256 safeTxGas, uint256 baseGas, "
    "uint256 gasPrice, address gasToken, address refundReceiver, bytes signatures)": "executes another transaction",
}
SIGNATURES = tuple(WORDS)
BY_NAME = {signature.partition("(")[0]: words for signature, words in WORDS.items()}

ONLY_BY_ITSELF = set(BY_NAME) - {"setup", "simulateAndRevert", "approveHash", "execTransaction"}


@FINDINGS.register("safe_change")
class SafeChange(Finding):
    """A call, or what the simulation saw, by which a Safe's owners, threshold, modules, guard or handler change."""

    label = "Change of the Safe itself"

    def check(self, facts: Facts) -> Iterable[Found]:
        said_to_change = set()
        for number, call in facts.walk():
            found = read_known(SIGNATURES, call.data)
            said_to_change |= self._said(facts, call, found)
            if not (own_call(facts, call) or self._through_a_module(facts, call, found)):
                continue
            if found is None:
                yield Found("blocking", said(call, "It calls a function of the Safe that is not known here."), number)
                continue
            name, args = found
            grade, detail = self._judged(facts, call, name, args)
            yield Found(grade, said(call, f"It {BY_NAME[name]}{detail}."), number)
        for effect in facts.effects:
            if (
                effect.kind == "safe"
                and not {
                    (effect.at, effect.what, effect.to),
                    (effect.at, effect.what, ""),
                }
                & said_to_change
            ):
                becomes = f" to {effect.to}" if effect.to and effect.what != "storage" else ""
                text = f"The {effect.what} of {facts.shown(effect.at)} changes{becomes}, and no call to it says so."
                yield Found("blocking", text)

    def _said(
        self, facts: Facts, call: CallFacts, found: tuple[str, Mapping[str, Any]] | None
    ) -> set[tuple[str, str, str]]:
        """What this call says it changes: on which Safe, what, and to what. It explains nothing else."""
        if found is None:
            return set()
        sender, (name, args) = call.sender or facts.safe, found
        if name == "approveHash":
            written = written_by_approval(sender, "0x" + bytes(args["hash"]).hex())
        else:
            itself = own_call(facts, call) or self._through_a_module(facts, call, found)
            written = written_by(name, args) if itself else set()
        return {(sender if call.to == ZERO_ADDRESS else call.to, *one) for one in written}

    def _through_a_module(self, facts: Facts, call: CallFacts, found: tuple[str, Mapping[str, Any]] | None) -> bool:
        """A module in between (one that delays, one that checks roles) makes the Safe call itself."""
        a_safe = call.is_safe or call.to == facts.safe
        return a_safe and found is not None and found[0] in ONLY_BY_ITSELF

    def _judged(self, facts: Facts, call: CallFacts, name: str, args: Mapping[str, Any]) -> tuple[Grade, str]:
        """Known people and official contracts are a warning; strangers, and what makes the Safe weaker, block."""
        worst, details = "warning", []
        if "owner" in args:
            details.append(facts.shown(args["owner"]))
            worst = worst if facts.name(args["owner"]) else "blocking"
        if "gone" in args:
            details.append(f"{facts.shown(args['gone'])} goes")
        if "threshold" in args:
            own = facts.safe in (call.to, call.sender or facts.safe)
            weak = args["threshold"] < (facts.threshold if own else 2)
            details.append(f"the threshold is {args['threshold']}")
            worst = "blocking" if weak else worst
        for field in ("module", "guard", "handler"):
            if field in args:
                details.append("none" if args[field] == ZERO_ADDRESS else facts.shown(args[field]))
                worst = worst if self._trusted(facts, field, args[field]) else "blocking"
        if name in ("setup", "simulateAndRevert", "execTransaction"):
            worst = "blocking"
        return "blocking" if worst == "blocking" else "warning", ": " + ", ".join(details) if details else ""

    def _trusted(self, facts: Facts, field: str, address: str) -> bool:
        """A pinned contract, or the official handler of the version with its official code, once the chain was asked.

        A guard that is taken away is never trusted.
        """
        if field == "handler" and FALLBACK_HANDLERS.get(address) == facts.version:
            return not facts.codes or facts.codes.get(address) == FALLBACK_HANDLER_CODE_HASHES[address]
        pinned = facts.pinned.get(address)
        return pinned is not None and field != "handler" and bool(pinned) and facts.codes.get(address) == pinned
