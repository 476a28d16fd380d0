"""Hypernative: risk insights by webhook, signed with its key."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field, StringConstraints

from integrations.families import Config as Base
from integrations.inbound import INBOUND, Action, Call, InboundFormat, Incoming, Unproved, typed
from integrations.inbound.decoding import decode
from integrations.inbound.reading import Severities, items, part, passage, record_of, severity, text, title
from integrations.inbound.signatures import check_clock, check_ecdsa, read_public_key
from ledger.errors import Invalid

HINT = '{"id": "…", "data": "{\\"riskInsight\\": …}", "digitalSignature": "…"}'
TEST = "T-9999"
OLDEST = timedelta(minutes=60)
OWN = "critical=SEV1, high=SEV1, medium=SEV2, low=SEV3, info=SEV4"
SHOWN = ("chain", "category", "details", "riskTypeId", "riskTypeDescription", "txnHash", "timestamp", "stage")


def _known(text: str) -> str:
    if text:
        read_public_key(text)
    return text


@INBOUND.register("hypernative")
class Hypernative(InboundFormat):
    """Risk insights of Hypernative. One that is told in stages is one alert from its start to its end."""

    label = "Hypernative"
    told = "for state alerts, with stage End; others are cleared by hand"

    class Config(Base):
        public_key: Annotated[str, StringConstraints(max_length=1000), AfterValidator(_known)] = Field(
            default="", description="Hypernative's public key (base64 or PEM); with it unsigned messages are refused"
        )
        severities: Severities = Field(default="", description="other severities than ours, such as medium=SEV3")

    @classmethod
    def prove(cls, config: Any, call: Call) -> str:
        if not config.public_key:
            return ""
        body = decode(call.raw)
        given = body.get("digitalSignature") if isinstance(body, Mapping) else None
        data = body.get("data") if isinstance(body, Mapping) else None
        if not isinstance(given, str) or not isinstance(data, str):
            raise Unproved("digitalSignature or data is missing", "both, as text")
        found = check_ecdsa(key=config.public_key, given=given, signed=data.encode("utf-8", "replace"))
        check_clock(call, _insight(data).get("timestamp") or "", oldest=OLDEST)
        return found

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        message = record_of(body, HINT)
        data = message.get("data")
        if not isinstance(data, str):
            raise Invalid("data", "is missing, or is not text", "the JSON of the insight, as text")
        found = _insight(data)
        where = "data.riskInsight"
        if text(found, "riskTypeId", where, longest=40) == TEST:
            return []
        name = text(found, "parentRiId", where, longest=200) or text(found, "id", where, longest=200, required=True)
        stage = text(found, "stage", where, longest=40).lower()
        over = stage == "end" or text(found, "threatIntelReview", where, longest=40).lower() == "dismissed"
        return [
            Incoming(
                key=typed("insight", name),
                title=title(passage(found, "name", where), passage(found, "riskTypeDescription", where)),
                action=Action.RESOLVE if over else Action.TRIGGER,
                severity=severity(text(found, "severity", where, longest=40), f"{config.severities},{OWN}"),
                detail={
                    **{name: found[name] for name in SHOWN if name in found},
                    "assets": list(items(found, "involvedAssets")) if "involvedAssets" in found else [],
                },
            )
        ]


def _insight(data: str) -> Mapping[str, Any]:
    return part(record_of(decode(data.encode("utf-8", "replace"), "data"), HINT), "riskInsight", "data", required=True)
