"""Puts many transactions on the chain in few blocks, and stops at the first that fails.

While a builder is at work the chain mines only when told to; its clock is set so that every block is later than the
one before and none is ahead of the wall's.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from eth_utils.crypto import keccak

from integrations.devnet.chain import BLOCK_SECONDS, DEPLOYER
from integrations.devnet.rpc import Rpc, RpcError
from integrations.devnet.safe_contracts import CREATE2_DEPLOYER, create2_address


class BuildError(Exception):
    """A transaction that the devnet needs has failed."""


@dataclass(slots=True)
class Builder:
    rpc: Rpc
    _nonces: dict[str, int] = field(default_factory=dict)
    _waiting: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _sent: list[tuple[str, str]] = field(default_factory=list)

    def send(
        self,
        to: str,
        data: bytes = b"",
        *,
        sender: str = DEPLOYER.address,
        value: int = 0,
        gas: int = 8_000_000,
        what: str,
    ) -> None:
        """Queued until `flush`; the sender is one of the accounts that Anvil has unlocked."""
        nonce = self._nonces.get(sender)
        if nonce is None:
            nonce = self.rpc.nonce(sender)
        self._nonces[sender] = nonce + 1
        transaction = {
            "from": sender,
            "to": to,
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": hex(gas),
            "nonce": hex(nonce),
            "maxFeePerGas": hex(100 * 10**9),
            "maxPriorityFeePerGas": hex(10**9),
        }
        self._waiting.append((what, transaction))

    def create(self, init_code: bytes, *, what: str, deployer: str = CREATE2_DEPLOYER, gas: int = 8_000_000) -> str:
        """Deploys by CREATE2, so that the address follows from the bytes alone. Does nothing if it stands already."""
        address = create2_address(deployer, init_code)
        if not self.rpc.code(address):
            self.send(deployer, bytes(32) + init_code, what=what, gas=gas)
        return address

    def flush(self) -> None:
        """Sends what waits, mines until all of it is in, and checks every receipt."""
        hashes = self.rpc.batch([("eth_sendTransaction", [transaction]) for _, transaction in self._waiting])
        self._sent += [(what, tx_hash) for (what, _), tx_hash in zip(self._waiting, hashes, strict=True)]
        self._waiting.clear()
        for _ in range(200):
            if not self._sent:
                return
            self._mine()
            self._check()
        raise BuildError(f"Never mined: {', '.join(what for what, _ in self._sent[:5])}.")

    def _mine(self) -> None:
        """Where the chain mines by itself as well, a block of its own may come between the question and ours."""
        for left in (2, 1, 0):
            latest = self.rpc.timestamp()
            try:
                self.rpc("evm_mine", max(latest + 1, min(latest + BLOCK_SECONDS, int(time.time()))))
            except RpcError as error:
                if not left or "Timestamp" not in str(error):
                    raise
            else:
                return

    def _check(self) -> None:
        receipts = self.rpc.batch([("eth_getTransactionReceipt", [tx_hash]) for _, tx_hash in self._sent])
        pending = []
        for (what, tx_hash), receipt in zip(self._sent, receipts, strict=True):
            if receipt is None:
                pending.append((what, tx_hash))
            elif receipt["status"] != "0x1":
                raise BuildError(f"{what} failed: {self._why(tx_hash)}")
        self._sent = pending

    def _why(self, tx_hash: str) -> str:
        trace = self.rpc("debug_traceTransaction", tx_hash, {"tracer": "callTracer"})
        while any(call.get("error") for call in trace.get("calls", ())):
            trace = next(call for call in trace["calls"] if call.get("error"))
        return str(trace.get("revertReason") or trace.get("output") or trace.get("error"))


def code_hash(rpc: Rpc, address: str) -> str:
    return "0x" + keccak(rpc.code(address)).hex()


@contextmanager
def burst(rpc: Rpc, *, block_seconds: int | None) -> Iterator[Builder]:
    """Mining by hand inside; afterwards every `block_seconds`, or at once for each transaction (None)."""
    rpc("evm_setAutomine", False)
    rpc("evm_setIntervalMining", 0)
    try:
        yield Builder(rpc)
    finally:
        resume(rpc, block_seconds)


def resume(rpc: Rpc, block_seconds: int | None) -> None:
    """Sets the clock to the wall's again (never back), then lets the chain run.

    With a block of that time: Anvil takes no earlier one from then on, and the next burst asks the latest block.
    """
    rpc("anvil_setTime", max(int(time.time()), rpc.timestamp() + 1))
    rpc("evm_mine")
    if block_seconds is None:
        rpc("evm_setAutomine", True)
    else:
        rpc("evm_setIntervalMining", block_seconds)


__all__ = ["BuildError", "Builder", "RpcError", "burst", "code_hash", "resume"]
