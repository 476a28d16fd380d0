"""An event for PagerDuty, or whatever takes its Events API v2."""

import re
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from django.conf import settings
from pydantic import AfterValidator, Field, SecretStr, field_validator

from integrations import families
from integrations.channels import CHANNELS, Channel, Envelope, body_of, cut, secrets_in
from integrations.posting import accepted, as_json, fingerprint, is_address, post_json, refusal

LONGEST_SUMMARY, LONGEST_KEY, LONGEST_BODY = 1_024, 255, 20_000
KEY = re.compile(r"[A-Za-z0-9]{32}")


@CHANNELS.register("pagerduty")
class PagerDuty(Channel):
    """Triggers an alert on a PagerDuty service; a repetition is the same alert. It is resolved there, by people."""

    label = "PagerDuty"
    icon = "alarm"
    pause, burst, bundle = 1.0, 10, 40
    knows_repeats = True
    leads = ("api",)

    class Config(families.Config):
        """The integration key of an Events API v2 integration."""

        routing_key: SecretStr = Field(title="Integration key", description="32 letters and digits")
        severity: Literal["critical", "error", "warning", "info"] = "critical"
        api: Annotated[str, AfterValidator(is_address)] = Field(
            default="https://events.pagerduty.com",
            title="API",
            description="https://events.eu.pagerduty.com for accounts in Europe, or another that speaks Events API v2",
        )

        @field_validator("routing_key")
        @classmethod
        def _is_a_key(cls, value: SecretStr) -> SecretStr:
            if not KEY.fullmatch(value.get_secret_value().strip()):
                raise ValueError("is not an integration key of 32 letters and digits")
            return SecretStr(value.get_secret_value().strip())

    @classmethod
    def address(cls, config: Any) -> str:
        return f"{urlsplit(config.api).hostname} · {fingerprint(config.routing_key.get_secret_value())}"

    @classmethod
    def send(cls, config: Any, envelope: Envelope) -> str:
        secrets = secrets_in(config)
        answer = post_json(f"{config.api.rstrip('/')}/v2/enqueue", _event(config, envelope), secrets=secrets)
        said = as_json(answer)
        if accepted(answer):
            return str(said.get("dedup_key", ""))[:LONGEST_KEY]
        errors = said.get("errors")
        faults = "; ".join(map(str, errors)) if isinstance(errors, list) else str(said.get("message", ""))
        closed = (400, 401, 403, 404, 410) if "routing_key" in faults or answer.status != 400 else ()
        raise refusal("PagerDuty", answer, secrets=secrets, said=faults, closed=closed)


def _event(config: Any, envelope: Envelope) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "summary": cut(envelope.subject, LONGEST_SUMMARY),
        "source": urlsplit(settings.PUBLIC_URL).hostname or "breakglass",
        "severity": config.severity,
        "custom_details": {"message": body_of(envelope, LONGEST_BODY)},
    }
    if envelope.at:
        payload["timestamp"] = envelope.at.isoformat(timespec="milliseconds")
    event: dict[str, Any] = {
        "routing_key": config.routing_key.get_secret_value(),
        "event_action": "trigger",
        "dedup_key": envelope.token[:LONGEST_KEY],
        "payload": payload,
        "client": "Breakglass",
        "client_url": settings.PUBLIC_URL,
    }
    if envelope.link:
        event["links"] = [{"href": envelope.link, "text": "Open in Breakglass"}]
    return event
