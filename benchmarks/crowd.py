"""Many browsers' sockets in one process, as the war room opens them, and somebody who writes notes meanwhile.

Reads what `benchmarks.sockets` says from its input; prints how long each note took to each socket, in milliseconds.
"""

import asyncio
import json
import sys
import time
from http.client import HTTPConnection
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Origin

from benchmarks.figures import spent

VERB = "incident.note.added"
AT_ONCE = 20
CALM = 0.3
"""Seconds between two notes: each is measured alone."""


class Crowd:
    def __init__(self, world: dict[str, Any]) -> None:
        self.world, self.topic = world, f"incident:{world['incident']}"
        self.arrived: list[float] = []
        self.everybody = asyncio.Event()
        self.bytes = 0

    async def come(self) -> list[ClientConnection]:
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(session: str) -> ClientConnection:
            async with gate:
                place, cookie = f"localhost:{self.world['port']}", {"Cookie": f"sessionid={session}"}
                url, origin = f"ws://{place}/ws/?after={self.world['after']}", Origin(f"http://{place}")
                socket = await connect(url, origin=origin, additional_headers=cookie, ping_interval=None, max_size=None)
                await socket.send(json.dumps({"subscribe": [self.topic]}))
                while "subscribed" not in json.loads(await socket.recv()):
                    pass
                return socket

        return list(await asyncio.gather(*(one(session) for session in self.world["sessions"])))

    async def listen(self, socket: ClientConnection) -> None:
        async for text in socket:
            if VERB in str(text[:200]):
                self.arrived.append(time.monotonic())
                self.bytes = len(text)
                if len(self.arrived) == len(self.world["sessions"]):
                    self.everybody.set()

    async def hear(self, number: int) -> list[float]:
        """One note, and when it came to each."""
        self.arrived, self.everybody = [], asyncio.Event()
        began = time.monotonic()
        await asyncio.to_thread(self.write, number)
        await asyncio.wait_for(self.everybody.wait(), 60)
        return [(moment - began) * 1000 for moment in self.arrived]

    def write(self, number: int) -> None:
        link = HTTPConnection("localhost", self.world["port"], timeout=60)
        headers = {"Authorization": f"Bearer {self.world['token']}", "Content-Type": "application/json"}
        body = json.dumps({"text": f"Note {number}: we look again."})
        link.request("POST", f"/api/v1/incidents/{self.world['incident']}/notes/", body, headers)
        answer = link.getresponse()
        said = answer.read()
        link.close()
        if answer.status >= 300:
            raise RuntimeError(f"{answer.status} {said[:300]!r}")


async def main(world: dict[str, Any]) -> None:
    crowd = Crowd(world)
    sockets = await crowd.come()
    listeners = [asyncio.create_task(crowd.listen(socket)) for socket in sockets]
    await asyncio.sleep(3)  # until everybody was told who is here
    await crowd.hear(-1)
    before = spent(world["web"])
    took = []
    for number in range(world["notes"]):
        await asyncio.sleep(CALM)
        took.append(await crowd.hear(number))
    print(json.dumps({"took": took, "bytes": crowd.bytes, "spent": spent(world["web"]) - before}))
    for listener in listeners:
        listener.cancel()


if __name__ == "__main__":
    asyncio.run(main(json.load(sys.stdin)))
