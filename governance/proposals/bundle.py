"""What a signer carries to another machine: raw fields, ABIs, hashes; tools/verify_safe_tx.py reads it."""

from typing import Any

from governance.proposals.building import as_json, calls_of
from governance.proposals.models import Proposal
from governance.proposals.review import Hashes
from governance.protocols.models import Contract

FORMAT = "breakglass-safe-tx-1"


def bundle(proposal: Proposal) -> dict[str, Any]:
    calls = calls_of(proposal.safe_tx) or []
    contracts = Contract.objects.filter(chain=proposal.safe.chain, address__in={call.to for call in calls})
    hashes = Hashes.of(proposal.safe_tx)
    return {
        "format": FORMAT,
        "fields": proposal.raw_fields,
        "hashes": {"domain": hashes.domain, "message": hashes.message, "safeTx": hashes.safe_tx},
        "calls": as_json(calls),
        "abis": {contract.address: contract.abi for contract in contracts},
        "plan": proposal.plan.sha256 if proposal.plan else None,
    }
