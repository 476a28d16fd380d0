"""Where sockets go: `/ws/` to the ledger's live updates, everything else is refused."""

from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from django.urls import URLPattern, re_path

from ledger.live.consumer import LiveConsumer


class Refused(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """A socket nobody serves is closed at the handshake, without an error in the log."""

    async def connect(self) -> None:
        await self.close()


def routes() -> list[URLPattern]:
    live: Any = LiveConsumer.as_asgi()
    other: Any = Refused.as_asgi()
    return [re_path(r"^ws/$", live), re_path(r"^.*$", other)]
