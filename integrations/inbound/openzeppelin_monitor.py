"""OpenZeppelin Monitor: its webhook trigger, in both payload modes, signed if the trigger has a secret."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field, SecretStr

from integrations.families import Config as Base
from integrations.inbound import INBOUND, Call, InboundFormat, Incoming, typed
from integrations.inbound.reading import digest, part, passage, record_of, text, title
from integrations.inbound.signatures import check_clock, check_hmac, header
from ledger.errors import Invalid

HINT = 'a template\'s {"title": "…", "body": "…"}, or in raw mode {"EVM": {"monitor": {…}, "transaction": {…}}}'
FAMILIES = ("EVM", "Stellar", "Solana", "Midnight")


@INBOUND.register("openzeppelin_monitor")
class OpenZeppelinMonitor(InboundFormat):
    """Matches of OpenZeppelin Monitor. In raw mode each is told apart by monitor, network and transaction."""

    label = "OpenZeppelin Monitor"

    class Config(Base):
        secret: SecretStr | None = Field(default=None, description="the trigger's secret")

    @classmethod
    def prove(cls, config: Any, call: Call) -> str:
        if config.secret is None:
            return ""
        given = header(call, "X-Signature", "give the trigger the secret of this key")
        said = header(call, "X-Timestamp", "OpenZeppelin Monitor signs the body and this header")
        found = check_hmac(call, secret=config.secret, given=given, signed=call.raw + said.encode())
        check_clock(call, said)
        return found

    @classmethod
    def read(cls, config: Any, body: Any) -> Sequence[Incoming]:
        message = record_of(body, HINT)
        family = next((name for name in FAMILIES if isinstance(message.get(name), Mapping)), "")
        if family:
            return [_match(message[family], family)]
        if "title" not in message and "body" not in message:
            raise Invalid("", "this is not what OpenZeppelin Monitor sends", HINT)
        # A template's text has no name: another text is another match.
        words = {"title": passage(message, "title"), "body": passage(message, "body")}
        name = title(words["title"], words["body"])
        return [Incoming(key=typed("payload", digest(message)), title=name, detail=words)]


def _match(found: Mapping[str, Any], family: str) -> Incoming:
    monitor = text(part(found, "monitor", family, required=True), "name", f"{family}.monitor", required=True)
    network = text(found, "network_slug", family, longest=100)
    transaction = part(found, "transaction", family, required=True)
    hash = text(transaction, "hash", f"{family}.transaction", longest=200)
    if not hash:
        return Incoming(key=typed("payload", digest(found)), title=title(monitor), detail=_detail(found, transaction))
    return Incoming(
        key=typed("match", f"{network}:{hash}:{monitor}"),
        title=title(f"{monitor}: transaction {hash[:10]}… on {network or family}"),
        detail=_detail(found, transaction),
    )


def _detail(found: Mapping[str, Any], transaction: Mapping[str, Any]) -> dict[str, Any]:
    block = transaction.get("blockNumber")
    number = int(block, 16) if isinstance(block, str) and block[:2] == "0x" and len(block) < 18 else None
    return {
        "network": found.get("network_slug"),
        "matched": found.get("matched_on_args"),
        **{name: transaction[name] for name in ("hash", "from", "to", "value") if name in transaction},
        "first_bad_block": number,
    }
