"""Somebody else's Safe Transaction Service: a real server on loopback that keeps what it is given, and misbehaves on
demand. It verifies nothing, as the worst of its kind would."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from integrations.safe.hashes import SafeTx
from tests.receiver import Behaviour, Received, Receiver, answer, receiver

LIST = re.compile(r"/api/v2/safes/(0x[0-9a-fA-F]{40})/multisig-transactions/")
CONFIRM = re.compile(r"/api/v1/multisig-transactions/(0x[0-9a-f]{64})/confirmations/")


def entry_of(tx: SafeTx, *signatures: str, **lies: Any) -> dict[str, Any]:
    """As the service's v2 shows one."""
    return {
        "safe": tx.safe,
        "to": tx.to,
        "value": str(tx.value),
        "data": "0x" + tx.data.hex() if tx.data else None,
        "operation": tx.operation,
        "gasToken": tx.gas_token,
        "safeTxGas": str(tx.safe_tx_gas),
        "baseGas": str(tx.base_gas),
        "gasPrice": str(tx.gas_price),
        "refundReceiver": tx.refund_receiver,
        "nonce": str(tx.nonce),
        "executionDate": None,
        "submissionDate": "2026-11-21T12:00:00Z",
        "modified": "2026-11-21T12:00:00Z",
        "blockNumber": None,
        "transactionHash": None,
        "safeTxHash": tx.hash,
        "proposer": None,
        "executor": None,
        "isExecuted": False,
        "isSuccessful": None,
        "origin": '{"url": "https://app.safe.global", "name": "Send 5 ETH to a friend"}',
        "dataDecoded": {"method": "harmless", "parameters": []},
        "confirmationsRequired": 2,
        "confirmations": [{"owner": tx.to, "signature": one, "signatureType": "EOA"} for one in signatures],
        "trusted": True,
        "signatures": None,
        **lies,
    }


@dataclass
class FakeService:
    """`entries` by hash; `moods` are used up one a request before it behaves."""

    there: Receiver
    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    keeps: bool = True

    @property
    def url(self) -> str:
        return f"{self.there.url}/tx-service/dev"

    @property
    def moods(self) -> list[Behaviour]:
        return self.there.script

    @property
    def posted(self) -> list[Received]:
        return [one for one in self.there.received if one.method == "POST"]

    @property
    def asked(self) -> int:
        return len(self.there.received)

    def has(self, *entries: dict[str, Any]) -> None:
        self.entries.update({str(one["safeTxHash"]): one for one in entries})

    def signatures_of(self, digest: str) -> list[str]:
        return [one["signature"] for one in self.entries[digest]["confirmations"]]

    def serve(self, connection: socket.socket, got: Received) -> None:
        self._answer(got)(connection, got)

    def _answer(self, got: Received) -> Behaviour:
        url = urlsplit(got.path.removeprefix("/tx-service/dev"))
        if (found := LIST.fullmatch(url.path)) and got.method == "GET":
            return self._list(found[1], parse_qs(url.query))
        if found and got.method == "POST":
            return self._propose(found[1], json.loads(got.body))
        if (found := CONFIRM.fullmatch(url.path)) and got.method == "POST":
            return self._confirm(found[1], json.loads(got.body))
        return answer(404, {"detail": "Not found."})

    def _list(self, safe: str, query: dict[str, list[str]]) -> Behaviour:
        least, offset, limit = (int(query[name][0]) for name in ("nonce__gte", "offset", "limit"))
        rows = [one for one in self.entries.values() if one["safe"] == safe and int(one["nonce"]) >= least]
        page = rows[offset : offset + limit]
        following = "https://169.254.169.254/next" if offset + limit < len(rows) else None
        return answer(200, {"count": len(rows), "next": following, "previous": None, "results": page})

    def _propose(self, safe: str, body: dict[str, Any]) -> Behaviour:
        if self.keeps:
            raw = {**body, "safe": safe, "nonce": str(body["nonce"]), "safeTxHash": body["contractTransactionHash"]}
            raw["confirmations"] = [{"owner": body["sender"], "signature": body["signature"]}]
            self.entries.setdefault(raw["safeTxHash"], raw)
        return answer(201, b"")

    def _confirm(self, digest: str, body: dict[str, Any]) -> Behaviour:
        if digest not in self.entries:
            return answer(404, {"detail": "Not found."})
        if self.keeps:
            self.entries[digest]["confirmations"].append({"owner": None, "signature": body["signature"]})
        return answer(201, {"signature": body["signature"]})


@contextmanager
def fake_service() -> Iterator[FakeService]:
    with receiver() as there:
        made = FakeService(there)
        there.otherwise = made.serve
        yield made
