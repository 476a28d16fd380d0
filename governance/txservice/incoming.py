"""Bodies as clients send them, checked; whatever is wrong is named by its field."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.utils import timezone
from django.utils.dateparse import parse_datetime

from governance.proposals.building import MOST_DATA
from governance.txservice.errors import BadChecksum, Wrong
from integrations.chain.addresses import ZERO_ADDRESS, checksum, parse_hash, parse_hex, parse_uint
from ledger import Invalid
from ledger.text import one_line

T = TypeVar("T")
MOST_SIGNATURES = 60_000
REQUIRED = "This field is required."
NULL = "This field may not be null."


@dataclass(frozen=True)
class Offer:
    """A Safe transaction that somebody hands in."""

    fields: dict[str, Any]  # of a SafeTx
    safe_tx_hash: str
    sender: str
    signature: bytes
    origin: Any


@dataclass(frozen=True)
class Naming:
    """An owner names a delegate, or takes it back (then without a label)."""

    safe: str | None
    delegate: str
    delegator: str
    signature: bytes
    label: str = ""
    expires_at: datetime | None = None


class Body:
    """Reads field after field and keeps every complaint, so that a client hears of all of them at once."""

    def __init__(self, data: object) -> None:
        if not isinstance(data, Mapping):
            raise Wrong("Invalid data. Expected a dictionary.")
        self.data = {_camel(str(key)): value for key, value in data.items()}
        self.wrong: dict[str, list[str]] = {}

    def read(self, name: str, parse: Callable[[Any], T], *, default: Any = ...) -> Any:
        """The field; with a default it may be missing or null."""
        value = self.data.get(name)
        if value is None:
            if default is ...:
                self.wrong[name] = [NULL if name in self.data else REQUIRED]
                return None
            return default
        try:
            return parse(value)
        except Invalid as error:
            self.wrong[name] = [f"{error.message} {error.hint}".strip()]
            return None

    def done(self, status: int) -> None:
        if self.wrong:
            raise Wrong(self.wrong, status)


def _camel(name: str) -> str:
    """The service takes snake_case as well."""
    first, *rest = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in rest)


def address(text: object) -> str:
    """With its checksum and nothing else: a service's client never sends another spelling."""
    if not isinstance(text, str) or len(text) != 42 or not text.startswith("0x"):
        raise Invalid("", f"Address {str(text)[:60]} is not checksumed")
    try:
        right = checksum(text)
        bytes.fromhex(text[2:])
    except ValueError:
        right = ""
    if text != right:
        raise Invalid("", f"Address {text} is not checksumed")
    return text


def address_in_path(text: str) -> str:
    try:
        return address(text)
    except Invalid:
        raise BadChecksum(text[:100]) from None


def boolean(text: str) -> bool:
    if text.lower() in ("true", "1"):
        return True
    if text.lower() in ("false", "0"):
        return False
    raise Invalid("", "Not a truth value.", "true or false")


def moment(text: object) -> datetime:
    try:
        found = parse_datetime(text) if isinstance(text, str) else None
    except ValueError:
        found = None
    if found is None:
        raise Invalid("", "Enter a valid date/time.", "such as 2026-11-21T03:00:00Z")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _signature(text: object) -> bytes:
    raw = parse_hex(text)
    if len(raw) < 65:
        raise Invalid("", f"{len(raw)} bytes are too short.", "65 bytes: 0x followed by 130 digits")
    if len(raw) > MOST_SIGNATURES:
        raise Invalid("", "Far too long.", "the owners' signatures")
    return raw


def _data(text: object) -> bytes:
    raw = parse_hex(text or "0x")
    if len(raw) > MOST_DATA:
        raise Invalid("", f"{len(raw)} bytes of calldata are too many.", f"at most {MOST_DATA}")
    return raw


def _operation(value: object) -> int:
    number = parse_uint(value)
    if number not in (0, 1):
        raise Invalid("", f'"{number}" is not a valid choice.')
    return number


def _origin(value: object) -> Any:
    """Free text, or JSON as text: shown, and nothing more."""
    text = one_line("", value, 200, empty=True) if isinstance(value, str) else None
    if text is None:
        raise Invalid("", "Not a valid string.")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return text
    return found if isinstance(found, (dict, str)) else text


def offer(data: object) -> Offer:
    body = Body(data)
    fields = {
        "to": body.read("to", address),
        "value": body.read("value", parse_uint),
        "data": body.read("data", _data, default=b""),
        "operation": body.read("operation", _operation),
        "safe_tx_gas": body.read("safeTxGas", parse_uint),
        "base_gas": body.read("baseGas", parse_uint),
        "gas_price": body.read("gasPrice", parse_uint),
        "gas_token": body.read("gasToken", address, default=ZERO_ADDRESS),
        "refund_receiver": body.read("refundReceiver", address, default=ZERO_ADDRESS),
        "nonce": body.read("nonce", parse_uint),
    }
    given = Offer(
        fields=fields,
        safe_tx_hash=body.read("contractTransactionHash", parse_hash),
        sender=body.read("sender", address),
        signature=body.read("signature", _signature),
        origin=body.read("origin", _origin, default={}),
    )
    body.done(422)
    return given


def signature_of(data: object) -> bytes:
    body = Body(data)
    raw: bytes = body.read("signature", _signature)
    body.done(400)
    return raw


def _label(value: object) -> str:
    if not isinstance(value, str):
        raise Invalid("", "Not a valid string.")
    return one_line("", value, 50)


def _future(value: object) -> datetime:
    found = moment(value)
    if found <= timezone.now():
        raise Invalid("", "`expiry_date` cannot be previous to the current timestamp")
    return found


def naming(data: object, *, delegate: str | None = None) -> Naming:
    """With `delegate` from the path it is a removal."""
    body = Body(data)
    given = Naming(
        safe=body.read("safe", address, default=None),
        delegate=delegate or body.read("delegate", address),
        delegator=body.read("delegator", address),
        signature=body.read("signature", _signature),
        label="" if delegate else body.read("label", _label),
        expires_at=None if delegate else body.read("expiryDate", _future, default=None),
    )
    body.done(400)
    return given


def calldata(data: object) -> tuple[bytes, str | None]:
    """What is to be decoded, and for which target."""
    body = Body(data)
    raw = body.read("data", parse_hex)
    to = body.read("to", address, default=None)
    if raw is not None and len(raw) < 4:
        body.wrong["data"] = ["Ensure this field has at least 4 hexadecimal bytes."]
    body.done(422)
    return raw, to
