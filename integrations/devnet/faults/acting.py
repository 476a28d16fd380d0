"""What faults do on the chain: transactions in the name of others, as a thief with their keys would send them."""

from integrations.devnet.abi import ask, calldata
from integrations.devnet.faults.base import World
from integrations.devnet.rpc import Rpc, RpcError

THIEF = "0x" + "bad0" * 10
ETHER = 10**18


def act(rpc: Rpc, sender: str, to: str, data: bytes, *, gas: int = 8_000_000) -> str:
    """Sent as `sender`, whoever that is, and mined; RpcError when it fails."""
    rpc("anvil_setBalance", sender, hex(100 * ETHER))
    rpc("anvil_impersonateAccount", sender)
    transaction = {"from": sender, "to": to, "data": "0x" + data.hex(), "gas": hex(gas)}
    sent = str(rpc("eth_sendTransaction", transaction))
    rpc("anvil_stopImpersonatingAccount", sender)
    if rpc("eth_getTransactionReceipt", sent) is None:
        rpc("evm_mine")
    receipt = rpc("eth_getTransactionReceipt", sent)
    if receipt is None or receipt["status"] != "0x1":
        raise RpcError(f"a transaction to {to} failed", method="eth_sendTransaction")
    return sent


def held(world: World, holder: str) -> int:
    return int(ask(world.rpc, world.deployment.usd, "balanceOf(address)", holder, returns="uint256")[0])


def move_money(world: World, source: str, to: str, amount: int) -> None:
    """Tokens leave `source` without its books knowing."""
    if amount:
        act(world.rpc, source, world.deployment.usd, calldata("transfer(address,uint256)", to, amount))


def dollars(amount: int) -> str:
    return f"{amount / 10**6:,.0f} hUSD"
