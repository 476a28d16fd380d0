"""Just enough ABI for the devnet's own tools: calldata from a signature, and answers from a list of types."""

from typing import Any

from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from integrations.devnet.rpc import Rpc


def calldata(signature: str, *arguments: object) -> bytes:
    """`calldata("transfer(address,uint256)", to, amount)`; argument types are read from the signature."""
    inside = signature[signature.index("(") + 1 : -1]
    return keccak(text=signature)[:4] + encode(split_types(inside), arguments)


def ask(rpc: Rpc, to: str, signature: str, *arguments: object, returns: str) -> tuple[Any, ...]:
    """Calls a view and decodes what it returns: `ask(rpc, usd, "decimals()", returns="uint8")`."""
    return tuple(decode(split_types(returns), rpc.call(to, calldata(signature, *arguments))))


def split_types(types: str) -> list[str]:
    """At the commas that are in no tuple."""
    parts, depth, current = [], 0, ""
    for character in types:
        if character == "," and depth == 0:
            parts.append(current)
            current = ""
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        current += character
    return [*parts, current] if current else parts
