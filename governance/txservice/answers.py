"""Transactions as the service writes them.

By hand and from plain rows: a list of a hundred is asked for often, and model fields and serializers cost many times
what the query costs.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from governance.proposals.counting import BLOCKED, UNJUDGED
from governance.proposals.models import Confirmation, Proposal
from governance.proposals.outcome import INNER_CALL_FAILED
from governance.safes.models import Safe
from governance.txservice.decoding import Decoder
from governance.txservice.selectors import NEWEST_OF, asked_for
from integrations.safe.signatures import APPROVED, CONTRACT, EIP712, ETH_SIGN, Signature, assemble
from ledger.statements import say

Row = dict[str, Any]
KINDS = {EIP712: "EOA", ETH_SIGN: "ETH_SIGN", APPROVED: "APPROVED_HASH", CONTRACT: "CONTRACT_SIGNATURE"}
# Numbers and moments as text at once: a hundred rows of a list pass through no field's conversions.
# Blocked, or handed in with all signatures at once and not simulated yet; where they came one by one, the workers have
# a minute for it.
ROWS = """
SELECT json_build_object(
  'pk', p.id, 'status', p.status, 'held_back', p.status = 'signing' AND (
    p.stopped->>'code' IN ('blocking-finding', 'unjudged')
    OR (p.simulated_at IS NULL AND p.created_at < now() - interval '60 seconds')),
  'version', p.version, 'to', p."to", 'value', p.value::text,
  'data', encode(p.data, 'hex'), 'operation', p.operation, 'safe_tx_gas', p.safe_tx_gas::text,
  'base_gas', p.base_gas::text, 'gas_price', p.gas_price::text, 'gas_token', p.gas_token,
  'refund_receiver', p.refund_receiver, 'nonce', p.nonce::text, 'safe_tx_hash', p.safe_tx_hash,
  'created_at', to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'safe_address', s.address, 'threshold', s.threshold,
  'proposer', m.proposer, 'delegate', m.delegate, 'origin', m.origin,
  'executor', e.address, 'paid', t.gas_price::text,
  'mined_at', to_char(t.mined_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
  'block', p.outcome->'block', 'mined_hash', p.outcome->'transaction_hash', 'gas_used', p.outcome->'gas_used',
  'reason', p.outcome->'reason',
  'signed', (
    SELECT json_agg(json_build_object(
      'owner', c.owner, 'signature', encode(c.signature, 'hex'), 'kind', c.kind,
      'counts', s.owners @> to_jsonb(c.owner),
      'created_at', to_char(c.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
    ) ORDER BY c.created_at, c.id) FROM governance_confirmation c WHERE c.proposal_id = p.id AND c.lapsed = ''
  )
)
FROM governance_proposal p
JOIN governance_safe s ON s.id = p.safe_id
LEFT JOIN governance_submission m ON m.proposal_id = p.id
LEFT JOIN integrations_transaction t ON t.id = p.transaction_id
LEFT JOIN integrations_executor e ON e.id = t.executor_id
"""
MANY = f"{ROWS} JOIN unnest(%(wanted)s::bigint[]) WITH ORDINALITY AS asked(id, place) ON asked.id = p.id ORDER BY place"
ONE = ROWS + NEWEST_OF
HELD_BACK = Q(status="signing") & (
    Q(stopped__code__in=(BLOCKED, UNJUDGED)) | Q(simulated_at=None, created_at__lt=Now() - timedelta(minutes=1))
)


def transactions(rows: "QuerySet[Proposal]", chain_id: int, *, version: int) -> list[Row]:
    """Which ones, by the viewer's own query; then all of them with their confirmations in one, and what they call."""
    wanted = list(rows.values_list("pk", flat=True))
    return _written(MANY, {"wanted": wanted}, chain_id, version) if wanted else []


def transaction(viewer: Any, chain_id: int, safe_tx_hash: str, *, version: int) -> Row | None:
    """The newest with this hash."""
    about = asked_for(viewer, chain_id, safe_tx_hash)
    found = _written(ONE, about, chain_id, version) if about else []
    return found[0] if found else None


def _written(statement: str, about: Row, chain_id: int, version: int) -> list[Row]:
    found = [row if isinstance(row, dict) else json.loads(row) for (row,) in say(statement, about)]
    for row in found:
        row["data"] = bytes.fromhex(row["data"])
    decoder = Decoder.of(chain_id, found)
    return [_transaction(row, decoder, version) for row in found]


def too_few(signed: list[Row], held_back: bool, threshold: int) -> list[Row]:
    """Of one that is held back (blocked, or not judged yet) not enough signatures are given out: anybody could execute
    it with them. The last ones wait until it is ready."""
    if not held_back or len(signed) < threshold:
        return signed
    shown, counting = [], 0
    for one in signed:
        counting += bool(one["counts"])
        if counting < threshold or not one["counts"]:
            shown.append(one)
    return shown


def confirmations(proposal: Proposal) -> list[Row]:
    rows = Confirmation.objects.filter(proposal=proposal, lapsed="").order_by("created_at", "pk")
    found = [
        {
            **row,
            "signature": bytes(row["signature"]).hex(),
            "created_at": when(row["created_at"]),
            "counts": row["owner"] in proposal.safe.owners,
        }
        for row in rows.values("owner", "signature", "kind", "created_at")
    ]
    held_back = Proposal.objects.filter(HELD_BACK, pk=proposal.pk).exists()
    return [_confirmation(row) for row in too_few(found, held_back, proposal.safe.threshold)]


def _transaction(row: Row, decoder: Decoder, version: int) -> Row:
    failed = row["status"] == "failed" and row["reason"] == INNER_CALL_FAILED
    executed = failed or row["status"] == "executed"
    number = str if version > 1 else int
    data, signed = row["data"], too_few(row["signed"] or [], row["held_back"], row["threshold"])
    modified = max((one["created_at"] for one in signed), default=row["created_at"])
    return {
        "safe": row["safe_address"],
        "to": row["to"],
        "value": row["value"],
        "data": "0x" + data.hex() if data else None,
        "operation": row["operation"],
        "gasToken": row["gas_token"],
        "safeTxGas": number(row["safe_tx_gas"]),
        "baseGas": number(row["base_gas"]),
        "gasPrice": row["gas_price"],
        "refundReceiver": row["refund_receiver"],
        "nonce": number(row["nonce"]),
        "executionDate": row["mined_at"] if executed else None,
        "submissionDate": row["created_at"],
        "modified": modified,
        "blockNumber": row["block"] if executed else None,
        "transactionHash": row["mined_hash"] if executed else None,
        "safeTxHash": row["safe_tx_hash"],
        "proposer": row["proposer"],
        "proposedByDelegate": row["delegate"],
        "executor": row["executor"] if executed else None,
        "isExecuted": executed,
        "isSuccessful": not failed if executed else None,
        "ethGasPrice": row["paid"] if executed else None,
        "maxFeePerGas": None,
        "maxPriorityFeePerGas": None,
        "gasUsed": row["gas_used"] if executed else None,
        "fee": _fee(row) if executed else None,
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
        "submissionDate": row["created_at"],
        "transactionHash": None,
        "signature": "0x" + row["signature"],
        "signatureType": KINDS[row["kind"]],
    }


def _assembled(signed: Sequence[Row]) -> str:
    parts = [(row, bytes.fromhex(row["signature"])) for row in signed]
    return "0x" + assemble(Signature(row["kind"], row["owner"], raw[:65], raw[65:]) for row, raw in parts).hex()


def _fee(row: Row) -> str | None:
    return str(int(row["paid"]) * row["gas_used"]) if row["paid"] and row["gas_used"] else None


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
