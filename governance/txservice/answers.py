"""Transactions as the service writes them.

By hand and from plain rows: a list of a hundred is asked for often, and a serializer's fields cost more than the query.
"""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import F, QuerySet

from governance.proposals.models import Confirmation, Proposal
from governance.proposals.outcome import INNER_CALL_FAILED
from governance.safes.models import Safe
from governance.txservice.decoding import Decoder
from integrations.safe.signatures import APPROVED, CONTRACT, EIP712, ETH_SIGN, Signature, assemble

Row = dict[str, Any]
KINDS = {EIP712: "EOA", ETH_SIGN: "ETH_SIGN", APPROVED: "APPROVED_HASH", CONTRACT: "CONTRACT_SIGNATURE"}
COLUMNS = (
    "pk",
    "status",
    "version",
    "to",
    "value",
    "data",
    "operation",
    "safe_tx_gas",
    "base_gas",
    "gas_price",
    "gas_token",
    "refund_receiver",
    "nonce",
    "safe_tx_hash",
    "created_at",
)
RELATED = {
    "safe_address": F("safe__address"),
    "threshold": F("safe__threshold"),
    "proposer": F("submission__proposer"),
    "delegate": F("submission__delegate"),
    "origin": F("submission__origin"),
    "executor": F("transaction__executor__address"),
    "block": F("outcome__block"),
    "mined_hash": F("outcome__transaction_hash"),
    "mined_at": F("transaction__mined_at"),
    "gas_used": F("outcome__gas_used"),
    "paid": F("transaction__gas_price"),
    "reason": F("outcome__reason"),
}


def transactions(rows: "QuerySet[Proposal]", chain_id: int, *, version: int) -> list[Row]:
    """Two queries, however many there are, and one more for the names of what they call."""
    found: Sequence[Row] = list(rows.values(*COLUMNS, **RELATED))
    signed: dict[int, list[Row]] = defaultdict(list)
    confirmations = Confirmation.objects.filter(proposal_id__in=[row["pk"] for row in found])
    for one in confirmations.order_by("created_at").values("proposal_id", *SIGNED):
        signed[one["proposal_id"]].append(one)
    decoder = Decoder.of(chain_id, found)
    return [_transaction(row, signed[row["pk"]], decoder, version) for row in found]


SIGNED = ("owner", "signature", "kind", "created_at")


def confirmations(rows: "QuerySet[Confirmation]") -> list[Row]:
    return [_confirmation(row) for row in rows.values(*SIGNED)]


def _transaction(row: Row, signed: Sequence[Row], decoder: Decoder, version: int) -> Row:
    failed = row["status"] == "failed" and row["reason"] == INNER_CALL_FAILED
    executed = failed or row["status"] == "executed"
    number = str if version > 1 else int
    data = bytes(row["data"])
    modified = max((one["created_at"] for one in signed), default=row["created_at"])
    return {
        "safe": row["safe_address"],
        "to": row["to"],
        "value": str(row["value"]),
        "data": "0x" + data.hex() if data else None,
        "operation": row["operation"],
        "gasToken": row["gas_token"],
        "safeTxGas": number(row["safe_tx_gas"]),
        "baseGas": number(row["base_gas"]),
        "gasPrice": str(row["gas_price"]),
        "refundReceiver": row["refund_receiver"],
        "nonce": number(row["nonce"]),
        "executionDate": when(row["mined_at"]) if executed else None,
        "submissionDate": when(row["created_at"]),
        "modified": when(modified),
        "blockNumber": row["block"] if executed else None,
        "transactionHash": row["mined_hash"] if executed else None,
        "safeTxHash": row["safe_tx_hash"],
        "proposer": row["proposer"],
        "proposedByDelegate": row["delegate"],
        "executor": row["executor"] if executed else None,
        "isExecuted": executed,
        "isSuccessful": not failed if executed else None,
        "ethGasPrice": str(row["paid"]) if executed and row["paid"] else None,
        "maxFeePerGas": None,
        "maxPriorityFeePerGas": None,
        "gasUsed": row["gas_used"] if executed else None,
        "fee": str(row["paid"] * row["gas_used"]) if executed and row["paid"] and row["gas_used"] else None,
        "payment": None,
        "origin": _origin(row["origin"]),
        "dataDecoded": decoder.row(row),
        "confirmationsRequired": row["threshold"],
        "confirmations": [_confirmation(one) for one in signed],
        "trusted": True,
        "signatures": _assembled(signed) if executed and signed else None,
    }


def _confirmation(row: Row) -> Row:
    return {
        "owner": row["owner"],
        "submissionDate": when(row["created_at"]),
        "transactionHash": None,
        "signature": "0x" + bytes(row["signature"]).hex(),
        "signatureType": KINDS[row["kind"]],
    }


def _assembled(signed: Sequence[Row]) -> str:
    parts = [(row, bytes(row["signature"])) for row in signed]
    return "0x" + assemble(Signature(row["kind"], row["owner"], raw[:65], raw[65:]) for row, raw in parts).hex()


def _origin(origin: Any) -> str:
    """Text in any case: JSON as text where it was JSON."""
    return origin if isinstance(origin, str) else json.dumps(origin or {})


def when(moment: datetime | None) -> str | None:
    return moment.isoformat().replace("+00:00", "Z") if moment else None


def safe_info(safe: Safe) -> Row:
    return {
        "address": safe.address,
        "nonce": str(safe.nonce),
        "threshold": safe.threshold,
        "owners": safe.owners,
        "masterCopy": safe.singleton,
        "modules": safe.modules,
        "fallbackHandler": safe.fallback_handler,
        "guard": safe.guard,
        "moduleGuard": safe.module_guard,
        "version": safe.version,
    }


def delegate(row: Mapping[str, Any]) -> Row:
    return {
        "safe": row["of"],
        "delegate": row["delegate"],
        "delegator": row["delegator"],
        "label": row["label"],
        "expiryDate": when(row["expires_at"]),
    }
