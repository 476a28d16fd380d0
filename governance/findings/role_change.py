"""Who may do what."""

from collections.abc import Iterable

from governance.findings import FINDINGS, CallFacts, Facts, Finding, Found, said
from integrations.chain.addresses import ZERO_ADDRESS
from integrations.chain.known_calls import read_known

GIVES = (
    "grantRole(bytes32 role, address to)",
    "transferOwnership(address to)",
    "safeTransferOwnership(address to)",
    "setOwner(address to)",
    "nominateNewOwner(address to)",
    "setPendingOwner(address to)",
    "changeAdmin(address to)",
    "changeProxyAdmin(address proxy, address to)",
    "setAdmin(address to)",
    "setPendingAdmin(address to)",
    "_setPendingAdmin(address to)",
    "transferAdmin(address to)",
    "beginDefaultAdminTransfer(address to)",
    "setAuthority(address to)",
    "setGovernor(address to)",
    "setGovernance(address to)",
    "setGuardian(address to)",
    "setOperator(address to)",
    "setMinter(address to)",
    "addMinter(address to)",
    "setKeeper(address to)",
    "setPoolAdmin(address to)",
    "setEmergencyAdmin(address to)",
    "transferControl(address to)",
    "rely(address to)",
    "setUserRole(address to, uint8 role, bool enabled)",
    # OpenZeppelin's AccessManager, and what it is asked to hand over
    "grantRole(uint64 role, address to, uint32 delay)",
    "updateAuthority(address proxy, address to)",
)
TAKES = (
    "revokeRole(bytes32 role, address to)",
    "revokeRole(uint64 role, address to)",
    "deny(address to)",
    "removeMinter(address to)",
)
GIVES_UP = (
    "renounceOwnership()",
    "renounceRole(bytes32 role, address to)",
    "renounceRole(uint64 role, address to)",
    "renounceMinter()",
)


@FINDINGS.register("role_change")
class RoleChange(Finding):
    """A role or an ownership that is granted, transferred, taken away or given up."""

    label = "Roles and ownership"

    def check(self, facts: Facts) -> Iterable[Found]:
        explained = set()
        for number, call in facts.walk():
            if found := read_known(GIVES, call.data):
                at, to = found[1].get("proxy", call.to), found[1]["to"]
                explained.add((at, to))
                yield self._given(facts, at, to, number, call)
            elif found := read_known(TAKES, call.data):
                yield self._taken(facts, call.to, found[1]["to"], number, call)
            elif found := read_known(GIVES_UP, call.data):
                text = f"Power over {facts.shown(call.to)} would be given up for good."
                yield Found("blocking", said(call, text), number)
        for effect in facts.effects:
            if effect.kind in ("role", "owner") and (effect.at, effect.to) not in explained:
                yield self._given(facts, effect.at, effect.to)

    def _given(self, facts: Facts, at: str, to: str, number: int = 0, call: CallFacts | None = None) -> Found:
        if to == ZERO_ADDRESS:
            return Found("blocking", f"Power over {facts.shown(at)} would be given up for good.", number)
        text = f"{facts.shown(to)}: gets power over {facts.shown(at)}."
        if call is not None:
            text = said(call, text)
        return Found("warning" if facts.name(to) else "blocking", text, number)

    def _taken(self, facts: Facts, at: str, account: str, number: int, call: CallFacts) -> Found:
        """To take away a power that somebody here counts on leaves an emergency without an answer."""
        counted_on = (at, account) in facts.holders
        text = f"{facts.shown(account)}: loses a role on {facts.shown(at)}"
        text += ", where a registered power needs it." if counted_on else "."
        return Found("blocking" if counted_on else "warning", said(call, text), number)
