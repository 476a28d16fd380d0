"""Trying a monitor before anybody is woken by it: once at the newest block, or over the blocks of the past.

Nothing is written. It asks the chain, so never call it inside a transaction.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from incidents.monitors import MONITORS, Blind, Breach, Calm, MonitorType, Verdict
from incidents.watch.around import Around
from incidents.watch.asking import At, Past, Sample
from incidents.watch.evaluate import Asked, key_of, said
from incidents.watch.models import Monitor
from incidents.watch.reading import Questions, Reader, read_past
from integrations.chain.client import Client, RpcError, RpcRefused, client_for
from integrations.chain.models import Chain
from integrations.chain.reading import Block
from ledger import Invalid, Refused

MOST_BLOCKS = 240
LONG_ENOUGH = 6.0


@dataclass(frozen=True, slots=True)
class Tried:
    """What a monitor says at the newest block."""

    block: Block
    state: str
    title: str
    reading: Mapping[str, Any]
    key: str
    reads: int
    took_ms: int


@dataclass(frozen=True, slots=True)
class WouldAlert:
    """An alert that would have been raised: from its first block to the one at which it would have cleared."""

    title: str
    first: Block
    cleared: Block | None
    reading: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Point:
    """One block of a back-test. `figure`: the reading that is drawn."""

    number: int
    timestamp: int
    state: str
    figure: int | None


@dataclass(frozen=True)
class BackTest:
    """Oldest first. `unread`: blocks whose state no endpoint has any more."""

    alerts: tuple[WouldAlert, ...]
    points: tuple[Point, ...]
    unread: int
    limit: int | None
    warm_up: int
    took_ms: int
    figure: str = ""
    blind: Mapping[str, int] = field(default_factory=dict)


def asked(kind: str, config: Mapping[str, Any], chain: Chain) -> Asked:
    """An unsaved monitor, ready to be judged; Invalid where the config is not right."""
    parsed = MONITORS.parse(kind, config)
    member = MONITORS[kind]
    reads = tuple(member.reads(parsed))
    return Asked(Monitor(slug="", kind=kind), member, parsed, reads, key_of(member, parsed, chain))


def filled_in(kind: str, config: Mapping[str, Any], chain: Chain) -> dict[str, Any]:
    """The config with what was left empty as it is on the chain now."""
    one = asked(kind, config, chain)
    stored = one.config.model_dump(mode="json")
    if one.kind.fill.__func__ is MonitorType.fill.__func__:  # type: ignore[attr-defined]  # of a classmethod
        return stored
    client = client_for(chain)
    try:
        found = _ask(client, client.existing_block("latest"), one)
    except RpcError:
        raise Refused("No endpoint of the chain answers, so nothing can be filled in.", "try again later") from None
    return {**stored, **one.kind.fill(one.config, [found[read] for read in one.reads])}


def _ask(client: Client, block: Block, one: Asked) -> dict[Any, Any]:
    return dict(Reader().ask(client, block, Questions(one.reads)))


def dry_run(kind: str, config: Mapping[str, Any], chain: Chain) -> Tried:
    """Judged once, at the newest block; what needs a past begins with none."""
    one = asked(kind, config, chain)
    client, started = client_for(chain), time.monotonic()
    try:
        block = client.existing_block("latest")
        if one.kind.now:
            around = Around(chain, patience=LONG_ENOUGH)
            answers = around.ask(client, block, one.reads)
            around.close()
        else:
            answers = _ask(client, block, one)
    except RpcError:
        raise Refused("No endpoint of the chain answers.", "look at the chain's endpoints") from None
    missing = any(read not in answers for read in one.reads)
    now = time.time()
    verdict = Blind("no answer came in time") if missing else one.judge(answers, At(block, now, now))
    state, reading = said(verdict)
    took = int((time.monotonic() - started) * 1000)
    return Tried(block, state, _title(verdict, one), reading, one.key, len(one.reads), took)


def _title(verdict: Verdict, one: Asked) -> str:
    if isinstance(verdict, Breach):
        return verdict.title
    return verdict.reason if isinstance(verdict, Blind) else one.kind.describe(one.config)


def back_test(kind: str, config: Mapping[str, Any], chain: Chain, blocks: int) -> BackTest:
    """Judged at each of the newest blocks, as if it had been there: the alerts that it would have raised."""
    if not 1 <= blocks <= MOST_BLOCKS:
        raise Invalid("blocks", f"{blocks} blocks cannot be tried", f"1 to {MOST_BLOCKS}")
    one = asked(kind, config, chain)
    if one.kind.now:
        raise Refused(f"{one.kind.label} looks at how things stand now: there is no past to try it on.", "try it once")
    started = time.monotonic()
    try:
        seen = read_past(client_for(chain), Questions(one.reads), blocks)
    except RpcError:
        raise Refused("No endpoint of the chain answers.", "look at the chain's endpoints") from None
    told = _Telling(one)
    for block, answers in seen:
        told.judge(block, answers)
    return BackTest(
        alerts=tuple(told.alerts),
        points=tuple(told.points),
        unread=told.unread,
        limit=told.limit,
        warm_up=one.kind.window(one.config),
        took_ms=int((time.monotonic() - started) * 1000),
        figure=one.kind.figure,
        blind=told.blind,
    )


class _Telling:
    """Goes through the past as the watch would have, and keeps what it would have told."""

    def __init__(self, one: Asked) -> None:
        self.one = one
        self.past: list[Sample] = []
        self.alerts: list[WouldAlert] = []
        self.points: list[Point] = []
        self.blind: dict[str, int] = {}
        self.unread, self.limit, self.firing = 0, None, False

    def judge(self, block: Block, answers: Mapping[Any, Any]) -> None:
        if any(isinstance(answers[read], RpcRefused) for read in self.one.reads):
            self.unread += 1
            self.points.append(Point(block.number, block.timestamp, "unknown", None))
            return
        at = At(block, block.timestamp, block.timestamp, past=Past(self.past))
        verdict = self.one.judge(answers, at)
        if isinstance(verdict, Blind):
            self.blind[verdict.reason] = self.blind.get(verdict.reason, 0) + 1
            self.points.append(Point(block.number, block.timestamp, "unknown", None))
            return
        if verdict.keep:
            self.past.append(Sample(block.number, block.timestamp, verdict.keep))
        self._tell(block, verdict)

    def _tell(self, block: Block, verdict: Calm | Breach) -> None:
        state, reading = said(verdict)
        figure = reading.get(self.one.kind.figure)
        self.limit = reading.get("limit", self.limit)
        self.points.append(Point(block.number, block.timestamp, state, figure if isinstance(figure, int) else None))
        if isinstance(verdict, Breach) and not self.firing:
            self.alerts.append(WouldAlert(verdict.title, block, None, verdict.reading))
        elif isinstance(verdict, Calm) and self.firing:
            last = self.alerts[-1]
            self.alerts[-1] = WouldAlert(last.title, last.first, block, last.reading)
        self.firing = isinstance(verdict, Breach)
