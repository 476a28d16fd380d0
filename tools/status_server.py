#!/usr/bin/env python3
"""Serves the published copy of the status page: one file, standard library only, read-only.

It needs neither the desk nor its database, so that the page stays when both are gone. What is published is a folder of
small files; one of them, heartbeat.json, says when the desk last confirmed the others. A copy that is older than
--stale-after seconds says so itself, in the page and in status.json, whatever the reader's browser can do.

    python3 tools/status_server.py --folder .breakglass/status --port 8010
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import re
import signal
import stat
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from pathlib import Path

LONGEST_HEAD, LARGEST_FILE, MOST_AT_ONCE = 8_192, 2_000_000, 256
SECONDS_TO_ASK, SECONDS_TO_TAKE = 10, 30
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}\.(html|json|atom|css)")
TYPES = {
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "atom": "application/atom+xml; charset=utf-8",
    "css": "text/css; charset=utf-8",
}
MARK = b"<!--freshness-->"  # where the page wants to be told; whatever people wrote is escaped and cannot hold it
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "public, max-age=5",
    "Connection": "close",
}
NOTHING_YET = (
    b"<!doctype html><html lang=en><meta charset=utf-8><meta name=color-scheme content='light dark'>"
    b"<title>Status</title><h1>Status</h1><p>No status has been published here yet.</p></html>"
)


@dataclass(frozen=True)
class Answer:
    """What goes back, before it is put on the wire."""

    status: HTTPStatus
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    def on_the_wire(self, *, with_body: bool) -> bytes:
        headers = {**HEADERS, "Content-Length": str(len(self.body)), **self.headers}
        lines = [f"HTTP/1.1 {self.status.value} {self.status.phrase}", *(f"{k}: {v}" for k, v in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + (self.body if with_body else b"")


@dataclass(frozen=True)
class Site:
    """A published folder, read anew for every request: the files are small, and the newest is the one that counts."""

    folder: Path
    stale_after: timedelta = timedelta(minutes=5)

    def answer(self, method: str, target: str, headers: dict[str, str], now: datetime) -> Answer:
        if method not in ("GET", "HEAD"):
            return _plain(HTTPStatus.METHOD_NOT_ALLOWED, "This page is only read.", {"Allow": "GET, HEAD"})
        path = target.partition("?")[0].partition("#")[0]
        if path == "/healthz":
            return self._health(now)
        name = "index.html" if path in ("/", "/status/") else path[1:]
        if not path.startswith("/") or not NAME.fullmatch(name):
            return _plain(HTTPStatus.NOT_FOUND, "There is no such page. The status is at /.")
        body = self._read(name)
        if body is None and name == "index.html":
            headers = {"Content-Type": TYPES["html"], "Cache-Control": "no-store", "Retry-After": "10"}
            return Answer(HTTPStatus.SERVICE_UNAVAILABLE, NOTHING_YET, headers)
        if body is None:
            return _plain(HTTPStatus.NOT_FOUND, "There is no such page. The status is at /.")
        return _found(name, self._told(name, body, now), headers)

    def confirmed_at(self) -> "datetime | None":
        """When the desk last said that this is how things are."""
        with contextlib.suppress(ValueError, TypeError, KeyError):
            said = datetime.fromisoformat(json.loads(self._read("heartbeat.json") or b"{}")["confirmed_at"])
            return said.astimezone(UTC)
        return None

    def is_fresh(self, confirmed: "datetime | None", now: datetime) -> bool:
        """A time to come is as little to be trusted as one that is long past."""
        return confirmed is not None and abs(now - confirmed) <= self.stale_after

    def _read(self, name: str) -> "bytes | None":
        """A plain file of the folder itself: no link is followed, nothing large is read."""
        try:
            handle = os.open(self.folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        try:
            about = os.fstat(handle)
            if not stat.S_ISREG(about.st_mode) or about.st_size > LARGEST_FILE:
                return None
            with os.fdopen(handle, "rb", closefd=False) as file:
                return file.read(LARGEST_FILE)
        except OSError:
            return None
        finally:
            os.close(handle)

    def _told(self, name: str, body: bytes, now: datetime) -> bytes:
        if name == "index.html":
            return body.replace(MARK, self._words(now).encode(), 1)
        if name == "status.json":
            confirmed = self.confirmed_at()
            with contextlib.suppress(ValueError, TypeError):
                known = {"confirmed": self.is_fresh(confirmed, now), "confirmed_at": _iso(confirmed)}
                return json.dumps({**json.loads(body), **known}, ensure_ascii=False, indent=1).encode()
        return body

    def _words(self, now: datetime) -> str:
        confirmed = self.confirmed_at()
        if self.is_fresh(confirmed, now):
            return f'<p class="st-fresh">Confirmed {_clock(confirmed, now)}.</p>'
        since = f"since {_clock(confirmed, now)}" if confirmed else "for an unknown time"
        return (
            f'<p class="st-stale"><strong>Not confirmed {since}.</strong> The desk behind this page cannot be reached '
            "from here. What stands below was true then and may have changed.</p>"
        )

    def _health(self, now: datetime) -> Answer:
        confirmed = self.confirmed_at()
        known = {"ok": True, "confirmed": self.is_fresh(confirmed, now), "confirmed_at": _iso(confirmed)}
        body = json.dumps(known).encode()
        return Answer(HTTPStatus.OK, body, {"Content-Type": TYPES["json"], "Cache-Control": "no-store"})


def _iso(moment: "datetime | None") -> "str | None":
    return moment.isoformat() if moment else None


def _clock(moment: "datetime | None", now: datetime) -> str:
    if moment is None:
        return "never"
    form = "%H:%M:%S UTC" if moment.date() == now.date() else "%H:%M UTC on %-d %B %Y"
    return f'<time datetime="{moment.isoformat()}">{moment.strftime(form)}</time>'


def _plain(status: HTTPStatus, text: str, headers: "dict[str, str] | None" = None) -> Answer:
    return Answer(status, f"{text}\n".encode(), {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})


def _found(name: str, body: bytes, asked: "dict[str, str]") -> Answer:
    kind = name.rpartition(".")[2]
    tag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    own = {"Content-Type": TYPES[kind], "ETag": tag}
    if kind in ("json", "atom"):
        own["Access-Control-Allow-Origin"] = "*"  # public, and meant to be read by other people's programs
    known = [part.strip().removeprefix("W/") for part in asked.get("if-none-match", "").split(",")]
    if tag in known or known == ["*"]:
        return Answer(HTTPStatus.NOT_MODIFIED, b"", own)
    return Answer(HTTPStatus.OK, body, own)


class Server:
    """So many readers at once, so much time for each; one more is turned away, so that none can hold the others up."""

    def __init__(self, site: Site) -> None:
        self.site, self.open = site, 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        try:
            with contextlib.suppress(OSError, asyncio.TimeoutError):
                wire = await self._answered(reader)
                writer.write(wire)
                await asyncio.wait_for(writer.drain(), SECONDS_TO_TAKE)
        finally:
            self.open -= 1
            writer.close()

    async def _answered(self, reader: asyncio.StreamReader) -> bytes:
        if self.open > MOST_AT_ONCE:
            busy = _plain(HTTPStatus.SERVICE_UNAVAILABLE, "Too many readers at once.", {"Retry-After": "2"})
            return busy.on_the_wire(with_body=True)
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), SECONDS_TO_ASK)
        except asyncio.LimitOverrunError:
            long = _plain(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "This request is too long.")
            return long.on_the_wire(with_body=True)
        except asyncio.IncompleteReadError:
            return b""
        first, *rest = head.decode("latin-1").split("\r\n")
        parts = first.split(" ")
        if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
            return _plain(HTTPStatus.BAD_REQUEST, "This is no HTTP request.").on_the_wire(with_body=True)
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
        answer = self.site.answer(parts[0], parts[1], headers, datetime.now(UTC))
        return answer.on_the_wire(with_body=parts[0] != "HEAD")


async def _run(site: Site, host: str, port: int) -> None:
    server = Server(site)
    listening = await asyncio.start_server(server.serve, host, port, limit=LONGEST_HEAD, backlog=MOST_AT_ONCE)
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(f"the status page in {site.folder} is served on {host}:{port}", flush=True)
    await stopped.wait()
    listening.close()


def main() -> int:
    parser = argparse.ArgumentParser(description="Serves the published copy of the status page.")
    parser.add_argument("--folder", type=Path, default=os.environ.get("STATUS_DIR") or ".breakglass/status")
    parser.add_argument("--host", default=os.environ.get("STATUS_HOST") or "127.0.0.1")
    parser.add_argument("--port", type=int, default=os.environ.get("STATUS_PORT") or 8010)
    parser.add_argument("--stale-after", type=float, default=os.environ.get("STATUS_STALE_AFTER") or 300)
    given = parser.parse_args()
    site = Site(Path(given.folder).absolute(), timedelta(seconds=given.stale_after))
    try:
        asyncio.run(_run(site, given.host, given.port))
    except OSError as error:
        print(f"status_server: cannot listen on {given.host}:{given.port}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
