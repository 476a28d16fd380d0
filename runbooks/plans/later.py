"""Values that a plan does not know yet: what an earlier step will yield, and secrets.

While a plan is compiled, such a value stands in a step's config as marked text, so that step types need not know of
it: they check its length, copy it, put it into other text. Afterwards `settle` makes of the marks what the plan holds:
`{"$ref": "look.price"}`, `{"$text": ["Price ", {"$ref": "look.price"}]}` or `{"$secret": "pager"}`. Calldata with such
a value among its arguments is a `{"$call": …, "args": […]}`, encoded when the step is due.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

from integrations.chain.abi import encode_call, find_function
from integrations.chain.abi_types import Param
from ledger.errors import Invalid
from runbooks.steps import CLOSE, OPEN, Output

MARK = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")
SECRET = "secret:"
LENGTHS = {"uint256": 78, "int256": 78, "address": 42, "bytes32": 66, "bool": 5}
LONGEST_TEXT = 4_000
RANGES = {"uint256": (0, 2**256 - 1), "int256": (-(2**255), 2**255 - 1)}
SAMPLES: dict[str, tuple[Any, ...]] = {
    "address": ("0x" + "00" * 20,),
    "bytes32": ("0x" + "00" * 32,),
    "bool": (True, False),
    "text": ("text, not a number",),
}


@dataclass(slots=True)
class Yields:
    """Everything the steps of a plan yield, by `<plan id>.<output>`, and which of it is used."""

    known: dict[str, Output]
    used: dict[str, Output]

    def use(self, name: str) -> Output | None:
        found = self.known.get(name)
        if found is not None:
            self.used[name] = found
        return found


_YIELDS: ContextVar[Yields | None] = ContextVar("yields", default=None)


@contextmanager
def yields(found: Yields) -> Iterator[Yields]:
    """What `calldata` may ask about marks, for as long as one plan is compiled."""
    token = _YIELDS.set(found)
    try:
        yield found
    finally:
        _YIELDS.reset(token)


def mark(name: str, output: Output) -> str:
    """The text that stands for a value, as long as the value can become."""
    return OPEN + name.ljust(longest(output) - 2) + CLOSE


def longest(output: Output) -> int:
    if output.type != "text":
        return LENGTHS[output.type]
    if output.one_of:
        return max(len(item) for item in output.one_of)
    return output.max_length or LONGEST_TEXT


def secret_mark(name: str) -> str:
    return f"{OPEN}{SECRET}{name}{CLOSE}"


def is_marked(value: Any) -> bool:
    """Whether a mark stands anywhere inside a value."""
    if isinstance(value, str):
        return OPEN in value
    if isinstance(value, Mapping):
        return any(is_marked(item) for item in value.values())
    return isinstance(value, list | tuple) and any(is_marked(item) for item in value)


def settle(value: Any) -> Any:
    """The form in which a plan holds a value: marks become references, texts with references, or names of secrets."""
    if isinstance(value, str):
        return _settle_text(value) if OPEN in value else value
    if isinstance(value, Mapping):
        return {key: settle(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [settle(item) for item in value]
    return value


def _settle_text(text: str) -> Any:
    whole = MARK.fullmatch(text)
    if whole:
        name = whole[1].rstrip(" ")
        return {"$secret": name.removeprefix(SECRET)} if name.startswith(SECRET) else {"$ref": name}
    parts: list[Any] = []
    for position, piece in enumerate(MARK.split(text)):
        if position % 2:
            if piece.startswith(SECRET):
                raise ValueError("a secret can only stand by itself, not inside a text")
            parts.append({"$ref": piece.rstrip(" ")})
        elif piece:
            parts.append(piece)
    return {"$text": parts}


def in_words(text: str) -> str:
    """A text for people, in which a later value is called by its name."""
    return MARK.sub(lambda found: f"<{found[1].rstrip(' ').removeprefix(SECRET)}>", text)


def calldata(signature: str, args: list[Any]) -> Any:
    """Encoded, or as `$call` when an argument is not known yet. ValueError names the argument that does not fit."""
    plain = [as_argument(value) for value in args]
    try:
        if not is_marked(plain):
            return "0x" + encode_call(signature, "", plain).hex()
        for sample in _samples(plain):
            encode_call(signature, "", sample)
        _refuse_numbers_of_addresses(plain, find_function(signature).inputs)
    except Invalid as error:
        later = "; say within which `bounds` the value falls that is not known yet" if is_marked(plain) else ""
        raise ValueError(f"{signature}: {error.field}: {error.message} {error.hint}".rstrip(" .") + later) from None
    return {"$call": signature, "args": [_written(value) for value in plain]}


def as_argument(value: Any) -> Any:
    """A contract stands for its address, an amount and a duration for their number."""
    if isinstance(value, Mapping):
        for key, beside in (("address", "chain_id"), ("value", "decimals"), ("seconds", "text")):
            if key in value and beside in value:
                return value[key]
        return {key: as_argument(item) for key, item in value.items()}
    return [as_argument(item) for item in value] if isinstance(value, list | tuple) else value


def _written(value: Any) -> Any:
    """Whole numbers as decimal text: a plan has no greater ones than 2^53."""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _written(item) for key, item in value.items()}
    return [_written(item) for item in value] if isinstance(value, list | tuple) else value


def _samples(plain: list[Any]) -> Iterator[list[Any]]:
    """The arguments with the least and the greatest that each unknown one can become."""
    found = _YIELDS.get()

    def choose(value: Any, last: bool) -> Any:
        if isinstance(value, str) and OPEN in value:
            whole = MARK.fullmatch(value)
            if not whole or found is None or whole[1].startswith(SECRET):
                return "text, not a number"
            return extremes(found.known[whole[1].rstrip(" ")])[-1 if last else 0]
        if isinstance(value, Mapping):
            return {key: choose(item, last) for key, item in value.items()}
        return [choose(item, last) for item in value] if isinstance(value, list | tuple) else value

    yield [choose(value, False) for value in plain]
    yield [choose(value, True) for value in plain]


def _refuse_numbers_of_addresses(values: Any, params: Sequence[Param]) -> None:
    """An address or a hash would encode as a number as well, and nobody means that."""
    found = _YIELDS.get()
    items = list(values.values() if isinstance(values, Mapping) else values)
    for value, param in zip(items, params, strict=False):
        if isinstance(value, str):
            whole = MARK.fullmatch(value)
            output = found.known.get(whole[1].rstrip(" ")) if found and whole else None
            if output and output.type in ("address", "bytes32") and "int" in param.type:
                raise Invalid(param.name or "args", f"This is {output.type}, no number.", param.type)
        elif isinstance(value, list) and param.type.endswith("]"):
            inner = Param(param.name, param.type[: param.type.rindex("[")], param.components)
            _refuse_numbers_of_addresses(value, [inner] * len(value))
        elif isinstance(value, list | Mapping):
            _refuse_numbers_of_addresses(value, param.components)


def extremes(output: Output) -> tuple[Any, ...]:
    if output.type in RANGES:
        least, greatest = RANGES[output.type]
        return (
            least if output.minimum is None else max(least, output.minimum),
            greatest if output.maximum is None else min(greatest, output.maximum),
        )
    return output.one_of or SAMPLES[output.type]


def narrowed(output: Output, *, minimum: Any, maximum: Any, one_of: tuple[Any, ...], max_length: int | None) -> Output:
    """An output within the bounds that a playbook sets besides those it has by itself."""
    numbers = output.type in RANGES
    if not numbers and (minimum is not None or maximum is not None):
        raise ValueError(f"`minimum` and `maximum` are for numbers, and this is {output.type}")
    if output.type != "text" and max_length is not None:
        raise ValueError(f"`max_length` is for text, and this is {output.type}")
    allowed = tuple(str(item) for item in one_of)
    strange = sorted(set(allowed) - set(output.one_of)) if output.one_of else []
    if strange:
        raise ValueError(f"it never yields {', '.join(strange)}; it yields one of {', '.join(output.one_of)}")
    least = _number(minimum, output.minimum, max)
    greatest = _number(maximum, output.maximum, min)
    if least is not None and greatest is not None and least > greatest:
        raise ValueError(f"nothing is at least {least} and at most {greatest}")
    length = min((item for item in (max_length, output.max_length) if item is not None), default=None)
    return replace(output, minimum=least, maximum=greatest, one_of=allowed or output.one_of, max_length=length)


def _number(asked: Any, own: int | None, stricter: Any) -> int | None:
    if asked is None:
        return own
    text = str(asked).strip()
    if isinstance(asked, bool) or not re.fullmatch(r"-?[0-9]{1,78}", text):
        raise ValueError(f"{text[:80]!r} is not a whole number")
    return int(text) if own is None else int(stricter(int(text), own))
