"""`dataDecoded`: calldata by pinned ABIs, batches call by call. What no pinned ABI knows stays null, never guessed."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from governance.proposals.decoding import OF_SAFES, decode, decode_by
from governance.protocols.models import Contract
from governance.protocols.pinned import Functions, functions_at, without_abis
from integrations.chain.abi import DecodedCall
from integrations.chain.models import Chain
from integrations.safe.contracts import InnerCall, decode_multi_send, is_multi_send
from ledger import Invalid

Decoded = dict[str, Any] | None


def shown(call: DecodedCall | None) -> Decoded:
    if call is None:
        return None
    return {"method": call.name, "parameters": call.as_json()["args"]}


def batch_of(row: Mapping[str, Any]) -> list[InnerCall]:
    """The calls of a batch through the pinned MultiSendCallOnly; none for anything else."""
    if row["operation"] == 0 or not is_multi_send(row["to"], row["version"]):
        return []
    try:
        return decode_multi_send(row["data"], version=row["version"], safe=row["safe_address"])
    except Invalid:
        return []


@dataclass
class Decoder:
    """For one answer: the contracts that are called in it, loaded once, and each calldata decoded once."""

    functions: dict[str, Functions]
    batches: dict[Any, list[InnerCall]]
    _seen: dict[tuple[str, bytes, bool], Decoded] = field(default_factory=dict)

    @classmethod
    def of(cls, chain_id: int, rows: Iterable[Mapping[str, Any]]) -> "Decoder":
        batches = {row["pk"]: found for row in rows if (found := batch_of(row))}
        called = {row["to"] for row in rows} | {call.to for batch in batches.values() for call in batch}
        return cls(functions_at(chain_id, called), batches)

    def row(self, row: Mapping[str, Any]) -> Decoded:
        """Of one transaction."""
        data, safe = row["data"], row["safe_address"]
        if not data:
            return None
        calls = self.batches.get(row["pk"])
        if calls is None:
            return self.call(safe, row["to"], data) if row["operation"] == 0 else None
        inner = [
            {
                "operation": 0,
                "to": call.to,
                "value": str(call.value),
                "data": "0x" + call.data.hex() if call.data else None,
                "dataDecoded": self.call(safe, call.to, call.data) if call.data else None,
            }
            for call in calls
        ]
        packed = "0x" + data[68 : 68 + int.from_bytes(data[36:68], "big")].hex()
        batch = {"name": "transactions", "type": "bytes", "value": packed, "valueDecoded": inner}
        return {"method": "multiSend", "parameters": [batch]}

    def call(self, safe: str, to: str, data: bytes) -> Decoded:
        own = to == safe
        key = (to, data, own)
        if key not in self._seen:
            self._seen[key] = shown(decode_by(OF_SAFES if own else self.functions.get(to, {}), data))
        return self._seen[key]


def data_decoded(chain: Chain, data: bytes, to: str | None) -> Decoded:
    """Of calldata alone: by the ABI of its target, else by the first pinned one that knows it, else as a Safe's own."""
    contracts = without_abis(Contract.objects.filter(chain=chain)).order_by("pk")
    for contract in contracts.filter(address=to) if to else contracts:
        if found := shown(decode(data, contract=contract, own=False)):
            return found
    return shown(decode(data, contract=None, own=True))
