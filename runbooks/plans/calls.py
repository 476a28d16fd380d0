"""Contract calls as steps write them, and what stands of them in a plan: target, value, calldata, words."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from integrations.chain.abi import find_function
from ledger.errors import Invalid
from runbooks.plans.later import calldata, in_words, is_marked
from runbooks.steps import Later, Place, StepConfig, Template


def _known_function(text: str) -> str:
    try:
        find_function(text)
    except Invalid as error:
        raise ValueError(f"{error.message} Write for example `pause()`") from None
    return text


class Call(StepConfig):
    """One call: of which contract, which function, with what."""

    on: Template | Place
    call: Annotated[str, AfterValidator(_known_function)]
    args: list[Any] = Field(default_factory=list, max_length=20)
    value: int | Template | Later = 0


def resolve_call(call: Call, chain_id: int, whose: str) -> dict[str, Any]:
    """`{to, value, data, words}`; `whose` says in an error what is on the other chain."""
    if not isinstance(call.on, Place) or (isinstance(call.value, str) and not is_marked(call.value)):
        raise ValueError("a value could not be filled in")
    if call.on.chain_id != chain_id:
        raise ValueError(f"{call.on.name} is on chain {call.on.chain_id}, {whose} on chain {chain_id}")
    if isinstance(call.value, int) and call.value < 0:
        raise ValueError("a value cannot be negative")
    data = encoded(call.call, call.args)
    name = find_function(call.call).name
    words = f"{call.on.name}.{name}({', '.join(_spoken(argument) for argument in call.args)})"
    return {"to": call.on.address, "value": str(call.value), "data": data, "words": in_words(words)}


def encoded(signature: str, args: list[Any]) -> Any:
    """Calldata as plans hold it: encoded, or a call whose arguments an earlier step yields."""
    return calldata(signature, args)


def _spoken(argument: Any) -> str:
    return str(argument.get("text", argument)) if isinstance(argument, Mapping) else str(argument)
