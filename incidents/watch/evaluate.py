"""All monitors of a chain at one block: one batch of reads pinned to its hash, then judged one by one."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from incidents.monitors import MONITORS, Answer, Blind, Breach, MonitorType, Read, Verdict
from incidents.watch.models import Monitor
from integrations.chain.client import Client, RpcError
from integrations.chain.reading import Block, block_ref, to_bytes

logger = logging.getLogger(__name__)
DEEPEST_SEARCH = 4_096


@dataclass(frozen=True, slots=True)
class Result:
    """What a monitor said at a block. `first_bad`: the first block past the limit, for a breach that began by time."""

    monitor: Monitor
    verdict: Verdict
    key: str
    first_bad: Block | None = None


@dataclass(frozen=True, slots=True)
class Evaluation:
    block: Block
    results: tuple[Result, ...]
    took_ms: int


@dataclass(frozen=True, slots=True)
class _Asked:
    monitor: Monitor
    kind: type[MonitorType]
    config: BaseModel
    reads: Sequence[Read]


def evaluate(client: Client, block: Block, monitors: Sequence[Monitor]) -> Evaluation:
    """Raises RpcError only when no endpoint answers at all; a single call that fails makes its monitor blind."""
    started = time.monotonic()
    asked: list[_Asked] = []
    results: list[Result] = []
    for monitor in monitors:
        ready = _prepare(monitor)
        if isinstance(ready, _Asked):
            asked.append(ready)
        else:
            results.append(Result(monitor, ready, ""))
    answers = _ask(client, block, [read for item in asked for read in item.reads])
    at = 0
    for item in asked:
        own = answers[at : at + len(item.reads)]
        at += len(item.reads)
        results.append(_judge(client, block, item, own))
    return Evaluation(block, tuple(results), int((time.monotonic() - started) * 1000))


def _prepare(monitor: Monitor) -> _Asked | Blind:
    if monitor.kind not in MONITORS:
        return Blind(f"there is no monitor kind {monitor.kind}")
    kind = MONITORS[monitor.kind]
    try:
        config = kind.Config.model_validate(monitor.config)
    except ValidationError:
        return Blind("its config is not valid any more; save it anew")
    return _Asked(monitor, kind, config, kind.reads(config))


def _ask(client: Client, block: Block, reads: Sequence[Read]) -> list[Answer]:
    if not reads:
        return []
    ref = block_ref(block.hash)
    calls = [("eth_call", ({"to": read.to, "data": "0x" + read.data.hex()}, ref)) for read in reads]
    answers: list[Answer] = []
    for raw in client.batch(calls):
        try:
            answers.append(to_bytes(raw) if isinstance(raw, str) else None)
        except RpcError:
            answers.append(None)
    return answers


def _judge(client: Client, block: Block, item: _Asked, answers: Sequence[Answer]) -> Result:
    key = item.kind.key(item.config)
    try:
        verdict = item.kind.judge(item.config, answers, block)
    except Exception:
        logger.exception("monitor %s could not judge block %s", item.monitor.slug, block.number)
        return Result(item.monitor, Blind("it failed on what it read; its log has the details"), key)
    fresh = isinstance(verdict, Breach) and verdict.since is not None and not item.monitor.breached
    first = _first_after(client, block, verdict.since) if fresh and isinstance(verdict, Breach) else None
    return Result(item.monitor, verdict, key, first)


def _first_after(client: Client, block: Block, since: int | None) -> Block | None:
    """The first block whose clock is past `since`: about a dozen reads, and only when something is newly wrong."""
    if since is None:
        return None
    low, high, found = max(0, block.number - DEEPEST_SEARCH), block.number, block
    try:
        while low < high:
            middle = (low + high) // 2
            looked = client.existing_block(middle)
            if looked.timestamp > since:
                high, found = middle, looked
            else:
                low = middle + 1
    except RpcError:
        return None
    return found
