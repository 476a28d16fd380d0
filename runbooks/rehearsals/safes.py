"""Safe transactions in a rehearsal: real owners approve, the real execTransaction runs under the Safe's real threshold.

Nothing of the Safe is altered. An owner's approval is their own `approveHash`, sent as them; so guards, modules and the
threshold see what they would see in earnest. The hash is the fork's own (another chain id), and worthless elsewhere.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from governance.proposals.building import build, read_calls
from governance.proposals.models import OPEN, Proposal
from governance.safes.models import Safe
from integrations.chain.abi import encode_call
from integrations.chain.models import Chain, Executor
from integrations.safe.contracts import exec_transaction_data
from integrations.safe.hashes import SafeTx, safe_tx_hash
from integrations.safe.reads import SafeState, read_safe
from integrations.safe.signatures import approved, assemble
from ledger.errors import Invalid
from runbooks.rehearsals.stage import Rehearsing
from runbooks.steps import Rehearsed

APPROVE = "approveHash(bytes32 hashToApprove)"


def execute(
    rehearsal: Rehearsing, where: Mapping[str, Any], calls: Sequence[Mapping[str, Any]], name: str
) -> Rehearsed:
    """Owners approve and the transaction is executed, as the next one of this Safe."""
    chain_id, address = int(where["chain_id"]), str(where["address"])
    fork = rehearsal.fork(chain_id)
    try:
        state = read_safe(fork.client, address)
        tx = _transaction(state, calls)
    except Invalid as error:
        return Rehearsed("failed", f"{error.field}: {error.message}")
    safe = Safe.objects.filter(chain=fork.chain, address=address).first()
    signers = sorted(state.owners, key=lambda owner: int(owner, 16))[: state.threshold]
    digest = safe_tx_hash(tx)
    for owner in signers:
        data = encode_call(APPROVE, "", [digest])
        said = rehearsal.transact(chain_id, sender=owner, to=address, data=data, quiet=True)
        if not said.ok:
            return Rehearsed("failed", f"owner {owner} could not approve: {said.reason}")
    sent = rehearsal.transact(
        chain_id,
        sender=_executor(fork.chain) or signers[0],
        to=address,
        data=exec_transaction_data(tx, assemble(approved(owner) for owner in signers)),
        what=f"{name} executes, approved by {state.threshold} of {len(state.owners)} owners",
        safe=safe,
        safe_tx_hash=digest,
    )
    if not sent.ok:
        return Rehearsed("failed", sent.reason)
    said_so = f"executed with {state.threshold} of {len(state.owners)} owners' approval, {sent.gas_used:,} gas"
    return Rehearsed("passed", said_so, sent.output, assumed=_queued(safe, state, rehearsal.plan))


def _transaction(state: SafeState, calls: Sequence[Mapping[str, Any]]) -> SafeTx:
    built = build(read_calls(calls), version=state.version)
    return SafeTx(
        chain_id=state.chain_id,
        safe=state.address,
        version=state.version,
        to=built.to,
        value=built.value,
        data=built.data,
        operation=built.operation,
        nonce=state.nonce,
    )


def _executor(chain: Chain) -> str:
    """Who would send it, so that what asks for the sender sees the right one."""
    found = Executor.objects.filter(chain=chain, enabled=True).order_by("pk").first()
    return found.address if found else ""


def _queued(safe: Safe | None, state: SafeState, plan: int) -> str:
    """Others that wait in the Safe's queue may come first in earnest."""
    if safe is None:
        return ""
    queued = Proposal.objects.filter(safe=safe, status__in=OPEN, nonce__gte=state.nonce)
    others = queued.exclude(plan_id=plan, plan_id__isnull=False).count()
    waits = "another proposal of this Safe is" if others == 1 else f"{others} other proposals of this Safe are"
    return f"{waits} open, and left aside here" if others else ""
