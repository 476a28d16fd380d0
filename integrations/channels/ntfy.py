"""A push notification through an ntfy server."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, field_validator

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, body_of, cut, secrets_in
from integrations.posting import accepted, as_json, is_address, post_json, refusal

LONGEST_BYTES, LONGEST_TITLE = 4_096, 250
PRIORITIES = {"urgent": 5, "high": 4, "default": 3}


def _bytes(text: str) -> int:
    return len(text.encode())


@CHANNELS.register("ntfy")
class Ntfy(Channel):
    """A topic on ntfy.sh or on a server of your own: push notifications without an account at anybody's."""

    label = "ntfy"
    icon = "phone"
    pause, burst, bundle = 5.0, 10, 15  # ntfy.sh gives back one request every five seconds
    leads = ("server",)

    class Config(families.Config):
        """Without a token anybody who knows the topic reads along: choose one that nobody guesses."""

        topic: str = Field(description="Letters, digits, - and _")
        server: Annotated[str, AfterValidator(is_address)] = "https://ntfy.sh"
        token: SecretStr | None = Field(default=None, title="Access token", description="For a protected topic: tk_…")
        priority: Literal["urgent", "high", "default"] = "high"

        @field_validator("topic")
        @classmethod
        def _is_a_topic(cls, value: str) -> str:
            if not re.fullmatch(r"[A-Za-z0-9_-]{1,64}", value):
                raise ValueError("is not a topic: 1 to 64 letters, digits, - and _")
            return value

    @classmethod
    def address(cls, config: Any) -> str:
        return f"{urlsplit(config.server).netloc}/{config.topic}"

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        secrets = secrets_in(config)
        content: dict[str, Any] = {
            "topic": config.topic,
            "title": cut(" ".join(envelope.subject.split()), LONGEST_TITLE),
            "message": body_of(envelope, LONGEST_BYTES, _bytes),
            "priority": PRIORITIES[config.priority],
        }
        if envelope.link:
            content["click"] = envelope.link
        headers = {"Authorization": f"Bearer {config.token.get_secret_value()}"} if config.token else {}
        answer = post_json(config.server.rstrip("/") + "/", content, secrets=secrets, headers=headers)
        said = as_json(answer)
        if accepted(answer):
            return str(said.get("id", ""))[:64]
        raise refusal("ntfy", answer, secrets=secrets, said=str(said.get("error", "")), closed=(401, 403, 404, 410))
