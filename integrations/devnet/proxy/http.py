"""As much HTTP/1.1 as a JSON-RPC proxy needs, over asyncio streams."""

import asyncio
import contextlib
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

MAX_BODY = 32 * 1024 * 1024
REASONS = {200: "OK", 400: "Bad Request", 404: "Not Found", 422: "Unprocessable Content", 429: "Too Many Requests"}


class BadRequest(Exception):
    """Not HTTP as we speak it."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    body: bytes
    keep_alive: bool


@dataclass(frozen=True, slots=True)
class Reply:
    """`length` differs from the body's where a reply is cut short on purpose."""

    status: int
    body: bytes
    content_type: str = "application/json"
    length: int | None = None
    retry_after: int | None = None

    def head(self, keep_alive: bool) -> bytes:
        lines = [
            f"HTTP/1.1 {self.status} {REASONS.get(self.status, 'Error')}",
            f"Content-Type: {self.content_type}",
            f"Content-Length: {len(self.body) if self.length is None else self.length}",
            f"Connection: {'keep-alive' if keep_alive else 'close'}",
        ]
        if self.retry_after is not None:
            lines.append(f"Retry-After: {self.retry_after}")
        return ("\r\n".join(lines) + "\r\n\r\n").encode()


def json_reply(value: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(value).encode())


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """None when the client has gone."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except asyncio.IncompleteReadError:
        return None
    except asyncio.LimitOverrunError as error:
        raise BadRequest("the headers are too long") from error
    first, *lines = head.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3:
        raise BadRequest("not an HTTP request")
    headers = _headers(lines)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > MAX_BODY or "transfer-encoding" in headers:
        raise BadRequest("a body needs a Content-Length of at most 32 MB")
    body = await reader.readexactly(int(length))
    return Request(parts[0], parts[1], body, headers.get("connection", "").lower() != "close")


def _headers(lines: list[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


async def post(url: str, body: bytes, timeout: float = 60.0) -> bytes:
    """One JSON POST on a connection of its own."""
    parts = urlsplit(url)
    async with asyncio.timeout(timeout):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port, limit=MAX_BODY)
        try:
            head = (
                f"POST {parts.path or '/'} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            writer.write(head.encode() + body)
            await writer.drain()
            raw = await reader.readuntil(b"\r\n\r\n")
            headers = _headers(raw.decode("latin-1").split("\r\n")[1:])
            if "content-length" in headers:
                return await reader.readexactly(int(headers["content-length"]))
            return await reader.read()
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
