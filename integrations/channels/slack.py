"""A message in a Slack channel, by an incoming webhook."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, SecretStr

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, secrets_in, written
from integrations.posting import accepted, is_secret_address, post_json, refusal, shown

LONGEST = 39_000  # of the 40,000 after which Slack cuts by itself
ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@CHANNELS.register("slack")
class Slack(Channel):
    """A Slack channel, through an incoming webhook; what speaks Slack's format (Mattermost, Rocket.Chat) too."""

    label = "Slack"
    pause, burst, bundle = 1.0, 3, 40

    class Config(families.Config):
        """The address is the secret: whoever has it can write to the channel."""

        url: Annotated[SecretStr, AfterValidator(is_secret_address)] = Field(
            title="Webhook URL", description="Such as https://hooks.slack.com/services/T…/B…/…"
        )

    @classmethod
    def address(cls, config: Any) -> str:
        return shown(config.url.get_secret_value())

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        """Slack answers `ok`, and no reference. Angle brackets are escaped: nobody is called by `<!channel>`."""
        secrets = secrets_in(config)
        text = written(envelope, LONGEST, lambda part: len(part.translate(ESCAPES))).translate(ESCAPES)
        answer = post_json(config.url.get_secret_value(), {"text": text}, secrets=secrets)
        if not accepted(answer):
            raise refusal("Slack", answer, secrets=secrets, closed=(401, 403, 404, 410))
        return ""
