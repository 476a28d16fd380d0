"""A signed POST to somebody else's program, in the shape of Standard Webhooks 1.0."""

import base64
import binascii
import hashlib
import hmac
import json
import secrets as chance
import time
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, field_validator

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, secrets_in
from integrations.posting import accepted, is_address, post, refusal, shown

PREFIX = "whsec_"
SHORTEST, LONGEST = 24, 64
TYPE = "breakglass.message"


def new_key() -> SecretStr:
    return SecretStr(PREFIX + base64.b64encode(chance.token_bytes(32)).decode())


@CHANNELS.register("webhook")
class Webhook(Channel):
    """For programs: a POST with a signature, a time and an id, tried for two days."""

    label = "Webhook"
    icon = "external"
    pause, burst, bundle = 0.1, 50, 50
    patience = timedelta(hours=48)
    knows_repeats = True
    leads = ("url",)

    class Config(families.Config):
        """With an old key, every request carries a signature by each: the receiver changes keys without a gap."""

        url: Annotated[str, AfterValidator(is_address)] = Field(title="URL", description="https:// and public")
        key: SecretStr = Field(
            default_factory=new_key,
            title="Signing key",
            description="whsec_ and base64 of 24 to 64 bytes. Left empty, one is made and shown once.",
        )
        old_key: SecretStr | None = Field(
            default=None, title="Old signing key", description="Only while the receiver changes from it to the new one"
        )

        @field_validator("key", "old_key")
        @classmethod
        def _is_a_key(cls, value: SecretStr | None) -> SecretStr | None:
            if value is None:
                return None
            text = value.get_secret_value().strip()
            if not text.startswith(PREFIX) or not SHORTEST <= len(_raw(text)) <= LONGEST:
                raise ValueError("must be whsec_ and the base64 of 24 to 64 bytes")
            return SecretStr(text)

    @classmethod
    def address(cls, config: Any) -> str:
        return shown(config.url)

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        secrets = [*secrets_in(config), config.url]
        body = json.dumps(_content(envelope), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", **signed(config, envelope.token, int(time.time()), body)}
        answer = post(config.url, body, secrets=secrets, headers=headers)
        if not accepted(answer):
            raise _refused(answer, secrets)
        return envelope.token

    @classmethod
    def rotated(cls, config: Any) -> Any:
        return config.model_copy(update={"key": new_key(), "old_key": config.key})

    @classmethod
    def settled(cls, config: Any) -> Any:
        return config.model_copy(update={"old_key": None}) if config.old_key else None


def _refused(answer: Any, secrets: list[str]) -> Exception:
    """401 and 403 are what a receiver says whose keys are being changed: that passes."""
    refused = refusal("the receiver", answer, secrets=secrets)
    if answer.status in (401, 403):
        refused.permanent = refused.closed = False
    return refused


def _raw(key: str) -> bytes:
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return b""


def signed(config: Any, token: str, now: int, body: bytes) -> dict[str, str]:
    """The three headers of Standard Webhooks. The time is that of this try: a receiver refuses what is old."""
    said = f"{token}.{now}.".encode() + body
    keys = [key.get_secret_value() for key in (config.key, config.old_key) if key is not None]
    marks = (base64.b64encode(hmac.new(_raw(key), said, hashlib.sha256).digest()).decode() for key in keys)
    return {
        "webhook-id": token,
        "webhook-timestamp": str(now),
        "webhook-signature": " ".join(f"v1,{mark}" for mark in marks),
    }


def _content(envelope: Envelope) -> dict[str, Any]:
    """A list always: what was bundled is told one by one, and each keeps its own id."""
    parts = envelope.parts or (envelope,)
    found: dict[str, Any] = {"type": TYPE}
    if envelope.at:
        found["timestamp"] = envelope.at.isoformat()
    return {**found, "data": {"messages": [_message(part) for part in parts]}}


def _message(part: Envelope) -> dict[str, Any]:
    at = part.at.isoformat() if part.at else None
    return {"id": part.token, "at": at, "subject": part.subject, "body": part.body, "link": part.link}
