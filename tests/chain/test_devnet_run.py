"""The devnet as a process: what the keeper keeps, what each fault breaks, what a kill cannot take."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from integrations.devnet import prices
from integrations.devnet.abi import ask, calldata
from integrations.devnet.anvil import ROOT, Anvil, free_port
from integrations.devnet.chain import CHAIN_ID, KEYS
from integrations.devnet.deployment import Deployment
from integrations.devnet.faults import FAULTS, World
from integrations.devnet.faults.board import FaultBoard
from integrations.devnet.helix import ETH_USD, HLX_USD
from integrations.devnet.keeper import Keeper
from integrations.devnet.rpc import Rpc, RpcDown, RpcError
from integrations.devnet.run import chain_path, reset
from integrations.families import Config
from ledger.errors import Invalid
from tests.chain.conftest import Devnet


def _until(condition: Callable[[], Any], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.1)


@pytest.fixture
def world(devnet: Devnet, tmp_path: Path) -> World:
    return World(devnet.rpc, devnet.deployment, FaultBoard(tmp_path))


@pytest.fixture
def keeper(world: World) -> Iterator[Keeper]:
    yield Keeper(world.rpc, world.deployment, FaultBoard(world.board.path.parents[1]))
    world.rpc("anvil_removeBlockTimestampInterval")  # no revert takes it back, and the next test wants the wall's clock


def _age(world: World, feed: str) -> int:
    return world.rpc.timestamp() - prices.latest(world.rpc, world.deployment.feed(feed)).updated_at


def _pass_time(world: World, seconds: int) -> None:
    world.rpc("evm_mine", world.rpc.timestamp() + seconds)


def _fault(name: str, **config: Any) -> Any:
    return FAULTS[name](FAULTS.parse(name, config))


def test_the_keeper_refreshes_a_feed_before_its_heartbeat_and_not_sooner(world: World, keeper: Keeper) -> None:
    assert keeper.tick() == []
    _pass_time(world, 61)
    assert keeper.tick() == [HLX_USD]
    world.rpc("evm_mine")
    assert _age(world, HLX_USD) <= 2
    assert keeper.tick() == []
    _pass_time(world, 1800)
    assert keeper.tick() == [HLX_USD, ETH_USD]


def test_the_keepers_prices_stay_near_where_they_began() -> None:
    seen = [prices.price_at(HLX_USD, when) for when in range(0, 7200, 7)]
    assert max(seen) - min(seen) > 0
    assert all(abs(price - 12_40000000) < 12_40000000 // 100 for price in seen)
    assert prices.price_at(HLX_USD, 0, -20) == 9_92000000


def test_a_stale_feed_shows_at_once_and_the_keeper_leaves_it_so(world: World, keeper: Keeper) -> None:
    fault = _fault("stale-feed")
    assert "HLX/USD is stale" in fault.start(world)
    heartbeat = world.deployment.feed(HLX_USD).heartbeat
    assert heartbeat < _age(world, HLX_USD) < heartbeat + 10
    for _ in range(3):
        assert HLX_USD not in keeper.tick()
        world.rpc("evm_mine")
    with pytest.raises(RpcError, match="revert"):
        ask(world.rpc, world.deployment.vault, "oraclePrice(uint256)", 0, returns="uint256")
    assert ask(world.rpc, world.deployment.vault, "oraclePrice(uint256)", 1, returns="uint256")[0] > 0
    assert "answers again" in fault.clear(world)
    assert _age(world, HLX_USD) <= 1
    assert ask(world.rpc, world.deployment.vault, "oraclePrice(uint256)", 0, returns="uint256")[0] > 0
    _pass_time(world, 61)
    assert keeper.tick() == [HLX_USD]
    assert fault.clear(world) == "stale-feed was not on."


def test_after_a_fault_the_walls_clock_catches_up_with_the_chains(world: World, keeper: Keeper) -> None:
    _fault("stale-feed").start(world)
    keeper.tick()
    world.rpc("evm_mine")  # what the keeper sent is mined by itself a moment later, and would be a block too many
    before = world.rpc.timestamp()
    assert before - time.time() > 100
    for _ in range(3):
        world.rpc("evm_mine")
    assert world.rpc.timestamp() == before + 3


def test_a_price_jump_moves_the_price_and_clearing_brings_it_back(world: World, keeper: Keeper) -> None:
    feed = world.deployment.feed(ETH_USD)
    before = prices.latest(world.rpc, feed).price
    fault = _fault("price-jump", feed=ETH_USD, percent=-50)
    assert "ETH/USD went from" in fault.start(world)
    assert prices.latest(world.rpc, feed).price < before * 0.55
    _pass_time(world, 1801)
    keeper.tick()
    world.rpc("evm_mine")
    assert prices.latest(world.rpc, feed).price < before * 0.55
    fault.clear(world)
    assert abs(prices.latest(world.rpc, feed).price - before) < before * 0.05


def test_a_fault_for_a_feed_that_is_not_there_changes_nothing(world: World) -> None:
    height = world.rpc.block_number()
    for name in ("stale-feed", "price-jump"):
        with pytest.raises(Invalid, match="there is no feed 'DOGE/USD'"):
            _fault(name, feed="DOGE/USD").start(world)
    assert world.board.active == {}
    assert world.rpc.block_number() == height


def test_every_fault_says_what_it_does() -> None:
    assert {"stale-feed", "price-jump", "chain-halt"} <= set(FAULTS)
    assert all(issubclass(member.Config, Config) for _, member in FAULTS.items())


# --- the process and the command


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator["Process"]:
    process = Process(tmp_path_factory.mktemp("a long way down"))
    process.start()
    yield process
    process.stop()


class Process:
    """`manage.py devnet run`, as the supervisor starts it."""

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        environment = {**os.environ, "BREAKGLASS_STATE": str(self.state_dir), "DEVNET_RPC_URL": self.url}
        command = [sys.executable, "manage.py", "devnet", "run"]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
        _until(self.ready, 60)

    def ready(self) -> bool:
        """As the supervisor sees it: the endpoint answers, and only then has the new process's description counted."""
        try:
            Rpc(self.url, timeout=2).chain_id()
        except RpcDown:
            return False
        return Deployment.load(self.state_dir) is not None

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(10)

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.end(signal.SIGTERM)

    def command(self, *arguments: str) -> None:
        call_command("devnet", *arguments)


@pytest.fixture
def devnet_settings(running: Process, settings: Any) -> None:
    settings.DEVNET_RPC_URL = running.url
    settings.STATE_DIR = running.state_dir


def test_mines_every_two_seconds_and_survives_a_kill(running: Process) -> None:
    rpc = Rpc(running.url)
    tx_hash = rpc("eth_sendTransaction", {"from": KEYS[4].address, "to": "0x" + "ee" * 20, "value": "0x3"})
    assert rpc("eth_getTransactionReceipt", tx_hash) is None, "it never mines on demand"
    _until(lambda: rpc("eth_getTransactionReceipt", tx_hash))
    receipt = rpc("eth_getTransactionReceipt", tx_hash)
    saved = chain_path(running.state_dir).stat().st_mtime_ns
    _until(lambda: chain_path(running.state_dir).stat().st_mtime_ns > saved, 30)
    known = Deployment.load(running.state_dir)
    assert running.end(signal.SIGKILL) == -signal.SIGKILL
    running.start()
    rpc = Rpc(running.url)
    assert Deployment.load(running.state_dir) == known
    assert rpc("eth_getTransactionReceipt", tx_hash) == receipt
    head = rpc.block_number()
    _until(lambda: rpc.block_number() > head)


@pytest.mark.usefixtures("devnet_settings")
def test_the_command_breaks_the_running_devnet_and_mends_it(
    running: Process, capsys: pytest.CaptureFixture[str]
) -> None:
    running.command("fault", "stale-feed")
    assert "HLX/USD is stale" in capsys.readouterr().out
    time.sleep(3)
    running.command("status")
    shown = capsys.readouterr().out
    assert f"chain {CHAIN_ID}" in shown
    assert "of 120  stale" in shown
    assert "of 3600  fresh" in shown
    assert "fault stale-feed is on" in shown
    running.command("fault", "stale-feed", "clear")
    running.command("status")
    shown = capsys.readouterr().out
    assert "of 120  fresh" in shown
    assert "fault" not in shown


@pytest.mark.usefixtures("devnet_settings")
def test_a_halted_chain_stands_still_even_over_a_restart(running: Process, capsys: pytest.CaptureFixture[str]) -> None:
    running.command("fault", "chain-halt")
    head = Rpc(running.url).block_number()
    assert running.end(signal.SIGTERM) == 0
    running.start()
    time.sleep(2.5)
    assert Rpc(running.url).block_number() - head in (0, 1)  # one more if the clock had to be kept from going back
    head = Rpc(running.url).block_number()
    running.command("fault", "chain-halt", "clear")
    _until(lambda: Rpc(running.url).block_number() > head + 1)


@pytest.mark.usefixtures("devnet_settings")
@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("fault", "earthquake"), "no fault called 'earthquake' .*stale-feed"),
        (("fault", "price-jump", "--set", "percent=-200"), "percent"),
        (("fault", "price-jump", "--set", "percent"), "KEY=VALUE"),
        (("reset",), "is running"),
    ],
)
def test_what_makes_no_sense_is_refused(running: Process, arguments: tuple[str, ...], why: str) -> None:
    with pytest.raises(CommandError, match=why):
        running.command(*arguments)
    assert FaultBoard(running.state_dir).active == {}


def test_nothing_is_broken_on_another_chain(settings: Any, tmp_path: Path) -> None:
    settings.STATE_DIR = tmp_path
    with Anvil(mining="auto", chain_id=1) as mainnet:
        settings.DEVNET_RPC_URL = mainnet.url
        for arguments in (("fault", "stale-feed"), ("deploy",), ("status",)):
            with pytest.raises(CommandError, match="serves chain 1; the devnet is chain 731337"):
                call_command("devnet", *arguments)
        assert mainnet.rpc.block_number() == 0
    assert FaultBoard(tmp_path).active == {}


def test_reset_forgets_the_chain_and_its_faults(
    settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.STATE_DIR, settings.DEVNET_RPC_URL = tmp_path, f"http://127.0.0.1:{free_port()}"
    (tmp_path / "devnet").mkdir()
    for name in ("chain.json.gz", "deployment.json", "faults.json"):
        (tmp_path / "devnet" / name).write_text("{}")
    call_command("devnet", "reset")
    assert "chain.json.gz, deployment.json, faults.json" in capsys.readouterr().out
    assert reset(tmp_path) == []


def test_the_command_is_off_where_the_devnet_is(settings: Any) -> None:
    settings.DEVNET_ENABLED = False
    with pytest.raises(CommandError, match="off"):
        call_command("devnet", "status")


def test_wallets_are_listed_with_a_warning(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("devnet", "wallets")
    shown = capsys.readouterr().out
    assert "public" in shown
    assert all(account.address in shown and account.key in shown for account in KEYS)


def test_the_proxy_runs_as_a_process_of_its_own(anvil: Anvil) -> None:
    environment = {**os.environ, "DEVNET_RPC_URL": anvil.url}
    command = [sys.executable, "manage.py", "devnet", "proxy"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[0]
        assert Rpc(url).chain_id() == CHAIN_ID
        process.send_signal(signal.SIGINT)
        assert process.wait(10) == 0
    with pytest.raises(RpcDown):
        Rpc(url).chain_id()


def test_pausing_shows_in_the_status(devnet: Devnet, settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    settings.DEVNET_RPC_URL = devnet.url
    guardian = devnet.deployment.guardian_safe
    devnet.rpc("anvil_impersonateAccount", guardian)
    devnet.rpc("anvil_setBalance", guardian, hex(10**18))
    data = "0x" + calldata("pause()").hex()
    devnet.rpc("eth_sendTransaction", {"from": guardian, "to": devnet.deployment.vault, "data": data})
    devnet.rpc("evm_mine")
    call_command("devnet", "status")
    assert "PAUSED" in capsys.readouterr().out
