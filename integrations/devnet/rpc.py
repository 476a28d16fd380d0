"""A JSON-RPC client for the devnet's own tools: one kept connection, batches, clear errors.

The rest of Breakglass talks to chains through `integrations.chain.client`, which knows failover and agreement; what
builds and breaks the devnet needs neither, and must run before there is a database.
"""

import http.client
import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit


class RpcError(Exception):
    """The node answered with an error."""

    def __init__(self, message: str, *, code: int = 0, data: object = None, method: str = "") -> None:
        super().__init__(f"{method}: {message}" if method else message)
        self.code = code
        self.message = message
        self.data = data
        self.method = method


class RpcDown(Exception):
    """No usable answer came."""


class Rpc:
    """Not thread-safe: one an owner."""

    def __init__(self, url: str, timeout: float = 30.0) -> None:
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"The devnet speaks plain http on loopback, not {url!r}.")
        self.url = url
        self.path = parts.path or "/"
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout)
        self._id = 0

    def __call__(self, method: str, *params: object) -> Any:
        return self.batch([(method, params)])[0]

    def batch(self, calls: Iterable[tuple[str, Sequence[object]]]) -> list[Any]:
        """All results in order; the first error raises."""
        requests = []
        for method, params in calls:
            self._id += 1
            requests.append({"jsonrpc": "2.0", "id": self._id, "method": method, "params": list(params)})
        if not requests:
            return []
        body = json.dumps(requests if len(requests) > 1 else requests[0]).encode()
        answer = self._send(body)
        answers = {item.get("id"): item for item in (answer if isinstance(answer, list) else [answer])}
        return [_result(request, answers) for request in requests]

    def _send(self, body: bytes) -> Any:
        for attempt in (1, 2):
            fresh = self._connection.sock is None
            try:
                self._connection.request("POST", self.path, body, {"Content-Type": "application/json"})
                response = self._connection.getresponse()
                raw = response.read()
            except (OSError, http.client.HTTPException) as error:
                self._connection.close()
                # Only a kept connection that the other side closed meanwhile is worth a second try.
                stale = isinstance(error, http.client.RemoteDisconnected | ConnectionResetError | BrokenPipeError)
                if attempt == 1 and not fresh and stale:
                    continue
                raise RpcDown(f"No answer from {self.url}: {error}") from error
            return self._parsed(response.status, raw)
        raise AssertionError("unreachable")

    def _parsed(self, status: int, raw: bytes) -> Any:
        try:
            answer = json.loads(raw)
        except ValueError as error:
            raise RpcDown(f"{self.url} answered HTTP {status} without JSON.") from error
        if status != 200 and not (isinstance(answer, dict) and "error" in answer):
            raise RpcDown(f"{self.url} answered HTTP {status}.")
        return answer

    def close(self) -> None:
        self._connection.close()

    # The few reads everyone here wants.

    def chain_id(self) -> int:
        return int(self("eth_chainId"), 16)

    def block_number(self) -> int:
        return int(self("eth_blockNumber"), 16)

    def timestamp(self) -> int:
        return int(self("eth_getBlockByNumber", "latest", False)["timestamp"], 16)

    def code(self, address: str) -> bytes:
        return bytes.fromhex(self("eth_getCode", address, "latest")[2:])

    def nonce(self, address: str) -> int:
        return int(self("eth_getTransactionCount", address, "pending"), 16)

    def call(self, to: str, data: bytes) -> bytes:
        return bytes.fromhex(self("eth_call", {"to": to, "data": "0x" + data.hex()}, "latest")[2:])


def _result(request: dict[str, Any], answers: dict[Any, dict[str, Any]]) -> Any:
    answer = answers.get(request["id"])
    if answer is None:
        # A request that was refused as a whole is answered once, without an id.
        answer = answers.get(None)
    if answer is None:
        raise RpcDown(f"{request['method']} was not answered.")
    if "error" in answer:
        error = answer["error"]
        raise RpcError(
            error.get("message", "unknown"),
            code=error.get("code", 0),
            data=error.get("data"),
            method=request["method"],
        )
    return answer.get("result")
