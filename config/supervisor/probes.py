"""Is a process ready? Small questions over loopback that never raise."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

Probe = Callable[[], Awaitable[bool]]


async def _exchange(port: int, message: bytes, count: int = 4096) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(message)
        await writer.drain()
        return await reader.read(count)
    finally:
        writer.close()


def _quietly(question: Callable[[], Awaitable[bool]]) -> Probe:
    async def probe() -> bool:
        with contextlib.suppress(OSError, ValueError, asyncio.TimeoutError):
            return await asyncio.wait_for(question(), 1.0)
        return False

    return probe


def redis(port: int) -> Probe:
    async def ask() -> bool:
        return (await _exchange(port, b"PING\r\n")).startswith(b"+PONG")

    return _quietly(ask)


def postgres(port: int, data: Path) -> Probe:
    """Its own word first (asked too early it logs an error), then a start-up packet for our database.

    `R`, authentication ok, comes only once it takes connections.
    """
    body = b"\0\x03\0\0user\0breakglass\0database\0breakglass\0\0"
    packet = (len(body) + 4).to_bytes(4, "big") + body

    async def ask() -> bool:
        status = (data / "postmaster.pid").read_text().splitlines()[7:8]
        return status == ["ready   "] and (await _exchange(port, packet, 1)) == b"R"

    return _quietly(ask)


def http(port: int, path: str) -> Probe:
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()

    async def ask() -> bool:
        return b" 200 " in (await _exchange(port, request)).split(b"\r\n", 1)[0]

    return _quietly(ask)


def listens(port: int) -> Probe:
    async def ask() -> bool:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.close()
        return True

    return _quietly(ask)


def chain(port: int, file: Path) -> Probe:
    """The node answers, and what is deployed on it is written down."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}).encode()
    head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"

    async def ask() -> bool:
        answer = await _exchange(port, f"{head}Connection: close\r\n\r\n".encode() + body)
        return b" 200 " in answer.split(b"\r\n", 1)[0] and file.exists()

    return _quietly(ask)
