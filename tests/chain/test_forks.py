"""Forks by themselves: reads only towards the chain, an id of their own, bounded, and gone when their time is up."""

import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.conf import settings

from integrations.chain.client import Client, client_for
from integrations.chain.environments import LIVE_CHAIN_IDS
from integrations.chain.errors import RpcRefused
from integrations.chain.forks import (
    FORK_CHAIN_IDS,
    LIMITS,
    Busy,
    Fork,
    ForkFailed,
    NotTaken,
    fork_chain_id,
    forked,
    slots,
)
from integrations.chain.gate import Gate
from integrations.chain.models import Chain
from integrations.chain.transport import Transport
from integrations.devnet.anvil import ROOT
from integrations.devnet.chain import CAROL, CHAIN_ID, DAN
from tests.chain.conftest import Devnet
from tests.governance_world import World, world

pytestmark = pytest.mark.django_db(transaction=True)
MOST_ACCEPTED_BY_WALLETS = 4_503_599_627_370_476


@pytest.fixture
def helix(devnet: Devnet) -> World:
    return world(devnet)


def a_fork(helix: World) -> "ForkOf":
    return ForkOf(helix)


class ForkOf:
    """`with ForkOf(helix) as fork:` at the newest block."""

    def __init__(self, helix: World, seconds: float = 60) -> None:
        client = client_for(helix.chain)
        self._context = forked(helix.chain, client.common_block(), client, seconds=seconds)

    def __enter__(self) -> Fork:
        return self._context.__enter__()

    def __exit__(self, *problem: object) -> None:
        self._context.__exit__(*problem)  # type: ignore[arg-type]  # handed through as it came


def gone(pid: int, within: float = 5) -> bool:
    end = time.monotonic() + within
    while time.monotonic() < end:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_what_happens_on_a_fork_stays_there(helix: World) -> None:
    rpc = helix.devnet.rpc
    head, nonce, had = rpc.block_number(), rpc.nonce(CAROL.address), rpc("eth_getBalance", DAN.address, "latest")
    with a_fork(helix) as fork:
        mined = fork.transact(sender=CAROL.address, to=DAN.address, value=5)
        assert mined.receipt.succeeded and mined.block.number == head + 1
        assert fork.client.balance(DAN.address) == int(had, 16) + 5
        assert fork.client.nonce(CAROL.address) == nonce + 1
        pid = fork.process.pid if fork.process else 0
    assert (rpc.block_number(), rpc.nonce(CAROL.address)) == (head, nonce)
    assert rpc("eth_getBalance", DAN.address, "latest") == had
    assert rpc("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert gone(pid)


def test_its_chain_id_is_nobody_elses(helix: World) -> None:
    for chain_id in (*LIVE_CHAIN_IDS, CHAIN_ID):
        own = fork_chain_id(chain_id)
        assert MOST_ACCEPTED_BY_WALLETS < FORK_CHAIN_IDS <= own < 2**53 and own not in LIVE_CHAIN_IDS
    Chain.objects.create(chain_id=fork_chain_id(1), name="Squatter", short_name="squatter", kind="devnet")
    assert not Chain.objects.filter(chain_id=fork_chain_id(1)).exists()
    with a_fork(helix) as fork:
        assert fork.client.request("eth_chainId") == hex(fork_chain_id(CHAIN_ID)) != hex(CHAIN_ID)


@pytest.mark.parametrize(
    "method", ["eth_sendRawTransaction", "eth_sendTransaction", "anvil_setBalance", "evm_mine", "debug_traceCall", ""]
)
def test_the_gate_lets_only_reads_through(helix: World, method: str) -> None:
    with Gate(client_for(helix.chain)) as gate:
        through = Client(CHAIN_ID, [Transport(gate.url, CHAIN_ID)])
        assert through.block_number() == helix.devnet.rpc.block_number()
        with pytest.raises(RpcRefused, match="reads only"):
            through.request(method, "0x02f8")
        assert gate.refused == [method]
        elsewhere = Client(CHAIN_ID, [Transport(gate.url.rsplit("/", 1)[0] + "/guess", CHAIN_ID)])
        with pytest.raises(Exception, match="No endpoint"):
            elsewhere.block_number()


def test_the_gate_gives_only_so_many_reads(helix: World) -> None:
    with Gate(client_for(helix.chain), most=2) as gate:
        through = Client(CHAIN_ID, [Transport(gate.url, CHAIN_ID)])  # which asks for the chain id first
        through.block_number()
        with pytest.raises(RpcRefused, match="read enough"):
            through.block_number()


def test_it_is_bounded_and_its_address_holds_no_endpoint(helix: World) -> None:
    with a_fork(helix) as fork:
        assert fork.process is not None
        assert resource.prlimit(fork.process.pid, resource.RLIMIT_CPU)[0] == LIMITS.processor
        assert resource.prlimit(fork.process.pid, resource.RLIMIT_DATA)[0] == LIMITS.memory
        command = Path(f"/proc/{fork.process.pid}/cmdline").read_text()
        assert "127.0.0.1" in command and helix.devnet.url.removeprefix("http://") not in command


def test_it_is_ended_when_its_time_is_up(helix: World) -> None:
    with pytest.raises(ForkFailed, match="before its time"), ForkOf(helix, seconds=0.3) as fork:
        threading.Event().wait(0.8)
        fork.mine()


def test_nobody_pays_gas_and_the_clock_goes_where_it_is_told(helix: World) -> None:
    poor = "0x" + "42" * 20
    with a_fork(helix) as fork:
        assert fork.transact(sender=poor, to=DAN.address).receipt.succeeded
        assert fork.client.balance(poor) == 0
        with pytest.raises(NotTaken):
            fork.transact(sender=poor, to=DAN.address, value=1)
        before = fork.now
        assert fork.travel(86_400).timestamp == fork.now == before + 86_400
        number = fork.client.block_number()
        assert fork.pass_blocks(7).number == number + 7
        assert fork.now == before + 86_400 + 7 * fork.block_seconds
        with fork.aside():
            assert fork.pass_blocks(3_000).number == number + 7 + 2_000
            assert fork.now == before + 86_400 + 3_007 * fork.block_seconds
        with fork.aside():
            fork.travel(1_000_000)
            fork.transact(sender=CAROL.address, to=poor, value=7)
        assert (fork.client.balance(poor), fork.client.block_number()) == (0, number + 7)
        assert fork.mine().timestamp < before + 90_000


def test_only_so_many_forks_at_a_time_on_a_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("integrations.chain.forks.tempfile.gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(settings, "FORKS_AT_ONCE", 2)
    with slots(1):
        with slots(1), pytest.raises(Busy), slots(1):
            raise AssertionError("there was no room")
        with pytest.raises(Busy), slots(2):
            raise AssertionError("one of two is taken")
    with slots(5):
        pass  # more chains than room: alone


def test_a_killed_process_leaves_no_fork_behind(helix: World) -> None:
    """Its death is the fork's, whatever it was doing."""
    script = f"""
import time
from integrations.devnet.anvil import Anvil, Limits
fork = Anvil.forked({helix.devnet.url!r}, {helix.devnet.rpc.block_number()}, 8000000000000001, limits=Limits(60, 2**30))
fork.start()
print(fork.process.pid, flush=True)
time.sleep(60)
"""
    holder = subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    assert not gone(pid, within=0.2)
    holder.send_signal(signal.SIGKILL)
    assert holder.wait(10) == -signal.SIGKILL
    assert gone(pid)
