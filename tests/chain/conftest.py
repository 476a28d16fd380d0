"""Real chains for tests: one Anvil a worker, taken back to where it was after each test."""

import fcntl
import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from integrations.devnet import prices
from integrations.devnet.anvil import ROOT, Anvil, write_state
from integrations.devnet.deploy import deploy
from integrations.devnet.deployment import Deployment
from integrations.devnet.proxy import RpcProxy
from integrations.devnet.rpc import Rpc


@dataclass(frozen=True)
class Devnet:
    """A running devnet with everything deployed; it mines at each transaction."""

    anvil: Anvil
    deployment: Deployment

    @property
    def url(self) -> str:
        return self.anvil.url

    @property
    def rpc(self) -> Rpc:
        return self.anvil.rpc


@pytest.fixture(scope="session")
def anvil_process() -> Iterator[Anvil]:
    with Anvil(mining="auto") as anvil:
        yield anvil


@pytest.fixture
def anvil(anvil_process: Anvil) -> Iterator[Anvil]:
    """An empty chain with the ten funded accounts, mining at each transaction."""
    snapshot = anvil_process.rpc("evm_snapshot")
    yield anvil_process
    anvil_process.rpc("evm_revert", snapshot)


@pytest.fixture(scope="session")
def devnet_process(pytestconfig: pytest.Config) -> Iterator[Devnet]:
    """Deployed once and kept in pytest's cache; loading it takes a fraction of a second."""
    folder = Path(pytestconfig.cache.mkdir("devnet")) / _inputs_hash()  # type: ignore[union-attr]  # never without
    folder.mkdir(exist_ok=True)
    state = folder / "state.json.gz"
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not state.exists() or time.time() - state.stat().st_mtime > 24 * 3600:
            state.unlink(missing_ok=True)
            with Anvil(mining="auto", timestamp=int(time.time()) - 120) as fresh:
                deploy(fresh.url, block_seconds=None).save(folder)
                write_state(fresh.rpc, state)
    deployment = Deployment.load(folder)
    assert deployment is not None
    with Anvil(mining="auto", state=state, read_only_state=True) as anvil:
        yield Devnet(anvil, deployment)


@pytest.fixture
def devnet(devnet_process: Devnet) -> Iterator[Devnet]:
    """The Safe contracts, the demo's Safes and Helix with its accounts; what a test does to them is undone.

    The clock is the wall's and every feed is fresh when a test begins, however long the session has lasted.
    """
    rpc = devnet_process.rpc
    snapshot = rpc("evm_snapshot")
    rpc("anvil_setTime", max(int(time.time()), rpc.timestamp() + 1))
    for feed in devnet_process.deployment.feeds:
        prices.publish(rpc, feed, prices.latest(rpc, feed).price)
    rpc("evm_mine")
    yield devnet_process
    rpc("evm_revert", snapshot)


@pytest.fixture
def rpc_proxy(devnet: Devnet) -> Iterator[RpcProxy]:
    """A fault-injecting proxy before the devnet; it does nothing until told to."""
    with RpcProxy(devnet.url) as proxy:
        yield proxy


def _inputs_hash() -> str:
    """Of everything that decides what is deployed."""
    digest = hashlib.sha256()
    sources = [
        *(ROOT / "integrations/devnet").glob("*.py"),
        *(ROOT / "integrations/devnet/artifacts").glob("**/*.json"),
    ]
    for path in [*sorted(sources), ROOT / "package-lock.json"]:
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]
