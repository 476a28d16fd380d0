"""A JSON-RPC proxy that breaks things on demand, standing between us and a node.

    with RpcProxy(anvil.url) as proxy:
        proxy.add(HangUp(methods=["eth_sendRawTransaction"], when="after", times=1))

From another process: `POST {proxy.url}/_control/faults` with `{"kind": "hang_up", …}`, `GET` to list them, `DELETE` to
clear them (`/_control/faults/<id>` for one), `GET /_control/journal` for the calls seen.
"""

from integrations.devnet.proxy.rules import (
    Error,
    Garbage,
    HangUp,
    HttpError,
    Lag,
    Latency,
    RateLimit,
    Rewrite,
    Rule,
    Split,
    Stall,
    Truncate,
    already_known,
    nonce_too_low,
)
from integrations.devnet.proxy.server import RpcProxy, Seen

__all__ = [
    "Error",
    "Garbage",
    "HangUp",
    "HttpError",
    "Lag",
    "Latency",
    "RateLimit",
    "Rewrite",
    "RpcProxy",
    "Rule",
    "Seen",
    "Split",
    "Stall",
    "Truncate",
    "already_known",
    "nonce_too_low",
]
