"""Forta: batches of findings that bots and nodes post to a webhook."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from integrations.families import Config as Base
from integrations.inbound import INBOUND, InboundFormat, Incoming, typed
from integrations.inbound.reading import Severities, items, part, passage, record_of, severity, text, title

HINT = '{"alerts": [{"hash": "0x…", "name": "…", "severity": "HIGH", …}]}'
SHOWN = ("alertId", "description", "protocol", "findingType", "metadata", "links", "addresses", "createdAt")


@INBOUND.register("forta")
class Forta(InboundFormat):
    """Findings of Forta's bots, each told apart by its hash. What is told of the bots' own work is not read."""

    label = "Forta"
    accepted = 200

    class Config(Base):
        severities: Severities = Field(default="", description="other severities than ours, such as medium=SEV2")

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        batch = record_of(body, HINT)
        if "alerts" not in batch and "metrics" in batch:
            return []
        return [_alert(config, one, f"alerts.{number}") for number, one in enumerate(items(batch, "alerts"))]


def _alert(config: Any, one: Mapping[str, Any], path: str) -> Incoming:
    source = part(one, "source", path)
    block = part(source, "block", f"{path}.source")
    number = block.get("number")
    return Incoming(
        key=typed("alert", text(one, "hash", path, longest=200, required=True)),
        title=title(passage(one, "name", path), passage(one, "description", path)),
        severity=severity(text(one, "severity", path, longest=20), config.severities),
        detail={
            **{name: one[name] for name in SHOWN if name in one},
            "transaction": source.get("transactionHash"),
            "chain": block.get("chainId"),
            "first_bad_block": number if isinstance(number, int) else None,
        },
    )
