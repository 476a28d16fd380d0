"""From calls to the one transaction that a Safe executes, and back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from governance.plans.schema import Call
from integrations.chain.addresses import parse_address, parse_hex, parse_uint
from integrations.safe.contracts import (
    InnerCall,
    decode_multi_send,
    encode_multi_send,
    is_multi_send,
    multi_send_address,
)
from integrations.safe.hashes import CALL, DELEGATECALL, SafeTx
from ledger import Invalid

MOST_CALLS = 100
MOST_DATA = 100_000
MOST_OF_A_BATCH = 110_000
"""Bytes of all calls together: nodes pass on no transaction above 128 kB, and signatures need room too."""


@dataclass(frozen=True)
class Built:
    to: str
    value: int
    data: bytes
    operation: int


def read_calls(calls: Sequence[Call | Mapping[str, Any]]) -> list[Call]:
    """Checked calls with checksummed addresses, or Invalid that names the call."""
    if not isinstance(calls, list | tuple) or not calls:
        raise Invalid("calls", "A proposal needs at least one call.", "a target, a value and calldata")
    if len(calls) > MOST_CALLS:
        raise Invalid("calls", f"{len(calls)} calls are too many for one batch.", f"at most {MOST_CALLS}")
    read = [_read_call(call, f"calls.{index}") for index, call in enumerate(calls)]
    size = sum(len(call.data) // 2 + 84 for call in read)
    if size > MOST_OF_A_BATCH:
        hint = f"at most {MOST_OF_A_BATCH}; make two proposals of them"
        raise Invalid("calls", f"These calls are {size} bytes together, too many for one transaction.", hint)
    return read


def _read_call(call: Call | Mapping[str, Any], path: str) -> Call:
    if isinstance(call, Call):
        call = call.model_dump()
    if not isinstance(call, Mapping):
        raise Invalid(path, "A call is an object.", 'e.g. {"to": "0x…", "value": "0", "data": "0x"}')
    extra = sorted(str(key) for key in set(call) - {"to", "value", "data"})
    if extra:
        raise Invalid(f"{path}.{extra[0]}", "A call has no such field.", "only to, value and data")
    data = parse_hex(call.get("data", "0x"), f"{path}.data")
    if len(data) > MOST_DATA:
        raise Invalid(f"{path}.data", f"{len(data)} bytes of calldata are too many.", f"at most {MOST_DATA}")
    return Call(
        to=parse_address(call.get("to"), f"{path}.to"),
        value=str(parse_uint(call.get("value", "0"), f"{path}.value")),
        data="0x" + data.hex(),
    )


def build(calls: Sequence[Call], *, version: str) -> Built:
    """One call goes directly; several go through the MultiSendCallOnly that is pinned for the Safe's version."""
    if len(calls) == 1:
        only = calls[0]
        return Built(only.to, int(only.value), bytes.fromhex(only.data[2:]), CALL)
    inner = [InnerCall(call.to, int(call.value), bytes.fromhex(call.data[2:])) for call in calls]
    return Built(multi_send_address(version), 0, encode_multi_send(inner), DELEGATECALL)


def calls_of(tx: SafeTx) -> list[InnerCall] | None:
    """What will really be called, one by one; None when the transaction cannot be read as plain calls."""
    if tx.operation == CALL:
        return [InnerCall(tx.to, tx.value, tx.data)]
    if not is_multi_send(tx.to, tx.version):
        return None
    try:
        return decode_multi_send(tx.data, version=tx.version, safe=tx.safe)
    except Invalid:
        return None


def refuse_over_long(tx: SafeTx, calls: Sequence[InnerCall] | None) -> None:
    """What was put together elsewhere, within the bounds of what is put together here."""
    if calls is not None and len(calls) > MOST_CALLS:
        raise Invalid("data", f"{len(calls)} calls are too many for one batch.", f"at most {MOST_CALLS}")
    most = MOST_DATA if tx.operation == CALL else MOST_OF_A_BATCH
    if len(tx.data) > most:
        raise Invalid("data", f"{len(tx.data)} bytes of calldata are too many.", f"at most {most}")


def as_json(calls: Sequence[InnerCall]) -> list[dict[str, str]]:
    return [{"to": call.to, "value": str(call.value), "data": "0x" + call.data.hex()} for call in calls]
