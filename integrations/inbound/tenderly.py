"""Tenderly: an alert's webhook destination, signed."""

from collections.abc import Sequence
from typing import Any

from pydantic import Field, SecretStr

from integrations.families import Config as Base
from integrations.inbound import INBOUND, Call, InboundFormat, Incoming, typed
from integrations.inbound.reading import part, record_of, text, title
from integrations.inbound.signatures import check_clock, check_hmac, header
from ledger.errors import Invalid

HINT = '{"id": "…", "event_type": "ALERT", "transaction": {…}}'
SHOWN = ("network", "hash", "block_hash", "from", "to", "value", "nonce")


@INBOUND.register("tenderly")
class Tenderly(InboundFormat):
    """One transaction that matched an alert of Tenderly. Its payload does not say which alert: one key for each."""

    label = "Tenderly"
    accepted = 200

    class Config(Base):
        title: str = Field(
            default="Tenderly alert",
            min_length=1,
            max_length=80,
            description="what this webhook's alert is called; the payload does not say",
        )
        secret: SecretStr | None = Field(default=None, description="the webhook's signing secret")

    @classmethod
    def prove(cls, config: Any, call: Call) -> str:
        if config.secret is None:
            return ""
        given = header(call, "X-Tenderly-Signature", "as Tenderly signs its webhooks")
        said = header(call, "Date", "Tenderly signs the body and this header")
        found = check_hmac(call, secret=config.secret, given=given, signed=call.raw + said.encode())
        check_clock(call, said)
        return found

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        event = record_of(body, HINT)
        kind = text(event, "event_type", longest=20, required=True)
        if kind not in ("ALERT", "TEST"):
            raise Invalid("event_type", f"{kind!r} is not known", "ALERT or TEST")
        name = text(event, "id", longest=200, required=True)
        found = part(event, "transaction", required=True)
        network, hash = text(found, "network", "transaction", longest=40), text(found, "hash", "transaction")
        if kind == "TEST":
            return []
        block = found.get("block_number")
        return [
            Incoming(
                key=typed("event", name),
                title=title(f"{config.title}: transaction {hash[:10]}… on network {network or 'unknown'}"),
                detail={
                    **{part: found[part] for part in SHOWN if part in found},
                    "first_bad_block": block if isinstance(block, int) else None,
                },
            )
        ]
