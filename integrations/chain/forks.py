"""A fork: a chain of our own that begins at a block of another one, to try out there what would be irreversible here.

    with slots(1), forked(chain, block, client) as fork:
        mined = fork.transact(sender=owner, to=vault, data=data)

Anvil on loopback, under a chain id that no live chain has and no wallet accepts, so that nothing signed or hashed for
it means anything elsewhere. It reads the other chain through a gate that lets only reads through. It is bounded in
processor time, memory, reads and time by the wall clock, and ends with its block, with its thread and with its process.
"""

import fcntl
import logging
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from django.conf import settings

from integrations.chain.client import Client
from integrations.chain.environments import LIVE_CHAIN_IDS
from integrations.chain.gate import Gate
from integrations.chain.models import Chain
from integrations.chain.reading import Block, Receipt
from integrations.chain.transport import Transport
from integrations.devnet.anvil import Anvil, AnvilError, Limits
from integrations.devnet.rpc import Rpc, RpcDown
from integrations.devnet.rpc import RpcError as DevnetRpcError

logger = logging.getLogger(__name__)
FORK_CHAIN_IDS = 8_000_000_000_000_000
"""Above the highest id that wallets accept (4,503,599,627,370,476), below 2^53 so that every JSON reader keeps it."""
SPAN = 10**12
LIMITS = Limits(processor=120, memory=1024**3)
SECONDS = 150.0
GAS = 16_000_000  # below what one transaction may ask for since Osaka
MOST_BLOCKS, AT_ONCE = 2_000, 500


class ForkFailed(Exception):
    """No fork could be had, or it died. The text is for people."""


class NotTaken(ForkFailed):
    """The fork's node did not take a transaction at all, for example since the sender has not enough to send."""


class Busy(ForkFailed):
    """As many forks run on this machine as may."""


def fork_chain_id(chain_id: int) -> int:
    """Always the same for a chain, and never the id of a chain that anybody lives on or that is registered here."""
    taken = set(Chain.objects.filter(chain_id__gte=FORK_CHAIN_IDS).values_list("chain_id", flat=True)) | LIVE_CHAIN_IDS
    own = FORK_CHAIN_IDS + chain_id % SPAN
    while own in taken:
        own += SPAN
    return own


@contextmanager
def slots(wanted: int) -> Iterator[None]:
    """Room for so many forks on this machine, all or none; Busy when there is not. A killed process leaves its room."""
    most: int = settings.FORKS_AT_ONCE
    held: list[IO[str]] = []
    try:
        for number in range(most):
            if len(held) == min(wanted, most):
                break
            file: IO[str] = (_folder() / f"slot-{number}").open("w")
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                file.close()
            else:
                held.append(file)
        if len(held) < min(wanted, most):
            raise Busy(f"{most} forks run on this machine already")
        yield
    finally:
        for file in held:
            file.close()


def _folder() -> Path:
    """One for all workers of this user and machine."""
    folder = Path(tempfile.gettempdir()) / f"breakglass-forks-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ForkFailed(f"{folder} belongs to somebody else")
    return folder


@dataclass(frozen=True, slots=True)
class Mined:
    """One transaction of a fork, with its two traces as the node gives them."""

    receipt: Receipt
    block: Block
    calls: Mapping[str, Any]
    diff: Mapping[str, Any]


class Fork:
    """A running fork. `chain` and `origin` say of what; `chain_id` is its own."""

    def __init__(self, chain: Chain, origin: Block, anvil: Anvil, gate: Gate) -> None:
        self.chain, self.origin = chain, origin
        self.chain_id = anvil.chain_id
        self.process = anvil.process
        self.client = Client(self.chain_id, [Transport(anvil.url, self.chain_id, f"fork of {chain.name}", 30)])
        self.block_seconds = max(1, round(chain.block_time))
        self._anvil, self._gate = anvil, gate
        self._now = origin.timestamp

    @property
    def now(self) -> int:
        """The time of the newest block."""
        return self._now

    def ask(self, method: str, *params: object) -> Any:
        """One of the node's own methods; ForkFailed when it is gone or refuses."""
        try:
            rpc: Rpc = self._anvil.rpc
            return rpc(method, *params)
        except DevnetRpcError as error:
            if method == "eth_sendTransaction":
                raise NotTaken(error.message[:300]) from error
            raise ForkFailed(f"the fork refused {method}: {error.message[:300]}") from error
        except (RpcDown, AnvilError) as error:
            raise ForkFailed("the fork ended before its time, or ran longer than it may") from error

    def mine(self, seconds: int = 0) -> Block:
        """One more block, a usual block time (or `seconds`) after the last."""
        self._now += max(seconds, 1) if seconds else self.block_seconds
        self.ask("anvil_setNextBlockBaseFeePerGas", "0x0")  # nobody pays gas here, so nobody needs to be given any
        self.ask("evm_setNextBlockTimestamp", self._now)
        self.ask("evm_mine")
        return self.client.existing_block("latest")

    def travel(self, seconds: int) -> Block:
        """Let so many seconds pass."""
        return self.mine(seconds)

    def pass_blocks(self, count: int) -> Block:
        """Let so many blocks pass, each a usual block time after the last.

        Of more than MOST_BLOCKS only so many are made; the clock goes on as if it were all.
        """
        made, until = min(count, MOST_BLOCKS), self._now + count * self.block_seconds
        for first in range(0, made - 1, AT_ONCE):
            self.ask("anvil_mine", hex(min(AT_ONCE, made - 1 - first)), hex(self.block_seconds))
        self._now = self.client.existing_block("latest").timestamp
        return self.mine(until - self._now)

    def transact(self, *, sender: str, to: str, data: bytes = b"", value: int = 0) -> Mined:
        """A transaction of anybody, impersonated, mined at once. Whether it went through stands in its receipt."""
        self.ask("anvil_impersonateAccount", sender)
        message = {
            "from": sender,
            "to": to,
            "data": "0x" + data.hex(),
            "value": hex(value),
            "gas": hex(GAS),
            "gasPrice": "0x0",
        }
        self.ask("anvil_setNextBlockBaseFeePerGas", "0x0")
        sent = self.ask("eth_sendTransaction", message)
        self.ask("anvil_stopImpersonatingAccount", sender)
        block = self.mine()
        receipt = self.client.receipt(sent)
        if receipt is None:
            raise ForkFailed("a transaction was not mined on the fork")
        calls = self.client.request(
            "debug_traceTransaction", sent, {"tracer": "callTracer", "tracerConfig": {"withLog": True}}, timeout=30
        )
        diff = self.client.request(
            "debug_traceTransaction", sent, {"tracer": "prestateTracer", "tracerConfig": {"diffMode": True}}, timeout=30
        )
        return Mined(receipt, block, calls, diff)

    @contextmanager
    def aside(self) -> Iterator[None]:
        """What happens inside is undone afterwards, the clock too."""
        snapshot, now = self.ask("evm_snapshot"), self._now
        try:
            yield
        finally:
            with suppress(ForkFailed):
                self.ask("evm_revert", snapshot)
            self._now = now


@contextmanager
def forked(chain: Chain, block: Block, client: Client, *, seconds: float = SECONDS) -> Iterator[Fork]:
    """A fork of `chain` at exactly this block, read through `client`."""
    with Gate(client) as gate:
        anvil = Anvil.forked(gate.url, block.number, fork_chain_id(chain.chain_id), limits=LIMITS)
        try:
            anvil.start(timeout=30)
        except (AnvilError, OSError) as error:
            logger.warning("no fork of %s: %s", chain.name, error)
            raise ForkFailed(f"no fork of {chain.name} could be started; the worker's log says why") from error
        watch = threading.Timer(seconds, anvil.kill_process)
        watch.daemon = True
        watch.start()
        try:
            fork = Fork(chain, block, anvil, gate)
            if fork.client.existing_block(block.number).hash != block.hash:
                raise ForkFailed(f"{chain.name} has another block {block.number} than a moment ago")
            yield fork
        finally:
            watch.cancel()
            anvil.kill()
