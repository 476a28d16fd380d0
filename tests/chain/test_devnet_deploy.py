"""What the demo stands on: Helix whole, populated, and in the right hands; deploying twice changes nothing."""

import time
from pathlib import Path

import pytest

from integrations.devnet.abi import ask, calldata
from integrations.devnet.anvil import Anvil
from integrations.devnet.builder import BuildError, burst
from integrations.devnet.chain import CHAIN_ID, DEPLOYER, KEEPER
from integrations.devnet.deploy import NotTheDevnet, complete, deploy, deploy_safe_contracts
from integrations.devnet.deployment import Deployment
from integrations.devnet.helix import FEEDS, MARKETS, TIMELOCK_DELAY, deploy_helix, parts
from integrations.devnet.population import TRADERS, populate, traders
from integrations.devnet.rpc import RpcError
from tests.chain.conftest import Devnet

TOTALS = "(int256,uint256,uint256,uint256,uint256,uint256)"
SOLVENCY = "(uint256,int256,uint256,int256,int256,uint256)"


def test_a_fresh_chain_is_ready_within_seconds_and_a_second_time_at_once(tmp_path: Path) -> None:
    with Anvil(mining="manual", timestamp=int(time.time()) - 120) as anvil:
        started = time.monotonic()
        first = deploy(anvil.url, state_dir=tmp_path, block_seconds=None)
        assert time.monotonic() - started < 8
        height = anvil.rpc.block_number()
        assert deploy(anvil.url, state_dir=tmp_path, block_seconds=None) == first == Deployment.load(tmp_path)
        assert anvil.rpc.block_number() == height
        assert -2 < anvil.rpc.timestamp() - time.time() <= 1
        times = [
            int(anvil.rpc("eth_getBlockByNumber", hex(number), False)["timestamp"], 16) for number in range(height + 1)
        ]
        assert times == sorted(set(times)), "each block is later than the one before"


def test_a_deployment_that_broke_off_is_finished_or_says_that_it_cannot_be(tmp_path: Path) -> None:
    with Anvil(mining="manual", timestamp=int(time.time()) - 120) as anvil:
        with burst(anvil.rpc, block_seconds=None) as builder:
            deploy_safe_contracts(builder)
            deploy_helix(builder)
        assert not complete(anvil.rpc)
        before = anvil.rpc("evm_snapshot")
        deploy(anvil.url, state_dir=tmp_path, block_seconds=None)
        assert complete(anvil.rpc)
        anvil.rpc("evm_revert", before)
        with burst(anvil.rpc, block_seconds=None) as builder:
            populate(builder)
        with pytest.raises(BuildError, match=r"half-way \(200 accounts\).*devnet reset"):
            deploy(anvil.url, block_seconds=None)


def test_a_transaction_that_fails_stops_the_deployment_and_says_why(anvil: Anvil) -> None:
    with burst(anvil.rpc, block_seconds=None) as builder:
        deploy_helix(builder)
        builder.send(parts()["vault"].address, calldata("pause()"), what="a pause by the deployer")
        with pytest.raises(BuildError, match=r"a pause by the deployer failed: 0xe2517d3f"):  # AccessControl's refusal
            builder.flush()


def test_another_chain_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    with Anvil(mining="auto", chain_id=31337) as anvil:
        with pytest.raises(NotTheDevnet, match=f"chain 31337; the devnet is chain {CHAIN_ID}. Nothing was sent"):
            deploy(anvil.url, state_dir=tmp_path)
        assert anvil.rpc.block_number() == 0
        assert anvil.rpc.nonce(DEPLOYER.address) == 0
    assert Deployment.load(tmp_path) is None


def test_two_hundred_accounts_hold_matched_positions_and_the_vault_is_whole(devnet: Devnet) -> None:
    vault = devnet.deployment.vault
    ((collateral, insurance, bad_debt, accounts, positions, markets),) = ask(
        devnet.rpc, vault, "totals()", returns=TOTALS
    )
    assert (accounts, markets, bad_debt) == (TRADERS, len(MARKETS), 0)
    assert positions > TRADERS
    assert insurance > 0
    ((assets, *_, surplus, _),) = ask(devnet.rpc, vault, "solvency()", returns=SOLVENCY)
    assert 0 <= surplus < 10_000
    assert assets == sum(trader.deposit for trader in traders()) + insurance
    assert abs(assets - insurance - collateral) < assets // 10
    assert ask(devnet.rpc, vault, "openInterestImbalance()", returns="uint256") == (0,)


def test_every_kind_of_market_is_traded_and_nobody_begins_in_trouble(devnet: Devnet) -> None:
    vault = devnet.deployment.vault
    assert {market.kind for market in devnet.deployment.markets} == {"perpetual", "call", "put"}
    for market in devnet.deployment.markets:
        long, short, _ = ask(devnet.rpc, vault, "openInterest(uint256)", market.index, returns="uint256,uint256,int256")
        assert long == short > 0
        assert (market.expiry > devnet.rpc.timestamp()) == (market.kind != "perpetual")
    below = 0
    for trader in traders():
        ((equity, _, maintenance),) = ask(
            devnet.rpc, vault, "marginOf(address)", trader.address, returns="(int256,uint256,uint256)"
        )
        below += equity < maintenance
    assert below == 0


def test_powers_are_in_the_right_hands(devnet: Devnet) -> None:
    rpc, deployment = devnet.rpc, devnet.deployment

    def role(contract: str, name: str) -> bytes:
        return bytes(ask(rpc, contract, f"{name}()", returns="bytes32")[0])

    def holds(contract: str, name: str, holder: str) -> bool:
        return bool(ask(rpc, contract, "hasRole(bytes32,address)", role(contract, name), holder, returns="bool")[0])

    vault, timelock = deployment.vault, deployment.timelock
    powers = ("DEFAULT_ADMIN_ROLE", "GUARDIAN_ROLE", "UPGRADER_ROLE", "MIGRATOR_ROLE", "KEEPER_ROLE")
    expected = {
        deployment.guardian_safe: {"GUARDIAN_ROLE"},
        timelock: {"DEFAULT_ADMIN_ROLE", "UPGRADER_ROLE", "MIGRATOR_ROLE"},
        KEEPER.address: {"KEEPER_ROLE"},
        DEPLOYER.address: set(),
        deployment.council_safe: set(),
        deployment.executor: set(),
    }
    for holder, wanted in expected.items():
        assert {power for power in powers if holds(vault, power, holder)} == wanted, holder
    assert holds(timelock, "PROPOSER_ROLE", deployment.council_safe)
    assert holds(timelock, "CANCELLER_ROLE", deployment.council_safe)
    assert not holds(timelock, "DEFAULT_ADMIN_ROLE", DEPLOYER.address)
    assert ask(rpc, timelock, "getMinDelay()", returns="uint256") == (TIMELOCK_DELAY,)


def test_the_guardian_may_pause_and_nobody_else(devnet: Devnet) -> None:
    rpc, vault = devnet.rpc, devnet.deployment.vault
    with pytest.raises(RpcError, match="revert"):
        rpc("eth_call", {"from": DEPLOYER.address, "to": vault, "data": "0x" + calldata("pause()").hex()}, "latest")
    call = {"from": devnet.deployment.guardian_safe, "to": vault, "data": "0x" + calldata("pause()").hex()}
    assert rpc("eth_call", call, "latest") == "0x"
    with pytest.raises(RpcError, match="revert"):
        rpc("eth_call", {**call, "data": "0x" + calldata("unpause()").hex()}, "latest")


def test_feeds_answer_as_chainlinks_do(devnet: Devnet) -> None:
    for plan, ref in zip(FEEDS, devnet.deployment.feeds, strict=True):
        assert ask(devnet.rpc, ref.address, "decimals()", returns="uint8") == (8,)
        assert ask(devnet.rpc, ref.address, "heartbeat()", returns="uint256") == (ref.heartbeat,) == (plan.heartbeat,)
        assert ask(devnet.rpc, ref.address, "description()", returns="string") == (plan.name.replace("/", " / "),)


def test_a_description_of_another_chain_is_refused(devnet: Devnet) -> None:
    text = devnet.deployment.as_json()
    assert Deployment.from_json(text) == devnet.deployment
    with pytest.raises(ValueError, match="chain 1, not of the devnet"):
        Deployment.from_json(text.replace(str(CHAIN_ID), "1"))


def test_one_worker_s_changes_do_not_reach_the_next_test(devnet: Devnet) -> None:
    assert complete(devnet.rpc)
    for _ in range(3):
        devnet.rpc("evm_mine")
    devnet.rpc("evm_increaseTime", 10**6)
    devnet.rpc("evm_mine")


def test_the_next_test_finds_fresh_feeds_and_the_walls_clock(devnet: Devnet) -> None:
    now = devnet.rpc.timestamp()
    assert abs(now - time.time()) < 5
    for market in devnet.deployment.markets:
        assert ask(devnet.rpc, devnet.deployment.vault, "oraclePrice(uint256)", market.index, returns="uint256")[0] > 0
