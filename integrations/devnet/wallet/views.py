"""Serves the wallet's files, and passes its calls on to the devnet. Everything here is 404 where the devnet is off."""

import json
from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_GET, require_POST

from integrations.devnet.chain import CHAIN_ID, KEYS
from integrations.devnet.rpc import Rpc, RpcDown, RpcError
from integrations.devnet.wallet import wallet_is_served

FILES = Path(__file__).parent / "js"
TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
MAX_BODY = 512 * 1024
# No method that makes the node sign, or that changes the chain other than by a signed transaction.
METHODS = frozenset(
    {
        "eth_blockNumber",
        "eth_call",
        "eth_estimateGas",
        "eth_gasPrice",
        "eth_getBalance",
        "eth_getBlockByNumber",
        "eth_getCode",
        "eth_getTransactionByHash",
        "eth_getTransactionCount",
        "eth_getTransactionReceipt",
        "eth_maxPriorityFeePerGas",
        "eth_sendRawTransaction",
    }
)

View = Callable[..., HttpResponse]
# Every page of the demo loads its dozen modules.
FRESH = "private, max-age=300"


def where_the_devnet_is_on(view: View) -> View:
    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not wallet_is_served():
            raise Http404
        return view(request, *args, **kwargs)

    return guarded


@where_the_devnet_is_on
@require_GET
def module(request: HttpRequest, name: str = "wallet.js") -> HttpResponse:
    """One of the wallet's own files; its accounts come from the one list of them."""
    if name == "accounts.js":
        return _file(request, _accounts().encode(), TYPES[".js"])
    path = FILES / name
    if "/" in name or path.suffix not in TYPES or not path.is_file():
        raise Http404
    return _file(request, path.read_bytes(), TYPES[path.suffix])


def _file(request: HttpRequest, body: bytes, content_type: str) -> HttpResponse:
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified(headers={"ETag": tag})
    return HttpResponse(body, content_type=content_type, headers={"ETag": tag, "Cache-Control": FRESH})


def _accounts() -> str:
    listed = [
        {"name": account.name, "role": account.role, "address": account.address, "key": account.key} for account in KEYS
    ]
    return (
        "// Keys that the whole world knows: nothing that they hold is worth anything.\n"
        f"export const CHAIN_ID = {CHAIN_ID};\nexport const ACCOUNTS = {json.dumps(listed, indent=2)};\n"
    )


# A JSON body cannot be sent from another site without its asking first, and it would be told no: that stands in for
# the CSRF token here. No login is asked for, since signing in is what the wallet is for.
@csrf_exempt
@where_the_devnet_is_on
@require_POST
def rpc(request: HttpRequest) -> HttpResponse:
    """A call of the wallet, to the devnet and nowhere else."""
    if request.content_type != "application/json" or len(request.body) > MAX_BODY:
        return _error(None, -32600, "a JSON-RPC call of at most 512 kB is what this takes", status=400)
    try:
        call = json.loads(request.body)
    except (ValueError, RecursionError):
        return _error(None, -32700, "this is not JSON", status=400)
    if not isinstance(call, dict) or not isinstance(call.get("params", []), list):
        return _error(None, -32600, "one call with a list of params is what this takes", status=400)
    number = call.get("id") if isinstance(call.get("id"), int | str) else None
    if call.get("method") not in METHODS:
        return _error(number, -32601, "the devnet wallet does not pass this method on")
    node = Rpc(settings.DEVNET_RPC_URL, timeout=10)
    try:
        if node.chain_id() != CHAIN_ID:
            return _error(number, -32000, "the endpoint is not the devnet's")
        return JsonResponse({"jsonrpc": "2.0", "id": number, "result": node(call["method"], *call.get("params", []))})
    except RpcError as error:
        return _error(number, error.code or -32000, error.message, data=error.data)
    except RpcDown:
        return _error(number, -32000, "the devnet does not answer")
    finally:
        node.close()


def _error(
    number: int | str | None, code: int, message: str, *, data: object = None, status: int = 200
) -> JsonResponse:
    error: dict[str, object] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    return JsonResponse({"jsonrpc": "2.0", "id": number, "error": error}, status=status)
