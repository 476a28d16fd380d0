"""What tests of the transaction manager stand on: a node, a proxy before it, a chain and a funded executor."""

import threading
from collections.abc import Iterator

import pytest

from integrations.chain.models import Chain, Executor
from integrations.devnet.anvil import Anvil
from integrations.devnet.proxy import RpcProxy
from tests.chain.transactions import make_chain, make_executor, put_counter
from work import leases


@pytest.fixture(autouse=True)
def quiet_heart() -> Iterator[None]:
    """The thread that keeps leases ends before the database of the test does."""
    leases.Heart.BEAT = 0.1
    yield
    while leases.HEART._thread is not None:
        threading.Event().wait(0.02)


@pytest.fixture
def node(anvil: Anvil) -> Iterator[Anvil]:
    put_counter(anvil.rpc)
    yield anvil
    anvil.rpc("anvil_setNextBlockBaseFeePerGas", hex(10**9))  # survives the way back to before the test
    anvil.rpc("evm_setAutomine", True)


@pytest.fixture
def proxy(node: Anvil) -> Iterator[RpcProxy]:
    with RpcProxy(node.url) as running:
        yield running


@pytest.fixture
def chain(proxy: RpcProxy) -> Chain:
    return make_chain(proxy.url)


@pytest.fixture
def executor(chain: Chain, node: Anvil) -> Executor:
    return make_executor(chain, node.rpc)
