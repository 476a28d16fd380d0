"""Who controls the Safe afterwards."""

from collections.abc import Iterable

from governance.findings import FINDINGS, Facts, Finding, Found, own_call
from integrations.chain.abi import selector

# Spelled out here rather than taken from an ABI: what these do to a Safe is fixed by its code.
CHANGES = {
    selector(signature): words
    for signature, words in (
        ("addOwnerWithThreshold(address,uint256)", "adds an owner"),
        ("removeOwner(address,address,uint256)", "removes an owner"),
        ("swapOwner(address,address,address)", "replaces an owner"),
        ("changeThreshold(uint256)", "changes how many signatures are needed"),
        ("enableModule(address)", "lets a module act without any signature"),
        ("disableModule(address,address)", "takes a module's power away"),
        ("setGuard(address)", "changes the guard, which can block every transaction"),
        ("setModuleGuard(address)", "changes the guard of the modules"),
        ("setFallbackHandler(address)", "changes the contract that answers for the Safe"),
        ("setup(address[],uint256,address,bytes,address,address,uint256,address)", "sets the Safe up anew"),
        ("simulateAndRevert(address,bytes)", "runs foreign code as the Safe"),
        ("approveHash(bytes32)", "approves another transaction"),
    )
}


@FINDINGS.register("safe_change")
class SafeChange(Finding):
    """A call by which the Safe's owners, threshold, modules, guard or fallback handler change."""

    label = "Change of the Safe itself"

    def check(self, facts: Facts) -> Iterable[Found]:
        for number, call in enumerate(facts.calls, 1):
            if own_call(facts, call):
                words = CHANGES.get(call.data[:4], "calls a function of the Safe that is not known here")
                yield Found("warning", f"It {words}.", number)
