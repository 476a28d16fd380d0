"""A message in a Telegram chat, by a bot."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr, field_validator

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, Undelivered, secrets_in, written
from integrations.outgoing import Answer
from integrations.posting import accepted, as_json, is_address, post_json, refusal, seconds

LONGEST = 4_096
TOKEN = re.compile(r"\d{3,20}:[A-Za-z0-9_-]{20,100}")
CHAT = re.compile(r"-?\d{1,20}|@[A-Za-z][A-Za-z0-9_]{3,31}")
CLOSED = re.compile(r"chat not found|CHAT_WRITE_FORBIDDEN|have no rights|upgraded to a supergroup|user not found", re.I)
"""Telegram answers 400 to all sorts of things; these mean that nothing will ever arrive there."""


def _units(text: str) -> int:
    """Telegram counts UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


@CHANNELS.register("telegram")
class Telegram(Channel):
    """A chat, a group or a channel on Telegram, written to by a bot of yours."""

    label = "Telegram"
    pause, burst, bundle = 3.0, 3, 15  # a group takes twenty a minute
    leads = ("api",)

    class Config(families.Config):
        """The bot must be in the group, or the person must have written to it first."""

        chat: str = Field(description="Its number, such as -1001234567890, or @name of a public channel")
        token: SecretStr = Field(title="Bot token", description="From @BotFather, such as 123456:ABC…")
        topic: int | None = Field(default=None, description="Number of the topic, in a group that has topics")
        api: Annotated[str, AfterValidator(is_address)] = Field(
            default="https://api.telegram.org",
            title="API",
            description="Other than Telegram's: your own Bot API server",
        )

        @field_validator("chat")
        @classmethod
        def _is_a_chat(cls, value: str) -> str:
            if not CHAT.fullmatch(value):
                raise ValueError("is not a chat, such as -1001234567890 or @name")
            return value

        @field_validator("token")
        @classmethod
        def _is_a_token(cls, value: SecretStr) -> SecretStr:
            if not TOKEN.fullmatch(value.get_secret_value().strip()):
                raise ValueError("is not a bot's token, such as 123456:ABC…")
            return SecretStr(value.get_secret_value().strip())

    @classmethod
    def address(cls, config: Any) -> str:
        return f"{config.chat} / {config.topic}" if config.topic else str(config.chat)

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        secrets = secrets_in(config)
        content: dict[str, Any] = {
            "chat_id": config.chat if config.chat.startswith("@") else int(config.chat),
            "text": written(envelope, LONGEST, _units),
            "link_preview_options": {"is_disabled": True},
        }
        if config.topic:
            content["message_thread_id"] = config.topic
        url = f"{config.api.rstrip('/')}/bot{config.token.get_secret_value()}/sendMessage"
        answer = post_json(url, content, secrets=secrets)
        said = as_json(answer)
        if accepted(answer) and said.get("ok") is True:
            result = said.get("result")
            return str(result.get("message_id", ""))[:64] if isinstance(result, dict) else ""
        raise _refused(answer, said, secrets)


def _refused(answer: Answer, said: dict[str, Any], secrets: list[str]) -> Undelivered:
    """What was wrong stands in the description, and where the chat went, or how long to wait, beside it."""
    more = said.get("parameters")
    more = more if isinstance(more, dict) else {}
    text = str(said.get("description", ""))
    if moved := more.get("migrate_to_chat_id"):
        text += f" (the chat is now {str(moved)[:24]})"
    closed = (400, 401, 403, 404) if CLOSED.search(text) or answer.status != 400 else ()
    return refusal(
        "Telegram", answer, secrets=secrets, said=text, closed=closed, after=seconds(more.get("retry_after"))
    )
