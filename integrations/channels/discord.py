"""A message in a Discord channel, by a webhook."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, secrets_in, written
from integrations.posting import accepted, as_json, is_secret_address, post_json, refusal, retry_after, seconds, shown

LONGEST = 2_000
NO_PREVIEWS = 1 << 2


@CHANNELS.register("discord")
class Discord(Channel):
    """A Discord channel, through one of its webhooks."""

    label = "Discord"
    pause, burst, bundle = 2.0, 5, 8

    class Config(families.Config):
        """The address is the secret: whoever has it can write to the channel."""

        url: Annotated[SecretStr, AfterValidator(is_secret_address)] = Field(
            title="Webhook URL", description="Such as https://discord.com/api/webhooks/123…/…"
        )

    @classmethod
    def address(cls, config: Any) -> str:
        return shown(config.url.get_secret_value())

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        """`wait` has Discord say whether it kept the message. Nobody is mentioned, whatever stands in the text."""
        secrets, url = secrets_in(config), config.url.get_secret_value()
        content = {
            "content": written(envelope, LONGEST),
            "allowed_mentions": {"parse": []},
            "flags": NO_PREVIEWS,
        }
        answer = post_json(f"{url}{'&' if '?' in url else '?'}wait=true", content, secrets=secrets)
        said = as_json(answer)
        if accepted(answer):
            return str(said.get("id", ""))[:64]
        pauses = [pause for pause in (retry_after(answer), seconds(said.get("retry_after"))) if pause is not None]
        raise refusal(
            "Discord",
            answer,
            secrets=secrets,
            said=str(said.get("message", "")),
            closed=(401, 403, 404),
            after=max(pauses, default=None),
        )
