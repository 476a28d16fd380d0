"""How a node answers that is some blocks behind: requests are put back in time, later things are unknown."""

from typing import Any

from integrations.devnet.proxy.rules import Call

# Where each method takes its block.
BLOCK_PARAMETER = {
    "eth_call": 1,
    "eth_estimateGas": 1,
    "eth_getBalance": 1,
    "eth_getCode": 1,
    "eth_getTransactionCount": 1,
    "eth_getStorageAt": 2,
    "eth_getProof": 2,
    "eth_getBlockByNumber": 0,
    "eth_getBlockReceipts": 0,
    "eth_feeHistory": 1,
    "debug_traceCall": 1,
    "eth_simulateV1": 1,
}
HEAD_TAGS = ("latest", "pending", None)


def delayed_request(call: Call, head: int) -> Call | None:
    """The call as asked of a node whose newest block is `head`; None if it asks for a block it does not know."""
    method = call.get("method")
    params = list(call.get("params") or [])
    if method == "eth_getLogs" and params and isinstance(params[0], dict):
        return _delayed_logs(call, params[0], head)
    position = BLOCK_PARAMETER.get(str(method))
    if position is None:
        return call
    while len(params) <= position:
        params.append(None)
    if params[position] in HEAD_TAGS:
        params[position] = hex(head)
    elif _number(params[position]) > head:
        return None
    return {**call, "params": params}


def _delayed_logs(call: Call, given: dict[str, Any], head: int) -> Call | None:
    wanted = dict(given)
    if "blockHash" not in wanted:
        if wanted.get("toBlock") in HEAD_TAGS or _number(wanted["toBlock"]) > head:
            wanted["toBlock"] = hex(head)
        if wanted.get("fromBlock") in HEAD_TAGS:
            wanted["fromBlock"] = hex(head)
        if _number(wanted["fromBlock"]) > head:
            return None
    return {**call, "params": [wanted]}


def delayed_result(method: str, result: Any, head: int) -> Any:
    """What came back, without what the node could not know yet."""
    if method == "eth_blockNumber":
        return hex(min(int(result, 16), head))
    if not isinstance(result, dict):
        return result
    number = result.get("number") if method.startswith("eth_getBlockBy") else result.get("blockNumber")
    if number is None or int(number, 16) <= head:
        return result
    if method == "eth_getTransactionByHash":
        return {**result, "blockHash": None, "blockNumber": None, "transactionIndex": None}
    return None if method in ("eth_getTransactionReceipt", "eth_getBlockByHash", "eth_getBlockByNumber") else result


def _number(block: Any) -> int:
    """Tags other than the head's lie behind it by nature; a block named by its hash is left to the node."""
    if isinstance(block, str) and block.startswith("0x") and len(block) < 66:
        return int(block, 16)
    return 0
