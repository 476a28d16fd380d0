"""A body whose length is not said in advance, as `Transfer-Encoding: chunked` sends it: WSGI knows no such thing, and
what came so would be read as empty. It is gathered before a thread has to wait for it, and gets its length."""

from typing import Any

MOST = 4 * 1024 * 1024  # above what any of our addresses takes: whoever sends more is told so by the address


class Gathered:
    """ASGI middleware."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        names = {name for name, _ in scope.get("headers", ())} if scope["type"] == "http" else set()
        if b"transfer-encoding" not in names or b"content-length" in names:
            await self.app(scope, receive, send)
            return
        body, more = bytearray(), True
        while more and len(body) <= MOST:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            more = message.get("more_body", False)
        headers = [pair for pair in scope["headers"] if pair[0] != b"transfer-encoding"]
        headers.append((b"content-length", str(len(body)).encode()))
        gathered = [{"type": "http.request", "body": bytes(body), "more_body": False}]

        async def again() -> Any:
            return gathered.pop() if gathered else await receive()

        await self.app({**scope, "headers": headers}, again, send)
