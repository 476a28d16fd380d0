"""Runs Anvil: a local chain of our own, or a fork of one at a block. One process, loopback only, gone with its starter.

with Anvil(mining="auto") as anvil:
    anvil.rpc("eth_blockNumber")
"""

import contextlib
import ctypes
import gzip
import os
import platform
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from integrations.devnet.chain import BLOCK_SECONDS, CHAIN_ID, GAS_LIMIT, SLOTS_IN_AN_EPOCH
from integrations.devnet.rpc import Rpc, RpcDown

ROOT = Path(__file__).resolve().parents[2]
PR_SET_PDEATHSIG = 1
FORK_HISTORY = 32
HISTORY = 200
"""States kept for reads in the past (and forks there), in memory: over six minutes of the devnet. Anvil would otherwise
write one file a block to disk, for ever. Each state is a whole copy that grows with the chain: an hour of the demo took
1.2 GB with 600 of them."""

Mining = Literal["auto", "interval", "manual"]


class AnvilError(Exception):
    """Anvil is missing, could not start, or died. The message says what to do."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Which chain to fork, and where."""

    url: str
    block: int


def anvil_binary(root: Path = ROOT) -> Path:
    """The binary from the npm package of this platform; its install scripts are never run."""
    machine = platform.machine().lower()
    arch = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine)
    system = {"linux": "linux", "darwin": "darwin"}.get(sys.platform)
    if arch is None or system is None:
        raise AnvilError(f"There is no Anvil for {sys.platform} on {machine}.")
    package = f"@foundry-rs/anvil-{system}-{arch}"
    binary = root / "node_modules" / package / "bin" / "anvil"
    if not binary.is_file():
        raise AnvilError(
            f"Anvil is not installed ({package} is missing from node_modules): run `npm ci` or `make run`."
        )
    return binary


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _port_is_taken(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one Anvil may take before the system ends it: seconds of processor time, bytes of memory of its own."""

    processor: int
    memory: int


def _prepare(limits: Limits | None) -> Callable[[], None]:
    """Anvil ends when the thread that started it does, so that a killed supervisor or worker leaves none behind."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
    starter = os.getpid()

    def setup() -> None:
        if libc is not None:
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != starter:  # it died before we could ask to be told
                os._exit(1)
        if limits is not None:
            resource.setrlimit(resource.RLIMIT_CPU, (limits.processor, limits.processor))
            resource.setrlimit(resource.RLIMIT_DATA, (limits.memory, limits.memory))

    return setup


class Anvil:
    """One Anvil process. `state` keeps the chain over restarts: loaded at the start, written by `save` and `stop`."""

    def __init__(
        self,
        *,
        port: int = 0,
        chain_id: int = CHAIN_ID,
        mining: Mining = "interval",
        block_seconds: int = BLOCK_SECONDS,
        slots_in_an_epoch: int = SLOTS_IN_AN_EPOCH,
        state: Path | None = None,
        fork: Fork | None = None,
        history: int = HISTORY,
        timestamp: int | None = None,
        read_only_state: bool = False,
        home: Path | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.port = port
        self.chain_id = chain_id
        self.mining: Mining = mining
        self.block_seconds = block_seconds
        self.slots_in_an_epoch = slots_in_an_epoch
        self.state = state
        self.fork = fork
        self.history = history
        self.timestamp = timestamp
        self.read_only_state = read_only_state
        self.limits = limits
        self.process: subprocess.Popen[bytes] | None = None
        self._given_home = home
        self._home: Path | None = None
        self._rpc: Rpc | None = None

    @classmethod
    def forked(cls, url: str, block: int, chain_id: int, *, port: int = 0, limits: Limits | None = None) -> "Anvil":
        """A fork that mines only when told to; its own chain id keeps what is signed there worthless elsewhere."""
        at = Fork(url, block)
        return cls(port=port, chain_id=chain_id, mining="manual", fork=at, limits=limits, history=FORK_HISTORY)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def rpc(self) -> Rpc:
        if self._rpc is None:
            raise AnvilError("Anvil is not running.")
        return self._rpc

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def start(self, timeout: float = 20.0) -> Self:
        binary = anvil_binary()
        if self.port and _port_is_taken(self.port):
            raise AnvilError(
                f"Port {self.port} is taken: stop what listens there, or set DEVNET_RPC_URL to another port."
            )
        self.port = self.port or free_port()
        self._home = self._make_home()
        try:
            command = [str(binary), *self._arguments(self._home)]
        except AnvilError:
            self.kill()
            raise
        with (self._home / "anvil.log").open("wb") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._home,
                env={"HOME": str(self._home), "PATH": os.environ.get("PATH", "")},
                preexec_fn=_prepare(self.limits),  # noqa: PLW1509 (a few system calls; nothing that could hold a lock)
            )
        self._rpc = Rpc(self.url)
        try:
            self._wait(timeout)
            self._settle()
        except BaseException:
            self.kill()
            raise
        return self

    def _make_home(self) -> Path:
        """A HOME of its own. A given one is emptied first: a killed run leaves its files behind."""
        if self._given_home is None:
            return Path(tempfile.mkdtemp(prefix="breakglass-anvil-"))
        shutil.rmtree(self._given_home, ignore_errors=True)
        self._given_home.mkdir(parents=True)
        return self._given_home

    def _arguments(self, home: Path) -> list[str]:
        arguments = ["--host", "127.0.0.1", "--port", str(self.port), "--chain-id", str(self.chain_id), "--quiet"]
        arguments += ["--slots-in-an-epoch", str(self.slots_in_an_epoch), "--prune-history", str(self.history)]
        arguments += ["--gas-limit", str(GAS_LIMIT), "--no-request-size-limit"]
        if self.mining != "auto":
            # Interval mining begins once the clock is settled.
            arguments += ["--no-mining"]
        if self.timestamp is not None:
            arguments += ["--timestamp", str(self.timestamp)]
        if self.fork:
            arguments += ["--fork-url", self.fork.url, "--fork-block-number", str(self.fork.block)]
            arguments += ["--no-storage-caching", "--no-rate-limit", "--retries", "2", "--timeout", "10000"]
        if self.state and self.state.exists():
            loaded = home / "state.json"
            _unpack(self.state, loaded)
            arguments += ["--load-state", str(loaded)]
        return arguments

    def _wait(self, timeout: float) -> None:
        assert self.process is not None
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AnvilError(f"Anvil ended at once (exit code {self.process.returncode}). {self._log_tail()}")
            try:
                answered = self.rpc.chain_id()
            except RpcDown:
                time.sleep(0.01)
                continue
            if answered != self.chain_id:
                raise AnvilError(f"Port {self.port} answers for chain {answered}, not {self.chain_id}.")
            return
        raise AnvilError(f"Anvil did not answer within {timeout:g} s. {self._log_tail()}")

    def _log_tail(self) -> str:
        log = self._home / "anvil.log" if self._home else None
        return log.read_text(errors="replace").strip()[-500:] if log and log.exists() else ""

    def _settle(self) -> None:
        """After a load the clock starts at the wall's; a chain that a fault moved ahead must not go back in time."""
        with contextlib.suppress(FileNotFoundError):
            (self.home / "state.json").unlink()
        latest = self.rpc.timestamp()
        if self.fork is None and self.timestamp is None and latest > int(time.time()):
            self.rpc("evm_mine", latest + 1)
        if self.mining == "interval":
            self.set_interval_mining()

    def set_interval_mining(self) -> None:
        self.rpc("evm_setIntervalMining", self.block_seconds)

    @property
    def home(self) -> Path:
        if self._home is None:
            raise AnvilError("Anvil is not running.")
        return self._home

    def save(self) -> float:
        """Writes the whole chain to `state`, all of it or nothing; returns the seconds it took."""
        assert self.state is not None
        started = time.monotonic()
        write_state(self.rpc, self.state)
        return time.monotonic() - started

    def stop(self, timeout: float = 5.0) -> None:
        """Saves the chain (if it is kept) and ends Anvil."""
        if self.alive and self.state and not self.read_only_state:
            with contextlib.suppress(RpcDown):
                self.save()
        self._end(signal.SIGTERM, timeout)

    def kill(self) -> None:
        self._end(signal.SIGKILL, 5.0)

    def kill_process(self) -> None:
        """For another thread: only the process; whoever owns this object finds it dead and cleans up."""
        if self.process is not None:
            self.process.kill()

    def _end(self, how: signal.Signals, timeout: float) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            try:
                self.process.wait(timeout)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait(timeout)
        if self._rpc is not None:
            self._rpc.close()
            self._rpc = None
        if self._home is not None:
            shutil.rmtree(self._home, ignore_errors=True)
            self._home = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exception: object) -> None:
        self.stop()


def _unpack(state: Path, into: Path) -> None:
    try:
        with gzip.open(state) as packed, into.open("wb") as plain:
            shutil.copyfileobj(packed, plain)
    except (OSError, EOFError, zlib.error) as error:
        raise AnvilError(f"The kept chain in {state} cannot be read: `manage.py devnet reset` begins anew.") from error


def write_state(rpc: Rpc, path: Path) -> None:
    """Anvil's own `--state` file is cut short by a kill; this one is replaced whole."""
    dumped = bytes.fromhex(rpc("anvil_dumpState")[2:])
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(dumped)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(path)
