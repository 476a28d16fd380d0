"""A real SMTP server that can be slow, refuse, or hang up after it took a mail."""

import asyncio
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiosmtpd.controller import Controller

from config.embedded import free_port


@dataclass
class MailServer:
    """`answers` are used up one a mail: "250 ok", "451 later", "550 no", "hang-up", "slow:0.5".

    `unwanted`: what it says as soon as a recipient is named."""

    unwanted: str = ""
    answers: list[str] = field(default_factory=list)
    received: list[tuple[list[str], Message]] = field(default_factory=list)
    port: int = field(default_factory=free_port)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any) -> str:
        if self.unwanted:
            return self.unwanted
        envelope.rcpt_tos.append(address)
        return "250 ok"

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # aiosmtpd's name
        answer = self.answers.pop(0) if self.answers else "250 ok"
        if answer.startswith("slow:"):
            await asyncio.sleep(float(answer.partition(":")[2]))
            answer = "250 ok"
        if answer.startswith("250") or answer == "hang-up":
            self.received.append((envelope.rcpt_tos, message_from_bytes(envelope.original_content)))
        if answer == "hang-up":
            server.transport.close()
        return answer

    def __enter__(self) -> "MailServer":
        self._controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()
