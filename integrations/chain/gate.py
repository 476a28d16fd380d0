"""A door through which a chain can be read and not written: what a fork is given instead of the chain's endpoints.

It listens on loopback behind an unguessable path, answers the few reads that a fork needs from the chain's client (so
with its failover), and refuses every other method. A provider's URL, which may hold a key, never stands on a command
line; and whatever a fork does, no transaction leaves it.
"""

import json
import secrets
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from integrations.chain.client import Client
from integrations.chain.errors import RpcError, RpcRefused

READS = frozenset(
    {
        "eth_blockNumber",
        "eth_chainId",
        "eth_feeHistory",
        "eth_gasPrice",
        "eth_getAccount",
        "eth_getAccountInfo",
        "eth_getBalance",
        "eth_getBlockByHash",
        "eth_getBlockByNumber",
        "eth_getBlockReceipts",
        "eth_getCode",
        "eth_getLogs",
        "eth_getProof",
        "eth_getStorageAt",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "net_version",
        "web3_clientVersion",
    }
)
REFUSED = -32601
FAILED = -32000
LONGEST_BODY = 1024 * 1024


class Gate:
    """`with Gate(client) as gate:` serves reads of that chain at `gate.url`, at most `most` of them."""

    def __init__(self, client: Client, *, most: int = 50_000) -> None:
        self._client = client
        self._left = most
        self._lock = threading.Lock()
        self._path = "/" + secrets.token_urlsafe(24)
        self.refused: list[str] = []  # methods that were asked for and are no reads
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        assert self._server is not None, "the gate is not open"
        return f"http://127.0.0.1:{self._server.server_port}{self._path}"

    def __enter__(self) -> Self:
        self._server = _Server(self, self._path)
        threading.Thread(target=self._server.serve_forever, args=(0.05,), name="gate", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        assert self._server is not None
        self._server.shutdown()
        self._server.server_close()

    def answer(self, request: Any) -> dict[str, Any]:
        """One JSON-RPC request."""
        known = request if isinstance(request, dict) else {}
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": known.get("id")}
        method, params = str(known.get("method", "")), known.get("params") or []
        if method not in READS or not isinstance(params, list):
            self.refused.append(method[:100])
            return {**answer, "error": {"code": REFUSED, "message": f"{method[:100]} is not served here: reads only"}}
        with self._lock:
            self._left -= 1
            if self._left < 0:
                return {**answer, "error": {"code": FAILED, "message": "this fork has read enough"}}
        try:
            return {**answer, "result": self._client.request(method, *params)}
        except RpcRefused as error:
            return {**answer, "error": {"code": error.code or FAILED, "message": error.message}}
        except RpcError as error:
            return {**answer, "error": {"code": FAILED, "message": str(error)[:200]}}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, gate: Gate, path: str) -> None:
        self.gate, self.path = gate, path
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A fork that is killed hangs up: nothing to say about it."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # head and body in one piece
    timeout = 60
    server: _Server

    def do_POST(self) -> None:  # the name that the base class looks for
        length = int(self.headers.get("Content-Length") or 0)
        if self.path != self.server.path or not 0 < length <= LONGEST_BODY:
            return self._say(404, {"error": "nothing here"})
        try:
            asked = json.loads(self.rfile.read(length))
        except (ValueError, RecursionError):
            return self._say(400, {"error": "no JSON"})
        answer = self.server.gate.answer
        return self._say(200, [answer(one) for one in asked] if isinstance(asked, list) else answer(asked))

    def _say(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:
        """Silent: every read of a fork would be a line."""
