"""The chain through several endpoints: reads fail over, reads that matter are agreed, sends go to all.

A call never runs inside a database transaction. Only reads are retried: what was sent once is sent again by whoever
knows that the bytes are the same (the transaction manager).
"""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from integrations.chain.errors import Disagreement, RpcError, RpcRefused, RpcUnavailable, WrongChain
from integrations.chain.reading import Block, Fees, Log, Receipt, block_ref, quantity, to_bytes
from integrations.chain.transport import Call, EndpointDown, Transport
from ledger.errors import Invalid

__all__ = [
    "Agreement",
    "Client",
    "Disagreement",
    "RpcError",
    "RpcRefused",
    "RpcUnavailable",
    "WrongChain",
    "client_for",
]

T = TypeVar("T")
BlockRef = int | str
PASSING_CODES = (-32005, -32601, -32002, -32097, 429)
"""Rate limits and missing methods: another endpoint may well answer."""
PASSING_WORDS = ("header not found", "unknown block", "missing trie", "rate limit", "too many requests", "not synced")


@dataclass(frozen=True, slots=True)
class Agreement(Generic[T]):
    """A value and who said so; `alone` when only one endpoint is configured, so nobody could disagree."""

    value: T
    by: tuple[str, ...]
    alone: bool
    dissent: Mapping[str, str]


class Client:
    """Thread-safe; cheap to make from shared transports."""

    def __init__(self, chain_id: int, transports: Sequence[Transport], silent: Sequence[Transport] = ()) -> None:
        self.chain_id = chain_id
        self._transports = tuple(transports)
        self._silent = tuple(silent)  # private submission: transactions go there, nothing is read from there

    def __repr__(self) -> str:
        return f"<Client of chain {self.chain_id} over {', '.join(self.names)}>"

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(transport.name for transport in self._transports)

    @property
    def resting(self) -> bool:
        """Whether every endpoint is being left alone after failures."""
        return all(transport.health.resting for transport in self._transports)

    def health(self) -> dict[str, tuple[str, float]]:
        """Problem (empty when well) and latency in ms of each endpoint, as remembered."""
        return {one.name: (one.health.problem, one.health.latency_ms) for one in self._transports}

    def each(self) -> list["Client"]:
        """One client an endpoint, for asking them one by one."""
        return [Client(self.chain_id, [transport]) for transport in self._transports]

    # --- asking

    def request(
        self,
        method: str,
        *params: object,
        timeout: float | None = None,
        accept: Callable[[Any], bool] = lambda _: True,
    ) -> Any:
        """A read, from the first endpoint that answers; one that `accept` refuses is kept as a last resort."""
        return self._ask([(method, params)], timeout, lambda results: accept(results[0]), alone=True)[0]

    def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any]:
        """Reads in one exchange; an RpcRefused stands in the place of a refused call."""
        return self._ask(calls, timeout, lambda _: True, alone=False)

    def _ask(
        self, calls: Sequence[Call], timeout: float | None, accept: Callable[[list[Any]], bool], *, alone: bool
    ) -> list[Any]:
        reasons: dict[str, str] = {}
        last: list[Any] | None = None
        refused: RpcRefused | None = None
        for transport in self._order():
            try:
                results = _send_twice(transport, calls, timeout)
            except (EndpointDown, WrongChain) as error:
                reasons[transport.name] = str(error)
                continue
            if alone and isinstance(results[0], RpcRefused):
                refused = results[0]
                if not _passing(refused):
                    raise refused
            elif accept(results):
                return results
            else:
                last = results
        if last is not None:
            return last
        if refused is not None:
            raise refused
        raise RpcUnavailable(f"No endpoint of chain {self.chain_id} answers.", reasons)

    def _order(self) -> list[Transport]:
        """By priority; those that rest come last, to be tried only rather than giving up."""
        return sorted(self._transports, key=lambda transport: transport.health.resting)

    def everyone(
        self, read: Callable[["Client"], T], *, silent: bool = False, resting: bool = False
    ) -> "dict[str, T | RpcError]":
        """What each endpoint says to this, by name; those for private submission only where asked for.

        One that rests is left out while another is awake: its silence would cost everybody its timeout.
        """
        targets = [*self._transports, *(self._silent if silent else ())]
        if not resting:
            targets = [target for target in targets if not target.health.resting] or targets
        clients = [Client(self.chain_id, [target]) for target in targets]
        answers = _in_parallel(read, clients)
        return {
            client.names[0]: answer if isinstance(answer, RpcError) else (answer.refusal or answer.value)
            for client, answer in zip(clients, answers, strict=True)
        }

    # --- agreeing

    def agreed(self, read: Callable[["Client"], T], quorum: int = 2) -> T:
        """The same answer from `quorum` endpoints (or the only one there is); pin the block that you read at."""
        return self.agreement(read, quorum).value

    def agreement(self, read: Callable[["Client"], T], quorum: int = 2) -> Agreement[T]:
        """Asks every endpoint; Disagreement unless one answer has the quorum and more voices than any other."""
        clients = self.each()
        if not clients:
            raise RpcUnavailable(f"Chain {self.chain_id} has no endpoint.")
        quorum = min(quorum, len(clients))
        awake = [client for client in clients if not client.resting]
        clients = awake if len(awake) >= quorum else clients
        values: list[tuple[_Answer[T], list[str]]] = []
        reasons: dict[str, str] = {}
        for client, answer in zip(clients, _in_parallel(read, clients), strict=True):
            if isinstance(answer, RpcError):
                reasons[client.names[0]] = str(answer)
                continue
            for value, names in values:
                if value.same(answer):
                    names.append(client.names[0])
                    break
            else:
                values.append((answer, [client.names[0]]))
        return self._count(values, reasons, quorum)

    def _count(
        self, values: "list[tuple[_Answer[T], list[str]]]", reasons: dict[str, str], quorum: int
    ) -> Agreement[T]:
        said = {name: str(answer)[:200] for answer, names in values for name in names}
        ranked = sorted(values, key=lambda pair: len(pair[1]), reverse=True)
        if not ranked or sum(len(names) for _, names in ranked) < quorum:
            raise RpcUnavailable(
                f"Fewer than {quorum} endpoints of chain {self.chain_id} answer; disable the dead ones to go on.",
                reasons,
            )
        answer, names = ranked[0]
        if len(names) < quorum or (len(ranked) > 1 and len(ranked[1][1]) == len(names)):
            raise Disagreement({**said, **{name: f"nothing: {why}" for name, why in reasons.items()}})
        dissent = {name: text for name, text in said.items() if name not in names} | reasons
        return Agreement(answer.get(), tuple(names), len(self._transports) == 1, dissent)

    def common_block(self) -> Block:
        """A recent block that the endpoints agree on: the lowest of their heads, by hash."""
        heads = [int(answer.get(), 16) for answer in _in_parallel(_block_number, self.each()) if not _failed(answer)]
        if not heads:
            raise RpcUnavailable(f"No endpoint of chain {self.chain_id} answers.")
        top = max(heads)
        number = min(head for head in heads if top - head <= 5)
        return self.agreed(lambda one: one.existing_block(number))

    # --- reading

    def call(
        self,
        to: str,
        data: bytes | str,
        block: BlockRef = "latest",
        overrides: Mapping[str, object] | None = None,
        sender: str | None = None,
        value: int = 0,
    ) -> bytes:
        """eth_call; RpcRefused with its data when it reverts."""
        message = call_object(to, data, sender=sender, value=value)
        extra = [overrides] if overrides else []
        return to_bytes(self.request("eth_call", message, block_ref(block), *extra))

    def block_number(self) -> int:
        return quantity(self.request("eth_blockNumber"))

    def block(self, block: BlockRef = "latest") -> Block | None:
        """A block's header; None when no endpoint knows it."""
        by_hash = isinstance(block, str) and len(block) == 66
        method = "eth_getBlockByHash" if by_hash else "eth_getBlockByNumber"
        ref = block if by_hash else block_ref(block)
        raw = self.request(method, ref, False, accept=lambda result: result is not None)
        return None if raw is None else Block.read(raw)

    def existing_block(self, block: BlockRef = "latest") -> Block:
        """A block's header; RpcUnavailable when no endpoint has it (yet)."""
        found = self.block(block)
        if found is None:
            raise RpcUnavailable(f"No endpoint of chain {self.chain_id} knows block {block}.")
        return found

    def code(self, address: str, block: BlockRef = "latest") -> bytes:
        return to_bytes(self.request("eth_getCode", address, block_ref(block)))

    def storage(self, address: str, slot: int, block: BlockRef = "latest") -> bytes:
        return to_bytes(self.request("eth_getStorageAt", address, f"0x{slot:064x}", block_ref(block))).rjust(32, b"\0")

    def nonce(self, address: str, block: BlockRef = "latest") -> int:
        return quantity(self.request("eth_getTransactionCount", address, block_ref(block)))

    def balance(self, address: str, block: BlockRef = "latest") -> int:
        return quantity(self.request("eth_getBalance", address, block_ref(block)))

    def logs(
        self,
        *,
        addresses: Sequence[str] = (),
        topics: Sequence[object] = (),
        first: int | None = None,
        last: int | None = None,
        block_hash: str = "",
    ) -> list[Log]:
        """Logs of a range of blocks, or of one block by its hash."""
        query: dict[str, object] = {"blockHash": block_hash} if block_hash else {}
        if not block_hash:
            query = {"fromBlock": block_ref(first or 0), "toBlock": "latest" if last is None else block_ref(last)}
        if addresses:
            query["address"] = list(addresses)
        if topics:
            query["topics"] = list(topics)
        raw = self.request("eth_getLogs", query, timeout=30)
        if not isinstance(raw, list):
            raise RpcUnavailable("an answer that is no list of logs")
        return [Log.read(item) for item in raw]

    # --- transactions

    def estimate_gas(self, sender: str, to: str, data: bytes, value: int = 0) -> int:
        """Gas that the call needs now; RpcRefused when it would revert."""
        return quantity(self.request("eth_estimateGas", call_object(to, data, sender=sender, value=value)))

    def fees(self) -> Fees:
        """What the last block cost and what the nodes suggest as a tip."""
        block = self.existing_block("latest")
        try:
            tip = quantity(self.request("eth_maxPriorityFeePerGas"))
        except RpcRefused:
            tip = 10**9
        return Fees(base=block.base_fee, tip=tip)

    def transaction(self, tx_hash: str) -> dict[str, Any] | None:
        """A transaction as any endpoint knows it (mined or waiting); None when none does."""
        raw = self.request("eth_getTransactionByHash", tx_hash, accept=lambda result: result is not None)
        return raw if isinstance(raw, dict) else None

    def receipt(self, tx_hash: str) -> Receipt | None:
        raw = self.request("eth_getTransactionReceipt", tx_hash, accept=lambda result: result is not None)
        return None if raw is None else Receipt.read(raw)

    def broadcast(self, raw: bytes) -> dict[str, str | RpcError]:
        """Sends the same bytes to every endpoint, also those for private submission; what each one said, by name."""
        return self.everyone(lambda one: _submit(one, raw), silent=True)

    @property
    def has_private(self) -> bool:
        return bool(self._silent)

    def submit_privately(self, raw: bytes) -> dict[str, str | RpcError]:
        """Sends the bytes to the endpoints for private submission and to nobody else."""
        call = ("eth_sendRawTransaction", ["0x" + raw.hex()])
        return Client(self.chain_id, self._silent).everyone(lambda one: one._directly(call), resting=True)

    def _directly(self, call: Call) -> str:
        """One endpoint's own answer or failure, not put into words: a wrong chain is not a silence."""
        answer = _send_twice(self._transports[0], [call], None)[0]
        if isinstance(answer, RpcRefused):
            raise answer
        return str(answer)


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    """What one endpoint led to: a value, or that it is refused (a revert, no such contract), which is an answer too."""

    value: T | None = None
    refusal: RpcRefused | Invalid | None = None

    def get(self) -> T:
        if self.refusal is not None:
            raise self.refusal
        return cast(T, self.value)

    def same(self, other: "_Answer[T]") -> bool:
        return self.value == other.value and self._why() == other._why()

    def __str__(self) -> str:
        return str(self.value) if self.refusal is None else str(self.refusal)

    def _why(self) -> tuple[str, bytes]:
        return str(self.refusal or ""), getattr(self.refusal, "data", b"")


def _in_parallel(read: Callable[[Client], T], clients: Sequence[Client]) -> list[Any]:
    """Each client's answer, or the RpcError that it ended with."""

    def one(client: Client) -> _Answer[T] | RpcError:
        try:
            return _Answer(read(client))
        except Invalid as refusal:
            return _Answer(refusal=refusal)
        except RpcError as error:
            return _Answer(refusal=error) if isinstance(error, RpcRefused) and error.reverted else error

    if len(clients) < 2:
        return [one(client) for client in clients]
    with ThreadPoolExecutor(max_workers=min(len(clients), 8), thread_name_prefix="rpc") as pool:
        return list(pool.map(one, clients))


def _send_twice(transport: Transport, calls: Sequence[Call], timeout: float | None) -> list[Any]:
    """A kept connection may have been closed meanwhile: that is worth a second try at once, a timeout is not."""
    try:
        return transport.send(calls, timeout)
    except EndpointDown as error:
        if not error.dropped:
            raise
        return transport.send(calls, timeout)


def _submit(client: Client, raw: bytes) -> str:
    return str(client.request("eth_sendRawTransaction", "0x" + raw.hex()))


def _block_number(client: Client) -> str:
    return str(client.request("eth_blockNumber"))


def _failed(answer: object) -> bool:
    return isinstance(answer, RpcError)


def _passing(refusal: RpcRefused) -> bool:
    words = refusal.message.lower()
    return refusal.code in PASSING_CODES or any(word in words for word in PASSING_WORDS)


def call_object(to: str, data: bytes | str, *, sender: str | None = None, value: int = 0) -> dict[str, str]:
    """The message of eth_call, eth_estimateGas and debug_traceCall."""
    message = {"to": to, "data": data if isinstance(data, str) else "0x" + data.hex()}
    if sender:
        message["from"] = sender
    if value:
        message["value"] = hex(value)
    return message


_shared: dict[tuple[int, int, str, str, bool], Transport] = {}
_shared_lock = threading.Lock()


def _transport(chain_id: int, endpoint: Any) -> Transport:
    """One transport an endpoint and process: connections and health are shared by all threads, never over a fork."""
    url, name, private = endpoint.url, endpoint.name, endpoint.private_submission
    key = (os.getpid(), chain_id, url, name, private)
    with _shared_lock:
        found = _shared.get(key)
        if found is None:
            found = _shared[key] = Transport(url, chain_id, name, endpoint.timeout, submits_only=private)
        return found


def client_for(chain: Any, environment: str | None = None) -> Client:
    """The client of a chain's enabled endpoints. From a drill or a rehearsal a live chain cannot be reached."""
    from integrations.chain.environments import refuse_live_chain

    refuse_live_chain(chain, environment)
    endpoints = list(chain.endpoints.filter(enabled=True).order_by("priority", "pk"))
    return Client(
        chain.chain_id,
        [_transport(chain.chain_id, one) for one in endpoints if not one.private_submission],
        [_transport(chain.chain_id, one) for one in endpoints if one.private_submission],
    )
