"""What an execution would do, as two endpoints foresee it. One alone may lie, and what it says would stay: a proposal
that is said to fail is failed for good, and one that is said to be harmless is executed."""

from dataclasses import dataclass
from typing import Any

from governance.proposals.models import Proposal
from governance.proposals.review import review
from governance.proposals.simulating import simulated, store_simulation
from governance.waivers.services import Standing
from integrations.chain.client import Client, client_for
from integrations.chain.errors import RpcError
from integrations.safe.contracts import MULTI_SEND_CALL_ONLY_CODE_HASHES, is_multi_send
from integrations.safe.hashes import DELEGATECALL
from integrations.safe.reads import SafeState
from ledger import Refused

VOICES = 2


@dataclass(frozen=True)
class Foresight:
    """`code` and `reason` say why it must not be executed; "" if it may."""

    simulation: dict[str, Any]
    code: str = ""
    reason: str = ""
    waivers: tuple[Standing, ...] = ()  # what was let pass, and by whom


def foresee(proposal: Proposal, *, sender: str, state: SafeState) -> Foresight:
    """Fresh, on the block and the Safe that everything else was held against. Network: not inside a transaction.

    An endpoint that cannot simulate has no voice where another one can.
    """
    chain = proposal.safe.chain
    clients = sorted(client_for(chain).each(), key=lambda one: one.resting)
    able: list[Foresight] = []
    unable: list[Foresight] = []
    for client in clients:
        try:
            found = _by(client, proposal, sender, state)
        except RpcError:
            continue
        (unable if found.simulation["ok"] is None else able).append(found)
        if len(able) == VOICES:
            break
    if len(able) + len(unable) < min(VOICES, len(clients)):
        raise Refused(f"{chain.name} cannot be read at this moment.", "try again", "chain-unavailable")
    voices = able or unable
    if len({one.code for one in voices}) > 1:
        raise Refused(
            f"The endpoints of {chain.name} disagree about what this would do; nothing was done.",
            "look at the chain's endpoints and disable the one that lies or lags",
            "endpoints-disagree",
        )
    store_simulation(proposal, voices[0].simulation)
    return voices[0]


def _by(client: Client, proposal: Proposal, sender: str, state: SafeState) -> Foresight:
    """As one endpoint sees it."""
    result = simulated(proposal, sender=sender, client=client, state=state)
    if result["ok"] is False:
        return Foresight(result, "would-fail", f"simulated at block {result['block']} it fails: {result['revert']}")
    batch = proposal.operation == DELEGATECALL and is_multi_send(proposal.to, proposal.version)
    if batch and result["targets"].get(proposal.to) != MULTI_SEND_CALL_ONLY_CODE_HASHES.get(proposal.version):
        return Foresight(result, "code-hash", f"{proposal.to} does not have the code of the pinned MultiSendCallOnly")
    proposal.simulation = result
    found = review(proposal, look=False)
    if found.blocking:
        first = found.blocking[0]
        return Foresight(result, "blocking-finding", f"{first.label}: {first.text}")
    return Foresight(result, waivers=tuple(found.waivers))
