"""What stands at the address that a call goes to, in a few words beside the call."""

from dataclasses import dataclass
from typing import Any

from governance.protocols.models import Contract
from integrations.safe.contracts import MULTI_SEND_CALL_ONLY, MULTI_SEND_CALL_ONLY_CODE_HASHES
from integrations.safe.hashes import SafeTx


@dataclass(frozen=True)
class CodeStatus:
    """`tone` is good, warning, danger or "" as in the pages' tags."""

    text: str
    tone: str = ""


@dataclass(frozen=True)
class Codes:
    """The code of everything that is called, as the last simulation's block had it."""

    simulation: dict[str, Any]

    def of(self, address: str, *, contract: Contract | None, safe: bool) -> CodeStatus:
        found = self.simulation.get("targets", {}).get(address)
        if found is None:
            return CodeStatus("its code was not looked at", "warning")
        if not found:
            return CodeStatus("no code at this address", "danger" if contract or safe else "")
        if contract is not None and contract.code_hash:
            if found == contract.code_hash:
                return CodeStatus("code as it was registered", "good")
            return CodeStatus("other code than was registered", "danger")
        return CodeStatus("a registered Safe", "good") if safe else self._stranger(address)

    def _stranger(self, address: str) -> CodeStatus:
        born = self.simulation.get("born", {})
        if address not in born:
            return CodeStatus("code that nobody registered", "warning")
        if born[address] is None:
            return CodeStatus("code that nobody registered, of unknown age", "warning")
        return CodeStatus(f"young code: it came in block {born[address]}, and nobody registered it", "danger")


def batch_code(tx: SafeTx, simulation: dict[str, Any]) -> CodeStatus:
    """Of what is called with a delegatecall: only this version's own batch contract, with its official code."""
    if tx.to not in MULTI_SEND_CALL_ONLY.get(tx.version, ()):
        return CodeStatus("not the pinned batch contract", "danger")
    found = simulation.get("targets", {}).get(tx.to)
    if found is None:
        return CodeStatus("its code was not looked at", "warning")
    official = found == MULTI_SEND_CALL_ONLY_CODE_HASHES.get(tx.version)
    return (
        CodeStatus("the pinned MultiSendCallOnly", "good")
        if official
        else CodeStatus("not its official code", "danger")
    )
