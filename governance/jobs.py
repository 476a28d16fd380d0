"""Governance's kinds of work: thin, each calls one thing."""

from collections.abc import Callable

from governance.exchange import exchanging
from governance.proposals import approving, ending, execution, outcome, reminding
from governance.proposals.counting import RECOUNT
from governance.proposals.models import Proposal
from governance.proposals.signing import EXECUTE, supersede
from governance.proposals.simulating import simulated, store_simulation
from governance.safes.services import read_or_refuse
from integrations.chain.errors import RpcError
from ledger import Invalid, Refused, StaleTransition, transition
from work import Backoff, Done, Lease, Outcome, Retry, Wait, handler

OUTCOME, REVIEW, SETTLE = "governance.outcome", "governance.review", "governance.settle"
PATIENT = Backoff(base=1, cap=30)


@handler(EXECUTE, lease=5, max_attempts=60, backoff=PATIENT, on_end=execution.gave_up)
def execute(lease: Lease) -> Outcome:
    """A proposal with enough signatures."""
    return execution.run(lease)


@handler(OUTCOME, lease=5, max_attempts=60, backoff=PATIENT)
def read_back(lease: Lease) -> Outcome:
    """A proposal whose transaction was mined or ended."""
    return outcome.run(lease)


@handler(REVIEW, lease=5, max_attempts=5, backoff=PATIENT, crowd=True)
def look(lease: Lease) -> Outcome:
    """A first simulation right after proposing, so that the first signer does not wait for it."""
    proposal = Proposal.objects.select_related("safe__chain").get(pk=lease.work.payload["proposal"])
    try:
        result = simulated(proposal)
    except RpcError as error:
        return Retry(str(error))
    except Invalid as error:
        return Done({"not simulated": error.message})
    with lease.commit():
        store_simulation(proposal, result)
    return _counted(proposal, approving.look)  # somebody may have approved the hash before it was proposed here


@handler(RECOUNT, lease=10, max_attempts=60, backoff=PATIENT, crowd=True)
def recount(lease: Lease) -> Outcome:
    """A proposal whose signatures may be worth more or less than before."""
    proposal = Proposal.objects.select_related("safe__chain", "scope", "plan").get(pk=lease.work.payload["proposal"])
    return _counted(proposal, approving.recount)


def _counted(proposal: Proposal, count: Callable[[Proposal], object]) -> Outcome:
    try:
        count(proposal)
    except (RpcError, Refused) as error:
        return Retry(str(error))
    except Invalid as error:
        return Done({"not counted": error.message})
    return Done()


@handler(ending.EXPIRE, lease=5, max_attempts=60, backoff=PATIENT)
def expire(lease: Lease) -> Outcome:
    """A proposal whose time limit passes."""
    return ending.run(lease)


@handler(reminding.REMIND, lease=5, max_attempts=20, backoff=PATIENT)
def remind(lease: Lease) -> Outcome:
    """A proposal that waits for its signers."""
    return reminding.run(lease)


@handler(exchanging.KIND, lease=10, longest=180, max_attempts=20, backoff=PATIENT)
def exchange(lease: Lease) -> Outcome:
    """A Safe whose chain has a Safe Transaction Service."""
    return exchanging.run(lease)


@handler(SETTLE, lease=5, max_attempts=60, backoff=PATIENT)
def settle(lease: Lease) -> Outcome:
    """A proposal whose nonce was used while it was open: by itself, sent by somebody else, or by another one."""
    proposal = Proposal.objects.select_related("safe__chain", "scope").get(pk=lease.work.payload["proposal"])
    if proposal.status not in ("draft", "signing", "ready"):
        return Done({"status": proposal.status})
    try:
        state = read_or_refuse(proposal.safe.chain, proposal.safe.address)
        if state.nonce <= proposal.nonce:
            return Done({"nonce": str(state.nonce)})
        foreign = outcome.executed_elsewhere(proposal)
    except (RpcError, Refused) as error:
        return Retry(str(error))
    try:
        with lease.commit(Done()):
            if foreign is None:
                supersede(proposal=proposal, chain_nonce=state.nonce, actor=outcome.ACTOR)
            else:
                transition(
                    proposal,
                    "executed",
                    actor=outcome.ACTOR,
                    reason="executed by somebody else, with the same signatures",
                    also={"outcome": foreign},
                    after={"transaction_hash": foreign["transaction_hash"], "block": foreign["block"]},
                )
    except StaleTransition:
        return Wait(reason="it moved meanwhile")
    return Done()
