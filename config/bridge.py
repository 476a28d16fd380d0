"""From ASGI to Django's WSGI application, with as few meetings of the loop and the thread as there can be.

a2wsgi has them wait for each other at each part of a body and of an answer: five times for the shortest request, which
was a third of what it cost to take an alert. Here a short body is there before the thread begins, and a short answer
leaves after it has ended. What is longer flows as before.
"""

import asyncio
import contextvars
import io
from functools import partial
from typing import Any

from a2wsgi.wsgi import Body, WSGIMiddleware, WSGIResponder, build_environ

SHORT = 1024 * 1024  # a body
HELD = 64 * 1024  # of an answer


class Bridge(WSGIMiddleware):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await _Responder(self).answer(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


class _Responder(WSGIResponder):
    """One request. The thread calls `send`; only the loop sends, and needs no queue for it."""

    def __init__(self, bridge: Bridge) -> None:
        self.app, self.executor = bridge.app, bridge.executor
        self.loop = asyncio.get_running_loop()
        self.response_started, self.exc_info = False, None
        self.started: Any = None
        self.held: list[bytes] = []
        self.size = 0

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(scope, receive, self.loop)
        if body is None:
            return
        self.out = send
        work = partial(self.wsgi, build_environ(scope, body), self.start_response)
        await self.loop.run_in_executor(self.executor, contextvars.copy_context().run, work)
        await self._pour(more=False)
        if self.exc_info is not None:
            raise self.exc_info[0].with_traceback(self.exc_info[1], self.exc_info[2])

    def send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.started = message
            return
        self.held.append(message["body"])
        self.size += len(message["body"])
        if self.size > HELD:
            asyncio.run_coroutine_threadsafe(self._pour(more=True), self.loop).result()

    async def _pour(self, *, more: bool) -> None:
        if self.started is not None:
            await self.out(self.started)
            self.started = None
        body, self.held, self.size = b"".join(self.held), [], 0
        await self.out({"type": "http.response.body", "body": body, "more_body": more})


async def _body(scope: Any, receive: Any, loop: asyncio.AbstractEventLoop) -> Any:
    """What the thread reads from; None if whoever asks has gone before they had asked."""
    said = {name: value for name, value in scope["headers"] if name in (b"content-length", b"transfer-encoding")}
    if not said:
        return io.BytesIO()
    length = said.get(b"content-length", b"")
    if not length.isdigit() or int(length) > SHORT:
        return Body(loop, receive)
    parts, more = [], True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return io.BytesIO(b"".join(parts))
