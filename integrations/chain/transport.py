"""One endpoint: JSON-RPC over a kept HTTP connection, a circuit breaker, and the one question whose chain it is."""

import itertools
import json
import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import urllib3

from integrations.chain.errors import RpcError, RpcRefused, WrongChain

Call: TypeAlias = tuple[str, Sequence[object]]

# At DEBUG urllib3 writes every path that it asks for, and a provider's path holds its key.
logging.getLogger("urllib3.connectionpool").setLevel(logging.INFO)
MAX_RESPONSE = 32 * 1024 * 1024
CONNECT_TIMEOUT = 2.0
COOL_DOWN = 5.0
MAX_COOL_DOWN = 60.0
FAILURES_TO_OPEN = 2


class EndpointDown(RpcError):
    """This endpoint gave no usable answer; another may. `dropped`: the connection broke, which may pass at once."""

    def __init__(self, message: str, dropped: bool = False) -> None:
        super().__init__(message)
        self.dropped = dropped


@dataclass(slots=True)
class Health:
    """What is remembered of an endpoint: whether it may be asked, and how it has done lately."""

    failures: int = 0
    closed_until: float = 0.0
    problem: str = ""
    latency_ms: float = 0.0

    @property
    def resting(self) -> bool:
        return time.monotonic() < self.closed_until

    def good(self, seconds: float) -> None:
        self.failures, self.closed_until, self.problem = 0, 0.0, ""
        self.latency_ms = seconds * 1000 if not self.latency_ms else self.latency_ms * 0.8 + seconds * 200

    def bad(self, problem: str, at_once: bool = False) -> None:
        """After a few failures in a row it rests, longer each time; then one call may try it again."""
        self.failures += 1
        self.problem = problem
        if at_once or self.failures >= FAILURES_TO_OPEN:
            wait = min(COOL_DOWN * 2 ** max(0, self.failures - FAILURES_TO_OPEN), MAX_COOL_DOWN)
            self.closed_until = time.monotonic() + wait


class Transport:
    """Thread-safe. Its name is the host: a provider's URL holds a key that no log or error may carry."""

    def __init__(
        self, url: str, chain_id: int, name: str = "", timeout: float = 10.0, *, submits_only: bool = False
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("an RPC endpoint is an http or https URL")
        self._url = url
        self.chain_id = chain_id
        self.name = name or (f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname)
        self.timeout = timeout
        self.health = Health()
        self.submits_only = submits_only
        self._verified = False
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._pool = urllib3.PoolManager(num_pools=1, maxsize=16, block=False, retries=False)

    def __repr__(self) -> str:
        return f"<Transport {self.name} of chain {self.chain_id}>"

    def send(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]:
        """Results in order; an RpcRefused stands in the place of a call that the node refused."""
        self._verify()
        return self._exchange(calls, timeout)

    def _verify(self) -> None:
        """Asked once, and again after a failure: a URL may lead to another node than before."""
        if self._verified:
            return
        answer = self._exchange([("eth_chainId", [])], None)[0]
        if self.submits_only and isinstance(answer, RpcRefused):
            self._verified = True  # some relays take transactions and answer nothing else; the bytes name their chain
            return
        try:
            said = int(answer, 16)
        except (TypeError, ValueError) as error:
            raise EndpointDown("no chain id in its answer") from error
        if said != self.chain_id:
            problem = f"serves chain {said}, not {self.chain_id}"
            with self._lock:
                self.health.bad(problem, at_once=True)
            raise WrongChain(problem)
        self._verified = True

    def _exchange(self, calls: Sequence[Call], timeout: float | None) -> list[Any]:
        requests = [
            {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": list(params)}
            for method, params in calls
        ]
        if not requests:
            return []
        started = time.monotonic()
        try:
            answer = self._post(json.dumps(requests if len(requests) > 1 else requests[0]).encode(), timeout)
            results = _match(requests, answer, self.name)
        except EndpointDown as error:
            with self._lock:
                self._verified = False
                self.health.bad(str(error))
            raise
        with self._lock:
            self.health.good(time.monotonic() - started)
        return results

    def _post(self, body: bytes, timeout: float | None) -> Any:
        read = timeout or self.timeout
        limits = urllib3.Timeout(connect=min(CONNECT_TIMEOUT, read), read=read)
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            response = self._pool.request(
                "POST", self._url, body=body, headers=headers, timeout=limits, redirect=False, preload_content=False
            )
            try:
                raw = _bounded(response, time.monotonic() + read)
            finally:
                response.release_conn()
        except urllib3.exceptions.TimeoutError as error:
            raise EndpointDown(f"no answer within {read:g} s") from error
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise EndpointDown(f"connection failed ({type(error).__name__})", dropped=True) from error
        return _parse(response.status, raw)


def _bounded(response: urllib3.BaseHTTPResponse, end: float) -> bytes:
    """The body, up to a size and a time: a node that drips or floods must not hold a worker."""
    parts: list[bytes] = []
    size = 0
    for part in response.stream(256 * 1024):
        size += len(part)
        if size > MAX_RESPONSE:
            response.close()
            raise EndpointDown(f"answer larger than {MAX_RESPONSE // 2**20} MB")
        if time.monotonic() > end:
            response.close()
            raise EndpointDown("answer came too slowly")
        parts.append(part)
    return b"".join(parts)


def _parse(status: int, raw: bytes) -> Any:
    try:
        answer = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise EndpointDown(f"HTTP {status}, and no JSON") from error
    errors_inside = isinstance(answer, list) or (isinstance(answer, dict) and "error" in answer)
    if status == 429 or (status != 200 and not errors_inside):
        raise EndpointDown(f"HTTP {status}")
    return answer


def _match(requests: Sequence[dict[str, Any]], answer: Any, name: str) -> list[Any]:
    """Each request's own answer, by id; anything that does not fit makes the whole exchange worthless."""
    items = answer if isinstance(answer, list) else [answer]
    by_id = {item.get("id"): item for item in items if isinstance(item, dict) and item.get("jsonrpc") == "2.0"}
    if len(requests) > 1 and isinstance(answer, dict) and isinstance(answer.get("error"), dict):
        raise EndpointDown("refuses batches: " + str(answer["error"].get("message"))[:200])
    results: list[Any] = []
    for request in requests:
        item = by_id.get(request["id"])
        if item is None or ("result" in item) == ("error" in item and item["error"] is not None):
            raise EndpointDown("answered something that is not JSON-RPC for our request")
        results.append(item["result"] if "result" in item else _refusal(item["error"], name))
    return results


def _refusal(error: Any, name: str) -> RpcRefused:
    if not isinstance(error, dict):
        return RpcRefused("an error without words", endpoint=name)
    data = error.get("data")
    if isinstance(data, dict):  # some nodes wrap the revert data once more
        data = data.get("data") or data.get("result")
    raw = b""
    if isinstance(data, str) and data.startswith("0x"):
        try:
            raw = bytes.fromhex(data[2:])
        except ValueError:
            raw = b""
    code = error.get("code")
    return RpcRefused(
        str(error.get("message", ""))[:500], code=code if isinstance(code, int) else 0, data=raw, endpoint=name
    )
