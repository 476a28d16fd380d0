"""Grafana Alerting: the webhook contact point, signed if it has an HMAC secret."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, SecretStr

from integrations.inbound import INBOUND, Call, InboundFormat, Incoming
from integrations.inbound.labels import LabelConfig, read_group
from integrations.inbound.signatures import check_clock, check_hmac, header

SIGNATURE = "X-Grafana-Alerting-Signature"
TIMESTAMP = "X-Grafana-Alerting-Timestamp"
HINT = 'what a webhook contact point sends: {"receiver": "…", "alerts": […]}'


@INBOUND.register("grafana")
class Grafana(InboundFormat):
    """Alerts of Grafana's unified alerting; each is told apart by the fingerprint of its labels."""

    label = "Grafana"
    told = "with status resolved, unless the contact point disables resolved messages"

    class Config(LabelConfig):
        secret: SecretStr | None = Field(default=None, description="HMAC secret of the contact point, if it has one")

    @classmethod
    def prove(cls, config: Any, call: Call) -> str:
        if config.secret is None:
            return ""
        given = header(call, SIGNATURE, "give the contact point an HMAC secret, and leave its header as it is")
        said = header(call, TIMESTAMP, f"set the contact point's timestamp header to {TIMESTAMP}")
        found = check_hmac(call, secret=config.secret, given=given, signed=said.encode() + b":" + call.raw)
        check_clock(call, said)
        return found

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        return read_group(config, body, HINT)
