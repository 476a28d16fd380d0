"""What a signer carries elsewhere: tools/verify_safe_tx.py and tools/sign.html read it and believe little of it."""

from typing import Any

from governance.proposals.building import as_json, calls_of
from governance.proposals.facts import everything_called
from governance.proposals.models import Proposal
from governance.proposals.nesting import hashes
from governance.proposals.review import Hashes
from governance.protocols.models import Contract
from governance.safes.models import Safe
from integrations.chain.abi_types import Param, parse_abi
from integrations.safe.hashes import SafeTx
from integrations.safe.nested import approve_hash_tx

FORMAT = "breakglass-safe-tx-2"


def bundle(proposal: Proposal) -> dict[str, Any]:
    tx = proposal.safe_tx
    calls = calls_of(tx)
    called = {call.to for call in everything_called(proposal)}  # also what is inside payloads
    contracts = Contract.objects.filter(chain=proposal.safe.chain, address__in=called)
    return {
        "format": FORMAT,
        "fields": proposal.raw_fields,
        "hashes": hashes_of(tx),
        "calls": None if calls is None else as_json(calls),
        "abis": {contract.address: _functions(contract.abi) for contract in contracts},
        "plan": proposal.plan.sha256 if proposal.plan else None,
        "diff": _diff(proposal.simulation or {}),
        "nested": nested(proposal),
    }


def _functions(abi: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What calls are decoded by, and no more: the tools refuse what no ABI has, and some compilers write such."""
    return [
        {"type": "function", "name": one.name, "inputs": [_param(param) for param in one.inputs]}
        for one in parse_abi(abi, "function")
    ]


def _param(param: Param) -> dict[str, Any]:
    inside = {"components": [_param(one) for one in param.components]} if param.components else {}
    return {"name": param.name, "type": param.type, **inside}


def hashes_of(tx: SafeTx) -> dict[str, str]:
    found = Hashes.of(tx)
    return {"domain": found.domain, "message": found.message, "safeTx": found.safe_tx}


def _diff(simulation: dict[str, Any]) -> dict[str, Any] | None:
    """What the simulation says would change; the one part that nobody can check without the chain."""
    if not simulation.get("ok"):
        return None
    return {
        "block": str(simulation["block"]),
        "meanings": [_texts(one, "address", "what", "before", "after") for one in simulation["meanings"]],
        "changes": [_texts(one, "address", "field", "before", "after") for one in simulation["changes"]],
    }


def _texts(one: dict[str, Any], *names: str) -> dict[str, str]:
    return {name: "" if one.get(name) is None else str(one[name]) for name in names}


def nested(proposal: Proposal) -> list[dict[str, Any]]:
    """For each owner that is a registered Safe itself: what its owners see, signing as a contract or approving."""
    tx = proposal.safe_tx
    safes = Safe.objects.filter(chain=proposal.safe.chain, address__in=list(proposal.safe.owners)).order_by("address")
    return [_owner(tx, safe) for safe in safes]


def _owner(tx: SafeTx, safe: Safe) -> dict[str, Any]:
    return {
        "safe": safe.address,
        "version": safe.version,
        "nonce": str(safe.nonce),
        "message": _message(tx, safe),
        "approve": hashes_of(approve_hash_tx(tx, safe, safe.nonce)),
    }


def _message(tx: SafeTx, safe: Safe) -> dict[str, str] | None:
    """The SafeMessage; None where a Safe up to 1.4.1 asks in a way that 1.5.0 no longer answers."""
    if safe.version == "1.5.0" and tx.version != "1.5.0":
        return None
    found = hashes(tx, safe)
    return {"domain": found.domain, "message": found.message, "safeMessage": found.safe_message}
