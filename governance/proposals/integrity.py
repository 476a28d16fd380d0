"""That a stored proposal is still the one that was proposed: recomputed, never believed."""

from typing import Any

from pydantic import ValidationError

from governance.plans.models import Plan
from governance.plans.schema import SafeCalls
from governance.plans.services import intact, resolved_params
from governance.proposals.building import as_json, calls_of
from governance.proposals.models import Proposal
from governance.safes.models import Safe
from integrations.chain.addresses import checksum
from integrations.safe.hashes import safe_tx_hash
from ledger import Refused


def check_row(proposal: Proposal) -> None:
    """The hash from the raw fields is the recorded one, and the calls are the ones that were asked for."""
    found = safe_tx_hash(proposal.safe_tx)
    if found != proposal.safe_tx_hash:
        raise Refused(
            f"This proposal's stored fields were altered: they hash to {found}, "
            f"but the proposal was made as {proposal.safe_tx_hash}. Nothing will be signed or executed.",
            "tell the administrators: somebody changed the database; make a new proposal",
            "tampered",
        )
    if not _same_calls(proposal):
        raise Refused(
            "This proposal's calls are not what its transaction does. Nothing will be signed or executed.",
            "tell the administrators: somebody changed the database; make a new proposal",
            "tampered",
        )
    if proposal.plan is not None:
        check_plan(proposal.plan, proposal.step_id, proposal.safe, proposal.calls)


def _same_calls(proposal: Proposal) -> bool:
    """A transaction that is no plain calls has none on record; a finding blocks it."""
    really = calls_of(proposal.safe_tx)
    return bool(proposal.calls == ([] if really is None else as_json(really)))


def check_plan(plan: Plan, step_id: str, safe: Safe, calls: list[dict[str, Any]]) -> None:
    """The approved plan contains exactly these calls, on this Safe, in this step."""
    if not intact(plan):
        raise Refused(
            f"The stored plan {plan.pk} no longer has the hash {plan.sha256} that was approved.",
            "tell the administrators: somebody changed the database",
            "tampered-plan",
        )
    params = resolved_params(plan, step_id)
    try:
        wanted = SafeCalls.model_validate(params)
    except ValidationError:
        raise Refused(
            f"Step {step_id} of the plan names no Safe and calls.", "propose from a step that does", "not-in-plan"
        ) from None
    if (wanted.safe.chain_id, checksum(wanted.safe.address)) != (safe.chain.chain_id, safe.address):
        raise Refused(
            f"Step {step_id} of the plan is for another Safe, {wanted.safe.address} on chain {wanted.safe.chain_id}.",
            "propose what was approved, or make a new plan",
            "not-in-plan",
        )
    approved = [{"to": checksum(call.to), "value": call.value, "data": call.data} for call in wanted.calls]
    if approved != calls:
        raise Refused(
            f"The plan's step {step_id} does not contain exactly these calls.",
            "propose what was approved, or make a new plan",
            "not-in-plan",
        )
