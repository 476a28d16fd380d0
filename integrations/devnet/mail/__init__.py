"""The demo's mailbox: a real SMTP server on loopback that keeps what it is given, and a page to read it."""

import email
import email.policy
import os
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP
from django.conf import settings

KEPT = 500


def folder() -> Path:
    return Path(settings.STATE_DIR) / "mail"


@dataclass(frozen=True)
class Letter:
    """One received mail."""

    name: str
    received_at: datetime
    sender: str
    to: str
    subject: str
    body: str


class Keeper:
    """Writes each mail to a file, whole or not at all."""

    def __init__(self, where: Path) -> None:
        self.where = where
        where.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Any, envelope: Any) -> str:  # aiosmtpd's name
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S%f")
        handle, temporary = tempfile.mkstemp(dir=self.where, prefix=".")
        with os.fdopen(handle, "wb") as file:
            file.write(b"X-To: " + ", ".join(envelope.rcpt_tos).encode() + b"\r\n" + envelope.original_content)
        Path(temporary).rename(self.where / f"{stamp}-{os.urandom(3).hex()}.eml")
        self._forget_old()
        return "250 kept"

    def _forget_old(self) -> None:
        for old in sorted(self.where.glob("*.eml"))[:-KEPT]:
            old.unlink(missing_ok=True)


def serve(port: int) -> Controller:
    """Start the server; the caller stops it."""
    controller = Controller(Keeper(folder()), hostname="127.0.0.1", port=port, data_size_limit=1_000_000)
    controller.start()
    return controller


def letters(limit: int = 100) -> list[Letter]:
    """The newest first."""
    return [_read(path) for path in sorted(folder().glob("*.eml"), reverse=True)[:limit]]


def letter(name: str) -> Letter | None:
    path = next((path for path in folder().glob("*.eml") if path.stem == name), None)
    return _read(path) if path else None


def _read(path: Path) -> Letter:
    with path.open("rb") as file:
        message: EmailMessage = email.message_from_binary_file(file, policy=email.policy.default)
    part = message.get_body(("plain",))
    received = datetime.strptime(path.stem.partition("-")[0], "%Y%m%dT%H%M%S%f").replace(tzinfo=UTC)
    return Letter(
        name=path.stem,
        received_at=received,
        sender=str(message.get("From", "")),
        to=str(message.get("X-To", "")),
        subject=str(message.get("Subject", "")),
        body=str(part.get_content()) if part else "",
    )
