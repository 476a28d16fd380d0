"""A real HTTP server on loopback that does what a test tells it to: answer, drip, hang up, say nothing."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Received:
    """One whole request as it arrived."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def key(self) -> str:
        return self.headers.get("idempotency-key", "")

    def json(self) -> object:
        return json.loads(self.body)


Behaviour = Callable[[socket.socket, Received], None]


def answer(status: int = 200, body: object = b"{}", headers: Mapping[str, str] | None = None) -> Behaviour:
    """A whole answer; anything that is not bytes goes out as JSON."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = {"Content-Type": "application/json", "Content-Length": str(len(raw)), **(headers or {})}
    head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{k}: {v}\r\n" for k, v in lines.items()) + "\r\n"
    return lambda connection, _: connection.sendall(head.encode() + raw)


def raw(*parts: bytes, pause: float = 0.0) -> Behaviour:
    """These bytes as they are, with a pause after each part."""

    def send(connection: socket.socket, _: Received) -> None:
        for part in parts:
            connection.sendall(part)
            threading.Event().wait(pause)

    return send


def hang_up(_connection: socket.socket, _: Received) -> None:
    """Read the request, then close without a word."""


@dataclass
class Receiver:
    """`script` is used up one behaviour a request; then `otherwise` holds."""

    port: int
    script: list[Behaviour] = field(default_factory=list)
    otherwise: Behaviour = field(default_factory=answer)
    received: list[Received] = field(default_factory=list)
    connections: int = 0
    stopped: threading.Event = field(default_factory=threading.Event)
    before_reading: Callable[[socket.socket], bool] = lambda _: True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.port}"

    def say_nothing(self, _connection: socket.socket, _: Received) -> None:
        """Keep the connection open until the test is over."""
        self.stopped.wait(60)

    def serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(20)
            self.connections += 1
            if not self.before_reading(connection):
                return
            request = _read(connection)
            if request is None:
                return
            self.received.append(request)
            (self.script.pop(0) if self.script else self.otherwise)(connection, request)


def _read(connection: socket.socket) -> Received | None:
    with connection.makefile("rb") as stream:
        first = stream.readline().decode("latin-1").split()
        if len(first) != 3:
            return None
        headers: dict[str, str] = {}
        while line := stream.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        body = stream.read(int(headers.get("content-length", 0)))
    return Received(first[0], first[1], headers, body)


@contextmanager
def receiver(*script: Behaviour, tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Listens until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        made = Receiver(port=listening.getsockname()[1], script=list(script))
        threading.Thread(target=_accept, args=(listening, made, tls), daemon=True).start()
        try:
            yield made
        finally:
            made.stopped.set()
            listening.shutdown(socket.SHUT_RDWR)


def _accept(listening: socket.socket, made: Receiver, tls: ssl.SSLContext | None) -> None:
    while True:
        try:
            connection, _ = listening.accept()
        except OSError:
            return
        threading.Thread(target=_serve, args=(connection, made, tls), daemon=True).start()


def _serve(connection: socket.socket, made: Receiver, tls: ssl.SSLContext | None) -> None:
    try:
        made.serve(tls.wrap_socket(connection, server_side=True) if tls else connection)
    except OSError:  # the other side went away, which is what many tests are about
        connection.close()
