"""All monitors of a chain at one block: one exchange pinned to its hash, then judged one by one."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel, ValidationError

from incidents.monitors import MONITORS, Blind, Breach, Calm, MonitorType, Verdict
from incidents.watch.asking import At, Logs, Past
from incidents.watch.events import heard_to, judged
from incidents.watch.history import BEHIND, History
from incidents.watch.models import Monitor
from incidents.watch.reading import Questions, Reader
from integrations.chain.client import Client, RpcError
from integrations.chain.models import Chain
from integrations.chain.reading import Block

logger = logging.getLogger(__name__)
DEEPEST_SEARCH = 4_096
BROKEN = "it failed on what it read; its log has the details"


@dataclass(frozen=True, slots=True)
class Result:
    """What a monitor said at a block. `first_bad`: the first block past the limit, for a breach that began by time.

    `replaced`: the block at which it changed last is no part of this branch. `kept`: what it will want to know later.
    """

    monitor: Monitor
    verdict: Verdict
    key: str
    first_bad: Block | None = None
    replaced: bool = False
    kept: Mapping[str, Any] = field(default_factory=dict)
    behind: int | None = None  # up to which block it has heard its events, where that is not this one


@dataclass(frozen=True, slots=True)
class Evaluation:
    block: Block
    results: tuple[Result, ...]
    took_ms: int

    @property
    def kept(self) -> dict[str, Any]:
        found = {name_of(one.monitor.pk): dict(one.kept) for one in self.results if one.kept}
        return found | {BEHIND + str(r.monitor.pk): {"upto": r.behind} for r in self.results if r.behind is not None}

    @property
    def readings(self) -> dict[str, Any]:
        return readings(self.results)


def storable(verdict: Verdict) -> Verdict:
    """What a contract said may hold signs that no database keeps: one would stop the whole block."""
    if isinstance(verdict, Blind):
        return verdict
    reading = {name: _storable(value) for name, value in verdict.reading.items()}
    if isinstance(verdict, Calm):
        return verdict if reading == verdict.reading else Calm(reading, verdict.keep)
    return Breach(_storable(verdict.title), reading, verdict.since, verdict.keep)


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return value if value.isprintable() else "".join(one if one.isprintable() else "\ufffd" for one in value)
    if isinstance(value, list):
        return [_storable(one) for one in value]
    return value


def name_of(monitor: int) -> str:
    """Under which a monitor stands in a block's JSON."""
    return f"m{monitor}"


def readings(results: Iterable[Result]) -> dict[str, Any]:
    return {name_of(one.monitor.pk): said(one.verdict) for one in results}


def said(verdict: Verdict) -> list[Any]:
    """A verdict as the page shows it later."""
    if isinstance(verdict, Blind):
        return ["unknown", {"why": verdict.reason}]
    return ["firing" if isinstance(verdict, Breach) else "calm", verdict.reading]


@dataclass(frozen=True, slots=True)
class Asked:
    """A monitor made ready: its kind, its config as the kind's model, and what it reads."""

    monitor: Monitor
    kind: type[MonitorType]
    config: BaseModel
    reads: tuple[Any, ...]
    key: str

    @property
    def logs(self) -> tuple[Logs, ...]:
        return tuple(read for read in self.reads if isinstance(read, Logs))

    def judge(self, answers: Mapping[Any, Any], at: At) -> Verdict:
        try:
            return storable(self.kind.judge(self.config, [answers[read] for read in self.reads], at))
        except Exception:
            logger.exception("monitor %s could not judge block %s", self.monitor.slug, at.block.number)
            return Blind(BROKEN)


@dataclass(frozen=True)
class Roster:
    """The monitors of a chain, made ready once for many blocks. `unfit`: those that cannot be asked, with why."""

    pinned: tuple[Asked, ...] = ()
    surrounding: tuple[Asked, ...] = ()
    unfit: tuple[tuple[Monitor, Blind], ...] = ()
    questions: Questions = field(default_factory=lambda: Questions(()))

    @cached_property
    def listening(self) -> tuple[Asked, ...]:
        """Those that are told by events, which are there once and never again."""
        return tuple(one for one in self.pinned if one.logs)

    @cached_property
    def window(self) -> int:
        return max((one.kind.window(one.config) for one in self.pinned), default=0)


def key_of(kind: type[MonitorType], config: Any, chain: Chain) -> str:
    """The same contract may stand on two chains: what is wrong there is something else."""
    return f"{kind.key(config)}@{chain.chain_id}"


def prepare(monitors: Iterable[Monitor], chain: Chain) -> Roster:
    ready = [(monitor, _prepare(monitor, chain)) for monitor in monitors]
    asked = [one for _, one in ready if isinstance(one, Asked)]
    pinned = tuple(one for one in asked if not one.kind.now)
    return Roster(
        pinned=pinned,
        surrounding=tuple(one for one in asked if one.kind.now),
        unfit=tuple((monitor, one) for monitor, one in ready if isinstance(one, Blind)),
        questions=Questions(read for one in pinned for read in one.reads),
    )


def _prepare(monitor: Monitor, chain: Chain) -> Asked | Blind:
    if monitor.kind not in MONITORS:
        return Blind(f"there is no monitor kind {monitor.kind}")
    kind = MONITORS[monitor.kind]
    try:
        config = kind.Config.model_validate(monitor.config)
    except ValidationError:
        return Blind("its config is not valid any more; save it anew")
    return Asked(monitor, kind, config, tuple(kind.reads(config)), key_of(kind, config, chain))


def evaluate(
    client: Client, block: Block, roster: Roster, *, history: History | None = None, reader: Reader | None = None
) -> Evaluation:
    """Raises RpcError only when no endpoint answers at all; a single call that fails makes its monitor blind."""
    started = time.monotonic()
    heard = {one.monitor.pk: heard_to(one.monitor.pk, history, block) for one in roster.listening}
    since: dict[Logs, int] = {}
    for one in roster.listening:
        since |= {read: min(heard[one.monitor.pk], since.get(read, block.number)) for read in one.logs}
    answers = (reader or Reader()).ask(client, block, roster.questions, since)
    results = [Result(monitor, blind, "") for monitor, blind in roster.unfit]
    now = time.time()
    for one in roster.pinned:
        past = history.past(one.monitor.pk) if history and one.kind.window(one.config) else Past()
        at = At(block, now, now, past=past)
        behind: int | None = None
        if one.monitor.pk in heard:
            verdict, kept, upto = judged(one, answers, at, heard[one.monitor.pk])
            behind = upto if upto < block.number else None
        else:
            verdict = one.judge(answers, at)
            kept = {} if isinstance(verdict, Blind) else verdict.keep
        results.append(_result(client, block, one, verdict, history, kept, behind))
    return Evaluation(block, tuple(results), int((time.monotonic() - started) * 1000))


def _result(
    client: Client,
    block: Block,
    one: Asked,
    verdict: Verdict,
    history: History | None,
    kept: Mapping[str, Any],
    behind: int | None,
) -> Result:
    monitor = one.monitor
    first = None
    if isinstance(verdict, Breach) and verdict.since is not None and not monitor.breached:
        first = _first_after(client, block, verdict.since)
    replaced = bool(monitor.breached and history and _replaced(monitor, history))
    return Result(monitor, verdict, one.key, first, replaced, kept, behind)


def _replaced(monitor: Monitor, history: History) -> bool:
    known = monitor.changed_hash is not None and (monitor.changed_block or 0) >= history.lowest
    return known and not history.holds(monitor.changed_hash)


def judge_surroundings(roster: Sequence[Asked], answers: Mapping[Any, Any], at: At) -> list[Result]:
    """Those that have their answers by now."""
    ready = [one for one in roster if all(read in answers for read in one.reads)]
    return [Result(one.monitor, one.judge(answers, at), one.key) for one in ready]


def _first_after(client: Client, block: Block, since: int) -> Block | None:
    """The first block whose clock is past `since`: about a dozen reads, and only when something is newly wrong."""
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
