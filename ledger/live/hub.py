"""One hub a web process: reads the chain on from where it stood, and hands each event to the sockets that may see it.

Hints only say that there is something to read. Whatever the broker loses, the chain still holds, so nothing is missed:
the hub looks by itself every second.
"""

import asyncio
import contextlib
import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer

from ledger import hints
from ledger.access import ScopeGate
from ledger.live import presence
from ledger.live.presence import Presence
from ledger.live.topics import TOPICS, parse
from ledger.live.viewers import ENDS_SESSIONS, Card, Cards
from ledger.models import Event
from ledger.selectors import last_seq

logger = logging.getLogger(__name__)
LOOK_EVERY = 1.0
BATCH = 500
LONGEST_REPLAY = 300
LONGEST_QUEUE = 500
Message = dict[str, Any]


@dataclass(eq=False)
class Socket:
    """One browser's socket: what it follows, up to which event, and what waits to be sent."""

    user_id: int
    topics: dict[str, int] = field(default_factory=dict)  # topic → last event sent for it
    outbox: "asyncio.Queue[str]" = field(default_factory=lambda: asyncio.Queue(LONGEST_QUEUE))
    here: dict[str, list[Message]] = field(default_factory=dict)  # who it was told is here, by topic
    too_slow: bool = False
    over: bool = False

    def end(self) -> None:
        """The session that it was opened with may be over: after what is queued it is closed."""
        self.over = True
        self.tell({"over": True})

    def tell(self, message: Message) -> None:
        self.put(json.dumps(message))

    def put(self, text: str) -> None:
        """What many are told is encoded once. A browser that cannot keep up is told to draw its page anew, rather than
        holding up the others."""
        try:
            self.outbox.put_nowait(text)
        except asyncio.QueueFull:
            self.too_slow = True


class Hub:
    def __init__(self) -> None:
        self._sockets: set[Socket] = set()
        self._lock = asyncio.Lock()
        self._seq = 0
        self._cards = Cards()
        self._hint = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._presence = Presence()

    async def join(self, socket: Socket) -> None:
        async with self._lock:
            if not self._tasks:
                self._seq = await database_sync_to_async(last_seq)()
                loops = (self._listen(), self._follow(), self._look_who_is_here())
                self._tasks = [asyncio.create_task(loop) for loop in loops]
            self._sockets.add(socket)

    async def leave(self, socket: Socket) -> None:
        async with self._lock:
            self._sockets.discard(socket)
            if not self._sockets:
                for task in self._tasks:
                    task.cancel()
                self._tasks = []
                await self._tell_others({}, last=True)

    async def subscribe(self, socket: Socket, keys: Iterable[str], after: int) -> None:
        """Follow topics from an event on: what came since is replayed first, in order, then the rest as it comes."""
        async with self._lock:
            allowed, refused = await database_sync_to_async(self._authorise)(socket, list(keys))
            for key in refused:
                socket.tell({"refused": key})
            if not allowed:
                return
            missed = await database_sync_to_async(self._load)(after, self._seq, LONGEST_REPLAY + 1)
            if len(missed) > LONGEST_REPLAY:
                socket.tell({"reload": True})
                return
            for event in missed:
                await self._deliver(event, {socket: dict.fromkeys(allowed, after)})
            for key in allowed:
                socket.topics[key] = max(after, self._seq)
            socket.tell({"subscribed": sorted(allowed), "seq": self._seq})

    async def _listen(self) -> None:
        """Turn the broker's hints into a flag; without the broker, the follower looks by itself."""
        layer = get_channel_layer()
        while layer is not None:
            try:
                channel = await layer.new_channel()
                await layer.group_add(hints.LINKED_GROUP, channel)
                await layer.group_add(presence.GROUP, channel)
                while True:
                    message = await layer.receive(channel)
                    if message.get("type") == presence.TYPE:
                        self._presence.hear(message)
                    else:
                        self._hint.set()
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.warning("no hints from the broker; looking every second", exc_info=True)
                await asyncio.sleep(LOOK_EVERY)

    async def _look_who_is_here(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                async with self._lock:
                    await self._tell_who_is_here()
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.warning("cannot tell who is here; trying again", exc_info=True)

    async def _tell_who_is_here(self) -> None:
        names = frozenset(name for name, topic in TOPICS.items() if topic.here)
        mine = presence.following(((socket.user_id, socket.topics) for socket in self._sockets), names)
        if not mine:
            return
        await self._tell_others(mine)
        everybody = self._presence.everybody(mine)
        told = all(key in socket.here for socket in self._sockets for key in socket.topics.keys() & mine.keys())
        if told and not self._presence.is_news(everybody):
            return
        people = await database_sync_to_async(self._people)(everybody)
        seen = {key: {one["who"] for one in found} for key, found in people.items()}
        for socket in self._sockets:
            for key in socket.topics.keys() & people.keys():
                inside = f"user:{socket.user_id}" in seen[key]
                shown = people[key][: presence.MOST] if inside else []
                if socket.here.get(key) != shown:
                    socket.here[key] = shown
                    socket.tell({"here": key, "people": shown})

    async def _tell_others(self, mine: presence.Following, *, last: bool = False) -> None:
        message, layer = self._presence.to_tell(mine, last=last), get_channel_layer()
        if message is None or layer is None:
            return
        try:
            await layer.group_send(presence.GROUP, message)
        except Exception:
            logger.warning("other processes cannot be told who is here", exc_info=True)

    async def _follow(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hint.wait(), LOOK_EVERY)
            self._hint.clear()
            try:
                await self._catch_up()
            except asyncio.CancelledError:
                raise
            except Exception:
                logger.exception("live updates are late; trying again")
                await asyncio.sleep(LOOK_EVERY)

    async def _catch_up(self) -> None:
        while True:
            async with self._lock:
                events = await database_sync_to_async(self._load)(self._seq, None, BATCH)
                for event in events:
                    sockets = {socket: dict(socket.topics) for socket in self._sockets if socket.topics}
                    await self._deliver(event, sockets)
                    self._end_sessions(event)
                    self._seq = event.link.seq
            if len(events) < BATCH:
                return

    def _end_sessions(self, event: Event) -> None:
        if event.verb in ENDS_SESSIONS:
            for socket in self._sockets:
                if event.subject == f"user:{socket.user_id}":
                    socket.end()

    async def _deliver(self, event: Event, sockets: dict[Socket, dict[str, int]]) -> None:
        for socket, text in await database_sync_to_async(self._messages)(event, sockets):
            socket.put(text)

    # What follows runs in a database thread, one call at a time, under the lock.

    def _load(self, after: int, upto: int | None, limit: int) -> list[Event]:
        events = Event.objects.filter(link__seq__gt=after).select_related("link", "scope").order_by("link__seq")
        if upto is not None:
            events = events.filter(link__seq__lte=upto)
        return list(events[:limit])

    def _authorise(self, socket: Socket, keys: list[str]) -> tuple[set[str], set[str]]:
        card = self._cards.of({socket.user_id}).get(socket.user_id)
        allowed = {key for key in keys if card and _may_follow(card, key)}
        return allowed, set(keys) - allowed

    def _people(self, everybody: presence.Following) -> dict[str, list[Message]]:
        """Their names, by topic; whoever may not follow it any more is not here."""
        cards = self._cards.of({pk for ids in everybody.values() for pk in ids})
        found = {}
        for key, ids in everybody.items():
            gate = _gate(key)
            seen = [cards[pk] for pk in ids if pk in cards and gate is not None and gate.lets(cards[pk])]
            seen.sort(key=lambda card: (card.name, card.user_id))
            found[key] = [{"who": f"user:{card.user_id}", "name": card.name} for card in seen]
        return found

    def _messages(self, event: Event, sockets: dict[Socket, dict[str, int]]) -> list[tuple[Socket, str]]:
        """The event drawn once per topic and audience, for those who may see both it and the topic."""
        self._cards.heed(event)
        wanted = self._wanted(event, sockets)
        if not wanted:
            return []
        cards = self._cards.of({socket.user_id for followers in wanted.values() for socket in followers})
        gate = ScopeGate(event.scope_id)
        seeing = {pk: card for pk, card in cards.items() if gate.lets(card)}
        return [
            (socket, text)
            for key, followers in wanted.items()
            for socket, text in self._for_topic(event, key, followers, seeing)
        ]

    def _for_topic(
        self, event: Event, key: str, followers: list[Socket], seeing: dict[int, Card]
    ) -> Iterator[tuple[Socket, str]]:
        gate = _gate(key)  # asked once, whatever the number of people
        name, _, number = key.partition(":")
        drawn: dict[str, str] = {}
        for socket in followers:
            card = seeing.get(socket.user_id)
            if card is None or gate is None or not gate.lets(card):
                continue
            if card.audience not in drawn:
                html = _draw(event, name, int(number), card.audience)
                drawn[card.audience] = json.dumps(
                    {"seq": event.link.seq, "topic": key, "verb": event.verb, "html": html}
                )
            yield socket, drawn[card.audience]

    def _wanted(self, event: Event, sockets: dict[Socket, dict[str, int]]) -> dict[str, list[Socket]]:
        followed = {key for topics in sockets.values() for key in topics}
        names = {key.partition(":")[0] for key in followed}
        touched = {f"{name}:{pk}" for name in names & TOPICS.keys() for pk in TOPICS[name].matches(event)}
        seq = event.link.seq
        return {
            key: [socket for socket, topics in sockets.items() if topics.get(key, seq) < seq]
            for key in followed & touched
        }


def _may_follow(card: Card, key: str) -> bool:
    gate = _gate(key)
    return gate is not None and gate.lets(card)


def _gate(key: str) -> ScopeGate | None:
    """Who may follow a topic; None for one that is not there."""
    parsed = parse(key)
    if parsed is None:
        return None
    topic, number = parsed
    try:
        return ScopeGate(topic.scope_of(number))
    except LookupError:
        return None


def _draw(event: Event, name: str, number: int, audience: str) -> str:
    """A fragment that cannot be drawn must not take the socket with it: the page then refetches what is personal."""
    try:
        return TOPICS[name].render(event, number, audience)
    except Exception:
        logger.exception("%s:%s could not be drawn for %s", name, number, event.verb)
        return ""


_hubs: dict[int, Hub] = {}


def hub() -> Hub:
    """The hub of this event loop."""
    key = id(asyncio.get_running_loop())
    if key not in _hubs:
        _hubs[key] = Hub()
    return _hubs[key]
