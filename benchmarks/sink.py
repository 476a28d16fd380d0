"""A receiver of webhooks in a process of its own: answers at once, and remembers what came when.

python -m benchmarks.sink     prints its port; `GET /` tells the ids in the order in which they came, each with its time
"""

import asyncio
import json
import time

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Sink(asyncio.Protocol):
    """One request a connection, read as far as its length says."""

    seen: list[tuple[str, float]] = []  # of all connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport, self.held = transport, b""

    def data_received(self, data: bytes) -> None:
        self.held += data
        head, gap, body = self.held.partition(b"\r\n\r\n")
        if not gap:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if len(body) < int(headers.get("content-length", "0")):
            return
        if first.startswith("GET"):
            told = json.dumps(Sink.seen).encode()
            self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(told) + told)
        else:
            Sink.seen.append((headers.get("webhook-id", ""), time.time()))
            self.transport.write(ANSWER)
        self.transport.close()


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
