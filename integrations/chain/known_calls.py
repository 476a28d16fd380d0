"""Functions that mean the same wherever they stand: read by their selectors, whoever's contract it is."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from integrations.chain.abi import decode_args
from integrations.chain.abi_types import Function, parse_signature
from ledger.errors import Invalid


@cache
def _function(signature: str) -> Function:
    return parse_signature(signature)


@cache
def _by_selector(signatures: tuple[str, ...]) -> dict[bytes, Function]:
    return {_function(one).selector: _function(one) for one in signatures}


def read_known(signatures: tuple[str, ...], data: bytes) -> tuple[str, Mapping[str, Any]] | None:
    """The function's name and its arguments by the names given in `signatures`; None when it is none of them."""
    function = _by_selector(signatures).get(data[:4])
    if function is None:
        return None
    try:
        values, _, _ = decode_args(function.inputs, data[4:])
    except Invalid:
        return None
    return function.name, {param.name: value for param, value in zip(function.inputs, values, strict=True)}
