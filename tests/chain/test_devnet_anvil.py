"""The Anvil runner: starts fast, keeps the chain, ends with its starter, says clearly what is wrong."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from integrations.devnet.anvil import ROOT, Anvil, AnvilError, anvil_binary, write_state
from integrations.devnet.chain import CHAIN_ID, KEYS


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def test_mines_by_the_clock_on_its_own_chain_id() -> None:
    with Anvil(block_seconds=1) as anvil:
        assert anvil.rpc.chain_id() == CHAIN_ID
        first = anvil.rpc.block_number()
        time.sleep(2.3)
        assert 2 <= anvil.rpc.block_number() - first <= 3
        pid = anvil.process.pid if anvil.process else 0
    assert not _alive(pid)


def test_the_chain_is_kept_over_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "with space" / "state.json.gz"
    sender, receiver = KEYS[0].address, "0x" + "ab" * 20
    with Anvil(mining="auto", state=state) as anvil:
        tx_hash = anvil.rpc("eth_sendTransaction", {"from": sender, "to": receiver, "value": "0x7"})
        anvil.rpc("evm_mine")
        block = anvil.rpc("eth_getTransactionReceipt", tx_hash)["blockHash"]
        latest = anvil.rpc.block_number()
    with Anvil(mining="auto", state=state) as anvil:
        assert anvil.rpc("eth_getBalance", receiver, "latest") == "0x7"
        assert anvil.rpc("eth_getTransactionReceipt", tx_hash)["blockHash"] == block
        assert anvil.rpc.nonce(sender) == 1
        anvil.rpc("evm_mine")
        assert anvil.rpc.block_number() == latest + 1


def test_a_kill_loses_only_what_came_after_the_last_save(tmp_path: Path) -> None:
    state = tmp_path / "state.json.gz"
    anvil = Anvil(mining="auto", state=state).start()
    anvil.rpc("evm_mine")
    anvil.save()
    anvil.rpc("evm_mine")
    assert anvil.process is not None
    anvil.process.kill()
    anvil.stop()
    with Anvil(mining="auto", state=state) as again:
        assert again.rpc.block_number() == 1


def test_a_clock_that_was_moved_ahead_never_goes_back(tmp_path: Path) -> None:
    state = tmp_path / "state.json.gz"
    with Anvil(mining="auto", state=state) as anvil:
        anvil.rpc("evm_increaseTime", 5000)
        anvil.rpc("evm_mine")
        before = anvil.rpc.timestamp()
    with Anvil(mining="auto", state=state) as anvil:
        assert anvil.rpc.timestamp() > before
        anvil.rpc("anvil_setBlockTimestampInterval", 1)
        anvil.rpc("evm_mine")
        assert anvil.rpc.timestamp() == before + 2


def test_a_taken_port_is_named(anvil: Anvil) -> None:
    with pytest.raises(AnvilError, match=f"Port {anvil.port} is taken.*DEVNET_RPC_URL"):
        Anvil(port=anvil.port).start()


def test_a_missing_binary_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(AnvilError, match="npm ci"):
        anvil_binary(tmp_path)


def test_a_state_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    state = tmp_path / "state.json.gz"
    with Anvil(mining="auto") as anvil:
        write_state(anvil.rpc, state)
    state.write_bytes(state.read_bytes()[:-50])
    with pytest.raises(AnvilError, match="devnet reset"):
        Anvil(state=state).start()


def test_a_fork_reads_the_past_and_signs_for_another_chain(anvil: Anvil) -> None:
    receiver = "0x" + "cd" * 20
    anvil.rpc("eth_sendTransaction", {"from": KEYS[0].address, "to": receiver, "value": "0x1"})
    anvil.rpc("evm_mine")
    at = anvil.rpc.block_number()
    anvil.rpc("eth_sendTransaction", {"from": KEYS[0].address, "to": receiver, "value": "0x1"})
    anvil.rpc("evm_mine")
    with Anvil.forked(anvil.url, at, 731338) as fork:
        assert fork.rpc.chain_id() == 731338
        assert fork.rpc("eth_getBalance", receiver, "latest") == "0x1"
        assert fork.rpc.block_number() == at
        fork.rpc("anvil_setBalance", receiver, "0x9")
        fork.rpc("evm_mine")
        assert fork.rpc.block_number() == at + 1
    assert anvil.rpc("eth_getBalance", receiver, "latest") == "0x2"


def test_ends_when_its_starter_is_killed(tmp_path: Path) -> None:
    code = (
        "import time; from integrations.devnet.anvil import Anvil; anvil = Anvil().start(); "
        "print(anvil.process.pid, flush=True); time.sleep(60)"
    )
    starter = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    pid = int(starter.stdout.readline())
    assert _alive(pid)
    os.kill(starter.pid, signal.SIGKILL)
    starter.wait(5)
    starter.stdout.close()
    until = time.monotonic() + 5
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _alive(pid)
