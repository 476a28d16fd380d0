"""A call from what a person or a program says of it: a contract's function and typed arguments, or calldata.

Where a function is named, the calldata are ours: given ones are only compared, so nothing can hide behind arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from governance.plans.schema import Call
from governance.proposals.decoding import OF_SAFES
from governance.protocols.models import Contract
from governance.protocols.pinned import functions_of, without_abis
from governance.safes.models import Safe
from integrations.chain.abi import decode_args, encode_args, find_function
from integrations.chain.abi_types import Function, coerce, parse_abi
from integrations.chain.addresses import parse_address, parse_hex, parse_uint
from integrations.chain.models import Chain
from ledger import Invalid

FIELDS = ("to", "value", "data", "function", "args")


def resolve(asked: Sequence[Mapping[str, Any]], *, chain: Chain) -> list[Call]:
    """Calls as the API takes them; an error names the call and its field."""
    return [_resolve(one, chain, f"calls.{index}") for index, one in enumerate(asked)]


def _resolve(asked: Mapping[str, Any], chain: Chain, path: str) -> Call:
    to = parse_address(asked.get("to"), f"{path}.to")
    value = parse_uint(asked.get("value", "0"), f"{path}.value")
    data = asked.get("data")
    if not asked.get("function"):
        if asked.get("args"):
            raise Invalid(f"{path}.args", "Arguments of which function?", "its name or signature in `function`")
        return Call(to=to, value=str(value), data="0x" + parse_hex(data or "0x", f"{path}.data").hex())
    contract = Contract.objects.filter(chain=chain, address=to).first()
    if contract is None:
        known = f"No contract with an ABI is registered at {to} on {chain.name}."
        raise Invalid(f"{path}.function", known, "a registered contract's address, or calldata without a function")
    try:
        function = find_function(contract.abi, str(asked["function"]))
    except Invalid as error:
        raise Invalid(f"{path}.function", f"{contract.name}: {error.message}", error.hint) from None
    values = _in_order(function, asked.get("args"), f"{path}.args")
    encoded = written(
        function,
        values,
        None if data is None else parse_hex(data, f"{path}.data"),
        place=lambda number: f"{path}.args.{number}",
        data_field=f"{path}.data",
    )
    refuse_value(function, value, f"{path}.value")
    return Call(to=to, value=str(value), data="0x" + encoded.hex())


def _in_order(function: Function, args: Any, field: str) -> Sequence[Any] | None:
    """Arguments by name as well as by place; None: there are none, so calldata must say them."""
    if args is None:
        return None if function.inputs else []
    if isinstance(args, Mapping):
        names = [one.name for one in function.inputs]
        if set(args) != set(names) or len(set(names)) != len(names):
            raise Invalid(field, "The names of the arguments do not match.", shape(function))
        return [args[name] for name in names]
    if not isinstance(args, list | tuple):
        raise Invalid(field, "Arguments are a list, or an object by their names.", shape(function))
    return args


def written(
    function: Function,
    values: Sequence[Any] | None,
    data: bytes | None,
    *,
    place: Callable[[int], str],
    data_field: str,
) -> bytes:
    """The function's calldata from its arguments, from given calldata that are exactly its own, or from both alike."""
    if values is None:
        if data is None:
            raise Invalid(place(0), f"{function.signature} wants arguments.", shape(function))
        refuse_other_data(function, data, data_field)
        return data
    encoded = encode(function, values, place)
    if data is not None and data != encoded:
        refuse_other_data(function, data, data_field)
        raise Invalid(
            data_field,
            f"These calldata hold other arguments of {function.signature} than those that were given.",
            f"0x{encoded.hex()}" if len(encoded) <= 256 else "the arguments alone, without calldata",
        )
    return encoded


def encode(function: Function, values: Sequence[Any], place: Callable[[int], str]) -> bytes:
    """Selector and arguments; whichever does not fit its type is named by its place."""
    if len(values) != len(function.inputs):
        wanted = f"{function.signature} takes {len(function.inputs)} arguments, not {len(values)}."
        raise Invalid(place(min(len(values), len(function.inputs))), wanted, shape(function))
    clean = [coerce(value, function.inputs[number], place(number)) for number, value in enumerate(values)]
    return function.selector + encode_args(function.inputs, clean)


def refuse_other_data(function: Function, data: bytes, field: str) -> None:
    """Calldata that are not this function's, or not only this function's."""
    if data[:4] != function.selector:
        begins = f"0x{data[:4].hex()}" if data else "nothing"
        raise Invalid(
            field,
            f"These calldata begin with {begins}, which is not {function.signature}.",
            f"calldata that begin with 0x{function.selector.hex()}",
        )
    try:
        _, trailing, canonical = decode_args(function.inputs, data[4:])
    except Invalid:
        raise Invalid(
            field, f"These calldata do not decode as {function.signature}.", f"its arguments: {shape(function)}"
        ) from None
    if trailing:
        right = len(data) - len(trailing)
        extra = "1 byte follows" if len(trailing) == 1 else f"{len(trailing)} bytes follow"
        raise Invalid(
            field,
            f"{extra} the arguments of {function.signature}.",
            f"the first {right} bytes alone",
        )
    if not canonical:
        raise Invalid(field, "The arguments are encoded in an unusual way.", "the arguments themselves, in the form")


def refuse_hidden(calls: Sequence[Call], chain: Chain) -> None:
    """Raw calldata to what we know, that is not exactly a function's: nothing hides behind arguments here either.

    A function that the pinned ABI does not have is left to a finding: the ABI may be an old one.
    """
    targets = [call.to for call in calls]
    contracts = {one.address: one for one in without_abis(Contract.objects.filter(chain=chain, address__in=targets))}
    safes = set(Safe.objects.filter(chain=chain, address__in=targets).values_list("address", flat=True))
    for index, call in enumerate(calls):
        data = bytes.fromhex(call.data[2:])
        known = OF_SAFES if call.to in safes else functions_of(contracts[call.to]) if call.to in contracts else {}
        if function := known.get(data[:4]):
            refuse_other_data(function, data, f"calls.{index}.data")


def refuse_value(function: Function, value: int, field: str) -> None:
    if value and function.mutability != "payable":
        raise Invalid(field, f"{function.signature} takes no {value} wei: it is not payable.", "0")


def shape(function: Function) -> str:
    inputs = ", ".join(f"{one.canonical} {one.name}".strip() for one in function.inputs)
    return f"{function.name}({inputs})"


def writing_functions(contract: Contract) -> list[Function]:
    """What a proposal may want to call."""
    return [one for one in parse_abi(contract.abi, "function") if not one.reads_only]
