"""Safe's Transaction Builder files: read strictly, their checksum verified, their methods encoded by us.

What the file says a transaction does (`contractMethod`, `contractInputsValues`) and its `data` must be the same; where
the target's ABI is pinned here, the method must be one of it. A file is for one chain.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from governance.plans.schema import Call
from governance.proposals.building import MOST_CALLS
from governance.proposals.calling import refuse_value, shape, written
from governance.protocols.models import Contract
from integrations.chain.abi_types import MAX_DEPTH, Function, Param, parse_abi
from integrations.chain.addresses import parse_address, parse_hash, parse_hex, parse_uint
from integrations.chain.hashing import keccak
from integrations.chain.models import Chain
from ledger import Invalid

LARGEST = 1_000_000
SAFE_INTEGER = 2**53 - 1
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\](),]|[^\[\](),"\s]+')
_PLAIN = ("", "fallback", "receive")


@dataclass(frozen=True)
class BuilderFile:
    """What a file asks for."""

    name: str
    description: str
    safe: str  # that it was made for; "" when it does not say
    checked: bool  # it carried a checksum, and that is right
    calls: tuple[Call, ...]


def read_file(text: str | bytes, *, chain: Chain) -> BuilderFile:
    """A file as it was downloaded; errors name the place in it."""
    if len(text) > LARGEST:
        raise Invalid("", "This file is too large.", f"at most {LARGEST:,} bytes")
    try:
        document = json.loads(text, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        raise Invalid(
            "", "This is not a Transaction Builder file: it is not JSON, or a name in it stands twice.", "its download"
        ) from None
    return read_document(document, chain=chain)


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Of two values by one name, one reader takes the first and another the last."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("twins")
    return found


def read_document(document: Any, *, chain: Chain) -> BuilderFile:
    if not isinstance(document, Mapping):
        raise Invalid("", "This is not a Transaction Builder file.", "an object with version, chainId and transactions")
    if document.get("version") != "1.0":
        raise Invalid("version", "This version of the format is not known here.", "1.0")
    _check_chain(document.get("chainId"), chain)
    meta = document.get("meta") or {}
    if not isinstance(meta, Mapping):
        raise Invalid("meta", "The file's description is not an object.", "as the Transaction Builder writes it")
    checked = _check_sum(document, meta)
    rows = document.get("transactions")
    if not isinstance(rows, list) or not rows:
        raise Invalid("transactions", "The file holds no transactions.", "at least one")
    if len(rows) > MOST_CALLS:
        raise Invalid("transactions", f"{len(rows)} calls are too many for one batch.", f"at most {MOST_CALLS}")
    made_for = meta.get("createdFromSafeAddress") or ""
    return BuilderFile(
        name=_text(meta.get("name"))[:200],
        description=_text(meta.get("description")),
        safe=parse_address(made_for, "meta.createdFromSafeAddress") if made_for else "",
        checked=checked,
        calls=tuple(_call(row, chain, f"transactions.{number}") for number, row in enumerate(rows)),
    )


def _text(found: Any) -> str:
    return found if isinstance(found, str) else ""


def _check_chain(found: Any, chain: Chain) -> None:
    number = parse_uint(found, "chainId", 64)
    if number != chain.chain_id:
        raise Invalid(
            "chainId", f"The file is for chain {number}, the Safe is on {chain.name}.", f"a file for {chain.chain_id}"
        )


def _check_sum(document: Mapping[str, Any], meta: Mapping[str, Any]) -> bool:
    """Right, absent (files made by hand have none), or Invalid."""
    stated = meta.get("checksum")
    if stated in (None, ""):
        return False
    try:
        right = checksum(document)
    except RecursionError:
        raise Invalid("", "The file nests too deeply.", "as the Transaction Builder writes it") from None
    if parse_hash(stated, "meta.checksum") != right:
        raise Invalid(
            "meta.checksum",
            "The file was changed after the Transaction Builder wrote it: its checksum is of something else.",
            f"{right} if the change was yours; else fetch the file again",
        )
    return True


def checksum(document: Mapping[str, Any]) -> str:
    """As the Transaction Builder computes it: over everything but the checksum itself and the batch's name."""
    meta = {key: value for key, value in (document.get("meta") or {}).items() if key != "checksum"}
    return "0x" + keccak(_serialised({**document, "meta": {**meta, "name": None}}).encode()).hex()


def _serialised(value: Any) -> str:
    if isinstance(value, Mapping):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + _json(keys) + "".join(_serialised(value[key]) + "," for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(_serialised(one) for one in value) + "]"
    if isinstance(value, float) or (isinstance(value, int) and abs(value) > SAFE_INTEGER):
        raise Invalid(
            "", "The file holds a number that programs read differently.", "whole numbers, large ones as text"
        )
    return _json(value)


def _json(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Invalid("", "The file holds half a character.", "Unicode text") from None
    return text


def _call(row: Any, chain: Chain, path: str) -> Call:
    if not isinstance(row, Mapping):
        raise Invalid(path, "A transaction is an object.", "as the Transaction Builder writes it")
    if row.get("operation") not in (None, 0, "0"):
        raise Invalid(f"{path}.operation", "A delegate call does not go into a batch here.", "0, or no operation")
    to = parse_address(row.get("to"), f"{path}.to")
    value = parse_uint(row.get("value", "0"), f"{path}.value")
    data = None if row.get("data") in (None, "") else parse_hex(row["data"], f"{path}.data")
    function = _method(row.get("contractMethod"), f"{path}.contractMethod")
    if function is None:
        return Call(to=to, value=str(value), data="0x" + (data or b"").hex())
    _refuse_unpinned(function, to, chain, f"{path}.contractMethod")
    refuse_value(function, value, f"{path}.value")
    encoded = written(
        function,
        _values(function, row.get("contractInputsValues"), f"{path}.contractInputsValues"),
        data,
        place=lambda number: (
            f"{path}.contractInputsValues.{function.inputs[number].name or number}"
            if number < len(function.inputs)
            else f"{path}.contractInputsValues"
        ),
        data_field=f"{path}.data",
    )
    return Call(to=to, value=str(value), data="0x" + encoded.hex())


def _method(found: Any, path: str) -> Function | None:
    if found is None:
        return None
    if not isinstance(found, Mapping) or not isinstance(found.get("name"), str):
        raise Invalid(path, "A method is an object with a name and inputs.", "as the Transaction Builder writes it")
    inputs = _params(found.get("inputs"), 0)
    if inputs is None:
        raise Invalid(f"{path}.inputs", "An input is an object with a name and a type.", "as in the contract's ABI")
    if found["name"] in _PLAIN and not inputs:
        return None
    payable = "payable" if found.get("payable") in (True, "true") else "nonpayable"
    entry = {"type": "function", "name": found["name"], "inputs": inputs, "stateMutability": payable}
    try:
        made = parse_abi([entry], "function")
    except Invalid as error:
        raise Invalid(f"{path}.inputs", error.message, error.hint) from None
    if not made:
        raise Invalid(f"{path}.name", "The method has no name.", "a function's name")
    return made[0]


def _params(found: Any, depth: int) -> list[dict[str, Any]] | None:
    """Names, types and what is in tuples, and nothing else of what the file holds; None when it is no list of them."""
    if found is None:
        return []
    if not isinstance(found, list) or depth > MAX_DEPTH:
        return None
    clean = []
    for one in found:
        if not isinstance(one, Mapping) or not isinstance(one.get("type"), str):
            return None
        inner = _params(one.get("components"), depth + 1)
        if inner is None:
            return None
        clean.append({"name": _text(one.get("name")), "type": one["type"], "components": inner})
    return clean


def _refuse_unpinned(function: Function, to: str, chain: Chain, path: str) -> None:
    """Where we know the contract's ABI, the file's own idea of it counts for nothing."""
    contract = Contract.objects.filter(chain=chain, address=to).first()
    if contract is None:
        return
    known = parse_abi(contract.abi, "function")
    if function.selector not in {one.selector for one in known}:
        alike = [shape(one) for one in known if one.name == function.name]
        raise Invalid(
            path,
            f"The ABI that is pinned for {contract.name} has no {function.signature}.",
            alike[0] if alike else "a function of this contract, or calldata without a method",
        )


def _values(function: Function, found: Any, path: str) -> list[Any] | None:
    if found is None and function.inputs:
        return None
    found = found or {}
    names = [one.name for one in function.inputs]
    if not isinstance(found, Mapping) or len(set(names)) != len(names) or set(names) - set(found):
        raise Invalid(path, f"The values do not name the inputs of {function.signature}.", ", ".join(names) or "none")
    return [spelled_out(found[one.name], one, f"{path}.{one.name}") for one in function.inputs]


def spelled_out(value: Any, param: Param, field: str) -> Any:
    """A list or tuple that is written as text, such as `[1, 2]` or `["0x…", [true]]`; everything else as it is."""
    if not isinstance(value, str) or not ("[" in param.type or param.type.startswith("tuple")):
        return value
    try:
        return json.loads(value, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        pass
    tokens = [_TOKEN_WORDS.get(token, token) for token in _TOKEN.findall(value)]
    quoted = [token if token[0] in '[],"' or token in ("true", "false") else json.dumps(token) for token in tokens]
    try:
        return json.loads("".join(quoted))
    except (ValueError, RecursionError):
        raise Invalid(field, f"This is not a list of {param.canonical}.", 'such as ["1", "2"]') from None


_TOKEN_WORDS = {"(": "[", ")": "]"}
