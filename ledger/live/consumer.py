"""`/ws/`: one socket a page. The browser says what it follows and the last event it has seen."""

import asyncio
import contextlib
import json
from typing import Any
from urllib.parse import parse_qs

from channels.generic.websocket import AsyncWebsocketConsumer

from ledger.live.hub import Socket, hub

LONGEST_MESSAGE = 4096
MOST_TOPICS = 40
UNAUTHENTICATED = 4401
MALFORMED = 4400
TOO_SLOW = 4408
SESSION_OVER = 4409


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels ships no types
    """Nothing is trusted from the browser but a list of topic names and a number."""

    socket: Socket | None = None
    writer: "asyncio.Task[None] | None" = None
    after: int = 0

    async def connect(self) -> None:
        user = self.scope.get("user")
        if user is None or not user.is_authenticated or not user.is_active:
            await self.accept()  # so that the browser is told why, and does not try for ever
            await self.close(UNAUTHENTICATED)
            return
        given = parse_qs(self.scope.get("query_string", b"").decode("latin-1")).get("after", ["0"])[0]
        self.after = int(given) if given.isdecimal() and len(given) < 19 else 0
        self.socket = Socket(user_id=int(user.pk))
        await self.accept()
        await hub().join(self.socket)
        self.writer = asyncio.create_task(self._write(self.socket))

    async def disconnect(self, _code: int) -> None:
        if self.writer:
            self.writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.writer
        if self.socket:
            await hub().leave(self.socket)

    async def receive(self, text_data: str | None = None, **_binary: bytes | None) -> None:
        topics = _topics(text_data)
        if self.socket is None or topics is None or len(self.socket.topics) + len(topics) > MOST_TOPICS:
            await self.close(MALFORMED)
            return
        await hub().subscribe(self.socket, topics, self.after)

    async def _write(self, socket: Socket) -> None:
        while True:
            await self.send(await socket.outbox.get())
            if socket.too_slow or socket.over:
                await self.close(TOO_SLOW if socket.too_slow else SESSION_OVER)
                return


def _topics(text: str | None) -> list[str] | None:
    """The names in `{"subscribe": [...]}`, or None for anything else."""
    if text is None or len(text) > LONGEST_MESSAGE:
        return None
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError):  # so many brackets that no frame of a page has
        return None
    names = message.get("subscribe") if isinstance(message, dict) else None
    if not isinstance(names, list) or not all(isinstance(name, str) and len(name) < 64 for name in names):
        return None
    return names
