"""One exchange with the chain for everything that the monitors of a block ask."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from incidents.watch import multicall
from incidents.watch.asking import Logs, PinnedRead, Read, Slot
from incidents.watch.events import Missed, logs_of, query
from incidents.watch.multicall import A_CALL
from integrations.chain.client import Client, RpcError, RpcRefused
from integrations.chain.reading import Block, Log, block_ref, to_bytes
from integrations.chain.transport import Call

LOOK_AGAIN = 600
"""Blocks after which a chain without Multicall3 is asked once more whether it has one now."""
PAST_AT_ONCE = 40
"""Blocks of the past that one exchange asks about."""


class Questions:
    """All distinct reads of a set of monitors, made ready once: the same calldata goes out at every block."""

    def __init__(self, reads: Iterable[PinnedRead]) -> None:
        distinct = list(dict.fromkeys(reads))
        self.calls = [read for read in distinct if isinstance(read, Read)]
        self.slots = [read for read in distinct if isinstance(read, Slot)]
        self.logs = [read for read in distinct if isinstance(read, Logs)]
        chunks = [self.calls[at : at + A_CALL] for at in range(0, len(self.calls), A_CALL)]
        self.chunks = [(chunk, "0x" + multicall.encode(chunk).hex()) for chunk in chunks]

    def __len__(self) -> int:
        return len(self.calls) + len(self.slots) + len(self.logs)


class Reader:
    """Asks, and knows whether the chain has a Multicall3."""

    def __init__(self) -> None:
        self._bundles = False
        self._asked_at: int | None = None
        self._missed = Missed()

    def ask(
        self, client: Client, block: Block, questions: Questions, since: Mapping[Logs, int] | None = None
    ) -> dict[PinnedRead, Any]:
        """Every read with its answer at this block. `since`: of events, the last block that was read before it; their
        answer is then what was heard after it, else those of this block alone.

        Raises RpcError only when no endpoint answers at all.
        """
        if not len(questions):
            return {}
        bundles = len(questions.calls) > 1 and self._has_multicall(client, block)
        ref = block_ref(block.hash)
        calls = _bundled(questions, ref) if bundles else [_call(read, ref) for read in questions.calls]
        head = len(calls)
        calls += [_slot_call(one, ref) for one in questions.slots]
        calls += [("eth_getLogs", ({**query(one), "blockHash": block.hash},)) for one in questions.logs]
        raw = client.batch(calls)
        found: dict[PinnedRead, Any] = {}
        if bundles:
            found |= self._unbundled(client, questions, raw[:head], ref)
        else:
            found |= zip(questions.calls, map(_bytes, raw), strict=False)
        at = head + len(questions.slots)
        found |= {read: _word(answer) for read, answer in zip(questions.slots, raw[head:at], strict=True)}
        for read, answer in zip(questions.logs, raw[at:], strict=True):
            own = logs_of(answer)
            found[read] = own if since is None else self._missed.read(client, read, since[read], block, own)
        return found

    def _unbundled(
        self, client: Client, questions: Questions, raw: Sequence[Any], ref: object
    ) -> dict[PinnedRead, bytes | None]:
        """What a bundle did not bring (one greedy call takes the gas of all) is asked for one by one."""
        found: dict[PinnedRead, bytes | None] = {}
        missing: list[Read] = []
        for (chunk, _), answer in zip(questions.chunks, raw, strict=True):
            data = _bytes(answer)
            answers = multicall.decode(data, len(chunk)) if data is not None else None
            if answers is None:
                missing += chunk
            else:
                found |= zip(chunk, answers, strict=True)
        if missing:
            found |= zip(missing, map(_bytes, client.batch([_call(read, ref) for read in missing])), strict=True)
        return found

    def _has_multicall(self, client: Client, block: Block) -> bool:
        if self._asked_at is None or (not self._bundles and abs(block.number - self._asked_at) >= LOOK_AGAIN):
            # At the head: of a block that comes late a node may have no state any more, and where there was no
            # Multicall3 yet, what it did not answer is asked for one by one.
            self._bundles = bool(client.code(multicall.ADDRESS))
            self._asked_at = block.number
        return self._bundles


def read_past(client: Client, questions: Questions, blocks: int) -> list[tuple[Block, dict[PinnedRead, Any]]]:
    """The newest blocks, oldest first, each with its answers; an RpcRefused where a state is not kept any more."""
    head = client.existing_block("latest")
    numbers = range(max(0, head.number - blocks + 1), head.number)
    raw = client.batch([("eth_getBlockByNumber", (hex(number), False)) for number in numbers])
    line = [Block.read(one) for one in raw if isinstance(one, dict)] + [head]
    logs = _past_logs(client, questions, line)
    found: list[tuple[Block, dict[PinnedRead, Any]]] = []
    for at in range(0, len(line), PAST_AT_ONCE):
        some = line[at : at + PAST_AT_ONCE]
        calls = [call for block in some for call in _state_calls(questions, block_ref(block.hash))]
        answers = iter(client.batch(calls))
        for block in some:
            own: dict[PinnedRead, Any] = {read: _kept(next(answers), _bytes) for read in questions.calls}
            own |= {read: _kept(next(answers), _word) for read in questions.slots}
            own |= {read: of_block.get(block.hash, []) for read, of_block in logs.items()}
            found.append((block, own))
    return found


def _past_logs(client: Client, questions: Questions, line: Sequence[Block]) -> dict[PinnedRead, dict[str, list[Log]]]:
    """Each read's events of all these blocks, by block."""
    found: dict[PinnedRead, dict[str, list[Log]]] = {}
    for read in questions.logs:
        asked = {**query(read), "fromBlock": hex(line[0].number), "toBlock": hex(line[-1].number)}
        by_block: dict[str, list[Log]] = {}
        for log in logs_of(client.request("eth_getLogs", asked)) or ():
            by_block.setdefault(log.block_hash, []).append(log)
        found[read] = by_block
    return found


def _state_calls(questions: Questions, ref: object) -> list[Call]:
    return [*(_call(read, ref) for read in questions.calls), *(_slot_call(one, ref) for one in questions.slots)]


def _kept(raw: Any, read: Any) -> Any:
    """A refusal that is no revert: the node does not have that state any more."""
    return raw if isinstance(raw, RpcRefused) and not raw.reverted else read(raw)


def _bundled(questions: Questions, ref: object) -> list[Call]:
    return [("eth_call", ({"to": multicall.ADDRESS, "data": data}, ref)) for _, data in questions.chunks]


def _call(read: Read, ref: object) -> Call:
    return "eth_call", ({"to": read.to, "data": "0x" + read.data.hex()}, ref)


def _slot_call(read: Slot, ref: object) -> Call:
    return "eth_getStorageAt", (read.address, f"0x{read.slot:064x}", ref)


def _bytes(raw: Any) -> bytes | None:
    try:
        return None if isinstance(raw, RpcRefused) else to_bytes(raw)
    except RpcError:
        return None


def _word(raw: Any) -> bytes | None:
    data = _bytes(raw)
    return None if data is None else data.rjust(32, b"\0")
