"""A remote signer as a real local server, speaking what Web3Signer speaks; it can be slow, refuse, lie and hang up."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount


class SignerServer:
    """`mode`: honest, refuse, hang-up, slow, garbage, wrong-shape, or what to change in what it signs (`changes`)."""

    def __init__(self, account: LocalAccount | None = None, token: str = "") -> None:
        self.account: LocalAccount = account or Account.create()
        self.token = token
        self.mode = "honest"
        self.changes: dict[str, Any] = {}
        self.signs_with: LocalAccount = self.account
        self.accounts = [self.account.address]
        self.seconds = 0.0
        self.asked: list[Mapping[str, Any]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                server._answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.daemon_threads = True
        self._ending = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def signed_requests(self) -> list[Mapping[str, Any]]:
        return [one["params"][0] for one in self.asked if one["method"] == "eth_signTransaction"]

    def sign(self, asked: Mapping[str, Any]) -> str:
        number = {name: int(asked[name], 16) for name in ("gas", "nonce", "value", "chainId")}
        fees = {name: int(asked[name], 16) for name in ("maxFeePerGas", "maxPriorityFeePerGas")}
        fields = {"type": 2, **number, **fees, "to": asked["to"], "data": asked["data"], **self.changes}
        return "0x" + bytes(self.signs_with.sign_transaction(fields).raw_transaction).hex()

    def _answer(self, http: BaseHTTPRequestHandler) -> None:
        body = json.loads(http.rfile.read(int(http.headers["Content-Length"])))
        self.asked.append(body)
        if self.token and http.headers.get("Authorization") != f"Bearer {self.token}":
            self._reply(http, b"no", 401)
        elif body["method"] == "eth_accounts":
            self._result(http, body, self.accounts)
        elif self.mode == "hang-up":
            http.connection.close()
        elif self.mode == "slow":
            self._ending.wait(self.seconds)
            self._result(http, body, self.sign(body["params"][0]))
        elif self.mode == "refuse":
            error = {"code": -32000, "message": "Signing is locked"}
            self._reply(http, json.dumps({"jsonrpc": "2.0", "id": body["id"], "error": error}).encode())
        elif self.mode == "garbage":
            self._reply(http, b"<html>Bad gateway</html>", 502)
        elif self.mode == "wrong-shape":
            self._result(http, body, {"tx": 1})
        else:
            self._result(http, body, self.sign(body["params"][0]))

    def _result(self, http: BaseHTTPRequestHandler, body: Mapping[str, Any], result: object) -> None:
        self._reply(http, json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": result}).encode())

    def _reply(self, http: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
        try:
            http.send_response(status)
            http.send_header("Content-Type", "application/json")
            http.send_header("Content-Length", str(len(body)))
            http.end_headers()
            http.wfile.write(body)
        except OSError:
            pass  # whoever asked has stopped waiting

    @contextmanager
    def running(self) -> "Iterator[SignerServer]":
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), name="signer", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._ending.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join(5)
