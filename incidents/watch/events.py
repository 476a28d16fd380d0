"""Events, each once: what could not be read of a block is read with a later one, from the last that was read."""

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from incidents.monitors import Blind, Calm, Verdict
from incidents.watch.asking import At, Logs, Past
from incidents.watch.history import History
from integrations.chain.client import Client, RpcError, RpcRefused
from integrations.chain.reading import Block, Log

FARTHEST = 10_000
"""Blocks whose events are asked for at once: more than that most nodes refuse. A smaller limit is found out."""
MOST_ASKS = 20
"""Questions for what was missed, with one block. What is left is asked for with the next one."""


@dataclass(frozen=True, slots=True)
class Heard:
    """The events of one read: all after the block that was asked for, up to and with `upto`."""

    logs: tuple[Log, ...]
    upto: int


def query(read: Logs) -> dict[str, object]:
    found: dict[str, object] = {"address": read.address}
    if read.topics:
        found["topics"] = [list(one) if isinstance(one, tuple) else one for one in read.topics]
    return found


def logs_of(raw: Any) -> list[Log] | None:
    if not isinstance(raw, list):
        return None
    try:
        return [Log.read(item) for item in raw]
    except (RpcError, AttributeError):
        return None


class Missed:
    """Reads the blocks between; remembers how many a node gives at once."""

    def __init__(self) -> None:
        self.span = FARTHEST

    def read(self, client: Client, read: Logs, since: int, block: Block, own: list[Log] | None) -> Heard:
        """`own`: the block's own events, asked for with everything else; None where they were refused."""
        found: list[Log] = []
        upto = since
        for _ in range(MOST_ASKS):
            if upto >= block.number - 1:
                break
            end = min(upto + self.span, block.number - 1)
            asked = {**query(read), "fromBlock": hex(upto + 1), "toBlock": hex(end)}
            (raw,) = client.batch([("eth_getLogs", (asked,))])
            logs = None if isinstance(raw, RpcRefused) else logs_of(raw)
            if logs is None:
                if self.span == 1:
                    break
                self.span //= 2
                continue
            found += logs
            upto, self.span = end, min(FARTHEST, self.span * 2)
        if own is None or upto < block.number - 1:
            return Heard(tuple(found), upto)
        return Heard((*found, *own), block.number)


def heard_to(monitor: int, history: History | None, block: Block) -> int:
    """The last block whose events this monitor has judged, on the branch that is looked at. One that is new begins with
    what was not looked at yet."""
    if history is None:
        return block.number - 1
    behind, last = history.behind(monitor).last, history.past(monitor).last
    if behind is not None and (last is None or behind.number >= last.number):
        return int(behind.values["upto"])
    if last is not None:
        return last.number
    return history.number if history.number is not None else block.number - 1


def judged(one: Any, answers: MutableMapping[Any, Any], at: At, since: int) -> tuple[Verdict, Mapping[str, Any], int]:
    """What a monitor says of the events that it has not heard yet, what it keeps, and up to which block it heard."""
    upto = min(max(since, answers[read].upto) for read in one.logs)
    own: dict[Any, Any] = {
        read: [log for log in answers[read].logs if since < log.block_number <= upto] if upto > since else None
        for read in one.logs
    }
    verdict = one.judge(ChainMap(own, answers), at)
    if isinstance(verdict, Blind):
        return verdict, _last(at.past), since
    if upto < at.block.number and isinstance(verdict, Calm):
        return Blind(f"its events after block {upto} are not read yet"), verdict.keep, upto
    return verdict, verdict.keep, upto


def _last(past: Past) -> Mapping[str, Any]:
    """What it kept must not fade while it sees nothing."""
    return past.last.values if past.last else {}
