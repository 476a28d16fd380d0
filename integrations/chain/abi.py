"""ABI encoding and decoding, strictly: from a JSON ABI or from a line of text such as
`latestRoundData() view returns (uint80, int256, uint256, uint256, uint80)`.

Decoding reports what a careless reader would miss: bytes after the arguments, and encodings that are not canonical.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from eth_abi.abi import decode as abi_decode
from eth_abi.abi import encode as abi_encode
from eth_abi.exceptions import DecodingError, EncodingError, ParseError

from integrations.chain.abi_types import Function, Param, coerce, parse_abi, parse_signature, to_json
from integrations.chain.addresses import parse_hex
from integrations.chain.hashing import keccak
from ledger.errors import Invalid

Abi: TypeAlias = Sequence[Mapping[str, Any]]
Source: TypeAlias = Abi | str
MAX_DATA = 256 * 1024

PANICS = {
    0x00: "generic panic",
    0x01: "assertion failed",
    0x11: "arithmetic overflow or underflow",
    0x12: "division by zero",
    0x21: "bad enum value",
    0x22: "badly encoded storage bytes",
    0x31: "pop from an empty array",
    0x32: "array index out of bounds",
    0x41: "out of memory",
    0x51: "call of an uninitialised function",
}
_ERROR = parse_signature("Error(string reason)")
_PANIC = parse_signature("Panic(uint256 code)")


@dataclass(frozen=True, slots=True)
class Argument:
    """One decoded value with the name and type that the ABI gives it."""

    name: str
    type: str
    value: Any


@dataclass(frozen=True, slots=True)
class DecodedCall:
    """A call as its ABI reads it. `trailing`: bytes after the arguments; `canonical`: re-encoding gives the same."""

    name: str
    signature: str
    selector: str
    args: tuple[Argument, ...]
    trailing: bytes
    canonical: bool

    def as_json(self) -> dict[str, Any]:
        """For documents and templates: integers as decimal text, bytes as 0x text."""
        return {
            "function": self.name,
            "signature": self.signature,
            "selector": self.selector,
            "args": [{"name": a.name, "type": a.type, "value": to_json(a.value)} for a in self.args],
            "trailing": "0x" + self.trailing.hex(),
            "canonical": self.canonical,
        }


def selector(source: str) -> bytes:
    """The first four bytes of the hash of a signature's canonical form."""
    return keccak(parse_signature(source).signature.encode())[:4]


def functions(source: Source) -> list[Function]:
    """All functions of an ABI, or the one of a line of text."""
    return [parse_signature(source)] if isinstance(source, str) else parse_abi(source, "function")


def find_function(source: Source, fn: str = "") -> Function:
    """By name, or by signature where a name is overloaded."""
    found = functions(source)
    if fn:
        exact = fn.replace(" ", "")
        found = [one for one in found if exact in (one.name, one.signature)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Invalid("function", f"The ABI has no function {fn or 'at all'}.", "a function of this contract")
    choices = ", ".join(one.signature for one in found)
    raise Invalid("function", f"The name {fn} is ambiguous." if fn else "Which function?", f"one of {choices}")


def encode_call(source: Source, fn: str = "", args: Sequence[Any] | Mapping[str, Any] = ()) -> bytes:
    """Selector and arguments; every argument is checked against its type and named when it does not fit."""
    function = find_function(source, fn)
    return function.selector + encode_args(function.inputs, args)


def encode_args(params: Sequence[Param], args: Sequence[Any] | Mapping[str, Any]) -> bytes:
    """Arguments without a selector, as constructors and packed documents want them."""
    values = _in_order(params, args)
    clean = [
        coerce(value, param, param.name or f"args[{i}]")
        for i, (param, value) in enumerate(zip(params, values, strict=True))
    ]
    try:
        return abi_encode([param.canonical for param in params], clean)
    except (EncodingError, ParseError, ValueError, TypeError, OverflowError) as error:
        raise Invalid("args", "The arguments do not fit the function's types.", _types(params)) from error


def decode_call(source: Source, data: bytes | str) -> DecodedCall:
    """A call's function by its selector, with its arguments; Invalid when the ABI does not know it."""
    raw = parse_hex(data)
    if len(raw) < 4:
        raise Invalid("data", "Too short for a call.", "at least a 4-byte selector")
    for function in functions(source):
        if function.selector == raw[:4]:
            return decode_as(function, raw)
    raise Invalid("data", f"The ABI has no function with selector 0x{raw[:4].hex()}.", "data made for this contract")


def decode_as(function: Function, raw: bytes) -> DecodedCall:
    """A call of a function that its selector has told."""
    values, trailing, canonical = decode_args(function.inputs, raw[4:])
    args = tuple(Argument(p.name, p.canonical, v) for p, v in zip(function.inputs, values, strict=True))
    return DecodedCall(
        function.name, function.signature, "0x" + raw[:4].hex(), args, trailing=trailing, canonical=canonical
    )


def decode_args(params: Sequence[Param], raw: bytes) -> tuple[tuple[Any, ...], bytes, bool]:
    """Values, the bytes after them, and whether this is the one canonical encoding of them."""
    if len(raw) > MAX_DATA:
        raise Invalid("data", "Larger than a transaction can be.", "at most 256 kB")
    types = [param.canonical for param in params]
    try:
        values = tuple(abi_decode(types, raw))
        again = abi_encode(types, values)
    except (DecodingError, EncodingError, ParseError, ValueError, OverflowError, RecursionError) as error:
        raise Invalid("data", "The data do not decode as the function's arguments.", _types(params)) from error
    checked = tuple(_checksummed(value, param) for value, param in zip(values, params, strict=True))
    if raw[: len(again)] == again:
        return checked, raw[len(again) :], len(raw) == len(again)
    return checked, b"", False


def decode_output(source: Source, fn: str, data: bytes | str) -> tuple[Any, ...]:
    """A call's return values; too little data (a contract that is not what the ABI says) is Invalid."""
    function = find_function(source, fn)
    values, _, _ = decode_args(function.outputs, parse_hex(data))
    return values


def decode_revert(data: bytes, abi: Abi | None = None) -> str:
    """Why a call reverted, in words: Error(string), Panic(uint256), or a custom error of the ABI."""
    if not data:
        return "reverted without a reason"
    known = [_ERROR, _PANIC, *(parse_abi(abi, "error") if abi else [])]
    for error in known:
        if error.selector == data[:4]:
            try:
                values, _, _ = decode_args(error.inputs, data[4:])
            except Invalid:
                break
            return _explain(error, values)
    return f"reverted with 0x{data[:4].hex()} ({len(data)} bytes)"


def _explain(error: Function, values: Sequence[Any]) -> str:
    """The contract chose the words: what no database keeps is shown as a mark."""
    return _reason(error, values)[:500].replace("\x00", "\ufffd")


def _reason(error: Function, values: Sequence[Any]) -> str:
    if error is _ERROR:
        return str(values[0])
    if error is _PANIC:
        return f"panic 0x{values[0]:02x}: {PANICS.get(values[0], 'unknown')}"
    named = ", ".join(f"{p.name or p.type} {to_json(v)}" for p, v in zip(error.inputs, values, strict=True))
    return f"{error.name}({named})"


def event_topic(source: Source, name: str = "") -> str:
    """The first topic of an event, as 0x text."""
    found = [parse_signature(source)] if isinstance(source, str) else parse_abi(source, "event")
    for event in found:
        if not name or name in (event.name, event.signature):
            return "0x" + keccak(event.signature.encode()).hex()
    raise Invalid("event", f"The ABI has no event {name}.", "an event of this contract")


def decode_log(source: Source, topics: Sequence[bytes], data: bytes) -> tuple[str, tuple[Argument, ...]]:
    """An event's name and arguments; an indexed dynamic value is known only by its hash, and shown as that."""
    for event in [parse_signature(source)] if isinstance(source, str) else parse_abi(source, "event"):
        indexed = [param for param in event.inputs if param.indexed]
        if not topics or keccak(event.signature.encode()) != topics[0] or len(topics) != len(indexed) + 1:
            continue
        plain = [param for param in event.inputs if not param.indexed]
        values = iter(decode_args(plain, data)[0])
        words = iter(topics[1:])
        args = [
            Argument(p.name, p.canonical, _topic(p, next(words)) if p.indexed else next(values)) for p in event.inputs
        ]
        return event.name, tuple(args)
    raise Invalid("topics", "The ABI has no such event.", "a log of this contract")


def _topic(param: Param, word: bytes) -> Any:
    return decode_args([param], word)[0][0] if param.is_word else word


def _in_order(params: Sequence[Param], args: Sequence[Any] | Mapping[str, Any]) -> Sequence[Any]:
    if isinstance(args, Mapping):
        names = [param.name for param in params]
        if set(args) != set(names) or len(set(names)) != len(names):
            raise Invalid("args", "The names of the arguments do not match.", _types(params))
        return [args[name] for name in names]
    if isinstance(args, str | bytes) or len(args) != len(params):
        raise Invalid("args", f"Expected {len(params)} argument(s).", _types(params))
    return args


def _types(params: Sequence[Param]) -> str:
    return "(" + ", ".join(f"{param.canonical} {param.name}".strip() for param in params) + ")"


def _checksummed(value: Any, param: Param) -> Any:
    return coerce(value, param, param.name)
