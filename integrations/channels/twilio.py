"""A text message to a phone, through Twilio."""

import base64
import re
from typing import Annotated, Any
from urllib.parse import urlencode

from pydantic import AfterValidator, Field, SecretStr

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, secrets_in, written
from integrations.posting import accepted, as_json, is_address, post, refusal

LONGEST = 1_600
CLOSED = (20003, 20404, 21211, 21212, 21217, 21265, 21408, 21606, 21608, 21610, 21612, 21614, 21660, 21703)
"""Error codes that no other text would mend: the number, the sender or the account is at fault."""


def _matches(pattern: str, hint: str) -> AfterValidator:
    def check(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise ValueError(f"must look like {hint}")
        return value

    return AfterValidator(check)


def _units(text: str) -> int:
    """At most this many: outside its own alphabet an SMS counts UTF-16 code units."""
    return len(text.encode("utf-16-le")) // 2


@CHANNELS.register("twilio")
class TwilioSms(Channel):
    """An SMS through your Twilio account."""

    label = "SMS (Twilio)"
    icon = "phone"
    pause, burst, bundle = 10.0, 3, 5
    leads = ("api", "account")

    class Config(families.Config):
        """Numbers are written with their country: +4915112345678."""

        to: Annotated[str, _matches(r"\+[1-9]\d{6,14}", "+4915112345678")] = Field(title="Phone number")
        sender: Annotated[str, _matches(r"\+[1-9]\d{6,14}|MG[0-9a-f]{32}|[A-Za-z0-9 ]{1,11}", "+15005550006")] = Field(
            description="Your number at Twilio, a messaging service (MG…), or a name where that is allowed"
        )
        account: Annotated[str, _matches(r"AC[0-9a-f]{32}", "AC and 32 characters")] = Field(title="Account SID")
        token: SecretStr = Field(title="Auth token", description="Or the secret of an API key", min_length=8)
        api_key: Annotated[str, _matches(r"(SK[0-9a-f]{32})?", "SK and 32 characters")] = Field(
            default="", title="API key SID", description="When the token is the secret of an API key: SK…"
        )
        api: Annotated[str, AfterValidator(is_address)] = Field(
            default="https://api.twilio.com", title="API", description="Of another region, if yours is one"
        )

    @classmethod
    def address(cls, config: Any) -> str:
        return str(config.to)

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        secrets = secrets_in(config)
        login = f"{config.api_key or config.account}:{config.token.get_secret_value()}"
        sender = "MessagingServiceSid" if re.fullmatch(r"MG[0-9a-f]{32}", config.sender) else "From"
        form = {"To": config.to, sender: config.sender, "Body": written(envelope, LONGEST, _units)}
        headers = {
            "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        url = f"{config.api.rstrip('/')}/2010-04-01/Accounts/{config.account}/Messages.json"
        answer = post(url, urlencode(form).encode(), secrets=secrets, headers=headers)
        said = as_json(answer)
        if accepted(answer):
            return str(said.get("sid", ""))[:64]
        code = said.get("code")
        text = f"{said.get('message', '')} ({code})" if code else ""
        closed = (400, 401, 403, 404) if code in CLOSED or answer.status != 400 else ()
        raise refusal("Twilio", answer, secrets=secrets, said=text, closed=closed)
