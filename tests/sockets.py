"""A browser's end of a WebSocket, spoken to the ASGI application itself."""

import json
from collections.abc import Sequence
from typing import Any

from asgiref.testing import ApplicationCommunicator

Header = tuple[bytes, bytes]


class SocketClient(ApplicationCommunicator):  # type: ignore[misc]  # asgiref types this loosely
    """channels' own client imports daphne, which we do not run on."""

    def __init__(self, application: Any, path: str, user: Any = None, headers: Sequence[Header] = ()) -> None:
        """`user`: who it is already known to be; without one, the application finds out by the headers."""
        path, _, query = path.partition("?")
        scope = {"type": "websocket", "path": path, "query_string": query.encode(), "headers": list(headers)}
        super().__init__(application, scope if user is None else {**scope, "user": user})

    async def connect(self) -> None:
        await self.send_input({"type": "websocket.connect"})
        assert (await self.receive_output(timeout=5))["type"] == "websocket.accept"

    async def send_text(self, text: str) -> None:
        await self.send_input({"type": "websocket.receive", "text": text})

    async def send_json(self, message: Any) -> None:
        await self.send_text(json.dumps(message))

    async def hear(self, count: int = 1) -> list[Any]:
        return [json.loads((await self.receive_output(timeout=20))["text"]) for _ in range(count)]

    async def leave(self) -> None:
        await self.send_input({"type": "websocket.disconnect", "code": 1000})
        await self.wait(5)
