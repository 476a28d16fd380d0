"""Functions, events and errors of an ABI, their types, and the values that fit them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from integrations.chain.addresses import parse_address, parse_hex
from integrations.chain.hashing import keccak
from ledger.errors import Invalid

_ARRAY = re.compile(r"^(.*)\[(\d*)\]$")
_INT = re.compile(r"^(u?)int(\d*)$")
_BYTES = re.compile(r"^bytes(\d*)$")
_NAME = re.compile(r"^[A-Za-z_$][A-Za-z0-9_$]*$")
_LOCATION = ("memory", "calldata", "storage", "payable")
_HINT = "for example transfer(address to, uint256 amount) returns (bool)"
MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Param:
    """One typed place; `components` when its innermost type is a tuple."""

    name: str
    type: str
    components: tuple["Param", ...] = ()
    indexed: bool = False

    @property
    def canonical(self) -> str:
        if self.type.startswith("tuple"):
            return "(" + ",".join(one.canonical for one in self.components) + ")" + self.type[5:]
        return self.type

    @property
    def is_word(self) -> bool:
        """Whether it fits into one topic as it is."""
        return self.type not in ("string", "bytes") and "[" not in self.type and not self.type.startswith("tuple")


@dataclass(frozen=True, slots=True)
class Function:
    """A function, an event or an error."""

    name: str
    inputs: tuple[Param, ...]
    outputs: tuple[Param, ...] = ()
    mutability: str = "nonpayable"
    signature: str = field(init=False)
    selector: bytes = field(init=False)

    def __post_init__(self) -> None:
        text = f"{self.name}({','.join(one.canonical for one in self.inputs)})"
        object.__setattr__(self, "signature", text)
        object.__setattr__(self, "selector", keccak(text.encode())[:4])

    @property
    def reads_only(self) -> bool:
        return self.mutability in ("view", "pure")


def parse_abi(abi: Sequence[Mapping[str, Any]], kind: str) -> list[Function]:
    """Entries of one kind (function, event, error) of a JSON ABI."""
    found = []
    for entry in abi:
        if isinstance(entry, Mapping) and entry.get("type", "function") == kind and entry.get("name"):
            found.append(
                Function(
                    str(entry["name"]),
                    tuple(_json_param(one, 0) for one in entry.get("inputs", ())),
                    tuple(_json_param(one, 0) for one in entry.get("outputs", ())),
                    str(entry.get("stateMutability", "nonpayable")),
                )
            )
    return found


def _json_param(raw: Mapping[str, Any], depth: int) -> Param:
    if depth > MAX_DEPTH:
        raise Invalid("abi", "The ABI nests too deeply.", f"at most {MAX_DEPTH} levels of tuples")
    kind = _canonical_type(str(raw.get("type", "")))
    components = tuple(_json_param(one, depth + 1) for one in raw.get("components", ()))
    return Param(str(raw.get("name", "")), kind, components, bool(raw.get("indexed", False)))


@lru_cache(maxsize=2048)
def parse_signature(text: str) -> Function:
    """A line such as `pause()`, `function f(uint a, (address to, bytes data)[] calls) view returns (bool)`."""
    words = re.sub(r"^\s*(function|event|error)\s+", "", text.strip().rstrip(";"))
    name, _, _ = words.partition("(")
    if not _NAME.match(name.strip()) or len(text) > 4000:
        raise Invalid("function", "This is not a function's signature.", _HINT)
    inputs, rest = _parenthesised(words[len(name) :])
    outputs, modifiers = "", rest
    if "(" in rest:
        modifiers, _, after = rest.partition("(")
        outputs, tail = _parenthesised("(" + after)
        modifiers += tail
    unknown = set(modifiers.split()) - {"returns", "view", "pure", "payable", "nonpayable", "external", "public"}
    if unknown:
        raise Invalid("function", f"Not understood: {' '.join(sorted(unknown))[:80]}.", _HINT)
    mutability = next((word for word in ("view", "pure", "payable") if word in modifiers.split()), "nonpayable")
    return Function(name.strip(), _params(inputs, 0), _params(outputs, 0), mutability)


def _parenthesised(text: str) -> tuple[str, str]:
    """The inside of the parentheses that the text begins with, and what follows them."""
    depth = 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0 and index:
            return text[1:index], text[index + 1 :]
        if depth == 0:
            break
    raise Invalid("function", "The parentheses do not match.", _HINT)


def _params(text: str, depth: int) -> tuple[Param, ...]:
    if depth > MAX_DEPTH:
        raise Invalid("function", "Too many nested tuples.", _HINT)
    return tuple(_param(part, depth) for part in _split(text)) if text.strip() else ()


def _split(text: str) -> list[str]:
    parts, depth, start = [], 0, 0
    for index, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


def _param(text: str, depth: int) -> Param:
    words = text.strip()
    components: tuple[Param, ...] = ()
    if words.startswith(("(", "tuple(")):
        inside, rest = _parenthesised(words[words.index("(") :])
        components = _params(inside, depth + 1)
        suffix = re.match(r"(?:\[\d*\])*", rest)
        arrays = suffix.group() if suffix else ""
        kind, rest_words = "tuple" + arrays, rest[len(arrays) :].split()
    else:
        kind, *rest_words = words.split() or [""]
        kind = _canonical_type(kind)
    indexed = "indexed" in rest_words
    names = [word for word in rest_words if word not in (*_LOCATION, "indexed")]
    if len(names) > 1 or (names and not _NAME.match(names[0])):
        raise Invalid("function", f"Not understood: {text.strip()[:80]}.", _HINT)
    return Param(names[0] if names else "", kind, components, indexed)


def _canonical_type(text: str) -> str:
    """Checks a type and spells it as hashes want it (uint → uint256)."""
    base, arrays = text, ""
    while match := _ARRAY.match(base):
        base, arrays = match.group(1), f"[{match.group(2)}]" + arrays
    base = {"uint": "uint256", "int": "int256", "byte": "bytes1"}.get(base, base)
    number, size = _INT.match(base), _BYTES.match(base)
    good = base in ("address", "bool", "string", "bytes", "function", "tuple")
    if number:
        good = 8 <= int(number.group(2) or 256) <= 256 and int(number.group(2) or 256) % 8 == 0
    elif size and size.group(1):
        good = 1 <= int(size.group(1)) <= 32
    if not good or arrays.count("[") > MAX_DEPTH:
        raise Invalid("function", f"{text[:40]} is not a type of the ABI.", "such as address, uint256, bytes32, bool")
    return base + arrays


def coerce(value: Any, param: Param, where: str) -> Any:
    """The value as the encoder wants it: exact, checksummed, in range; Invalid naming the place where it is not."""
    match = _ARRAY.match(param.type)
    if match:
        if not isinstance(value, list | tuple) or (match.group(2) and len(value) != int(match.group(2))):
            raise Invalid(where, "A list is wanted here.", param.canonical)
        inner = Param(param.name, match.group(1), param.components)
        return tuple(coerce(one, inner, f"{where}[{i}]") for i, one in enumerate(value))
    if param.type == "tuple":
        return _coerce_tuple(value, param, where)
    if number := _INT.match(param.type):
        return _coerce_int(value, signed=not number.group(1), bits=int(number.group(2)), where=where)
    if size := _BYTES.match(param.type):
        return _coerce_bytes(value, size.group(1), where)
    return _coerce_plain(value, param.type, where)


def _coerce_plain(value: Any, kind: str, where: str) -> Any:
    if kind == "address":
        return parse_address(value, where)
    if kind == "bool":
        if isinstance(value, bool):
            return value
        if value in ("true", "false"):
            return value == "true"
        raise Invalid(where, "Neither true nor false.", "true or false")
    if kind == "string" and isinstance(value, str):
        return value
    if kind == "function":
        return _coerce_bytes(value, "24", where)
    raise Invalid(where, "Text is wanted here.", kind)


def _coerce_tuple(value: Any, param: Param, where: str) -> Any:
    if isinstance(value, Mapping):
        names = [one.name for one in param.components]
        if set(value) != set(names):
            raise Invalid(where, "The names of the fields do not match.", ", ".join(names))
        value = [value[name] for name in names]
    if not isinstance(value, list | tuple) or len(value) != len(param.components):
        raise Invalid(where, f"{len(param.components)} fields are wanted here.", param.canonical)
    return tuple(
        coerce(one, inner, f"{where}.{inner.name or i}")
        for i, (one, inner) in enumerate(zip(value, param.components, strict=True))
    )


def _coerce_int(value: Any, *, signed: bool, bits: int, where: str) -> int:
    number: int | None = None
    if isinstance(value, int) and not isinstance(value, bool):
        number = value
    elif isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,78}", value.strip()):
        number = int(value)
    elif isinstance(value, str) and re.fullmatch(r"0x[0-9a-fA-F]{1,64}", value.strip()):
        number = int(value, 16)
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1)) if signed else (0, 2**bits)
    if number is None or not low <= number < high:
        raise Invalid(where, "This is not a whole number in range.", f"{'' if signed else 'u'}int{bits}, in digits")
    return number


def _coerce_bytes(value: Any, size: str, where: str) -> bytes:
    raw = parse_hex(value, where)
    if size and len(raw) != int(size):
        raise Invalid(where, f"{len(raw)} bytes instead of {size}.", f"0x followed by {2 * int(size)} digits")
    return raw


def to_json(value: Any) -> Any:
    """Decoded values for JSON: integers as decimal text (JavaScript would round them), bytes as 0x text."""
    if isinstance(value, bool | str) or value is None:
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex()
    return [to_json(one) for one in value]
