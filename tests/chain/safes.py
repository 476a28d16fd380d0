"""Safes of any version for tests, made by the official factories and owned by keys that the test holds."""

import time
from itertools import count
from typing import Any

from eth_account import Account
from eth_account.signers.local import LocalAccount

from integrations.chain.client import Client
from integrations.chain.transport import Transport
from integrations.devnet.builder import Builder
from integrations.devnet.chain import CHAIN_ID
from integrations.devnet.rpc import Rpc
from integrations.devnet.safes import DemoSafe
from integrations.safe import signatures
from integrations.safe.hashes import SafeTx

_salts = count(1000)


def client_of(*urls: str, timeout: float = 5) -> Client:
    """A client over these URLs, with connections and health of its own."""
    return Client(CHAIN_ID, [Transport(url, CHAIN_ID, timeout=timeout) for url in urls])


def accounts(number: int, seed: int = 7000) -> list[LocalAccount]:
    """Keys that nobody else uses, the same at every run."""
    return [Account.from_key((seed + i).to_bytes(32, "big")) for i in range(number)]


def make_safe(rpc: Rpc, version: str, owners: list[str], threshold: int, layer2: bool = False) -> str:
    safe = DemoSafe("test", "test Safe", version, layer2, tuple(owners), threshold, next(_salts))
    builder = Builder(rpc)
    safe.create(builder)
    builder.flush()
    return safe.address


def sign(tx: SafeTx, owner: LocalAccount) -> signatures.Signature:
    """As a wallet would, over the hash."""
    return signatures.parse(bytes(owner.unsafe_sign_hash(bytes.fromhex(tx.hash[2:])).signature), tx.hash)


def mined(rpc: Rpc, message: dict[str, str]) -> dict[str, Any]:
    """Sends from an account that Anvil has unlocked, and waits for the receipt."""
    tx_hash = rpc("eth_sendTransaction", message)
    for _ in range(200):
        receipt: dict[str, Any] | None = rpc("eth_getTransactionReceipt", tx_hash)
        if receipt is not None:
            return receipt
        time.sleep(0.02)
    raise AssertionError("never mined")
