"""The proxy itself: a real TCP server on loopback, in a thread of its own so that blocking code can stand before it."""

import asyncio
import contextlib
import json
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from typing import Any, Self

from pydantic import ValidationError

from integrations.devnet.proxy.http import BadRequest, Reply, Request, json_reply, post, read_request
from integrations.devnet.proxy.lag import delayed_request, delayed_result
from integrations.devnet.proxy.rules import (
    RULE,
    Call,
    Error,
    Garbage,
    HangUp,
    HttpError,
    Lag,
    Latency,
    RateLimit,
    Rewrite,
    Rule,
    Split,
    Stall,
    Truncate,
    put,
)

JOURNAL = 10_000


class _HungUp(Exception):
    """The connection ends here, without an answer."""


class _Refused(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(frozen=True, slots=True)
class Seen:
    """One call that came through: which faults it met, and whether the node heard of it."""

    method: str
    params: Any
    faults: tuple[str, ...]
    forwarded: bool
    at: float


@dataclass(slots=True)
class _Active:
    """A rule in force, and how often it was met."""

    id: int
    rule: Rule
    met: int = 0
    recent: deque[float] = field(default_factory=deque)

    def takes(self, call: Call) -> bool:
        if not self.rule.concerns(call):
            return False
        self.met += 1
        if self.met <= self.rule.skip:
            return False
        return self.rule.times is None or self.met <= self.rule.skip + self.rule.times

    def over_limit(self, rule: RateLimit) -> bool:
        now = time.monotonic()
        while self.recent and now - self.recent[0] > rule.window:
            self.recent.popleft()
        self.recent.append(now)
        return len(self.recent) > rule.limit


class RpcProxy:
    """Stands before `upstream`; `add` and `clear` may be called from any thread while it runs."""

    def __init__(self, upstream: str, *, port: int = 0) -> None:
        self.upstream = upstream
        self.port = port
        self._active: list[_Active] = []
        self._journal: deque[Seen] = deque(maxlen=JOURNAL)
        self._lock = threading.Lock()
        self._next_id = 1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._failed: BaseException | None = None
        self._ending: asyncio.Event | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def add(self, rule: Rule) -> int:
        with self._lock:
            active = _Active(self._next_id, rule)
            self._next_id += 1
            self._active.append(active)
        return active.id

    def remove(self, rule_id: int) -> bool:
        with self._lock:
            before = len(self._active)
            self._active = [active for active in self._active if active.id != rule_id]
            return len(self._active) < before

    def clear(self) -> None:
        with self._lock:
            self._active = []

    def journal(self, method: str = "") -> list[Seen]:
        return [seen for seen in list(self._journal) if not method or seen.method == method]

    # --- running

    def start(self) -> Self:
        self._thread = threading.Thread(target=self._run, name="rpc-proxy", daemon=True)
        self._thread.start()
        if not self._ready.wait(10) or self._failed:
            raise RuntimeError(f"The proxy could not start on port {self.port}: {self._failed}") from self._failed
        return self

    def stop(self) -> None:
        if self._loop and self._ending:
            with contextlib.suppress(RuntimeError):  # the loop has ended by itself
                self._loop.call_soon_threadsafe(self._ending.set)
        if self._thread:
            self._thread.join(10)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except BaseException as error:
            self._failed = error
        finally:
            self._ready.set()

    async def serve(self) -> None:
        """Serves until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._ending = asyncio.Event()
        clients: set[asyncio.Task[None]] = set()

        async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            clients.add(task)
            try:
                await self._client(reader, writer)
            finally:
                clients.discard(task)
                writer.close()

        server = await asyncio.start_server(client, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._ending.wait()
        server.close()
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients, return_exceptions=True)

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await read_request(reader):
                reply = await self._reply(request)
                cut = reply.length is not None
                writer.write(reply.head(request.keep_alive and not cut) + reply.body)
                await writer.drain()
                if cut or not request.keep_alive:
                    return
        except BadRequest as error:
            writer.write(Reply(400, str(error).encode(), "text/plain").head(False))
        except (_HungUp, ConnectionError, asyncio.IncompleteReadError):
            writer.transport.abort()
        except asyncio.CancelledError:
            writer.transport.abort()

    # --- answering

    async def _reply(self, request: Request) -> Reply:
        if request.path.startswith("/_control/"):
            return self._control(request)
        try:
            given = json.loads(request.body)
        except ValueError:
            return json_reply({"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "Parse error"}})
        calls = given if isinstance(given, list) else [given]
        if not calls or not all(isinstance(call, dict) for call in calls):
            return json_reply({"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "Invalid Request"}})
        mangling: list[Garbage | Truncate] = []
        try:
            answers = [await self._answer(call, mangling) for call in calls]
        except _Refused as refused:
            return refused.reply
        return _mangled(json.dumps(answers if isinstance(given, list) else answers[0]).encode(), mangling)

    async def _answer(self, call: Call, mangling: list[Garbage | Truncate]) -> dict[str, Any]:
        with self._lock:
            met = [active for active in self._active if active.takes(call)]
        rules = [active.rule for active in met]
        mangling += [rule for rule in rules if isinstance(rule, Garbage | Truncate)]
        forwarded = False
        try:
            await self._before(met)
            error = next((rule for rule in rules if isinstance(rule, Error)), None)
            if error is None or error.forward:
                answer = await self._forward(call, rules)
                forwarded = True
            else:
                answer = {}
            for rule in rules:
                await _after(rule, answer)
            if error is not None:
                answer = _error(call, error)
            return answer
        finally:
            kinds = tuple(rule.kind for rule in rules)
            seen = Seen(str(call.get("method")), call.get("params"), kinds, forwarded, time.time())
            self._journal.append(seen)

    async def _before(self, met: list[_Active]) -> None:
        for active in met:
            rule = active.rule
            match rule:
                case Latency():
                    await asyncio.sleep(rule.seconds)
                case HangUp(when="before"):
                    raise _HungUp
                case Stall(when="before"):
                    await asyncio.sleep(rule.seconds)
                    raise _HungUp
                case HttpError():
                    raise _Refused(Reply(rule.status, rule.body.encode(), "text/plain"))
                case RateLimit() if active.over_limit(rule):
                    raise _Refused(
                        Reply(429, b"rate limit exceeded", "text/plain", retry_after=round(rule.window) or 1)
                    )

    async def _forward(self, call: Call, rules: list[Rule]) -> dict[str, Any]:
        upstream = next((rule.upstream for rule in rules if isinstance(rule, Split)), self.upstream)
        lag = next((rule for rule in rules if isinstance(rule, Lag)), None)
        try:
            if lag is None:
                return await _ask(upstream, call)
            head = await _ask(upstream, {"jsonrpc": "2.0", "id": 0, "method": "eth_blockNumber", "params": []})
            behind = max(0, int(head["result"], 16) - lag.blocks)
            delayed = delayed_request(call, behind)
            if delayed is None:
                return _unknown_block(call)
            answer = await _ask(upstream, delayed)
            if "result" in answer:
                answer["result"] = delayed_result(str(call.get("method")), answer["result"], behind)
            return answer
        except (OSError, TimeoutError, ValueError, KeyError, asyncio.IncompleteReadError) as error:
            raise _Refused(Reply(502, b"no answer from the node", "text/plain")) from error

    # --- control

    def _control(self, request: Request) -> Reply:
        path = request.path.removeprefix("/_control/").strip("/")
        match request.method, path.split("/"):
            case "GET", ["faults"]:
                with self._lock:
                    listed = [{"id": a.id, "met": a.met, **a.rule.model_dump(mode="json")} for a in self._active]
                return json_reply(listed)
            case "POST", ["faults"]:
                try:
                    rule = RULE.validate_json(request.body)
                except ValidationError as error:
                    problems = error.errors(include_url=False, include_context=False, include_input=False)
                    return json_reply({"errors": problems}, 422)
                return json_reply({"id": self.add(rule)})
            case "DELETE", ["faults"]:
                self.clear()
                return json_reply({"cleared": True})
            case "DELETE", ["faults", number] if number.isdigit():
                return json_reply({"cleared": True}) if self.remove(int(number)) else json_reply({}, 404)
            case "GET", ["journal"]:
                return json_reply([[s.method, s.params, s.faults, s.forwarded, s.at] for s in self.journal()])
        return json_reply({"errors": "faults and journal are what there is"}, 404)


async def _ask(upstream: str, call: Call) -> dict[str, Any]:
    answer = json.loads(await post(upstream, json.dumps(call).encode()))
    if not isinstance(answer, dict):
        raise ValueError("not a JSON-RPC answer")
    return answer


async def _after(rule: Rule, answer: dict[str, Any]) -> None:
    match rule:
        case HangUp(when="after"):
            raise _HungUp
        case Stall(when="after"):
            await asyncio.sleep(rule.seconds)
            raise _HungUp
        case Rewrite():
            put(answer, rule.path, rule.value)


def _error(call: Call, rule: Error) -> dict[str, Any]:
    error: dict[str, Any] = {"code": rule.code, "message": rule.message}
    if rule.data is not None:
        error["data"] = rule.data
    return {"jsonrpc": "2.0", "id": call.get("id"), "error": error}


def _unknown_block(call: Call) -> dict[str, Any]:
    """A block that has not come yet is null; state at it is an error; its logs are none."""
    method = str(call.get("method"))
    answer = {"jsonrpc": "2.0", "id": call.get("id")}
    if method == "eth_getLogs":
        return {**answer, "result": []}
    if method.startswith("eth_getBlock"):
        return {**answer, "result": None}
    return {**answer, "error": {"code": -32000, "message": "header not found"}}


def _mangled(body: bytes, mangling: list[Garbage | Truncate]) -> Reply:
    for rule in mangling:
        if isinstance(rule, Garbage):
            return Reply(200, rule.body.encode(), "text/html")
        return Reply(200, body[: int(len(body) * rule.keep)], length=len(body))
    return Reply(200, body)
