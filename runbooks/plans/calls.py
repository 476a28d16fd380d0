"""Contract calls as steps write them, and what stands of them in a plan: target, value, calldata, words."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, ValidationInfo

from integrations.chain.abi import find_function
from integrations.chain.abi_types import coerce
from integrations.expressions import is_template
from ledger.errors import Invalid
from runbooks.plans.later import as_argument, calldata, in_words, is_marked
from runbooks.steps import Later, Place, StepConfig, Template, Whole


def _known_function(text: str) -> str:
    try:
        find_function(text)
    except Invalid as error:
        raise ValueError(f"{error.message} Write for example `pause()`") from None
    return text


def _fitting(args: list[Any], info: ValidationInfo) -> list[Any]:
    """As many as the function takes, and each that is known by now of its type."""
    if "call" not in info.data:
        return args  # that is wrong already
    function = find_function(info.data["call"])
    if len(args) != len(function.inputs):
        raise ValueError(
            f"{function.signature} takes {_count(len(function.inputs))}, and here are {len(args) or 'none'}"
        )
    for position, (value, param) in enumerate(zip(args, function.inputs, strict=True), start=1):
        if _is_open(value):
            continue
        if isinstance(value, Mapping) and "address" in value and "int" in param.type:
            raise ValueError(f"{function.signature}: argument {position} is an address, and {param.type} is wanted")
        try:
            coerce(as_argument(value), param, param.name or f"argument {position}")
        except Invalid as error:
            raise ValueError(
                f"{function.signature}: {error.field}: {error.message} {error.hint}".rstrip(" .")
            ) from None
    return args


def _count(number: int) -> str:
    return {0: "no arguments", 1: "1 argument"}.get(number, f"{number} arguments")


def _is_open(value: Any) -> bool:
    """Something in it is still to be filled in, or known only later."""
    if isinstance(value, Mapping):
        return any(_is_open(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(_is_open(item) for item in value)
    return is_template(value) or is_marked(value)


Arguments = Annotated[list[Any], AfterValidator(_fitting), Field(max_length=20, validate_default=True)]
"""Beside a field `call` with the function's signature, which stands above it."""


class Call(StepConfig):
    """One call: of which contract, which function, with what."""

    on: Template | Place
    call: Annotated[str, AfterValidator(_known_function)]
    args: Arguments = Field(default_factory=list)
    value: Annotated[Whole, Field(ge=0, lt=2**256)] | Template | Later = 0


def resolve_call(call: Call, chain_id: int, whose: str) -> dict[str, Any]:
    """`{to, value, data, words}`; `whose` says in an error what is on the other chain."""
    if not isinstance(call.on, Place) or (isinstance(call.value, str) and not is_marked(call.value)):
        raise ValueError("a value could not be filled in")
    if call.on.chain_id != chain_id:
        raise ValueError(f"{call.on.name} is on chain {call.on.chain_id}, {whose} on chain {chain_id}")
    data = encoded(call.call, call.args)
    name = find_function(call.call).name
    words = f"{call.on.name}.{name}({', '.join(_spoken(argument) for argument in call.args)})"
    return {"to": call.on.address, "value": str(call.value), "data": data, "words": in_words(words)}


def encoded(signature: str, args: list[Any]) -> Any:
    """Calldata as plans hold it: encoded, or a call whose arguments an earlier step yields."""
    return calldata(signature, args)


def _spoken(argument: Any) -> str:
    return str(argument.get("text", argument)) if isinstance(argument, Mapping) else str(argument)
