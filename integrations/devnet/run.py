"""The devnet as one process: Anvil, the deployment, the keeper, and a chain that outlives a kill."""

import contextlib
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from integrations.devnet.anvil import Anvil, AnvilError
from integrations.devnet.chain import BLOCK_SECONDS
from integrations.devnet.deploy import deploy
from integrations.devnet.deployment import Deployment, deployment_path
from integrations.devnet.faults.board import FaultBoard
from integrations.devnet.keeper import Keeper
from integrations.devnet.rpc import RpcDown, RpcError

TICK = 0.5
SAVE_EVERY = 4.0
"""A kill takes the blocks since the last save: fewer than it takes to finalise one."""
SAVE_SHARE = 20
SAVE_SHARE_IN_USE = 4
"""Saving may take at most one part in so many of the time, however large the chain has grown: more of it while there
are transactions to lose."""
PAST = 120
"""Genesis lies this many seconds back, so that the deployment's blocks have a past to be in."""


def chain_path(state_dir: Path) -> Path:
    return state_dir / "devnet" / "chain.json.gz"


class DevnetProcess:
    """`run` blocks until `stop` is called or Anvil dies (then it raises, and whoever supervises starts it anew)."""

    def __init__(self, state_dir: Path, port: int, say: Callable[[str], None] = print) -> None:
        self.state_dir = state_dir
        self.say = say
        self.board = FaultBoard(state_dir)
        state = chain_path(state_dir)
        fresh = not state.exists()
        self.anvil = Anvil(
            port=port,
            mining="manual",
            state=state,
            home=state_dir / "devnet" / "anvil",
            timestamp=int(time.time()) - PAST if fresh else None,
        )
        self.deployment: Deployment | None = None
        self._ending = threading.Event()
        self._saved_block = 0
        self._saved_at = 0.0
        self._cost = 0.0

    def run(self) -> None:
        # Until everything stands there, nobody may take the last run's description for this one's.
        deployment_path(self.state_dir).unlink(missing_ok=True)
        started = time.monotonic()
        with self.anvil:
            self.deployment = self._prepare()
            self.say(
                f"devnet ready in {time.monotonic() - started:.1f} s: {self.anvil.url}, chain {self.anvil.chain_id}, "
                f"block {self.anvil.rpc.block_number()}"
            )
            keeper = Keeper(self.anvil.rpc, self.deployment, self.board)
            while not self._ending.wait(TICK):
                self._tick(keeper)

    def stop(self, signum: int = 0, frame: FrameType | None = None) -> None:
        self._ending.set()

    def obey_signals(self) -> None:
        for signum in (signal.SIGINT, signal.SIGTERM):
            signal.signal(signum, self.stop)

    def _prepare(self) -> Deployment:
        """Deploys what is missing, saves it, and only then says where it is and lets the chain run."""
        rpc = self.anvil.rpc
        deployment = deploy(self.anvil.url, block_seconds=BLOCK_SECONDS)
        if self.board.halted:
            rpc("evm_setIntervalMining", 0)
        else:
            # In the very first block: after a night one before it would hold old prices, and be an alarm. And an
            # answer still in the pool would undo a fault that comes first thing.
            if Keeper(rpc, deployment, self.board).tick():
                rpc("evm_mine")
            rpc("evm_setIntervalMining", BLOCK_SECONDS)
        self._save(rpc.block_number())
        deployment.save(self.state_dir)
        return deployment

    def _tick(self, keeper: Keeper) -> None:
        try:
            for name in keeper.tick():
                self.say(f"refreshed {name}")
            self._save_if_due()
        except RpcError as error:
            # The chain refused one call (a fault, a rewound snapshot): the next tick looks at it afresh.
            self.say(f"keeper: {error}")
        except RpcDown as error:
            if not self.anvil.alive:
                raise AnvilError("Anvil has died.") from error
            self.say(f"keeper: {error}")

    def _save_if_due(self) -> None:
        """At once after a block with transactions, every few seconds otherwise."""
        waited = time.monotonic() - self._saved_at
        head = self.anvil.rpc.block_number()
        if head == self._saved_block or waited < self._cost * SAVE_SHARE_IN_USE:
            return
        rewound = head < self._saved_block
        due = waited > max(SAVE_EVERY, self._cost * SAVE_SHARE)
        if rewound or due or self._has_transactions(self._saved_block + 1, head):
            self._save(head)

    def _has_transactions(self, first: int, last: int) -> bool:
        calls = [("eth_getBlockTransactionCountByNumber", [hex(number)]) for number in range(first, last + 1)]
        return any(int(count or "0x0", 16) for count in self.anvil.rpc.batch(calls))

    def _save(self, head: int) -> None:
        self._cost = self.anvil.save()
        self._saved_block, self._saved_at = head, time.monotonic()


def reset(state_dir: Path) -> list[str]:
    """Forgets the chain, what stands on it, and its faults; names what was removed."""
    removed = []
    for path in (chain_path(state_dir), deployment_path(state_dir), FaultBoard(state_dir).path):
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            removed.append(path.name)
    return removed
