"""HTTP to addresses that users enter. The one way out: nothing else here calls an address that somebody typed.

What the name resolves to is checked, and then exactly that address is connected to: a name that resolves differently a
moment later (DNS rebinding) leads nowhere. Private, loopback, link-local, multicast and shared addresses are refused,
in whatever spelling, unless `OUTGOING_ALLOW` names the host and port. Size and time are bounded in total, so that a
server that drips holds nobody. The proxies of the environment are not used. An error says whether it is for good, and
whether the other side may have received the request: who must not do a thing twice needs to know.
"""

import http.client
import io
import ipaddress
import json
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, cast
from urllib.parse import quote, urljoin, urlsplit

from django.conf import settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
READS = ("GET", "HEAD")
MAX_URL, MAX_BODY, MAX_ANSWER = 2_000, 1_000_000, 1_000_000
CONNECT_TIMEOUT = 5.0
AGENT = "Breakglass"
OWN_HEADERS = frozenset(
    ("host", "content-length", "transfer-encoding", "connection", "expect", "upgrade", "te", "trailer")
)
"""Headers that decide how the bytes travel: ours alone."""
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")
_VALUE = re.compile(r"[\x20-\x7e]{0,4096}")
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_UNICAST6 = ipaddress.IPv6Network("2000::/3")
_TUNNELS6 = (ipaddress.IPv6Network("2001::/32"), ipaddress.IPv6Network("2002::/16"))

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class OutgoingError(Exception):
    """`permanent`: trying again will not help. `received`: the other side may have got the request."""

    permanent = False
    received = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadRequest(OutgoingError):
    """The address, a header or the body is not what can be sent."""

    permanent = True


class Forbidden(OutgoingError):
    """The address leads to where users' addresses may not lead."""

    permanent = True


class Unreachable(OutgoingError):
    """No connection came about: nothing was sent."""


class Unanswered(OutgoingError):
    """The request left, and no whole answer came back: whether it was acted on is not known."""

    received = True


class Unusable(OutgoingError):
    """An answer came, but not one that can be used: too large, or not what it says it is."""

    permanent = True
    received = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """The body as JSON with exact numbers; Unusable when it is none."""
        try:
            return json.loads(self.body, parse_float=Decimal, parse_constant=_no_constant)
        except (ValueError, RecursionError):
            raise Unusable(f"it answered {self.status}, but not with JSON") from None


def _no_constant(name: str) -> None:
    raise ValueError(name)


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart and found fit to be called."""

    scheme: str
    host: str
    port: int
    path: str
    allowed: bool = field(compare=False)

    @property
    def place(self) -> str:
        """`host:port`, as `OUTGOING_ALLOW` spells it. Never the path: it may hold a key."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def origin(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port


def read_url(url: str) -> Target:
    """BadRequest unless this is an https URL (http where OUTGOING_ALLOW names it) without a password in it."""
    if len(url) > MAX_URL or any(ord(char) <= 32 or ord(char) == 127 for char in url):
        raise BadRequest(f"the address is longer than {MAX_URL} characters, or has spaces in it")
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode().lower().rstrip(".")
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except (ValueError, UnicodeError):
        raise BadRequest("this is not an address such as https://status.example.org/api") from None
    if parts.scheme not in ("http", "https") or not host or "%" in host:
        raise BadRequest("this is not an address such as https://status.example.org/api")
    if parts.username is not None or parts.password is not None:
        raise BadRequest("an address holds no user and no password: use a secret in a header")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=-._~") + ("?" + _query(parts.query) if parts.query else "")
    target = Target(parts.scheme, host, port, path, allowed=False)
    allowed = target.place in {item.strip().lower() for item in settings.OUTGOING_ALLOW}
    if parts.scheme == "http" and not allowed:
        raise BadRequest("the address must begin with https://")
    return Target(parts.scheme, host, port, path, allowed=allowed)


def _query(text: str) -> str:
    return quote(text, safe="/?%:@!$&'()*+,;=-._~[]")


def is_public(address: Address) -> bool:
    """Whether this is somewhere on the open internet, and not a spelling of something that is not."""
    if isinstance(address, ipaddress.IPv6Address):
        if address in _NAT64:  # how a network without IPv4 spells an IPv4 address
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _UNICAST6 or any(address in network for network in _TUNNELS6):
            return False
    elif address.is_multicast:
        return False
    return address.is_global and not (address.is_private or address.is_reserved or address.is_unspecified)


def request(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    timeout: float = 10.0,
    max_bytes: int = MAX_ANSWER,
    redirects: int = 0,
    before_sending: Callable[[], None] | None = None,
) -> Answer:
    """One request and its whole answer, within `timeout` seconds, or an OutgoingError.

    `before_sending` is called when the connection stands and nothing has left yet. Redirects are followed only for
    reads and only `redirects` times; each one is checked like the first address, and leaves the headers behind when it
    leads to another host.
    """
    end = time.monotonic() + timeout
    sent = _checked_headers(headers or {})
    if method not in METHODS or len(body) > MAX_BODY:
        raise BadRequest(f"the method must be one of {', '.join(METHODS)}, and the body at most 1 MB")
    target = read_url(url)
    for left in range(redirects if method in READS else 0, -1, -1):
        answer = _once(method, target, sent, body, end, max_bytes, before_sending)
        where = answer.headers.get("location", "")
        if not left or answer.status not in (301, 302, 303, 307, 308) or not where:
            return answer
        url = urljoin(url, where)
        onward = read_url(url)
        sent = sent if onward.origin == target.origin else {}
        target = onward
    raise AssertionError("unreachable")


def _checked_headers(headers: Mapping[str, str]) -> dict[str, str]:
    for name, value in headers.items():
        if fault := header_fault(name, value):
            raise BadRequest(fault)
    return dict(headers)


def header_fault(name: str, value: str) -> str:
    """Why a header cannot be sent, or ""."""
    if not _TOKEN.fullmatch(name) or name.lower() in OWN_HEADERS:
        return f"the header {name[:60]!r} cannot be set"
    if not _VALUE.fullmatch(value):
        return f"the value of the header {name} is too long, or has letters that no header carries"
    return ""


def _once(
    method: str,
    target: Target,
    headers: Mapping[str, str],
    body: bytes,
    end: float,
    max_bytes: int,
    before_sending: Callable[[], None] | None,
) -> Answer:
    wire = _Wire(_connect(target, end), end)
    try:
        if before_sending is not None:
            before_sending()
        return _exchange(wire, method, target, headers, body, max_bytes)
    finally:
        wire.socket.close()


def _exchange(
    wire: "_Wire", method: str, target: Target, headers: Mapping[str, str], body: bytes, max_bytes: int
) -> Answer:
    connection = http.client.HTTPConnection(target.host, target.port)
    connection.sock = cast(socket.socket, wire)  # what it needs of one: sendall, makefile, close
    fixed = {
        "Host": target.place.removesuffix({"http": ":80", "https": ":443"}[target.scheme]),
        "User-Agent": AGENT,
        "Accept-Encoding": "identity",
        "Connection": "close",
    }
    try:
        connection.request(method, target.path, body=body or None, headers={**fixed, **headers})
        response = connection.getresponse()
        raw = response.read(max_bytes + 1) if method != "HEAD" else b""
    except TimeoutError:
        if not wire.sent:
            raise Unreachable(f"no time was left to send anything to {target.place}") from None
        raise Unanswered(f"{target.place} got the request, but did not answer in time") from None
    except (OSError, http.client.HTTPException) as error:
        if not wire.sent:
            raise Unreachable(f"{target.place} hung up before anything was sent") from None
        raise Unanswered(f"{target.place} hung up before its answer was whole ({type(error).__name__})") from None
    if len(raw) > max_bytes:
        raise Unusable(f"{target.place} answered {response.status} with more than {max_bytes:,} bytes")
    if method != "HEAD" and response.length:
        raise Unanswered(f"{target.place} hung up before its answer was whole")
    received = {name.lower(): value for name, value in response.getheaders()}
    if received.get("content-encoding", "identity").lower() != "identity":
        raise Unusable(f"{target.place} answered {response.status} in an encoding that was not asked for")
    return Answer(response.status, received, raw, f"{target.scheme}://{target.place}{target.path}")


# --- the connection: to an address that was checked, and to no other


def _connect(target: Target, end: float) -> socket.socket:
    addresses = _resolve(target, end)
    if not target.allowed:
        for address in addresses:
            if not is_public(address):
                raise Forbidden(f"{target.host} leads to {address}, which is not a public address")
    reasons = []
    for address in addresses[:4]:
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            plain = socket.create_connection((str(address), target.port), timeout=min(CONNECT_TIMEOUT, left))
        except OSError as error:
            reasons.append("no answer" if isinstance(error, TimeoutError) else (error.strerror or "no connection"))
            continue
        return _secured(plain, target, end)
    raise Unreachable(f"no connection to {target.place}: {'; '.join(sorted(set(reasons))) or 'no time left'}")


def _secured(plain: socket.socket, target: Target, end: float) -> socket.socket:
    """TLS where it is wanted, and once more a look at who is at the other end."""
    try:
        peer = ipaddress.ip_address(plain.getpeername()[0].partition("%")[0])
        if not target.allowed and not is_public(peer):
            raise Forbidden(f"{target.host} leads to {peer}, which is not a public address")
        if target.scheme == "http":
            return plain
        plain.settimeout(max(0.1, min(CONNECT_TIMEOUT, end - time.monotonic())))
        return _trust(os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR")).wrap_socket(
            plain, server_hostname=target.host
        )
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise Unreachable(f"the certificate of {target.place} is not to be trusted: {error.verify_message}") from None
    except (OSError, ValueError) as error:
        plain.close()
        raise Unreachable(f"no secure connection to {target.place} ({type(error).__name__})") from None
    except OutgoingError:
        plain.close()
        raise


@cache
def _trust(_file: str | None, _folder: str | None) -> ssl.SSLContext:
    """Whom to trust, as the system has it; read once, since that takes longer than a request."""
    return ssl.create_default_context()


def _resolve(target: Target, end: float) -> list[Address]:
    """Every address of the name. The system's resolver knows no time limit: it is asked in a thread of its own."""
    with suppress(ValueError):
        return [ipaddress.ip_address(target.host)]
    found: list[Address] = []
    failed: list[str] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
            found.extend(dict.fromkeys(ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers))
        except (OSError, UnicodeError, ValueError):
            failed.append(target.host)

    thread = threading.Thread(target=ask, name="resolve", daemon=True)
    thread.start()
    thread.join(max(0.0, min(CONNECT_TIMEOUT, end - time.monotonic())))
    if not found:
        raise Unreachable(f"the name {target.host} {'is not known' if failed else 'could not be looked up in time'}")
    return list(found)


class _Reader(io.RawIOBase):
    """Bytes from a socket until the time is over, however they drip."""

    def __init__(self, wire: "_Wire") -> None:
        self._wire = wire

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._wire.arm()
        return self._wire.socket.recv_into(buffer)


class _Wire:
    """A connection with one deadline for everything, in the shape that http.client needs.

    `sent`: at least one byte has left. Whoever was sent half a request may have understood it.
    """

    def __init__(self, connected: socket.socket, end: float) -> None:
        self.socket, self._end, self.sent = connected, end, False

    def arm(self) -> None:
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.socket.settimeout(left)

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self.arm()
            view = view[self.socket.send(view) :]
            self.sent = True

    def makefile(self, _mode: str, *_: Any) -> io.BufferedReader:
        return io.BufferedReader(_Reader(self))

    def close(self) -> None:
        """http.client lets go of a connection before it reads the answer: `_once` closes the socket."""
