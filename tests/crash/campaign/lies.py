"""An endpoint that lies about a Safe, in a way that fits together: the getter and the slot behind it say the same.

The campaign's chain has two endpoints, and only one of them lies at a time: they disagree. What was told is counted
when a call met it.
"""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from integrations.devnet.proxy import Rewrite, RpcProxy
from integrations.devnet.rpc import Rpc

ANSWERS = 6
"""How often a lie is told: for some seconds, since every block is read."""
THRESHOLD_SLOT, NONCE_SLOT = 4, 5


@dataclass
class Lies:
    proxies: Sequence[RpcProxy]
    rpc: Rpc  # the truth
    dice: random.Random
    keys: Sequence[str] = ()
    safes: Sequence[str] = ()
    told: list[tuple[float, str]] = field(default_factory=list)

    def owners(self, safe: str = "") -> None:
        """Other owners: with somebody who is none, or without somebody who is one."""
        safe = safe or self.dice.choice(self.safes)
        true = self._word(safe, "getOwners()")
        sets = [[key for key in self.keys if key != gone] for gone in self.keys]
        lies = [lie for keys in sets if (lie := "0x" + encode(["address[]"], [keys]).hex()) != true]
        self._tell("owners", _getter(safe, "getOwners()", self.dice.choice(lies)))

    def threshold(self, safe: str = "") -> None:
        """One signature would be enough."""
        safe = safe or self.dice.choice(self.safes)
        self._tell("the threshold", *_both(safe, "getThreshold()", THRESHOLD_SLOT, 1))

    def nonce(self, safe: str = "") -> None:
        safe = safe or self.dice.choice(self.safes)
        true = int(self._word(safe, "nonce()"), 16)
        self._tell("the nonce", *_both(safe, "nonce()", NONCE_SLOT, self.dice.choice([true + 1, max(true - 1, 0)])))

    def failure(self) -> None:
        """Whatever a Safe would do, it would fail."""
        asked = {"params.0.to": self.dice.choice(self.safes)}
        lie = Rewrite(
            methods=("debug_traceCall",), where=asked, path="result.error", value="execution reverted", times=ANSWERS
        )
        self._tell("an execution", lie)

    def met(self, at: Sequence[float]) -> list[str]:
        """What was told by now, given when the endpoints answered with a lie."""
        found = [lie for lie in self.told if any(moment >= lie[0] for moment in at)]
        self.told = [lie for lie in self.told if lie not in found]
        return [f"an endpoint lies about {what} of a Safe" for _, what in found]

    def _tell(self, what: str, *rules: Rewrite) -> None:
        proxy = self.dice.choice(self.proxies)
        self.told.append((time.time(), what))
        for rule in rules:
            proxy.add(rule)

    def _word(self, safe: str, getter: str) -> str:
        return "0x" + self.rpc.call(safe, keccak(text=getter)[:4]).hex()


def _both(safe: str, getter: str, slot: int, value: int) -> tuple[Rewrite, Rewrite]:
    word = "0x" + value.to_bytes(32).hex()
    stored = {"params.0": safe, "params.1": f"0x{slot:064x}"}
    return _getter(safe, getter, word), Rewrite(
        methods=("eth_getStorageAt",), where=stored, path="result", value=word, times=ANSWERS
    )


def _getter(safe: str, getter: str, value: str) -> Rewrite:
    asked = {"params.0.to": safe, "params.0.data": "0x" + keccak(text=getter)[:4].hex()}
    return Rewrite(methods=("eth_call",), where=asked, path="result", value=value, times=ANSWERS)
